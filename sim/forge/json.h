/* Reading and writing JSON (RFC 8259); the reader is simple, not strict. */
#ifndef JSON_H
#define JSON_H

#include "base/buf.h"
#include "sim/forge/value.h"

/* ERR_MALFORMED when it is not JSON; free with value_free. */
int json_parse(struct blob text, struct value **out);

/* Appends a string with its quotes; a slash stays as it is. */
void json_string(struct buf *out, const char *s);

#endif
