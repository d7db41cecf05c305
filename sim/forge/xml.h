/* Writing XML property lists the way Apple's encoder lays them out. */
#ifndef XML_H
#define XML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct xml {
	struct buf *out;
	int depth;
};

/* The prologue and the root dictionary; xml_finish ends both. */
void xml_start(struct xml *x, struct buf *out);
void xml_finish(struct xml *x);

/* A nested value; a NULL key means an element of an array. */
void xml_open_dict(struct xml *x, const char *key);
void xml_close_dict(struct xml *x);
void xml_open_array(struct xml *x, const char *key);
void xml_close_array(struct xml *x);

/* A NULL value writes nothing at all. */
void xml_string(struct xml *x, const char *key, const char *value);
void xml_data(struct xml *x, const char *key, struct blob value);
void xml_bool(struct xml *x, const char *key, bool value);
void xml_int(struct xml *x, const char *key, int64_t value);
void xml_real(struct xml *x, const char *key, double value);

#endif
