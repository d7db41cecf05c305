/* The lines that `attestmdm check` prints, and what they add up to. */
#ifndef BIN_VERDICT_H
#define BIN_VERDICT_H

#include "bin/cli.h"

enum verdict_mark {
	VERDICT_OK,
	/* works, but somebody should know */
	VERDICT_WARNING,
	/* something stands in for Apple or for the clock */
	VERDICT_TEST,
	VERDICT_BAD,
};

struct verdict {
	struct cli *cli;
	int count[VERDICT_BAD + 1];
};

/* Opens the array "checks" in the JSON; verdict_end() closes it. */
void verdict_begin(struct verdict *v, struct cli *cli);

/* One line: what was looked at, and what was found. */
void verdict_add(struct verdict *v, enum verdict_mark mark, const char *subject,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* OK: a good line with the text; else a bad one with the reason. */
void verdict_of(struct verdict *v, int code, const char *subject,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* OK when nothing is bad (and nothing a test, unless allowed). */
int verdict_end(struct verdict *v, bool allow_test);

#endif
