/* Reading and writing JSON (RFC 8259); the reader is simple, not strict. */
#ifndef SIM_JSON_H
#define SIM_JSON_H

#include "base/buf.h"
#include "sim/sim_value.h"

/* ERR_MALFORMED when it is not JSON; free with sim_value_free. */
int sim_json_parse(struct blob text, struct sim_value **out);

/* Appends a string with its quotes; a slash stays as it is. */
void sim_json_string(struct buf *out, const char *s);

#endif
