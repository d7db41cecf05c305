/*
 * Rows and records for people (aligned text) or for scripts (JSON), from one
 * description of their columns.
 */
#ifndef BIN_VIEW_H
#define BIN_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "bin/cli.h"

enum view_kind { VIEW_TEXT, VIEW_INT, VIEW_BOOL, VIEW_TIME };

struct view_column {
	/* member in JSON; NULL ends a list */
	const char *name;
	/* heading for people; NULL: in JSON only */
	const char *label;
	enum view_kind kind;
};

struct view;

/* NULL without memory; every function takes that. */
struct view *view_new(const struct view_column *columns);
void view_free(struct view *v);

/*
 * The next cell, in the order of the columns, row after row. Its kind must be
 * the column's, else view_table() and view_record() return ERR_INTERNAL, which
 * finds calls in another order than the columns unless their kinds are the same.
 * Texts are copied; NULL and "" are "nothing". A time of 0 is "never".
 */
void view_text(struct view *v, const char *text);
void view_int(struct view *v, int64_t number);
/* No number: nothing for people, 0 for scripts. */
void view_no_int(struct view *v);
void view_bool(struct view *v, bool yes);
void view_time(struct view *v, int64_t at);
void view_hex(struct view *v, struct blob bytes);

/*
 * All rows: for scripts an array `name`, for people a table, or the sentence
 * `nothing` when there are none. ERR_NOMEM, ERR_INTERNAL.
 */
int view_table(struct cli *cli, const struct view *v, const char *name,
    const char *nothing);

/*
 * The first row: for scripts members of the object that is open, for people
 * one line per cell that is not empty. ERR_NOMEM, ERR_INTERNAL.
 */
int view_record(struct cli *cli, const struct view *v);

#endif
