/*
 * The columns of a table, and where each is in the struct of a row. Each table
 * has one list of them, from which the lists in its statements are made, rows
 * are read and new rows are written:
 *
 *	#define ROW struct host
 *	static const struct column columns[] = {
 *		{ "id", TEXT(id) },
 *		{ "created_at", TIME(created_at) },
 *	};
 *	static const struct table table = TABLE(columns);
 *
 * A new column is a step in schema/, a member of the struct, and a line there.
 */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "base/buf.h"
#include "store/datum.h"

enum column_type {
	COLUMN_INT,
	COLUMN_TIME,
	COLUMN_TEXT,
	COLUMN_TEXT_OR_NULL,
	COLUMN_WORD,
	COLUMN_CODE,
	COLUMN_BYTES,
	COLUMN_BYTES_OR_NULL,
	COLUMN_BLOB,
	COLUMN_BLOB_OR_NULL,
	COLUMN_STRING,
};

struct column {
	/* in SQL; an expression when read_only */
	const char *name;
	enum column_type type;
	/* of the member */
	size_t offset;
	size_t size;
	/* of the member with the length, or true unless it is NULL; else 0 */
	size_t length;
	size_t length_size;
	/* of COLUMN_WORD: the texts of the enum's values */
	const char *const *words;
	int words_count;
	/* {new row} leaves it to the table's default */
	bool read_only;
	/* {brief} leaves it out */
	bool large;
};

#define COLUMN_MEMBER(member)                                                  \
	.offset = offsetof(ROW, member), .size = sizeof(((ROW *)0)->member)
#define COLUMN_LENGTH(member)                                                  \
	.length = offsetof(ROW, member),                                       \
	.length_size = sizeof(((ROW *)0)->member)

/* int64_t, int or bool; what does not fit an int is a damaged row */
#define INT(member) .type = COLUMN_INT, COLUMN_MEMBER(member)
/* int64_t; 0 is NULL */
#define TIME(member) .type = COLUMN_TIME, COLUMN_MEMBER(member)
/* array of char; what is too long for it is a damaged row */
#define TEXT(member) .type = COLUMN_TEXT, COLUMN_MEMBER(member)
/* the same; "" is NULL */
#define TEXT_OR_NULL(member) .type = COLUMN_TEXT_OR_NULL, COLUMN_MEMBER(member)
/* an enum, and the array of its values' texts; "" is NULL */
#define WORD(member, texts)                                                    \
	.type = COLUMN_WORD, COLUMN_MEMBER(member), .words = (texts),          \
	.words_count = (int)(sizeof(texts) / sizeof((texts)[0]))
/*
 * int: a code of err.def, stored by its name; OK is NULL. The name of an older
 * version that is not there any more reads as ERR_INTERNAL.
 */
#define CODE(member) .type = COLUMN_CODE, COLUMN_MEMBER(member)
/* array of uint8_t, all of it; NULL reads as zeros */
#define DIGEST(member) .type = COLUMN_BYTES, COLUMN_MEMBER(member)
/* the same, and a bool: it is not NULL */
#define DIGEST_OR_NULL(member, has)                                            \
	.type = COLUMN_BYTES_OR_NULL, COLUMN_MEMBER(member), COLUMN_LENGTH(has)
/* array of uint8_t, and size_t: how many of them */
#define BYTES(member, count)                                                   \
	.type = COLUMN_BYTES, COLUMN_MEMBER(member), COLUMN_LENGTH(count)
/* the same; 0 is NULL */
#define BYTES_OR_NULL(member, count)                                           \
	.type = COLUMN_BYTES_OR_NULL, COLUMN_MEMBER(member),                   \
	COLUMN_LENGTH(count)
/* struct blob */
#define BLOB(member) .type = COLUMN_BLOB, COLUMN_MEMBER(member)
/* the same; n 0 is NULL */
#define BLOB_OR_NULL(member) .type = COLUMN_BLOB_OR_NULL, COLUMN_MEMBER(member)
/* const char *, NULL reads as "" */
#define STRING(member) .type = COLUMN_STRING, COLUMN_MEMBER(member)

struct table {
	const struct column *columns;
	int count;
	size_t row_size;
	/* of the member `memory`, which owns what BLOB and STRING point to; 0
	 * when there is none */
	size_t memory;
};

#define TABLE(columns)                                                         \
	{                                                                      \
		columns, (int)(sizeof(columns) / sizeof((columns)[0])),        \
		    sizeof(ROW), 0                                             \
	}
#define TABLE_WITH_MEMORY(columns)                                             \
	{                                                                      \
		columns, (int)(sizeof(columns) / sizeof((columns)[0])),        \
		    sizeof(ROW), offsetof(ROW, memory)                         \
	}

#define COLUMNS_MAX 40

/*
 * Appends a statement with its lists filled in:
 *	{columns}	all columns, to be read
 *	{brief}		the same, with NULL in place of the large ones
 *	{new row}	(a, b, …) VALUES ($1, $2, …)
 * `table` may be NULL for a statement without any.
 */
int columns_expand(const char *sql, const struct table *table, struct buf *out);

/* The values for {new row}, and a DATUM_END. */
void columns_put(const struct table *table, const void *row,
    struct datum out[COLUMNS_MAX + 1]);

/*
 * Fills in a row, all zero before, from the values of {columns} or {brief}.
 * ERR_DB when a value does not fit; ERR_NOMEM. It then owns no memory.
 */
int columns_get(
    const struct table *table, const struct datum *values, void *row);

/* Frees the memory of n rows and the rows; NULL is fine. */
void columns_release(const struct table *table, void *rows, size_t n);

#endif
