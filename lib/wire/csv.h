/*
 * Comma-separated values (RFC 4180) as spreadsheets write them: the separator
 * is found in the first line (comma, semicolon or tab), a byte order mark and
 * carriage returns are left out.
 */
#ifndef WIRE_CSV_H
#define WIRE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define CSV_FIELDS_MAX 64

struct csv {
	char *at;
	char separator;
	/* of the row that csv_next gave last */
	long line;
	long next_line;
};

/* `text` is changed while it is read; fields point into it. */
void csv_init(struct csv *csv, char *text);

/*
 * The next row that is not empty. False at the end, or with *bad true when a
 * quote is not closed or the row has more than CSV_FIELDS_MAX fields.
 */
bool csv_next(
    struct csv *csv, char *fields[CSV_FIELDS_MAX], size_t *n, bool *bad);

#endif
