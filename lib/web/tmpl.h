/*
 * Pages filled with values. Every value is escaped for HTML: there is no way
 * to write a raw one, so attributes in templates must be quoted and nothing is
 * ever put inside a script or style.
 *
 *	{{name}}                the value; a page that misses one is a fault
 *	{{#name}}…{{/name}}     for every row of the list, or once when the
 *	                        value is not empty
 *	{{^name}}…{{/name}}     when the list or value is empty or absent
 *	{{>name}}               another template of the set
 *	{{! remark }}
 *
 * A name is looked up in the innermost row first, then outwards.
 */
#ifndef WEB_TMPL_H
#define WEB_TMPL_H

#include <stdbool.h>

#include "base/buf.h"

struct tmpl;

/*
 * Loads every *.html of a folder and checks it: tags closed in order, known
 * partials, no partial that leads back to itself. ERR_IO, or ERR_CONFIG with
 * file and line in the log.
 */
int tmpl_load(const char *folder, struct tmpl **tmpl);

/* The same for one template in memory, for tests and fuzzing. */
int tmpl_parse(const char *name, struct blob text, struct tmpl **tmpl);
void tmpl_free(struct tmpl *tmpl);

/* Appends the page; ERR_INTERNAL when a value or the page is missing. */
struct tmpl_row;
int tmpl_render(const struct tmpl *tmpl, const char *name,
    const struct tmpl_row *row, struct buf *out);

/*
 * The values. A failure (no memory) is kept in the outermost row and returned
 * by tmpl_render. Names and values are copied; a name set twice keeps the
 * later value.
 */
struct tmpl_row *tmpl_row_new(void);
void tmpl_row_free(struct tmpl_row *row);
void tmpl_set(struct tmpl_row *row, const char *name, const char *value);
void tmpl_setf(struct tmpl_row *row, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "yes" or "": for sections. */
void tmpl_flag(struct tmpl_row *row, const char *name, bool value);
/* Adds an empty row to a list and returns it, to be filled; never NULL. */
struct tmpl_row *tmpl_add(struct tmpl_row *row, const char *list);

#endif
