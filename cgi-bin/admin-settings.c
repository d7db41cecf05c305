/*
 * admin-settings: the pages on which an administrator sees hosts and attempts to
 * enroll, and changes settings. Works without JavaScript; no page has any.
 */
#include <string.h>

#include "admin-accounts.h"
#include "admin-activities.h"
#include "admin-alarms.h"
#include "admin-apple.h"
#include "admin-command-page.h"
#include "admin-consequences.h"
#include "admin-enrollments.h"
#include "admin-export.h"
#include "admin-host-acts.h"
#include "admin-host-page.h"
#include "admin-hosts.h"
#include "admin-jobs.h"
#include "admin-links.h"
#include "admin-move.h"
#include "admin-options.h"
#include "admin-overview.h"
#include "admin-page.h"
#include "admin-tokens.h"
#include "base/log.h"
#include "web/session.h"
#include "web/worker.h"

static int
show_sign_in(struct admin_app *app, const struct req *req, int code,
    const char *name, struct resp *resp)
{
	char token[SECRET_TOKEN_TEXT];
	struct tmpl_row *row;
	int r;

	if ((r = session_login_token(req, resp, token)) != OK)
		return r;
	row = tmplrow_new();
	tmplrow_set(row, "csrf", token);
	tmplrow_set(row, "name", name);
	tmplrow_set(row, "problem", code != OK ? err_text(code) : "");
	r = admin_page_send_bare(app, "sign-in", "Sign in",
	    code != OK ? err_http_status(code) : 200, row, resp);
	tmplrow_free(row);
	return r;
}

static int
get_sign_in(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct session session;
	int r = session_load(app->context.db, req, &session);

	if (r == OK)
		return resp_redirect(resp, "/admin/");
	return r == ERR_SESSION ? show_sign_in(app, req, OK, "", resp) : r;
}

/* Wrong names, passwords and stale forms all lead to the form again. */
static int
sign_in(struct admin_app *app, const struct req *req, const struct form *form,
    struct resp *resp)
{
	const char *name = form_text(form, "name");
	int r;

	r = session_check_login(req, form);
	if (r == OK)
		r = session_start(app->context.db, req,
		    app->context.conf->admin_key, name,
		    form_text(form, "password"), resp);
	if (r == OK)
		return resp_redirect(resp, "/admin/");
	if (r == ERR_LOGIN || r == ERR_RATE_LIMITED || r == ERR_CSRF)
		return show_sign_in(app, req, r, name, resp);
	return r;
}

static int
post_sign_in(void *app, const struct req *req, struct resp *resp)
{
	struct form *form;
	int r;

	if (!req_media_type_is(req, "application/x-www-form-urlencoded"))
		return fail(ERR_MEDIA_TYPE, "a form of another kind");
	if ((r = form_parse(req->body, &form)) != OK)
		return r;
	r = sign_in(app, req, form, resp);
	form_free(form);
	return r;
}

static int
post_sign_out(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct session session;
	struct form *form;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	form_free(form);
	if ((r = session_end(app->context.db, &session, resp)) != OK)
		return r;
	return resp_redirect(resp, "/admin/sign-in");
}

static int
get_style(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;

	return stylesheet_send(&app->style, resp);
}

static int
get_icon(void *p, const struct req *req, struct resp *resp)
{
	return stylesheet_send_icon(resp);
}

static const struct route routes[] = {
	{ "GET", "/admin/", admin_overview_show, ADMIN_PAGE_BODY },
	{ "GET", "/admin/style.css", get_style, ADMIN_PAGE_BODY },
	{ "GET", "/admin/icon.svg", get_icon, ADMIN_PAGE_BODY },
	{ "GET", "/admin/sign-in", get_sign_in, ADMIN_PAGE_BODY },
	{ "POST", "/admin/sign-in", post_sign_in, ADMIN_PAGE_BODY },
	{ "POST", "/admin/sign-out", post_sign_out, ADMIN_PAGE_BODY },
	{ "GET", "/admin/hosts", admin_hosts_list, ADMIN_PAGE_BODY },
	{ "GET", "/admin/hosts.csv", admin_export_hosts, ADMIN_PAGE_BODY },
	{ "GET", "/admin/hosts/:id", admin_host_page_show, ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/commands", admin_host_acts_queue,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/hosts/:id/commands/:command", admin_command_page_show,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/commands/:command/cancel",
	    admin_host_acts_cancel, ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/block", admin_host_acts_block,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/unblock", admin_host_acts_unblock,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/renew", admin_host_acts_renew,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/hosts/:id/revoke", admin_host_acts_revoke,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/enrollments", admin_enrollments_list,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/enrollments/:id", admin_enrollments_show,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/links", admin_links_show, ADMIN_PAGE_BODY },
	{ "POST", "/admin/links", admin_links_create, ADMIN_PAGE_BODY },
	{ "POST", "/admin/links/:id/revoke", admin_links_revoke,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/refusals", admin_enrollments_refusals,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/serial", admin_enrollments_serial, ADMIN_PAGE_BODY },
	{ "GET", "/admin/alarms", admin_alarms_list, ADMIN_PAGE_BODY },
	{ "GET", "/admin/jobs", admin_jobs_list, ADMIN_PAGE_BODY },
	{ "GET", "/admin/move", admin_move_page_show, ADMIN_PAGE_BODY },
	{ "POST", "/admin/move", admin_move_page_start, ADMIN_PAGE_BODY },
	{ "POST", "/admin/move/stop", admin_move_page_stop, ADMIN_PAGE_BODY },
	{ "GET", "/admin/settings", admin_options_show, ADMIN_PAGE_BODY },
	{ "GET", "/admin/settings/:setting/hosts", admin_consequences_list,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/settings/minimum-os", admin_options_set_minimum_os,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/settings/:setting", admin_options_set,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/activity", admin_activities_list, ADMIN_PAGE_BODY },
	{ "GET", "/admin/apple", admin_apple_show, ADMIN_PAGE_BODY },
	{ "POST", "/admin/apple/sync", admin_apple_sync, ADMIN_PAGE_BODY },
	{ "GET", "/admin/admins", admin_accounts_list, ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins", admin_accounts_create, ADMIN_PAGE_BODY },
	{ "GET", "/admin/admins/one", admin_accounts_show, ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins/role", admin_accounts_set_role,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins/password", admin_accounts_set_password,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins/disable", admin_accounts_disable,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins/enable", admin_accounts_enable,
	    ADMIN_PAGE_BODY },
	{ "POST", "/admin/admins/sign-out", admin_accounts_sign_out,
	    ADMIN_PAGE_BODY },
	{ "GET", "/admin/tokens", admin_tokens_list, ADMIN_PAGE_BODY },
	{ "POST", "/admin/tokens", admin_tokens_create, ADMIN_PAGE_BODY },
	{ "POST", "/admin/tokens/revoke", admin_tokens_revoke,
	    ADMIN_PAGE_BODY },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "admin-settings",
	.summary = "Pages for administrators: hosts, enrollments, settings",
	.routes = routes,
	.app_size = sizeof(struct admin_app),
	.database = DB_DURABLE,
	.load = admin_page_load,
	.unload = admin_page_unload,
	.on_error = admin_page_on_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
