/*
 * A growing byte buffer with a hard maximum.
 *
 * Appends are sticky on failure: once one fails (maximum reached, no memory)
 * the buffer keeps its code and ignores what follows, so a writer may append
 * many pieces and ask buf_status() once at the end. The bytes are always
 * followed by a NUL that is not counted.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

struct buf {
	uint8_t *p;
	size_t n;
	size_t cap;
	size_t max;
	int status;
};

/* An empty buffer that will refuse to hold more than `max` bytes. */
void buf_init(struct buf *b, size_t max);

/* Frees the bytes and leaves an empty buffer with the same maximum. */
void buf_release(struct buf *b);

/* Like buf_release, but wipes the bytes first: for secrets. */
void buf_wipe(struct buf *b);

/* Empties the buffer and forgets a failure; keeps the memory. */
void buf_reset(struct buf *b);

/* All appends return OK or the sticky code, ERR_TOO_LARGE or ERR_NOMEM. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_add_blob(struct buf *b, struct blob x);
int buf_add_str(struct buf *b, const char *s);
int buf_add_byte(struct buf *b, uint8_t c);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* OK, or the code of the first append that failed. */
int buf_status(const struct buf *b);

/* The bytes so far; valid until the next append. */
struct blob buf_blob(const struct buf *b);

/* The bytes so far as a string; "" when empty; valid until the next append. */
const char *buf_str(const struct buf *b);

/* Gives the bytes (NUL-terminated, malloc'ed) to the caller and empties b. */
uint8_t *buf_steal(struct buf *b, size_t *n);

#endif
