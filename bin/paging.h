/* How many rows of a list a command shows, and how to see the others. */
#ifndef BIN_PAGING_H
#define BIN_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/cli.h"
#include "bin/view.h"
#include "store/cursor.h"

/* What --all shows at most. */
#define PAGING_ALL 1000000

/* For the options of a verb. */
#define PAGING_OPTIONS                                                         \
	{ "after", "CURSOR", "go on where a list ended", 0 },                  \
	    { "limit", "N", "show at most N (100)", 0 },                       \
	{                                                                      \
		"all", NULL, "show all", 0                                     \
	}

struct paging {
	/* the store is asked for this many rows after this cursor */
	char after[CURSOR_TEXT];
	int limit;
	/* rows still to be shown */
	int left;
	bool done;
};

/*
 * Reads a part of a list after p->after, adds its rows to the view and calls
 * paging_took().
 */
typedef int paging_part(
    struct cli *cli, struct view *v, struct paging *p, void *context);

/* n rows were shown, `next` goes on; "" when nothing is left. */
void paging_took(struct paging *p, size_t n, const char *next);

/* The same for lists that go on with a number; 0 when nothing is left. */
void paging_took_number(struct paging *p, size_t n, int64_t next);

/* p->after as such a number; 0 at the beginning. ERR_FIELD. */
int paging_number(const struct paging *p, int64_t *out);

/*
 * Shows a list part by part, as --after, --limit and --all say: a table, or for
 * scripts the member `name`, and the cursor `next`. `when_none` is said to people
 * when there is no row. ERR_USAGE.
 */
int paging_show(struct cli *cli, const struct view_column *columns,
    paging_part *part, void *context, const char *name, const char *when_none);

/* Was an option given that leaves rows out, other than --limit? */
bool paging_is_filtered(const struct cli *cli);

#endif
