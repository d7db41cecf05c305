#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"
#include "web/tmplrow.h"
#include "web/tmpl.h"

#define TMPL_NAME_MAX    40
#define TMPL_TOKENS_MAX  4096
#define TMPL_DEPTH_MAX   16
#define TMPL_PARTIAL_MAX 8

enum tmpl_kind {
	TMPL_TEXT,
	TMPL_VALUE,
	TMPL_EACH,
	TMPL_NONE,
	TMPL_END,
	TMPL_PARTIAL
};

struct tmpl_token {
	enum tmpl_kind kind;
	struct blob text; /* of TMPL_TEXT */
	char name[TMPL_NAME_MAX + 1];
	size_t end; /* of TMPL_EACH and TMPL_NONE: the matching TMPL_END */
};

struct find_page {
	char name[TMPL_NAME_MAX + 1];
	uint8_t *bytes;
	struct tmpl_token *tokens;
	size_t count;
};

struct tmpl {
	struct find_page *pages;
	size_t count;
};

/* Where the reader of one page stands. */
struct tmpl_reader {
	struct find_page *page;
	struct blob text;
	size_t at;
	size_t line;
	size_t open[TMPL_DEPTH_MAX];
	size_t depth;
};

static bool
name_ok(struct blob name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if ((name.p[i] < 'a' || name.p[i] > 'z') &&
		    (name.p[i] < '0' || name.p[i] > '9') && name.p[i] != '_' &&
		    name.p[i] != '-')
			return false;
	return name.n > 0 && name.n <= TMPL_NAME_MAX;
}

static int
push(struct tmpl_reader *r, enum tmpl_kind kind, struct blob text,
    struct blob name)
{
	struct find_page *page = r->page;
	struct tmpl_token *t;

	if (page->count == TMPL_TOKENS_MAX)
		return fail(ERR_CONFIG, "%s: too many tags", page->name);
	t = realloc(page->tokens, (page->count + 1) * sizeof *t);
	if (t == NULL)
		return fail(ERR_NOMEM, "no memory for a template");
	page->tokens = t;
	t += page->count++;
	memset(t, 0, sizeof *t);
	t->kind = kind;
	t->text = text;
	if (name.n > 0)
		memcpy(t->name, name.p, name.n);
	return OK;
}

static int
open_section(struct tmpl_reader *r)
{
	if (r->depth == TMPL_DEPTH_MAX)
		return fail(ERR_CONFIG, "%s:%zu: sections nest too deep",
		    r->page->name, r->line);
	r->open[r->depth++] = r->page->count - 1;
	return OK;
}

static int
close_section(struct tmpl_reader *r)
{
	struct tmpl_token *end = &r->page->tokens[r->page->count - 1];
	struct tmpl_token *start;

	if (r->depth == 0)
		return fail(ERR_CONFIG, "%s:%zu: nothing to close",
		    r->page->name, r->line);
	start = &r->page->tokens[r->open[--r->depth]];
	if (strcmp(start->name, end->name) != 0)
		return fail(ERR_CONFIG, "%s:%zu: %s is closed where %s is open",
		    r->page->name, r->line, end->name, start->name);
	start->end = r->page->count - 1;
	return OK;
}

/* What stands between the braces. */
static int
read_tag(struct tmpl_reader *r, struct blob tag)
{
	static const char marks[] = "#^/>";
	static const enum tmpl_kind kinds[] = { TMPL_EACH, TMPL_NONE, TMPL_END,
		TMPL_PARTIAL };
	enum tmpl_kind kind = TMPL_VALUE;
	const char *mark;
	int code;

	if (tag.n > 0 && tag.p[0] == '!')
		return OK;
	if (tag.n > 0 && tag.p[0] != '\0' &&
	    (mark = strchr(marks, tag.p[0])) != NULL) {
		kind = kinds[mark - marks];
		tag = blob_of(tag.p + 1, tag.n - 1);
	}
	if (!name_ok(tag))
		return fail(ERR_CONFIG, "%s:%zu: a tag has no usable name",
		    r->page->name, r->line);
	if ((code = push(r, kind, blob_of(NULL, 0), tag)) != OK)
		return code;
	if (kind == TMPL_EACH || kind == TMPL_NONE)
		return open_section(r);
	return kind == TMPL_END ? close_section(r) : OK;
}

static const uint8_t *
find(struct blob in, const char *what)
{
	return in.n == 0 ? NULL : memmem(in.p, in.n, what, 2);
}

static void
count_lines(struct tmpl_reader *r, struct blob text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		r->line += text.p[i] == '\n';
}

static int
read_page(struct tmpl_reader *r)
{
	struct blob rest = r->text, text;
	const uint8_t *start, *end;
	int code;

	while (rest.n > 0) {
		start = find(rest, "{{");
		text = blob_of(
		    rest.p, start != NULL ? (size_t)(start - rest.p) : rest.n);
		count_lines(r, text);
		code = push(r, TMPL_TEXT, text, blob_of(NULL, 0));
		if (code != OK || start == NULL)
			return code;
		rest = blob_of(start + 2, rest.n - text.n - 2);
		if ((end = find(rest, "}}")) == NULL)
			return fail(ERR_CONFIG, "%s:%zu: a tag does not end",
			    r->page->name, r->line);
		text = blob_of(rest.p, (size_t)(end - rest.p));
		if ((code = read_tag(r, text)) != OK)
			return code;
		count_lines(r, text);
		rest = blob_of(end + 2, rest.n - text.n - 2);
	}
	return OK;
}

static const struct find_page *
find_page(const struct tmpl *tmpl, const char *name)
{
	size_t i;

	for (i = 0; i < tmpl->count; i++)
		if (strcmp(tmpl->pages[i].name, name) == 0)
			return &tmpl->pages[i];
	return NULL;
}

int
tmpl_add(struct tmpl *tmpl, struct blob name, struct blob text)
{
	struct tmpl_reader r = { .line = 1 };
	struct find_page *page;
	int code;

	if (!name_ok(name))
		return fail(ERR_CONFIG, "a template has no usable name");
	page = realloc(tmpl->pages, (tmpl->count + 1) * sizeof *page);
	if (page == NULL)
		return fail(ERR_NOMEM, "no memory for a template");
	tmpl->pages = page;
	page += tmpl->count++;
	memset(page, 0, sizeof *page);
	memcpy(page->name, name.p, name.n);
	if ((page->bytes = malloc(text.n + 1)) == NULL)
		return fail(ERR_NOMEM, "no memory for a template");
	if (text.n > 0)
		memcpy(page->bytes, text.p, text.n);
	r.page = page;
	r.text = blob_of(page->bytes, text.n);
	if ((code = read_page(&r)) != OK)
		return code;
	if (r.depth > 0)
		return fail(ERR_CONFIG, "%s: %s is never closed", page->name,
		    page->tokens[r.open[r.depth - 1]].name);
	return OK;
}

static int
check_page(const struct tmpl *tmpl, const struct find_page *page, int depth)
{
	const struct find_page *partial;
	size_t i;
	int r;

	if (depth > TMPL_PARTIAL_MAX)
		return fail(ERR_CONFIG,
		    "%s: partials nest too deep or turn "
		    "in a circle",
		    page->name);
	for (i = 0; i < page->count; i++) {
		if (page->tokens[i].kind != TMPL_PARTIAL)
			continue;
		partial = find_page(tmpl, page->tokens[i].name);
		if (partial == NULL)
			return fail(ERR_CONFIG, "%s: there is no template %s",
			    page->name, page->tokens[i].name);
		if ((r = check_page(tmpl, partial, depth + 1)) != OK)
			return r;
	}
	return OK;
}

int
tmpl_check(const struct tmpl *tmpl)
{
	size_t i;
	int r;

	for (i = 0; i < tmpl->count; i++)
		if ((r = check_page(tmpl, &tmpl->pages[i], 0)) != OK)
			return r;
	return OK;
}

struct tmpl *
tmpl_new(void)
{
	return calloc(1, sizeof(struct tmpl));
}

void
tmpl_free(struct tmpl *tmpl)
{
	size_t i;

	if (tmpl == NULL)
		return;
	for (i = 0; i < tmpl->count; i++) {
		free(tmpl->pages[i].bytes);
		free(tmpl->pages[i].tokens);
	}
	free(tmpl->pages);
	free(tmpl);
}

int
tmpl_parse(const char *name, struct blob text, struct tmpl **out)
{
	struct tmpl *tmpl;
	int r;

	*out = NULL;
	if ((tmpl = tmpl_new()) == NULL)
		return fail(ERR_NOMEM, "no memory for a template");
	r = tmpl_add(tmpl, blob_str(name), text);
	if (r == OK)
		r = tmpl_check(tmpl);
	if (r != OK) {
		tmpl_free(tmpl);
		return r;
	}
	*out = tmpl;
	return OK;
}

/* The character reference that HTML needs in place of a character, or NULL. */
static const char *
reference_of(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Bytes that are not UTF-8, and invisible characters, become U+FFFD. */
static void
escape(const char *value, struct buf *out)
{
	struct blob in = blob_str(value);
	size_t at, n;
	uint32_t c;

	for (at = 0; at<in.n; at += n> 0 ? n : 1) {
		n = utf8_decode(in, at, &c);
		if (n > 0 && reference_of(c) != NULL)
			buf_add_str(out, reference_of(c));
		else if (n > 0 &&
		    (utf8_is_visible(c) || c == '\n' || c == '\t'))
			buf_add(out, in.p + at, n);
		else
			buf_add_str(out, "\xef\xbf\xbd");
	}
}

static int run(const struct tmpl *tmpl, const struct find_page *page,
    size_t from, size_t to, const struct tmpl_row *row, struct buf *out);

static int
section(const struct tmpl *tmpl, const struct find_page *page, size_t at,
    const struct tmpl_row *row, struct buf *out)
{
	const struct tmpl_token *t = &page->tokens[at];
	const struct tmpl_row *item;
	const char *value = tmplrow_value(row, t->name);
	bool some;
	int r = OK;

	item = tmplrow_first(row, t->name);
	some = item != NULL || (value != NULL && value[0] != '\0');
	if (t->kind == TMPL_NONE || item == NULL)
		return some == (t->kind == TMPL_EACH)
		    ? run(tmpl, page, at + 1, t->end, row, out)
		    : OK;
	for (; item != NULL && r == OK; item = tmplrow_next(item))
		r = run(tmpl, page, at + 1, t->end, item, out);
	return r;
}

static int
write_value(const struct find_page *page, const char *name,
    const struct tmpl_row *row, struct buf *out)
{
	const char *value = tmplrow_value(row, name);

	if (value == NULL)
		return fail(
		    ERR_INTERNAL, "page %s misses %s", page->name, name);
	escape(value, out);
	return buf_status(out);
}

static int
run(const struct tmpl *tmpl, const struct find_page *page, size_t from,
    size_t to, const struct tmpl_row *row, struct buf *out)
{
	const struct find_page *partial;
	const struct tmpl_token *t;
	size_t i;
	int r = OK;

	for (i = from; i < to && r == OK; i++) {
		t = &page->tokens[i];
		if (t->kind == TMPL_TEXT) {
			r = buf_add_blob(out, t->text);
		} else if (t->kind == TMPL_VALUE) {
			r = write_value(page, t->name, row, out);
		} else if (t->kind == TMPL_PARTIAL) {
			partial = find_page(tmpl, t->name);
			/* Loading the pages made sure of it. */
			assert(partial != NULL);
			r = run(tmpl, partial, 0, partial->count, row, out);
		} else if (t->kind != TMPL_END) {
			r = section(tmpl, page, i, row, out);
			i = t->end;
		}
	}
	return r;
}

int
tmpl_render(const struct tmpl *tmpl, const char *name,
    const struct tmpl_row *row, struct buf *out)
{
	const struct find_page *page = find_page(tmpl, name);

	if (page == NULL)
		return fail(ERR_INTERNAL, "there is no page %s", name);
	if (tmplrow_status(row) != OK)
		return tmplrow_status(row);
	return run(tmpl, page, 0, page->count, row, out);
}
