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

/* The first row of the list, and its URL. */
static int
create(struct admin_page *page, const struct form *form)
{
	struct admin_actor actor = admin_page_actor(page->app, &page->session);
	char url[ADMIN_LINK_URL_TEXT];
	struct enrollment_link link;
	int r;

	r = admin_link_create(&actor, form_text(form, "serial"),
	    form_text(form, "note"), &link, url);
	if (r == OK) {
		tmplrow_set(page->row, "url", url);
		fill_link(tmplrow_add(page->row, "links"), &link);
	}
	secret_wipe(url, sizeof url);
	return r;
}

/*
 * With a form, also creates the link that it asks for: when all is read, since
 * its URL is shown on this page only. The code tells how that went.
 */
static int
fill(struct admin_page *page, const struct form *form, int *created)
{
	const struct context *c = &page->app->context;
	struct enrollment_link_list list;
	size_t i;
	bool closed;
	int r;

	if ((r = settings_get_bool(
		 c->db, c->conf, SETTINGS_BUSINESS_ONLY, &closed)) != OK ||
	    (r = enrollment_links_list(c->db, form_text(page->query, "after"),
		 ADMIN_PAGE_ROWS, &list)) != OK)
		return r;
	tmplrow_flag(page->row, "in_enrollments", true);
	tmplrow_flag(page->row, "closed", closed);
	tmplrow_setf(page->row, "hours", "%d", c->conf->link_hours);
	*created = form != NULL ? create(page, form) : OK;
	tmplrow_flag(page->row, "shown",
	    list.n > 0 || (form != NULL && *created == OK));
	for (i = 0; i < list.n; i++)
		fill_link(tmplrow_add(page->row, "links"), &list.rows[i]);
	admin_page_cursor(page, "/admin/links", filters, list.next);
	enrollment_links_list_release(&list);
	return err_http_status(*created) < 500 ? OK : *created;
}

static int
send_page(struct admin_app *app, const struct req *req, const struct form *form,
    struct resp *resp)
{
	struct admin_page page;
	int r, created;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = fill(&page, form, &created)) != OK)
		goto done;
	tmplrow_set(
	    page.row, "problem", created == OK ? "" : err_text(created));
	page.code = created;
	r = admin_page_send(&page, "links", "Enrollment links", resp);
done:
	admin_page_release(&page);
	return r;
}

int
admin_links_show(void *app, const struct req *req, struct resp *resp)
{
	return send_page(app, req, NULL, resp);
}

int
admin_links_create(void *app, const struct req *req, struct resp *resp)
{
	struct session session;
	struct form *form;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	r = send_page(app, req, form, resp);
	form_free(form);
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
