#include "admin-host-filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define DAYS_MAX 3650

struct word {
	const char *value;
	const char *text;
};

static const struct word states[] = { { "", "Any" }, { "enrolled", "Enrolled" },
	{ "pending", "Enrolling" }, { "unenrolled", "Unenrolled" },
	{ "blocked", "Blocked" }, { NULL, NULL } };
static const struct word attested[] = { { "", "Any" }, { "yes", "Attested" },
	{ "no", "Not attested" }, { NULL, NULL } };
static const struct word sorts[] = { { "", "Serial number" },
	{ "name", "Name" }, { "last_seen", "Last contact" },
	{ "enrolled", "Enrolled" }, { "certificate_end", "Certificate end" },
	{ NULL, NULL } };
static const struct word orders[] = { { "", "Ascending" },
	{ "desc", "Descending" }, { NULL, NULL } };

static int
read_attested(const char *text, enum host_attested *out)
{
	*out = strcmp(text, "yes") == 0 ? HOST_ATTESTED
	    : strcmp(text, "no") == 0   ? HOST_NOT_ATTESTED
					: HOST_ANY;
	return *out == HOST_ANY && *text != '\0'
	    ? fail(ERR_FIELD, "attested is yes or no")
	    : OK;
}

static int
read_sort(const struct form *query, struct host_filter *f)
{
	const char *sort = form_text(query, "sort");
	const char *order = form_text(query, "order");

	if (*sort != '\0' && !host_list_find_sort(sort, &f->sort))
		return fail(
		    ERR_FIELD, "hosts are not sorted by \"%.32s\"", sort);
	f->descending = strcmp(order, "desc") == 0;
	return f->descending || *order == '\0' || strcmp(order, "asc") == 0
	    ? OK
	    : fail(ERR_FIELD, "the order is asc or desc");
}

static int
read_days(const char *text, int64_t *ends_before)
{
	char *end;
	long days = strtol(text, &end, 10);

	*ends_before = 0;
	if (*text == '\0')
		return OK;
	if (*text < '0' || *text > '9' || *end != '\0' || days < 1 ||
	    days > DAYS_MAX)
		return fail(ERR_FIELD,
		    "certificates end within 1 to %d days", DAYS_MAX);
	*ends_before = clock_now() + (int64_t)days * 86400;
	return OK;
}

int
admin_host_filter_read(const struct form *query, struct admin_host_filter *out)
{
	struct host_filter *f = &out->filter;
	int r;

	*out = (struct admin_host_filter){
		.products = { form_text(query, "product"), NULL },
		.filter = { .search = form_text(query, "q"),
		    .state = form_text(query, "state"),
		    .os_version = form_text(query, "os"),
		    .cursor = form_text(query, "after") },
	};
	f->products = *out->products[0] != '\0' ? out->products : NULL;
	if ((r = read_attested(form_text(query, "attested"), &f->attested)) !=
		OK ||
	    (r = read_sort(query, f)) != OK)
		return r;
	return read_days(form_text(query, "certificate_days"),
	    &f->certificate_ends_before);
}

static void
fill_choice(struct admin_page *page, const char *field, const char *list,
    const struct word *words)
{
	const char *chosen = form_text(page->query, field);
	struct tmpl_row *row;

	for (; words->value != NULL; words++) {
		row = tmplrow_add(page->row, list);
		tmplrow_set(row, "value", words->value);
		tmplrow_set(row, "text", words->text);
		tmplrow_flag(
		    row, "chosen", strcmp(chosen, words->value) == 0);
	}
}

void
admin_host_filter_fill(struct admin_page *page)
{
	static const char *const narrowing[] = { "q", "state", "attested",
		"product", "os", "certificate_days" };
	bool any = false;

	for (size_t i = 0; i < sizeof narrowing / sizeof narrowing[0]; i++)
		any = any || *form_text(page->query, narrowing[i]) != '\0';
	tmplrow_flag(page->row, "filtered", any);
	fill_choice(page, "state", "states", states);
	fill_choice(page, "attested", "attestations", attested);
	fill_choice(page, "sort", "sorts", sorts);
	fill_choice(page, "order", "orders", orders);
	tmplrow_set(page->row, "q", form_text(page->query, "q"));
	tmplrow_set(page->row, "product", form_text(page->query, "product"));
	tmplrow_set(page->row, "os", form_text(page->query, "os"));
	tmplrow_set(page->row, "certificate_days",
	    form_text(page->query, "certificate_days"));
}
