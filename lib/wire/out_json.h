/*
 * Writes JSON piece by piece into a buffer. Commas, quotes and escapes are
 * the writer's; text that is not UTF-8 comes out with U+FFFD in place of
 * each bad byte. Failures stick to the buffer: ask out_json_end() once.
 *
 * `name` is the member's name inside an object, and NULL inside an array and
 * for the outermost value. Mismatched calls are programming errors (assert).
 */
#ifndef WIRE_OUT_JSON_H
#define WIRE_OUT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

#define OUT_JSON_DEPTH 16

struct out_json {
	struct buf *out;
	unsigned depth;
	char kind[OUT_JSON_DEPTH]; /* '{' or '[' of each open level */
	bool comma;                /* something stands before, at this level */
};

/* Begins to append one value to `out`, which stays the caller's. */
void out_json_init(struct out_json *w, struct buf *out);

void out_json_open_object(struct out_json *w, const char *name);
void out_json_close_object(struct out_json *w);
void out_json_open_array(struct out_json *w, const char *name);
void out_json_close_array(struct out_json *w);

/* A NULL string is written as null. */
void out_json_string(struct out_json *w, const char *name, const char *s);
void out_json_blob(struct out_json *w, const char *name, struct blob s);
void out_json_int(struct out_json *w, const char *name, int64_t v);
void out_json_bool(struct out_json *w, const char *name, bool v);
void out_json_null(struct out_json *w, const char *name);

/* `json` is put in as it is: it must be one JSON value. */
void out_json_raw(struct out_json *w, const char *name, struct blob json);

/* All levels must be closed. OK or the buffer's sticky code. */
int out_json_end(const struct out_json *w);

#endif
