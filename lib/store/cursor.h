/*
 * Where a list goes on: what its last row was sorted by, as an opaque text that
 * pages, tools and clients of the API hand back. It may come back changed, so it
 * is read strictly and decides nothing but where the next rows begin.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

/* Room for what a row is sorted by, with the NUL, and for the text of a cursor. */
#define CURSOR_VALUE_TEXT 200
#define CURSOR_TEXT       384

struct cursor {
	/* of the row: what the list is sorted by, and what tells equals apart */
	char value[CURSOR_VALUE_TEXT];
	char id[65];
};

/* `order` names list and order, in at most 8 letters. */
void cursor_write(
    const char *order, const struct cursor *cursor, char out[CURSOR_TEXT]);

/* Was it written for this order? */
bool cursor_is(const char *text, const char *order);

/*
 * ERR_FIELD when it is not a cursor of this list in this order; *out is then all
 * zero. NULL and "" stand for the beginning: all zero, and OK.
 */
int cursor_read(const char *text, const char *order, struct cursor *out);

/* The same with a number as the value; ERR_FIELD when it is none. */
void cursor_write_number(const char *order, int64_t number, const char *id,
    char out[CURSOR_TEXT]);
int cursor_read_number(
    const char *text, const char *order, int64_t *number, struct cursor *out);

#endif
