/*
 * profile-download: hands enrollment profiles to devices that Apple sends here
 * (Automated Device Enrollment), and to those that come with a one-time link.
 */
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "enroll/ade_profile.h"
#include "enroll/machineinfo.h"
#include "enroll/link_profile.h"
#include "enroll/software_update.h"
#include "link-page.h"
#include "web/worker.h"

#define DEVICE_INFO_HEADER "x-apple-aspen-deviceinfo"
#define ENROLL_PATH        "/enroll"
#define PROFILE_TYPE       "application/x-apple-aspen-config"

/* A form without fields. */
#define LINK_BODY_MAX 1024

struct app {
	struct ade_profile ade;
	struct link_page page;
};

static int
send_profile(struct resp *resp, struct blob profile)
{
	int r;

	if ((r = resp_set(resp, "Content-Disposition",
		 "attachment; filename=\"enrollment.mobileconfig\"")) != OK)
		return r;
	return resp_body(resp, 200, PROFILE_TYPE, profile);
}

/* Setup Assistant understands this one and offers the update. */
static int
send_update(struct resp *resp, const char *minimum)
{
	struct buf json;
	int r;

	buf_init(&json, 4096);
	r = software_update_write(minimum, &json);
	if (r == OK)
		r = resp_body(resp, 403, "application/json", buf_blob(&json));
	buf_release(&json);
	return r;
}

static int
hand_out(struct ade_profile *h, const struct req *req, struct blob cms,
    struct resp *resp)
{
	struct ade_profile_answer answer;
	int r;

	ade_profile_answer_init(&answer);
	r = ade_profile_make(h, cms, req->remote_address, &answer);
	if (r == OK)
		r = send_profile(resp, buf_blob(&answer.profile));
	else if (r == ERR_ENROLL_OS_TOO_OLD)
		r = send_update(resp, answer.minimum_os_version);
	ade_profile_answer_release(&answer);
	return r;
}

/* The device sends its information as the body, of whatever content type. */
static int
post_enroll(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	if (req->body.n == 0)
		return ade_profile_refuse(&app->ade,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the request carries no device information"),
		    req->remote_address);
	return hand_out(&app->ade, req, req->body, resp);
}

/* A web view sends it in a header. Looking at the page alone is no request. */
static int
get_enroll(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	const char *header = req_header(req, DEVICE_INFO_HEADER);
	struct buf cms;
	int r;

	if (!req_method_is(req, "GET"))
		return ERR_METHOD;
	if (header == NULL)
		return fail(ERR_ENROLL_MACHINEINFO,
		    "the request carries no device information");
	buf_init(&cms, MACHINEINFO_BYTES_MAX);
	if (enc_base64_decode(blob_str(header), &cms) != OK)
		r = ade_profile_refuse(&app->ade,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the device information is not strict base64"),
		    req->remote_address);
	else
		r = hand_out(&app->ade, req, buf_blob(&cms), resp);
	buf_release(&cms);
	return r;
}

static int
get_link(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	int r = link_profile_look(&app->ade, req_path_param(req, "token"));

	return link_page_send(&app->page, r, resp);
}

static int
post_link(void *p, const struct req *req, struct resp *resp)
{
	const char *token = req_path_param(req, "token");
	struct app *app = p;
	struct buf profile;
	int r;

	buf_init(&profile, PROFILE_BYTES_MAX);
	r = link_profile_redeem(
	    &app->ade, token, req->remote_address, &profile);
	if (r == OK)
		r = send_profile(resp, buf_blob(&profile));
	else
		r = link_page_send(&app->page, r, resp);
	buf_wipe(&profile);
	return r;
}

static int
get_style(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	return stylesheet_send(&app->page.style, resp);
}

static int
get_icon(void *app, const struct req *req, struct resp *resp)
{
	return stylesheet_send_icon(resp);
}

static void
close_app(void *p)
{
	struct app *app = p;

	if (app == NULL)
		return;
	link_page_release(&app->page);
	ade_profile_close(&app->ade);
	free(app);
}

static int
open_app(const struct conf *conf, void **out)
{
	struct app *app = calloc(1, sizeof(*app));
	int r;

	if (app == NULL)
		return ERR_NOMEM;
	if ((r = ade_profile_open(conf, &app->ade)) != OK ||
	    (r = link_page_init(&app->page, conf)) != OK) {
		close_app(app);
		return r;
	}
	*out = app;
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
		ade_profile_refuse(&app->ade, code, req->remote_address);
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
	.summary = "hands out enrollment profiles to devices",
	.routes = routes,
	.open = open_app,
	.close = close_app,
	.on_error = on_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
