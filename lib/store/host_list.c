#include "store/host_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "store/sql.h"

/* Hosts read at once at first; more and more when few of them match. */
#define CHUNK_MIN 32
#define CHUNK_MAX 1024

/* A search is cut after this many bytes; no text is longer. */
#define SEARCH_MAX 200

/* '%' on both sides, and two spaces in front */
#define PATTERN_TEXT (3 * SEARCH_MAX + 5)

/*
 * A search that the index cannot narrow down reads texts: those of WINDOW hosts
 * at first, and of WIDER times as many whenever that was little work (see
 * sql_work()), until it was too much for one page.
 */
#define WINDOW   2048
#define WIDER    16
#define LITTLE   2000
#define TOO_MUCH (HOST_LIST_SEARCHED * INT64_C(6))

#define WALKS 10

enum {
	/* HOST_SORTS * descending + sort */
	WALK,
	LAST_WALK = WALK + WALKS - 1,
	FIND,
	NUMBER,
	LAST_NUMBER,
	MORE_IN_STATE,
	MORE_OF_PRODUCT,
	MORE_OF_SYSTEM,
	MORE_ENDING,
	IN_STATE,
	OF_PRODUCT,
	OF_SYSTEM,
	ENDING,
};

_Static_assert(WALKS == 2 * HOST_SORTS, "two directions of each order");

#define UP(column)                                                             \
	"SELECT {columns} FROM hosts h WHERE (h." column ", h.id) > ($1, $2)"  \
	" ORDER BY h." column ", h.id LIMIT $3"
#define DOWN(column)                                                           \
	"SELECT {columns} FROM hosts h WHERE (h." column ", h.id) < ($1, $2)"  \
	" ORDER BY h." column " DESC, h.id DESC LIMIT $3"
#define STATE                                                                  \
	"h.state = $1 AND h.hardware_attested >= $2"                           \
	" AND h.hardware_attested <= $3"
#define PRODUCT "h.product_name >= $1 AND h.product_name < $2"
/* 14 itself, or 14. and what follows; '/' comes after '.' */
#define SYSTEM                                                                 \
	"(h.os_version = $1 OR (h.os_version >= $2 AND h.os_version < $3))"
#define ENDS "h.certificate_ends_at > 0 AND h.certificate_ends_at < $1"
#define MORE(which, than)                                                      \
	"SELECT 1 FROM hosts h WHERE " which " LIMIT 1 OFFSET " than

static const char *const texts[] = {
	[WALK + HOST_BY_SERIAL] = UP("serial"),
	[WALK + HOST_BY_NAME] = UP("sort_name"),
	[WALK + HOST_BY_CONTACT] = UP("last_seen_at"),
	[WALK + HOST_BY_ENROLLMENT] = UP("sort_enrolled_at"),
	[WALK + HOST_BY_CERTIFICATE_END] = UP("certificate_ends_at"),
	[WALK + HOST_SORTS + HOST_BY_SERIAL] = DOWN("serial"),
	[WALK + HOST_SORTS + HOST_BY_NAME] = DOWN("sort_name"),
	[WALK + HOST_SORTS + HOST_BY_CONTACT] = DOWN("last_seen_at"),
	[WALK + HOST_SORTS + HOST_BY_ENROLLMENT] = DOWN("sort_enrolled_at"),
	[WALK + HOST_SORTS + HOST_BY_CERTIFICATE_END] =
	    DOWN("certificate_ends_at"),
	[FIND] = "SELECT {columns} FROM host_index i"
		 " CROSS JOIN host_numbers n CROSS JOIN hosts h"
		 " WHERE i.text LIKE $1 AND i.rowid > $2 AND i.rowid <= $4"
		 " AND n.number = i.rowid AND h.id = n.host_id"
		 " ORDER BY i.rowid LIMIT $3",
	[NUMBER] = "SELECT number FROM host_numbers WHERE host_id = $1",
	[LAST_NUMBER] = "SELECT coalesce(max(number), 0) FROM host_numbers",
	[MORE_IN_STATE] = MORE(STATE, "$4"),
	[MORE_OF_PRODUCT] = MORE(PRODUCT, "$3"),
	[MORE_OF_SYSTEM] = MORE(SYSTEM, "$4"),
	[MORE_ENDING] = MORE(ENDS, "$2"),
	[IN_STATE] = "SELECT {columns} FROM hosts h WHERE " STATE " LIMIT $4",
	[OF_PRODUCT] =
	    "SELECT {columns} FROM hosts h WHERE " PRODUCT " LIMIT $3",
	[OF_SYSTEM] = "SELECT {columns} FROM hosts h WHERE " SYSTEM " LIMIT $4",
	[ENDING] = "SELECT {columns} FROM hosts h WHERE " ENDS " LIMIT $2",
};

/* What decides whether a host is shown, and where. */
struct candidate {
	char id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	char name[161];
	enum host_state state;
	bool hardware_attested;
	char product[DB_NAME_TEXT];
	char os_version[DB_VERSION_TEXT];
	int64_t last_seen_at;
	int64_t enrolled_at;
	int64_t ends_at;
};

#define ROW struct candidate

static const struct column columns[] = {
	{ "h.id", TEXT(id) },
	{ "h.serial", TEXT(serial) },
	{ "h.sort_name", TEXT(name) },
	{ "h.state", WORD(state, hosts_states) },
	{ "h.hardware_attested", INT(hardware_attested) },
	{ "h.product_name", TEXT(product) },
	{ "h.os_version", TEXT(os_version) },
	{ "h.last_seen_at", INT(last_seen_at) },
	{ "h.sort_enrolled_at", INT(enrolled_at) },
	{ "h.certificate_ends_at", INT(ends_at) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(host_list, texts, &table);

static const char *const sort_names[HOST_SORTS] = {
	[HOST_BY_SERIAL] = "serial",
	[HOST_BY_NAME] = "name",
	[HOST_BY_CONTACT] = "last_seen",
	[HOST_BY_ENROLLMENT] = "enrolled",
	[HOST_BY_CERTIFICATE_END] = "certificate_end",
};

/* The order of a search that finds too many. */
#define BY_NUMBER "hn"

struct page {
	struct db *db;
	const struct host_filter *filter;
	int limit;
	char order[4];
	char pattern[PATTERN_TEXT];
	bool in_state;
	enum host_state state;
	/* behind this the page begins, and the next chunk */
	struct cursor after;
	/* was `limit` reached, with more to come? */
	bool full;
	int looked_at;
	/* of a search that finds too many, or looks at too many */
	bool by_number;
	/* of such a search: the last number there is, how many of them are
	 * read at once, and sql_work() when it began */
	int64_t last_number;
	int64_t window;
	int64_t began;
	struct host_list *out;
};

bool
host_list_find_sort(const char *name, enum host_sort *out)
{
	for (int i = 0; i < HOST_SORTS; i++)
		if (strcmp(name, sort_names[i]) == 0) {
			*out = (enum host_sort)i;
			return true;
		}
	return false;
}

static bool
has_text(const char *text)
{
	return text != NULL && *text != '\0';
}

static bool
is_by_text(const struct page *p)
{
	return p->filter->sort == HOST_BY_SERIAL ||
	    p->filter->sort == HOST_BY_NAME;
}

static int64_t
number_of(const struct page *p, const struct candidate *c)
{
	switch (p->filter->sort) {
	case HOST_BY_CONTACT:
		return c->last_seen_at;
	case HOST_BY_ENROLLMENT:
		return c->enrolled_at;
	default:
		return c->ends_at;
	}
}

static const char *
text_of(const struct page *p, const struct candidate *c)
{
	return p->filter->sort == HOST_BY_SERIAL ? c->serial : c->name;
}

/* Where the first page begins: that of a filter by end among those ends. */
static void
set_beginning(struct page *p)
{
	int64_t before = p->filter->certificate_ends_before;
	bool by_end = p->filter->sort == HOST_BY_CERTIFICATE_END && before != 0;

	if (p->filter->descending) {
		COPY(p->after.value, CURSOR_LAST);
		p->after.number = by_end ? before : INT64_MAX;
	} else {
		p->after.number = by_end ? 1 : INT64_MIN;
	}
}

static int
read_cursor(struct page *p)
{
	const char *text = p->filter->cursor;
	int r;

	p->by_number =
	    has_text(p->filter->search) && cursor_is(text, BY_NUMBER);
	set_beginning(p);
	r = cursor_read(
	    text, p->by_number ? BY_NUMBER : p->order, &p->after);
	/* search_on() reckons with it */
	return r == OK && p->by_number && p->after.number < 0
	    ? fail(ERR_FIELD, "a cursor of a search has no number below 0")
	    : r;
}

/* The next rows are after this one. */
static int
set_after(struct page *p, const struct candidate *c)
{
	struct cursor *after = &p->after;

	*after = (struct cursor){ .number = 0 };
	if (p->by_number)
		return sql_integer(p->db, texts[NUMBER],
		    WITH(datum_text(c->id)), &after->number);
	COPY(after->id, c->id);
	if (is_by_text(p))
		COPY(after->value, text_of(p, c));
	else
		after->number = number_of(p, c);
	return OK;
}

/* The cursor of the next page: p->after, or *c unless that is NULL. */
static int
write_next(struct page *p, const struct candidate *c)
{
	int r = c != NULL ? set_after(p, c) : OK;

	if (r == OK)
		cursor_write(p->by_number ? BY_NUMBER : p->order, &p->after,
		    p->out->next);
	return r;
}

/* One or two characters begin a word, as TEXT of host_index.c is made. */
static int
set_pattern(struct page *p)
{
	struct datum search = datum_cut(p->filter->search, SEARCH_MAX);
	struct buf pattern;
	size_t at, n = 0;
	int r;

	if (!utf8_valid(search.bytes))
		return fail(ERR_FIELD, "the search is not UTF-8");
	for (at = 0; at < search.bytes.n && n < 3; n++)
		at += utf8_length(search.bytes, at);
	buf_init(&pattern, sizeof p->pattern - 1);
	buf_add_byte(&pattern, '%');
	for (; n < 3; n++)
		buf_add_byte(&pattern, ' ');
	datum_fold(search.bytes, &pattern);
	if ((r = buf_add_byte(&pattern, '%')) == OK)
		memcpy(p->pattern, buf_str(&pattern), pattern.n + 1);
	buf_release(&pattern);
	return r;
}

static int
set_state(struct page *p)
{
	const char *name = p->filter->state;

	p->in_state = has_text(name) || p->filter->attested != HOST_ANY;
	p->state = HOST_ENROLLED;
	for (int i = 0; has_text(name) && i < HOSTS_STATES; i++)
		if (strcmp(name, hosts_states[i]) == 0) {
			p->state = (enum host_state)i;
			return OK;
		}
	return has_text(name) ? fail(ERR_FIELD, "no host has such a state")
			      : OK;
}

static int
prepare(struct page *p)
{
	const struct host_filter *f = p->filter;
	int r;

	p->limit = f->limit < 1 ? 1
	    : f->limit > HOST_LIST_MAX
	    ? HOST_LIST_MAX
	    : f->limit;
	p->order[0] = 'h';
	p->order[1] = (char)('0' + (int)f->sort);
	p->order[2] = f->descending ? 'd' : 'u';
	if ((r = set_state(p)) != OK || (r = read_cursor(p)) != OK)
		return r;
	if (has_text(f->search) && (r = set_pattern(p)) != OK)
		return r;
	p->out->rows = calloc((size_t)p->limit, sizeof *p->out->rows);
	return p->out->rows == NULL ? fail(ERR_NOMEM, "no memory for hosts")
				    : OK;
}

static bool
has_product(const struct host_filter *f, const char *product)
{
	const char *const *one = f->products;

	for (; one != NULL && *one != NULL; one++)
		if (strncmp(product, *one, strlen(*one)) == 0)
			return true;
	return f->products == NULL || f->products[0] == NULL;
}

static bool
has_system(const struct host_filter *f, const char *version)
{
	size_t n;

	if (!has_text(f->os_version))
		return true;
	n = strlen(f->os_version);
	return strncmp(version, f->os_version, n) == 0 &&
	    (version[n] == '\0' || version[n] == '.');
}

static bool
matches(const struct page *p, const struct candidate *c)
{
	const struct host_filter *f = p->filter;

	if (p->in_state && c->state != p->state)
		return false;
	if (f->attested != HOST_ANY &&
	    (c->state != HOST_ENROLLED ||
		c->hardware_attested != (f->attested == HOST_ATTESTED)))
		return false;
	if (f->certificate_ends_before != 0 &&
	    (c->ends_at == 0 || c->ends_at >= f->certificate_ends_before))
		return false;
	return has_product(f, c->product) && has_system(f, c->os_version);
}

/* A host that was deleted meanwhile is left out. */
static int
take(struct page *p, const struct candidate *c)
{
	struct host_list *out = p->out;
	int r = hosts_load(p->db, c->id, &out->rows[out->n]);

	if (r == OK)
		out->n++;
	return r == ERR_NOT_FOUND ? OK : r;
}

/* *last is the candidate after which the next page begins. */
static int
look_at(struct page *p, const struct candidate *c, struct candidate *last)
{
	p->looked_at++;
	if (matches(p, c) && p->out->n == (size_t)p->limit) {
		p->full = true;
		return OK;
	}
	*last = *c;
	return matches(p, c) ? take(p, c) : OK;
}

/* Hosts that are at hand. */
struct few {
	struct candidate *rows;
	size_t n;
};

/*
 * Up to n hosts after p->after whose texts match; moves p->after past what was
 * searched. *more: there are others, found or not.
 */
static int
search_on(struct page *p, int n, struct few *out, bool *more)
{
	int64_t work = sql_work(p->db);
	int64_t end = p->window < p->last_number - p->after.number
	    ? p->after.number + p->window
	    : p->last_number;
	int r = sql_rows(p->db, texts[FIND], &table,
	    WITH(datum_text(p->pattern), datum_int(p->after.number),
		datum_int(n), datum_int(end)),
	    &out->rows, &out->n);

	if (sql_work(p->db) - work < LITTLE)
		p->window *= WIDER;
	*more = out->n == (size_t)n || end < p->last_number;
	if (r == OK && out->n == (size_t)n)
		return set_after(p, &out->rows[out->n - 1]);
	p->after.number = end;
	return r;
}

/* The next hosts in the order of the list; moves p->after past them. */
static int
read_chunk(struct page *p, int n, struct few *out, bool *more)
{
	int walk = WALK + (int)p->filter->sort +
	    (p->filter->descending ? HOST_SORTS : 0);
	int r;

	if (p->by_number)
		return search_on(p, n, out, more);
	r = sql_rows(p->db, texts[walk], &table,
	    WITH(is_by_text(p) ? datum_text(p->after.value)
			       : datum_int(p->after.number),
		datum_text(p->after.id), datum_int(n)),
	    &out->rows, &out->n);
	*more = out->n == (size_t)n;
	return r == OK && out->n > 0 ? set_after(p, &out->rows[out->n - 1]) : r;
}

static bool
is_too_much(const struct page *p)
{
	return p->looked_at >= HOST_LIST_LOOKED_AT ||
	    (p->by_number && sql_work(p->db) - p->began > TOO_MUCH);
}

static int
look_at_all(struct page *p, const struct few *few, struct candidate *last)
{
	int r = OK;

	for (size_t i = 0; r == OK && !p->full && i < few->n; i++)
		r = look_at(p, &few->rows[i], last);
	return r;
}

/*
 * In the order of an index, until the page is full or enough was looked at:
 * first at `few`, which were read already and stand before p->after.
 */
static int
walk(struct page *p, struct few *few, bool more)
{
	int n = p->limit < CHUNK_MIN ? CHUNK_MIN : p->limit + 1;
	struct candidate last = { .id = "" };
	int r = look_at_all(p, few, &last);

	while (r == OK && !p->full && more && !is_too_much(p)) {
		columns_release(&table, few->rows, few->n);
		if ((r = read_chunk(p, n, few, &more)) == OK)
			r = look_at_all(p, few, &last);
		if ((n *= 2) > CHUNK_MAX)
			n = CHUNK_MAX;
	}
	p->out->partial = !p->full && more;
	return r == OK && (p->full || p->out->partial)
	    ? write_next(p, p->full ? &last : NULL)
	    : r;
}

static int
compare(const void *a, const void *b, void *page)
{
	const struct candidate *x = a, *y = b;
	const struct page *p = page;
	int by = is_by_text(p) ? strcmp(text_of(p, x), text_of(p, y))
	    : number_of(p, x) < number_of(p, y) ? -1
						: number_of(p, x) > number_of(p, y);

	if (by == 0)
		by = strcmp(x->id, y->id);
	return p->filter->descending ? -by : by;
}

/* Does it come after the row that the page before ended with? */
static bool
is_after(struct page *p, const struct candidate *c)
{
	struct candidate end = { .last_seen_at = p->after.number,
		.enrolled_at = p->after.number,
		.ends_at = p->after.number };

	if (!has_text(p->filter->cursor))
		return true;
	COPY(end.id, p->after.id);
	COPY(end.serial, p->after.value);
	COPY(end.name, p->after.value);
	return compare(c, &end, p) > 0;
}

static int
show_few(struct page *p, struct few *few)
{
	struct candidate last = { .id = "" };
	int r = OK;

	if (few->n > 0)
		qsort_r(few->rows, few->n, sizeof *few->rows, compare, p);
	for (size_t i = 0; r == OK && !p->full && i < few->n; i++)
		if (is_after(p, &few->rows[i]))
			r = look_at(p, &few->rows[i], &last);
	return r == OK && p->full ? write_next(p, &last) : r;
}

static int
append(struct few *all, struct few *some)
{
	struct candidate *rows;

	if (some->n == 0)
		return OK;
	rows = reallocarray(all->rows, all->n + some->n, sizeof *rows);
	if (rows == NULL)
		return fail(ERR_NOMEM, "no memory for hosts");
	memcpy(rows + all->n, some->rows, some->n * sizeof *rows);
	all->rows = rows;
	all->n += some->n;
	free(some->rows);
	*some = (struct few){ .n = 0 };
	return OK;
}

/* All that match, unless they are over `limit` or the search is too much work. */
static int
find_all(struct page *p, size_t limit, struct few *out, bool *more)
{
	struct few some;
	int r = OK;

	*more = true;
	p->after.number = 0;
	while (r == OK && *more && out->n <= limit && !is_too_much(p)) {
		r = search_on(p, (int)(limit + 1 - out->n), &some, more);
		if (r == OK)
			r = append(out, &some);
		columns_release(&table, some.rows, some.n);
	}
	return r;
}

static int
by_search(struct page *p)
{
	/* once sorted, further pages of the list are, too */
	size_t limit = has_text(p->filter->cursor) ? 2 * HOST_LIST_SORTED
						   : HOST_LIST_SORTED;
	struct cursor after = p->after;
	struct few few = { .n = 0 };
	bool sorted = !p->by_number, more = true;
	int r;

	p->window = WINDOW;
	p->began = sql_work(p->db);
	r = sql_integer(p->db, texts[LAST_NUMBER], NULL, &p->last_number);
	if (r == OK && sorted) {
		p->by_number = true;
		r = find_all(p, limit, &few, &more);
		sorted = !more;
	}
	if (sorted) {
		p->by_number = false;
		p->after = after;
	}
	p->out->unsorted = p->by_number;
	if (r == OK)
		r = sorted ? show_few(p, &few) : walk(p, &few, true);
	columns_release(&table, few.rows, few.n);
	return r;
}

/* Reads what one filter finds, unless that is more than is sorted. */
static int
read_few(struct page *p, int more, int rows, const struct datum *params,
    struct few *out, bool *found)
{
	bool many;
	int r = sql_exists(p->db, texts[more], params, &many);

	*found = r == OK && !many;
	return *found
	    ? sql_rows(p->db, texts[rows], &table, params, &out->rows, &out->n)
	    : r;
}

static int
few_ending(struct page *p, struct few *out, bool *found)
{
	int64_t before = p->filter->certificate_ends_before;

	return before == 0
	    ? OK
	    : read_few(p, MORE_ENDING, ENDING,
		  WITH(datum_int(before), datum_int(HOST_LIST_SORTED)),
		  out, found);
}

static int
few_of_product(struct page *p, struct few *out, bool *found)
{
	const char *const *products = p->filter->products;
	char end[DB_NAME_TEXT + 4];

	/* several are a family, of which there are many */
	if (products == NULL || products[0] == NULL || products[1] != NULL ||
	    strlen(products[0]) >= DB_NAME_TEXT)
		return OK;
	snprintf(end, sizeof end, "%s\U0010ffff", products[0]);
	return read_few(p, MORE_OF_PRODUCT, OF_PRODUCT,
	    WITH(datum_text(products[0]), datum_text(end),
		datum_int(HOST_LIST_SORTED)),
	    out, found);
}

static int
few_of_system(struct page *p, struct few *out, bool *found)
{
	const char *version = p->filter->os_version;
	char first[DB_VERSION_TEXT + 1], end[DB_VERSION_TEXT + 1];

	if (!has_text(version) || strlen(version) >= DB_VERSION_TEXT)
		return OK;
	snprintf(first, sizeof first, "%s.", version);
	snprintf(end, sizeof end, "%s/", version);
	return read_few(p, MORE_OF_SYSTEM, OF_SYSTEM,
	    WITH(datum_text(version), datum_text(first), datum_text(end),
		datum_int(HOST_LIST_SORTED)),
	    out, found);
}

static int
few_in_state(struct page *p, struct few *out, bool *found)
{
	enum host_attested attested = p->filter->attested;

	return !p->in_state
	    ? OK
	    : read_few(p, MORE_IN_STATE, IN_STATE,
		  WITH(datum_text(hosts_states[p->state]),
		      datum_int(attested == HOST_ATTESTED),
		      datum_int(attested != HOST_NOT_ATTESTED),
		      datum_int(HOST_LIST_SORTED)),
		  out, found);
}

/*
 * What a filter finds seldom is found by its own index and sorted here; what it
 * finds often comes soon enough in the order of the list.
 */
static int
by_filter(struct page *p)
{
	static int (*const filters[])(
	    struct page *, struct few *, bool *) = { few_ending,
		few_of_product, few_of_system, few_in_state };
	struct few few = { .n = 0 };
	bool found = false;
	int r = OK;

	for (size_t i = 0; r == OK && !found &&
	     i < sizeof filters / sizeof filters[0];
	     i++)
		r = filters[i](p, &few, &found);
	if (r == OK)
		r = found ? show_few(p, &few) : walk(p, &few, true);
	columns_release(&table, few.rows, few.n);
	return r;
}

int
host_list_load(
    struct db *db, const struct host_filter *filter, struct host_list *out)
{
	struct page p = { .db = db, .filter = filter, .out = out };
	int r;

	*out = (struct host_list){ .n = 0 };
	if ((r = prepare(&p)) == OK)
		r = has_text(filter->search) ? by_search(&p) : by_filter(&p);
	if (r != OK)
		host_list_release(out);
	return r;
}

void
host_list_release(struct host_list *list)
{
	free(list->rows);
	*list = (struct host_list){ .n = 0 };
}
