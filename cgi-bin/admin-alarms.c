#include "admin-alarms.h"

#include <stdlib.h>

#include "store/alarms.h"

static void
fill_alarm(struct tmpl_row *row, const struct alarm *a)
{
	tmplrow_set(row, "kind", a->kind);
	tmplrow_set(row, "text", a->text);
	tmplrow_set(row, "serial", a->serial);
	tmplrow_set(row, "subject", a->subject);
	tmplrow_flag(row, "critical", a->severity == ALARM_CRITICAL);
	tmplrow_flag(row, "open", a->closed_at == 0);
	admin_page_time(row, "raised_at", a->raised_at);
	admin_page_time(row, "seen_at", a->last_seen_at);
	admin_page_time(row, "closed_at", a->closed_at);
	admin_page_link(row, "events", "/admin/serial", "serial", a->serial);
}

static int
fill_list(struct admin_page *page)
{
	long long before = strtoll(form_text(page->query, "before"), NULL, 10);
	bool all = form_get(page->query, "all") != NULL;
	struct alarm_list list;
	size_t i;
	int r;

	r = alarms_list(page->app->context.db, all, before > 0 ? before : 0,
	    ADMIN_PAGE_ROWS + 1, &list);
	if (r != OK)
		return r;
	tmplrow_flag(page->row, "all", all);
	tmplrow_flag(page->row, "paged", before > 0);
	tmplrow_flag(page->row, "more", list.n > ADMIN_PAGE_ROWS);
	for (i = 0; i < list.n && i < ADMIN_PAGE_ROWS; i++) {
		fill_alarm(tmplrow_add(page->row, "alarms"), &list.rows[i]);
		tmplrow_setf(
		    page->row, "last_id", "%lld", (long long)list.rows[i].id);
	}
	alarms_list_release(&list);
	return OK;
}

int
admin_alarms_list(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "alarms",
		.title = "Alarms",
		.section = "in_alarms",
		.fill = fill_list };

	return admin_page_show(app, req, &view, resp);
}
