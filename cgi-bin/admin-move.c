#include "admin-move.h"

#include "admin/admin_move.h"
#include "base/err.h"
#include "base/log.h"

static int
fill(struct admin_page *page)
{
	struct move m;
	int r = moves_load(page->app->context.db, &m);

	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	tmplrow_flag(page->row, "any", true);
	tmplrow_flag(page->row, "running", m.ended_at == 0);
	tmplrow_set(page->row, "started_by", m.started_by);
	tmplrow_setf(page->row, "planned", "%lld", (long long)m.planned);
	tmplrow_setf(page->row, "opened", "%lld", (long long)m.opened);
	tmplrow_setf(page->row, "failed", "%lld", (long long)m.failed);
	tmplrow_set(page->row, "last_error", m.last_error);
	tmplrow_set(page->row, "cancelled_by", m.cancelled_by);
	admin_page_time(page->row, "started_at", m.started_at);
	admin_page_time(page->row, "ended_at", m.ended_at);
	return OK;
}

/* `code` is why something was not done, or OK. */
static int
show(struct admin_app *app, const struct req *req, int code, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill(&page)) == OK) {
		tmplrow_set(
		    page.row, "problem", code != OK ? err_text(code) : "");
		tmplrow_flag(page.row, "unrequired", code == ERR_FIELD);
		tmplrow_flag(page.row, "in_settings", true);
		page.code = code;
		r = admin_page_send(&page, "move", "Move hosts", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_move_page_show(void *app, const struct req *req, struct resp *resp)
{
	return show(app, req, OK, resp);
}

static int
act(struct admin_app *app, const struct req *req, bool start, struct resp *resp)
{
	struct admin_actor actor;
	struct session session;
	struct form *form;
	int64_t planned;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	form_free(form);
	actor = admin_page_actor(app, &session);
	r = start ? admin_move_start(&actor, &planned)
		  : admin_move_cancel(&actor);
	if (r == OK)
		return resp_redirect(resp, "/admin/move");
	return err_http_status(r) < 500 ? show(app, req, r, resp) : r;
}

int
admin_move_page_start(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, true, resp);
}

int
admin_move_page_stop(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, false, resp);
}
