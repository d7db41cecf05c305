#include "admin-links.h"

#include "admin/admin_link.h"
#include "base/clock.h"
#include "store/settings.h"

static const char *const filters[] = { NULL };

static void
fill_link(struct tmpl_row *row, const struct enrollment_link *link)
{
	enum enrollment_link_state state =
	    enrollment_links_state(link, clock_now());

	tmplrow_set(row, "link", link->id);
	tmplrow_set(row, "serial", link->serial);
	tmplrow_set(row, "note", link->note);
	tmplrow_set(row, "created_by", link->created_by);
	tmplrow_set(row, "state", enrollment_links_state_name(state));
	tmplrow_flag(row, "revocable",
	    state == ENROLLMENT_LINK_OPEN ||
		(state == ENROLLMENT_LINK_USED && link->pending));
	tmplrow_set(row, "enrollment", link->enrollment_id);
	admin_page_time(row, "created_at", link->created_at);
	admin_page_time(row, "expires_at", link->expires_at);
}

static int
fill_list(struct admin_page *page)
{
	int offset = admin_page_number(page) * ADMIN_PAGE_ROWS;
	struct enrollment_link_list list;
	struct tmpl_row *row;
	bool closed;
	size_t i;
	int r;

	if ((r = settings_get_bool(page->app->context.db,
		 page->app->context.conf, SETTINGS_BUSINESS_ONLY, &closed)) !=
		OK ||
	    (r = enrollment_links_list(
		 page->app->context.db, offset, ADMIN_PAGE_ROWS, &list)) != OK)
		return r;
	tmplrow_flag(page->row, "closed", closed);
	tmplrow_setf(
	    page->row, "hours", "%d", page->app->context.conf->link_hours);
	for (i = 0; i < list.n; i++) {
		row = tmplrow_add(page->row, "links");
		fill_link(row, &list.rows[i]);
	}
	admin_page_pager(page, "/admin/links", filters, list.n, list.total);
	enrollment_links_list_release(&list);
	return OK;
}

/* The page, with a link that was just made (or ""), or what is wrong. */
static int
send_page(struct admin_app *app, const struct req *req, const char *url,
    int problem, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = fill_list(&page)) != OK)
		goto done;
	tmplrow_flag(page.row, "in_enrollments", true);
	tmplrow_set(page.row, "url", url);
	tmplrow_set(
	    page.row, "problem", problem == OK ? "" : err_text(problem));
	r = admin_page_send(&page, "links", "Enrollment links", resp);
	if (r == OK && problem != OK)
		resp->status = err_http_status(problem);
done:
	admin_page_release(&page);
	return r;
}

int
admin_links_show(void *app, const struct req *req, struct resp *resp)
{
	return send_page(app, req, "", OK, resp);
}

int
admin_links_create(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct enrollment_link link;
	struct admin_actor actor;
	struct session session;
	struct form *form;
	char url[ADMIN_LINK_URL_TEXT] = "";
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	actor = admin_page_actor(app, &session);
	r = admin_link_create(&actor, form_text(form, "serial"),
	    form_text(form, "note"), &link, url);
	form_free(form);
	if (r != OK && err_http_status(r) >= 500)
		return r;
	r = send_page(app, req, url, r, resp);
	secret_wipe(url, sizeof url);
	return r;
}

int
admin_links_revoke(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "id");
	struct admin_app *app = p;
	struct admin_actor actor;
	struct session session;
	struct form *form;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	form_free(form);
	actor = admin_page_actor(app, &session);
	r = admin_link_revoke(&actor, &id, 1);
	return r == OK ? resp_redirect(resp, "/admin/links") : r;
}
