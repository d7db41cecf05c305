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
#define CURSOR_TEXT       416

/* Greater than any text of up to 40 characters: where a descending list begins. */
#define CURSOR_LAST_4                                                          \
	"\U0010ffff\U0010ffff\U0010ffff\U0010ffff"
#define CURSOR_LAST_16                                                         \
	CURSOR_LAST_4 CURSOR_LAST_4 CURSOR_LAST_4 CURSOR_LAST_4
#define CURSOR_LAST                                                            \
	CURSOR_LAST_16 CURSOR_LAST_16 CURSOR_LAST_4 CURSOR_LAST_4 "\U0010ffff"

struct cursor {
	/* of the row: what the list is sorted by, and what tells equals apart;
	 * each list uses some of these */
	char value[CURSOR_VALUE_TEXT];
	int64_t number;
	char id[65];
};

/* `order` names list and order, in at most 8 letters. */
void cursor_write(
    const char *order, const struct cursor *cursor, char out[CURSOR_TEXT]);

/* Was it written for this order? */
bool cursor_is(const char *text, const char *order);

/*
 * ERR_FIELD when it is not a cursor of this list in this order. NULL and "" stand
 * for the beginning: OK, and *out is left as the caller made it.
 */
int cursor_read(const char *text, const char *order, struct cursor *out);

/*
 * What an administrator typed as the beginning of a serial number, in capitals and
 * cut to a serial number's length; and where the serial numbers that begin so end,
 * for a list that goes downwards.
 */
void cursor_of_serials(const char *search, char first[CURSOR_VALUE_TEXT],
    struct cursor *end);

#endif
