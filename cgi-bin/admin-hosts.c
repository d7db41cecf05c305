#include "admin-hosts.h"

#include "admin-host-filter.h"
#include "base/err.h"
#include "store/host_list.h"

/* What the forms and links of the list keep. */
static const char *const filters[] = { ADMIN_HOST_FILTER_FIELDS, NULL };

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
	tmplrow_flag(row, "attested", hosts_is_attested(h));
	tmplrow_flag(row, "pushable", h->push_token_len > 0);
	tmplrow_flag(row, "bootstrap_token", h->has_bootstrap_token);
	admin_page_time(row, "enrolled_at", h->enrolled_at);
	admin_page_time(row, "seen_at", h->last_seen_at);
	admin_page_time(row, "ends_at", h->certificate_ends_at);
	admin_page_link(
	    row, "events", "/admin/serial", "serial", h->device.serial);
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

static int
fill_rows(struct admin_page *page)
{
	struct admin_host_filter filter;
	struct host_list list;
	size_t i;
	int r;

	if ((r = admin_host_filter_read(page->query, &filter)) != OK)
		return r;
	filter.filter.limit = ADMIN_PAGE_ROWS;
	r = host_list_load(page->app->context.db, &filter.filter, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n; i++)
		admin_hosts_fill(
		    tmplrow_add(page->row, "hosts"), &list.rows[i]);
	tmplrow_flag(page->row, "shown", list.n > 0);
	tmplrow_flag(page->row, "partial", list.partial);
	tmplrow_flag(page->row, "unsorted", list.unsorted);
	admin_page_cursor(page, "/admin/hosts", filters, list.next);
	host_list_release(&list);
	return OK;
}

/* A filter that cannot be leaves the list empty, and says so. */
static int
fill(struct admin_page *page, int *code)
{
	int r = fill_counts(page);

	if (r != OK)
		return r;
	admin_host_filter_fill(page);
	tmplrow_setf(page->row, "looked_at", "%d", HOST_LIST_LOOKED_AT);
	tmplrow_setf(page->row, "sorted_at_most", "%d", HOST_LIST_SORTED);
	admin_page_filtered(page, "csv_url", "/admin/hosts.csv", filters);
	r = fill_rows(page);
	*code = r == ERR_FIELD ? r : OK;
	admin_page_problem(page, *code);
	return *code == r ? OK : r;
}

int
admin_hosts_list(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r, code;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill(&page, &code)) == OK) {
		tmplrow_flag(page.row, "in_hosts", true);
		r = admin_page_send(&page, "hosts", "Hosts", resp);
	}
	admin_page_release(&page);
	return r;
}
