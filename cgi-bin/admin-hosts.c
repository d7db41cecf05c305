#include "admin-hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/host_list.h"

#define DAYS_MAX 36500

static const char *const filters[] = { "q", "attested", "state", "product", "os",
	"certificate_days", "sort", "order", NULL };

/* What the words of the table look like on a page. */
static const char *
state_text(enum host_state state)
{
	switch (state) {
	case HOST_PENDING:
		return "Enrolling";
	case HOST_ENROLLED:
		return "Enrolled";
	case HOST_UNENROLLED:
		return "Unenrolled";
	case HOST_BLOCKED:
		return "Blocked";
	}
	return "";
}

/* True only of what is enrolled now, with an attested identity. */
static bool
is_attested(const struct host *h)
{
	return h->state == HOST_ENROLLED && h->hardware_attested;
}

const char *
admin_hosts_name(const struct host *h)
{
	if (h->device_name[0] != '\0')
		return h->device_name;
	return h->device.serial;
}

static const char *
model_of(const struct host *h)
{
	if (h->model_name[0] != '\0')
		return h->model_name;
	return h->device.product[0] != '\0' ? h->device.product : h->model;
}

void
admin_hosts_fill(struct tmpl_row *row, const struct host *h)
{
	tmplrow_set(row, "id", h->id);
	tmplrow_set(row, "name", admin_hosts_name(h));
	tmplrow_set(row, "serial", h->device.serial);
	tmplrow_set(row, "udid", h->device.udid);
	tmplrow_set(row, "model", model_of(h));
	tmplrow_set(row, "product", h->device.product);
	tmplrow_set(row, "os_version", h->device.os_version);
	tmplrow_set(row, "build_version", h->device.build_version);
	tmplrow_set(row, "account", h->account);
	tmplrow_set(row, "state", hosts_state_name(h->state));
	tmplrow_set(row, "state_text", state_text(h->state));
	tmplrow_flag(row, "attested", is_attested(h));
	tmplrow_flag(row, "pushable", h->push_token_len > 0);
	tmplrow_flag(row, "bootstrap_token", h->has_bootstrap_token);
	admin_page_time(row, "enrolled_at", h->enrolled_at);
	admin_page_time(row, "seen_at", h->last_seen_at);
	admin_page_link(
	    row, "events", "/admin/serial", "serial", h->device.serial);
}

static enum host_attested
asked_attested(const struct admin_page *page)
{
	const char *text = form_text(page->query, "attested");

	if (strcmp(text, "yes") == 0)
		return HOST_ATTESTED;
	return strcmp(text, "no") == 0 ? HOST_NOT_ATTESTED : HOST_ANY;
}

static int
fill_counts(struct admin_page *page)
{
	struct host_counts c;
	int r = hosts_count(page->app->context.db, &c);

	if (r != OK)
		return r;
	tmplrow_setf(page->row, "enrolled", "%lld", (long long)c.enrolled);
	tmplrow_setf(
	    page->row, "attested_count", "%lld", (long long)c.attested);
	tmplrow_setf(
	    page->row, "unattested_count", "%lld", (long long)c.not_attested);
	tmplrow_setf(page->row, "known", "%lld", (long long)c.total);
	return OK;
}

/* The links that choose by attestation keep the search. */
static void
fill_filter(struct admin_page *page, enum host_attested attested)
{
	const char *q = form_text(page->query, "q");

	tmplrow_set(page->row, "q", q);
	tmplrow_set(page->row, "attested_asked",
	    attested == HOST_ATTESTED           ? "yes"
		: attested == HOST_NOT_ATTESTED ? "no"
						: "");
	tmplrow_flag(page->row, "filter_any", attested == HOST_ANY);
	tmplrow_flag(page->row, "filter_yes", attested == HOST_ATTESTED);
	tmplrow_flag(page->row, "filter_no", attested == HOST_NOT_ATTESTED);
	tmplrow_flag(
	    page->row, "filtered", attested != HOST_ANY || q[0] != '\0');
	admin_page_link(page->row, "any", "/admin/hosts", "q", q);
	admin_page_link(page->row, "yes", "/admin/hosts?attested=yes", "q", q);
	admin_page_link(page->row, "no", "/admin/hosts?attested=no", "q", q);
}

/* What the URL asks for; products[0] is set, products[1] ends the list. */
static struct host_filter
asked_filter(const struct admin_page *page, const char *products[2])
{
	long days =
	    strtol(form_text(page->query, "certificate_days"), NULL, 10);
	struct host_filter filter = {
		.search = form_text(page->query, "q"),
		.attested = asked_attested(page),
		.state = form_text(page->query, "state"),
		.os_version = form_text(page->query, "os"),
		.products = products,
		.certificate_ends_before =
		    days > 0 && days <= DAYS_MAX
		    ? clock_now() + (int64_t)days * 86400
		    : 0,
		.descending =
		    strcmp(form_text(page->query, "order"), "desc") == 0,
		.cursor = form_text(page->query, "after"),
		.limit = ADMIN_PAGE_ROWS,
	};

	products[0] = form_text(page->query, "product");
	products[1] = NULL;
	(void)host_list_find_sort(form_text(page->query, "sort"), &filter.sort);
	return filter;
}

static int
fill_list(struct admin_page *page)
{
	const char *products[2];
	struct host_filter filter = asked_filter(page, products);
	struct host_list list;
	size_t i;
	int r;

	if ((r = host_list_load(page->app->context.db, &filter, &list)) != OK)
		return r;
	for (i = 0; i < list.n; i++)
		admin_hosts_fill(tmplrow_add(page->row, "hosts"), &list.rows[i]);
	fill_filter(page, filter.attested);
	tmplrow_flag(page->row, "shown", list.n > 0);
	tmplrow_flag(page->row, "partial", list.partial);
	tmplrow_flag(page->row, "unsorted", list.unsorted);
	tmplrow_setf(page->row, "looked_at", "%d", HOST_LIST_LOOKED_AT);
	tmplrow_setf(page->row, "sorted_at_most", "%d", HOST_LIST_SORTED);
	admin_page_cursor(page, "/admin/hosts", filters, list.next);
	host_list_release(&list);
	return OK;
}

int
admin_hosts_list(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = fill_counts(&page)) != OK || (r = fill_list(&page)) != OK)
		goto done;
	tmplrow_flag(page.row, "in_hosts", true);
	r = admin_page_send(&page, "hosts", "Hosts", resp);
done:
	admin_page_release(&page);
	return r;
}
