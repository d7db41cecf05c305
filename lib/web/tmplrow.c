#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "web/tmplrow.h"

/* A name with its value, or with its list. */
struct tmpl_entry {
	char *name;
	char *value; /* NULL for a list */
	struct tmpl_row *first;
	struct tmpl_row *last;
	struct tmpl_entry *next;
};

struct tmpl_row {
	struct tmpl_row *parent; /* NULL for the page */
	struct tmpl_row *next;   /* in its list */
	struct tmpl_entry *entries;
	int status; /* of the page only */
};

struct tmpl_row *
tmplrow_new(void)
{
	return calloc(1, sizeof(struct tmpl_row));
}

static void
entry_free(struct tmpl_entry *e)
{
	free(e->name);
	free(e->value);
	free(e);
}

/* Lists nest as deep as the code that fills them, so this may recurse. */
void
tmplrow_free(struct tmpl_row *row)
{
	struct tmpl_entry *e;
	struct tmpl_row *item;

	if (row == NULL)
		return;
	while ((e = row->entries) != NULL) {
		row->entries = e->next;
		while ((item = e->first) != NULL) {
			e->first = item->next;
			tmplrow_free(item);
		}
		entry_free(e);
	}
	free(row);
}

static struct tmpl_row *
page_of(struct tmpl_row *row)
{
	while (row->parent != NULL)
		row = row->parent;
	return row;
}

static void
failed(struct tmpl_row *row)
{
	page_of(row)->status = ERR_NOMEM;
}

static struct tmpl_entry *
find_entry(const struct tmpl_row *row, const char *name)
{
	struct tmpl_entry *e;

	for (e = row->entries; e != NULL; e = e->next)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}

static struct tmpl_entry *
make(struct tmpl_row *row, const char *name)
{
	struct tmpl_entry *e = find_entry(row, name);

	if (e != NULL)
		return e;
	if ((e = calloc(1, sizeof *e)) == NULL)
		return NULL;
	if ((e->name = strdup(name)) == NULL) {
		free(e);
		return NULL;
	}
	e->next = row->entries;
	row->entries = e;
	return e;
}

void
tmplrow_set(struct tmpl_row *row, const char *name, const char *value)
{
	struct tmpl_entry *e;
	char *copy;

	if (row == NULL)
		return;
	e = make(row, name);
	copy = strdup(value != NULL ? value : "");
	if (e == NULL || copy == NULL) {
		free(copy);
		failed(row);
		return;
	}
	free(e->value);
	e->value = copy;
}

void
tmplrow_setf(struct tmpl_row *row, const char *name, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (row == NULL)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		failed(row);
		return;
	}
	tmplrow_set(row, name, text);
	free(text);
}

void
tmplrow_set_buf(struct tmpl_row *row, const char *name, struct buf *text)
{
	if (buf_status(text) == OK)
		tmplrow_set(row, name, buf_str(text));
	else if (row != NULL)
		failed(row);
	buf_release(text);
}

void
tmplrow_flag(struct tmpl_row *row, const char *name, bool value)
{
	tmplrow_set(row, name, value ? "yes" : "");
}

struct tmpl_row *
tmplrow_add(struct tmpl_row *row, const char *list)
{
	struct tmpl_entry *e;
	struct tmpl_row *item;

	if (row == NULL)
		return NULL;
	if ((e = make(row, list)) == NULL || (item = tmplrow_new()) == NULL) {
		failed(row);
		return NULL;
	}
	item->parent = row;
	if (e->last != NULL)
		e->last->next = item;
	else
		e->first = item;
	e->last = item;
	return item;
}

int
tmplrow_status(const struct tmpl_row *row)
{
	if (row == NULL)
		return ERR_NOMEM;
	while (row->parent != NULL)
		row = row->parent;
	return row->status;
}

/* The innermost entry of that name. */
static const struct tmpl_entry *
look_up(const struct tmpl_row *row, const char *name)
{
	const struct tmpl_entry *e;

	for (; row != NULL; row = row->parent)
		if ((e = find_entry(row, name)) != NULL)
			return e;
	return NULL;
}

const char *
tmplrow_value(const struct tmpl_row *row, const char *name)
{
	const struct tmpl_entry *e = look_up(row, name);

	return e != NULL ? e->value : NULL;
}

const struct tmpl_row *
tmplrow_first(const struct tmpl_row *row, const char *list)
{
	const struct tmpl_entry *e = look_up(row, list);

	return e != NULL ? e->first : NULL;
}

const struct tmpl_row *
tmplrow_next(const struct tmpl_row *row)
{
	return row->next;
}
