#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "bin/view.h"

#define VIEW_CELL_MAX 4096

struct view_cell {
	char *text;
	int64_t number;
};

struct view {
	const struct view_column *columns;
	size_t width; /* columns */
	struct view_cell *cells;
	size_t n;
	size_t cap;
	int status;
};

struct view *
view_new(const struct view_column *columns)
{
	struct view *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	v->columns = columns;
	while (columns[v->width].name != NULL)
		v->width++;
	return v;
}

void
view_free(struct view *v)
{
	size_t i;

	if (v == NULL)
		return;
	for (i = 0; i < v->n; i++)
		free(v->cells[i].text);
	free(v->cells);
	free(v);
}

static void
add(struct view *v, enum view_kind kind, const char *text, int64_t number)
{
	const struct view_column *column;
	struct view_cell *cells;
	size_t cap;

	if (v == NULL || v->status != OK)
		return;
	column = &v->columns[v->n % v->width];
	if (column->kind != kind) {
		v->status = fail(ERR_INTERNAL,
		    "column %s gets a value of another kind", column->name);
		return;
	}
	if (v->n == v->cap) {
		cap = v->cap == 0 ? 64 : v->cap * 2;
		cells = reallocarray(v->cells, cap, sizeof *cells);
		if (cells == NULL) {
			v->status = fail(ERR_NOMEM, "no memory for a table");
			return;
		}
		v->cells = cells;
		v->cap = cap;
	}
	v->cells[v->n].number = number;
	if ((v->cells[v->n++].text = strdup(text)) == NULL)
		v->status = fail(ERR_NOMEM, "no memory for a table");
}

void
view_text(struct view *v, const char *text)
{
	add(v, VIEW_TEXT, text == NULL ? "" : text, 0);
}

void
view_int(struct view *v, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)number);
	add(v, VIEW_INT, text, number);
}

void
view_no_int(struct view *v)
{
	add(v, VIEW_INT, "", 0);
}

void
view_bool(struct view *v, bool yes)
{
	add(v, VIEW_BOOL, yes ? "yes" : "no", yes);
}

void
view_time(struct view *v, int64_t at)
{
	char text[CLOCK_TEXT] = "";

	if (at != 0)
		clock_people(at, text);
	add(v, VIEW_TIME, text, at);
}

void
view_hex(struct view *v, struct blob bytes)
{
	struct buf hex;

	buf_init(&hex, VIEW_CELL_MAX);
	enc_hex(bytes, &hex);
	if (buf_status(&hex) == OK)
		add(v, VIEW_TEXT, buf_str(&hex), 0);
	else if (v != NULL && v->status == OK)
		v->status = fail(ERR_NOMEM, "no memory for a table");
	buf_release(&hex);
}

static void
write_cell(struct out_json *out, const struct view_column *column,
    const struct view_cell *cell)
{
	char at[CLOCK_TEXT];

	switch (column->kind) {
	case VIEW_TEXT:
		out_json_string(out, column->name, cell->text);
		break;
	case VIEW_INT:
		out_json_int(out, column->name, cell->number);
		break;
	case VIEW_BOOL:
		out_json_bool(out, column->name, cell->number != 0);
		break;
	case VIEW_TIME:
		if (cell->number == 0) {
			out_json_null(out, column->name);
			break;
		}
		clock_rfc3339(cell->number, at);
		out_json_string(out, column->name, at);
		break;
	}
}

static void
write_row(struct out_json *out, const struct view *v, size_t row)
{
	size_t c;

	for (c = 0; c < v->width; c++)
		write_cell(out, &v->columns[c], &v->cells[row * v->width + c]);
}

static size_t
letters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Text and blanks up to `width` letters; the last column needs none. */
static void
pad(const char *text, size_t width, bool last)
{
	char safe[VIEW_CELL_MAX];
	size_t n;

	utf8_show_all(blob_str(text), safe, sizeof safe);
	fputs(safe, stdout);
	if (last)
		return;
	for (n = letters(safe); n < width + 2; n++)
		putchar(' ');
}

static size_t
column_width(const struct view *v, size_t column)
{
	size_t i, n, widest = letters(v->columns[column].label);
	char safe[VIEW_CELL_MAX];

	for (i = column; i < v->n; i += v->width) {
		utf8_show_all(blob_str(v->cells[i].text), safe, sizeof safe);
		n = letters(safe);
		if (n > widest)
			widest = n;
	}
	return widest;
}

/* Row -1 is the headings. */
static void
print_row(const struct view *v, const size_t *widths, size_t last, long row)
{
	const char *text;
	size_t c;

	for (c = 0; c < v->width; c++) {
		if (v->columns[c].label == NULL)
			continue;
		text = row < 0 ? v->columns[c].label
			       : v->cells[(size_t)row * v->width + c].text;
		pad(row >= 0 && *text == '\0' ? "-" : text, widths[c],
		    c == last);
	}
	putchar('\n');
}

static int
print_table(const struct view *v)
{
	size_t c, *widths, last = 0;
	long row, rows = (long)(v->n / v->width);

	if ((widths = calloc(v->width, sizeof *widths)) == NULL)
		return fail(ERR_NOMEM, "no memory for a table");
	for (c = 0; c < v->width; c++) {
		if (v->columns[c].label == NULL)
			continue;
		widths[c] = column_width(v, c);
		last = c;
	}
	for (row = -1; row < rows; row++)
		print_row(v, widths, last, row);
	free(widths);
	return OK;
}

/* Are all rows there, and whole? */
static int
finished(const struct view *v)
{
	if (v == NULL)
		return fail(ERR_NOMEM, "no memory for a table");
	if (v->status == OK && v->n % v->width != 0)
		return fail(ERR_INTERNAL, "column %s gets no value",
		    v->columns[v->n % v->width].name);
	return v->status;
}

int
view_table(struct cli *cli, const struct view *v, const char *name,
    const char *nothing)
{
	size_t row;
	int r;

	if ((r = finished(v)) != OK)
		return r;
	if (!cli->json) {
		if (v->n > 0)
			return print_table(v);
		printf("%s\n", nothing);
		return OK;
	}
	out_json_open_array(&cli->out, name);
	for (row = 0; row < v->n / v->width; row++) {
		out_json_open_object(&cli->out, NULL);
		write_row(&cli->out, v, row);
		out_json_close_object(&cli->out);
	}
	out_json_close_array(&cli->out);
	return OK;
}

int
view_record(struct cli *cli, const struct view *v)
{
	size_t c, n, widest = 0;
	char label[128];
	int r;

	if ((r = finished(v)) != OK)
		return r;
	if (v->n == 0)
		return fail(ERR_INTERNAL, "a record has no values");
	if (cli->json) {
		write_row(&cli->out, v, 0);
		return OK;
	}
	for (c = 0; c < v->width; c++) {
		if (v->columns[c].label == NULL)
			continue;
		n = letters(v->columns[c].label) + 1;
		if (n > widest)
			widest = n;
	}
	for (c = 0; c < v->width; c++) {
		if (v->columns[c].label == NULL || *v->cells[c].text == '\0')
			continue;
		snprintf(label, sizeof label, "%s:", v->columns[c].label);
		pad(label, widest, false);
		pad(v->cells[c].text, 0, true);
		putchar('\n');
	}
	return OK;
}
