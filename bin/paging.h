/* How many rows of a list a command shows, and how to see the others. */
#ifndef BIN_PAGING_H
#define BIN_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/cli.h"
#include "store/cursor.h"

/* What --all shows at most. */
#define PAGING_ALL 1000000

/* For the options of a verb. */
#define PAGING_OPTIONS                                                         \
	{ "offset", "N", "leave out the first N", 0 },                         \
	    { "limit", "N", "show at most N (100)", 0 },                       \
	{                                                                      \
		"all", NULL, "show all", 0                                     \
	}

struct paging {
	int offset;
	int limit;
};

/* The same for lists that a cursor goes on with (store/cursor.h). */
#define PAGING_CURSOR_OPTIONS                                                  \
	{ "after", "CURSOR", "go on where a list ended", 0 },                  \
	    { "limit", "N", "show at most N (100)", 0 },                       \
	{                                                                      \
		"all", NULL, "show all", 0                                     \
	}

struct paging_cursor {
	/* what the store is asked for next */
	char after[CURSOR_TEXT];
	int limit;
	/* rows still to be shown */
	int left;
	bool done;
};

/* Reads --after, --limit and --all. ERR_USAGE. */
int paging_begin(const struct cli *cli, struct paging_cursor *out);

/*
 * After each part of the list: n rows were shown, `next` goes on, "" when nothing
 * is left. Ask for `limit` rows behind `after` until `done`.
 */
void paging_took(struct paging_cursor *p, size_t n, const char *next);

/* After the table: writes "next" for scripts, and for people how to go on. */
void paging_finish(struct cli *cli, const struct paging_cursor *p);

/* Reads --offset, --limit and --all. ERR_USAGE. */
int paging_read(const struct cli *cli, struct paging *out);

/* Was an option given that leaves rows out, other than --limit? */
bool paging_is_filtered(const struct cli *cli);

/*
 * Which of the n rows that were loaded from the first one on are shown: those
 * from *first on, and before *end.
 */
void paging_window(
    const struct paging *p, size_t n, size_t *first, size_t *end);

/*
 * After the table: writes "total" and "more" for scripts, and for people, when
 * there is more, how to see it. `shown` rows were shown.
 */
void paging_end(
    struct cli *cli, const struct paging *p, size_t shown, int64_t total);

/* The same when the total is not counted. */
void paging_end_uncounted(
    struct cli *cli, const struct paging *p, size_t shown, bool more);

#endif
