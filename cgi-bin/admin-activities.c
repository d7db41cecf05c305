#include "admin-activities.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin/admin_activity.h"
#include "base/log.h"

#define PATH      "/admin/activity"
#define HOST_ROWS 20

/* The query parameters that a page keeps for the next one. */
static const char *const filters[] = { "actor", "action", "serial", "from",
	"to" };

#define FILTERS (sizeof filters / sizeof filters[0])

static int
read_filter(const struct admin_page *page, struct activity_filter *out)
{
	const struct form *query = page->query;
	int r;

	*out = (struct activity_filter){
		.actor = form_text(query, "actor"),
		.action = form_text(query, "action"),
		.serial = form_text(query, "serial"),
		.before_id = strtoll(form_text(query, "before"), NULL, 10),
		.limit = ADMIN_PAGE_ROWS + 1,
	};
	r = admin_activity_time(form_text(query, "from"), false, &out->from);
	return r == OK
	    ? admin_activity_time(form_text(query, "to"), true, &out->to)
	    : r;
}

static void
fill_one(struct tmpl_row *row, const struct activity *a)
{
	admin_page_time(row, "at", a->at);
	tmplrow_set(row, "actor", a->actor);
	tmplrow_set(row, "remote", a->remote);
	tmplrow_set(row, "action", a->action);
	tmplrow_set(row, "serial", a->serial);
	admin_page_link(row, "serial", "/admin/serial", "serial", a->serial);
	tmplrow_set(row, "before_value", a->before);
	tmplrow_set(row, "after_value", a->after);
	tmplrow_flag(row, "changed", *a->before != '\0' || *a->after != '\0');
	tmplrow_set(row, "detail", a->detail);
}

/* What was typed, and the page of it that the pager starts from. */
static void
fill_filters(struct admin_page *page)
{
	const char *value;
	struct buf url;
	bool any = false;

	buf_init(&url, 4096);
	buf_add_str(&url, PATH "?");
	for (size_t i = 0; i < FILTERS; i++) {
		value = form_text(page->query, filters[i]);
		tmplrow_set(page->row, filters[i], value);
		if (*value == '\0')
			continue;
		buf_printf(&url, "%s%s=", any ? "&" : "", filters[i]);
		form_encode(value, &url);
		any = true;
	}
	tmplrow_flag(page->row, "filtered", any);
	tmplrow_set_buf(page->row, "newest_url", &url);
}

/* Offered in the field for the kind. */
static int
fill_actions(struct admin_page *page)
{
	char(*actions)[DB_NAME_TEXT];
	size_t n = 0;
	int r;

	actions = calloc(ACTIVITIES_ACTIONS_MAX, sizeof *actions);
	if (actions == NULL)
		return fail(ERR_NOMEM, "no memory for the kinds of activity");
	r = activities_actions(page->app->context.db, actions, &n);
	for (size_t i = 0; r == OK && i < n; i++)
		tmplrow_set(
		    tmplrow_add(page->row, "actions"), "name", actions[i]);
	free(actions);
	return r;
}

static int
fill_rows(struct admin_page *page, const struct activity_filter *filter)
{
	struct activity_list list;
	size_t i;
	int r;

	if ((r = activities_list(page->app->context.db, filter, &list)) != OK)
		return r;
	tmplrow_flag(page->row, "paged", filter->before_id > 0);
	/* a damaged one takes the place of one that is shown */
	tmplrow_flag(
	    page->row, "more", list.n + list.damaged > ADMIN_PAGE_ROWS);
	tmplrow_flag(page->row, "damaged", list.damaged > 0);
	for (i = 0; i < list.n && i < ADMIN_PAGE_ROWS; i++) {
		fill_one(tmplrow_add(page->row, "activities"), &list.rows[i]);
		tmplrow_setf(
		    page->row, "last_id", "%" PRId64, list.rows[i].id);
	}
	activities_list_release(&list);
	return OK;
}

/* A date that is none leaves the list empty, and says so. */
static int
fill(struct admin_page *page, int *code)
{
	struct activity_filter filter;
	int r;

	fill_filters(page);
	if ((r = fill_actions(page)) != OK)
		return r;
	*code = read_filter(page, &filter);
	return *code == OK ? fill_rows(page, &filter) : OK;
}

int
admin_activities_list(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r, code = OK;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill(&page, &code)) == OK) {
		tmplrow_flag(page.row, "in_activity", true);
		tmplrow_set(
		    page.row, "problem", code == OK ? "" : err_text(code));
		page.code = code;
		r = admin_page_send(&page, "activity", "Activity", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_activities_fill_host(struct admin_page *page, const char *serial)
{
	struct activity_list list;
	int r = activities_list(page->app->context.db,
	    &(struct activity_filter){ .serial = serial, .limit = HOST_ROWS },
	    &list);

	if (r != OK)
		return r;
	for (size_t i = 0; i < list.n; i++)
		fill_one(tmplrow_add(page->row, "activities"), &list.rows[i]);
	tmplrow_flag(page->row, "has_activities", list.n > 0);
	admin_page_link(page->row, "activity", PATH, "serial", serial);
	activities_list_release(&list);
	return OK;
}
