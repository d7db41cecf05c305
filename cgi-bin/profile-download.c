/*
 * profile-download: hands enrollment profiles to devices that Apple sends here
 * (Automated Device Enrollment), and to those that come with a one-time link.
 */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll-http.h"
#include "enroll/link_profile.h"
#include "enroll/machineinfo.h"
#include "web/worker.h"

#define ENROLL_PATH "/enroll"

/* A form without fields. */
#define LINK_BODY_MAX 1024

struct app {
	struct context context;
	struct enroll_http enroll;
};

/* The device sends its information as the body, of whatever content type. */
static int
post_enroll(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	if (req->body.n == 0)
		return context_refuse(&app->context,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the request carries no device information"));
	return enroll_http_answer(
	    &app->enroll, &app->context, req->body, "", resp);
}

/* A web view sends it in a header. Looking at the page alone is no request. */
static int
get_enroll(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	struct buf cms;
	int r;

	if (!req_method_is(req, "GET"))
		return ERR_METHOD;
	buf_init(&cms, MACHINEINFO_BYTES_MAX);
	if ((r = enroll_http_info(req, &cms)) == OK)
		r = enroll_http_answer(
		    &app->enroll, &app->context, buf_blob(&cms), "", resp);
	else if (enroll_http_has_info(req))
		r = context_refuse(&app->context, r);
	buf_release(&cms);
	return r;
}

/*
 * The page behind a one-time link, or what is wrong with it. Looking at it uses
 * nothing up, so that a chat's preview of the link does not; its button gets
 * the profile.
 */
static int
send_page(const struct app *app, int code, struct resp *resp)
{
	struct tmpl_row *row;

	if (code != OK && err_http_status(code) >= 500)
		return code;
	row = tmplrow_new();
	tmplrow_flag(row, "usable", code == OK);
	return enroll_http_page(
	    &app->enroll, app->context.conf, "manual", row, code, resp);
}

static int
get_link(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	int r =
	    link_profile_check(app->context.db, req_path_param(req, "token"));

	return send_page(app, r, resp);
}

static int
post_link(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	struct buf profile;
	int r;

	buf_init(&profile, PROFILE_BYTES_MAX);
	r = link_profile_redeem(&app->context, &app->enroll.files,
	    req_path_param(req, "token"), &profile);
	if (r == OK)
		r = enroll_http_profile(resp, buf_blob(&profile));
	else
		r = send_page(app, r, resp);
	buf_wipe(&profile);
	return r;
}

static int
get_style(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	return stylesheet_send(&app->enroll.style, resp);
}

static int
get_icon(void *app, const struct req *req, struct resp *resp)
{
	return stylesheet_send_icon(resp);
}

static int
load(void *p)
{
	struct app *app = p;

	return enroll_http_load(&app->enroll, app->context.conf);
}

static void
unload(void *p)
{
	struct app *app = p;

	enroll_http_release(&app->enroll);
}

static int
begin(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	app->context.step = "profile";
	return OK;
}

/*
 * What is too large reaches no handler. Of requests to a link it leaves no row:
 * whoever holds none could fill the table.
 */
static void
on_error(void *p, const struct req *req, int code, struct resp *resp)
{
	struct app *app = p;

	if (code == ERR_TOO_LARGE && strcmp(req->path, ENROLL_PATH) == 0)
		context_refuse(&app->context, code);
	resp_error_text(resp, code);
}

static const struct route routes[] = {
	{ "POST", ENROLL_PATH, post_enroll, MACHINEINFO_BYTES_MAX },
	{ "GET", ENROLL_PATH, get_enroll, 0 },
	{ "HEAD", ENROLL_PATH, get_enroll, 0 },
	{ "GET", "/enroll/manual/:token", get_link, 0 },
	{ "POST", "/enroll/manual/:token", post_link, LINK_BODY_MAX },
	{ "GET", "/enroll/style.css", get_style, 0 },
	{ "GET", "/enroll/icon.svg", get_icon, 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "profile-download",
	.summary = "serves enrollment profiles to devices",
	.routes = routes,
	.app_size = sizeof(struct app),
	.database = DB_RELAXED,
	.devices = true,
	.load = load,
	.unload = unload,
	.begin = begin,
	.on_error = on_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
