/*
 * Comma-separated values (RFC 4180). What begins a formula in a spreadsheet
 * gets an apostrophe in front, at the beginning of a cell, and after a
 * semicolon, a tab or a line end in it: what a device says of itself must do
 * nothing on the computer of whoever opens the file.
 */
#ifndef WIRE_OUT_CSV_H
#define WIRE_OUT_CSV_H

#include <stdbool.h>

#include "base/buf.h"

struct out_csv {
	struct buf *out;
	/* is there a cell in this line? */
	bool begun;
};

/* Appends a cell; NULL is an empty one. */
void out_csv_cell(struct out_csv *csv, const char *text);

/* Appends the end of a line. */
void out_csv_end(struct out_csv *csv);

#endif
