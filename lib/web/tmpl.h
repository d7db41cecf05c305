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

#include "base/blob.h"
#include "base/buf.h"
#include "web/tmplrow.h"

/* A set of templates. */
struct tmpl;

/* NULL when there is no memory. */
struct tmpl *tmpl_new(void);
void tmpl_free(struct tmpl *tmpl);

/*
 * Adds a template; its text is copied. ERR_CONFIG when a tag is not closed, not
 * in order or has no usable name (small letters, digits, '-' and '_').
 */
int tmpl_add(struct tmpl *tmpl, struct blob name, struct blob text);

/* ERR_CONFIG for a partial that is missing or leads back to itself. */
int tmpl_check(const struct tmpl *tmpl);

/* A set of one template. */
int tmpl_parse(const char *name, struct blob text, struct tmpl **out);

/*
 * Appends the page filled with the values of `row`. ERR_INTERNAL when a value
 * or the page is missing; the code that `row` or `out` keep.
 */
int tmpl_render(const struct tmpl *tmpl, const char *name,
    const struct tmpl_row *row, struct buf *out);

#endif
