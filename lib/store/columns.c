#include "store/columns.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

static void
add_columns(struct buf *out, const struct table *table, bool brief)
{
	const struct column *c = table->columns;

	for (int i = 0; i < table->count; i++, c++)
		buf_printf(out, "%s%s", i == 0 ? "" : ", ",
		    brief && c->large ? "NULL" : c->name);
}

static void
add_new_row(struct buf *out, const struct table *table)
{
	const struct column *c = table->columns;
	int n = 0;

	buf_add_byte(out, '(');
	for (int i = 0; i < table->count; i++)
		if (!c[i].read_only)
			buf_printf(
			    out, "%s%s", n++ == 0 ? "" : ", ", c[i].name);
	buf_add_str(out, ") VALUES (");
	for (int i = 1; i <= n; i++)
		buf_printf(out, "%s$%d", i == 1 ? "" : ", ", i);
	buf_add_byte(out, ')');
}

static const char *
skip(const char *sql, const char *word)
{
	size_t n = strlen(word);

	return strncmp(sql, word, n) == 0 ? sql + n : NULL;
}

int
columns_expand(const char *sql, const struct table *table, struct buf *out)
{
	const char *end;

	for (; *sql != '\0'; sql = end) {
		if ((end = skip(sql, "{columns}")) != NULL) {
			add_columns(out, table, false);
		} else if ((end = skip(sql, "{brief}")) != NULL) {
			add_columns(out, table, true);
		} else if ((end = skip(sql, "{new row}")) != NULL) {
			add_new_row(out, table);
		} else {
			end = sql + 1 + strcspn(sql + 1, "{");
			buf_add(out, sql, (size_t)(end - sql));
		}
	}
	return buf_status(out);
}

static int64_t
number_of(const void *member, size_t size)
{
	switch (size) {
	case sizeof(bool):
		return *(const bool *)member;
	case sizeof(int):
		return *(const int *)member;
	default:
		assert(size == sizeof(int64_t));
		return *(const int64_t *)member;
	}
}

static int
get_number(const struct column *c, int64_t v, void *member)
{
	switch (c->size) {
	case sizeof(bool):
		*(bool *)member = v != 0;
		break;
	case sizeof(int):
		if (v < INT_MIN || v > INT_MAX)
			return fail(
			    ERR_DB, "database: %s is out of range", c->name);
		*(int *)member = (int)v;
		break;
	default:
		assert(c->size == sizeof(int64_t));
		*(int64_t *)member = v;
		break;
	}
	return OK;
}

static struct blob
bytes_of(const struct column *c, const char *row)
{
	size_t n = c->size;

	if (c->length_size == sizeof(bool))
		n = *(const bool *)(row + c->length) ? c->size : 0;
	else if (c->length_size == sizeof(size_t))
		n = *(const size_t *)(row + c->length);
	return blob_of(row + c->offset, n);
}

static struct datum
put(const struct column *c, const char *row)
{
	const void *member = row + c->offset;
	int n;

	switch (c->type) {
	case COLUMN_TIME:
		return datum_time(*(const int64_t *)member);
	case COLUMN_TEXT:
		return datum_text(member);
	case COLUMN_TEXT_OR_NULL:
		return datum_text_or_null(member);
	case COLUMN_WORD:
		return datum_text_or_null(c->words[*(const int *)member]);
	case COLUMN_CODE:
		n = *(const int *)member;
		return datum_text_or_null(n == OK ? NULL : err_name(n));
	case COLUMN_BYTES:
		return datum_blob(bytes_of(c, row));
	case COLUMN_BYTES_OR_NULL:
		return datum_blob_or_null(bytes_of(c, row));
	case COLUMN_BLOB:
		return datum_blob(*(const struct blob *)member);
	case COLUMN_BLOB_OR_NULL:
		return datum_blob_or_null(*(const struct blob *)member);
	case COLUMN_STRING:
		return datum_text(*(const char *const *)member);
	case COLUMN_INT:
		break;
	}
	return datum_int(number_of(member, c->size));
}

void
columns_put(const struct table *table, const void *row,
    struct datum out[COLUMNS_MAX + 1])
{
	int n = 0;

	assert(table->count <= COLUMNS_MAX);
	for (int i = 0; i < table->count; i++)
		if (!table->columns[i].read_only)
			out[n++] = put(&table->columns[i], row);
	out[n] = (struct datum){ .type = DATUM_END };
}

/* Such a text would be another one for C than for the statements that look for
 * it. None of ours has one. */
static bool
has_nul(struct blob text)
{
	return text.n > 0 && memchr(text.p, '\0', text.n) != NULL;
}

static int
get_text(const struct column *c, struct blob text, char *out)
{
	if (text.n >= c->size)
		return fail(ERR_DB, "database: %s is too long", c->name);
	if (has_nul(text))
		return fail(ERR_DB, "database: %s holds a NUL", c->name);
	if (text.n > 0)
		memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return OK;
}

static int
get_bytes(const struct column *c, struct blob bytes, char *row)
{
	bool any_length = c->length_size == sizeof(size_t);

	if (bytes.n > c->size ||
	    (!any_length && bytes.n != 0 && bytes.n != c->size))
		return fail(ERR_DB, "database: %s is of %zu bytes, not %zu",
		    c->name, bytes.n, c->size);
	if (bytes.n > 0)
		memcpy(row + c->offset, bytes.p, bytes.n);
	if (any_length)
		*(size_t *)(row + c->length) = bytes.n;
	else if (c->length_size != 0)
		*(bool *)(row + c->length) = bytes.n != 0;
	return OK;
}

static int
get_word(const struct column *c, struct blob word, int *out)
{
	for (*out = 0; *out < c->words_count; ++*out)
		if (blob_eq_str(word, c->words[*out]))
			return OK;
	*out = 0;
	return fail(ERR_DB, "database: %s is an unknown word", c->name);
}

static int
code_of(struct blob name)
{
	char text[64];
	int code = OK;

	if (name.n > 0 && name.n < sizeof text) {
		memcpy(text, name.p, name.n);
		text[name.n] = '\0';
		code = err_find(text);
	}
	return name.n > 0 && code == OK ? ERR_INTERNAL : code;
}

/*
 * A copy with a NUL after it, at *memory, which moves on. A table with such
 * columns is a TABLE_WITH_MEMORY().
 */
static struct blob
keep(struct blob bytes, char **memory)
{
	struct blob copy = blob_of(*memory, bytes.n);

	assert(*memory != NULL);
	if (bytes.n > 0)
		memcpy(*memory, bytes.p, bytes.n);
	(*memory)[bytes.n] = '\0';
	*memory += bytes.n + 1;
	return copy;
}

static int
get(const struct column *c, const struct datum *v, char *row, char **memory)
{
	void *member = row + c->offset;

	switch (c->type) {
	case COLUMN_TEXT:
	case COLUMN_TEXT_OR_NULL:
		return get_text(c, v->bytes, member);
	case COLUMN_WORD:
		return get_word(c, v->bytes, member);
	case COLUMN_CODE:
		*(int *)member = code_of(v->bytes);
		return OK;
	case COLUMN_BYTES:
	case COLUMN_BYTES_OR_NULL:
		return get_bytes(c, v->bytes, row);
	case COLUMN_BLOB:
	case COLUMN_BLOB_OR_NULL:
		*(struct blob *)member = keep(v->bytes, memory);
		return OK;
	case COLUMN_STRING:
		*(const char **)member = (const char *)keep(v->bytes, memory).p;
		if (has_nul(v->bytes))
			return fail(ERR_DB, "database: %s holds a NUL", c->name);
		return OK;
	case COLUMN_INT:
	case COLUMN_TIME:
		break;
	}
	return get_number(c, v->number, member);
}

static char *
memory_for(const struct table *table, const struct datum *values)
{
	size_t size = 1;

	for (int i = 0; i < table->count; i++)
		size += values[i].bytes.n + 1;
	return malloc(size);
}

int
columns_get(const struct table *table, const struct datum *values, void *row)
{
	char *memory = NULL, *next;
	int r = OK;

	if (table->memory != 0 && (memory = memory_for(table, values)) == NULL)
		return fail(ERR_NOMEM, "no memory for a row");
	next = memory;
	for (int i = 0; i < table->count && r == OK; i++)
		r = get(&table->columns[i], &values[i], row, &next);
	if (r == OK && memory != NULL)
		*(void **)((char *)row + table->memory) = memory;
	else
		free(memory);
	return r;
}

void
columns_release(const struct table *table, void *rows, size_t n)
{
	for (size_t i = 0; i < n && table->memory != 0; i++)
		free(*(void **)((char *)rows + i * table->row_size +
		    table->memory));
	free(rows);
}
