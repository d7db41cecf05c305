/* What browsers send: forms, query strings and cookies. */
#ifndef WEB_FORM_H
#define WEB_FORM_H

#include <stddef.h>

#include "base/blob.h"
#include "base/buf.h"

#define FORM_FIELDS_MAX 64

struct form;

/*
 * Reads application/x-www-form-urlencoded. ERR_MALFORMED for a wrong escape,
 * a NUL, a control character other than tab and line ends, text that is not
 * UTF-8, a field that comes twice, or too many fields. The caller frees.
 */
int form_parse(struct blob in, struct form **form);
void form_free(struct form *form);

/* The value of a field, or NULL when the form has none of that name. */
const char *form_get(const struct form *form, const char *name);

/* The same, "" when absent. */
const char *form_text(const struct form *form, const char *name);

/* The name of a field that is not among `known`, which ends with NULL; or NULL.
 */
const char *form_unknown(const struct form *form, const char *const *known);

/* Appends text as one value of a query string: all but unreserved as %XX. */
int form_encode(const char *text, struct buf *out);

/*
 * The value of a cookie out of a Cookie header (RFC 6265 section 4.2.1; the
 * header may be NULL). ERR_NOT_FOUND when absent, when it comes twice or when
 * it is outlen bytes or longer. Not logged.
 */
int form_cookie(const char *header, const char *name, char *out, size_t outlen);

#endif
