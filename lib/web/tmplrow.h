/*
 * The values a page is filled with: a tree of rows. The outermost row is the
 * page; every list holds further rows. Names and values are copied.
 *
 * A failure (no memory) is kept in the outermost row and returned by
 * tmpl_render(), so that code which fills pages has nothing to check.
 */
#ifndef WEB_TMPLROW_H
#define WEB_TMPLROW_H

#include <stdbool.h>

#include "base/buf.h"

struct tmpl_row;

/* NULL when there is no memory; every function here takes that NULL. */
struct tmpl_row *tmplrow_new(void);
void tmplrow_free(struct tmpl_row *row);

/* A name that is set twice keeps the later value. NULL is "". */
void tmplrow_set(struct tmpl_row *row, const char *name, const char *value);
void tmplrow_setf(struct tmpl_row *row, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The text of a buffer, which it releases; one that failed fails the page. */
void tmplrow_set_buf(struct tmpl_row *row, const char *name, struct buf *text);

/* "yes" or "": for sections. */
void tmplrow_flag(struct tmpl_row *row, const char *name, bool value);

/* Adds an empty row to a list and returns it, to be filled. */
struct tmpl_row *tmplrow_add(struct tmpl_row *row, const char *list);

/* OK or ERR_NOMEM. */
int tmplrow_status(const struct tmpl_row *row);

/* A value, looked up in this row and then in those around it; or NULL. */
const char *tmplrow_value(const struct tmpl_row *row, const char *name);

/* The first row of a list, looked up likewise; NULL when empty or absent. */
const struct tmpl_row *tmplrow_first(
    const struct tmpl_row *row, const char *list);
const struct tmpl_row *tmplrow_next(const struct tmpl_row *row);

#endif
