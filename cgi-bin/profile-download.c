/*
 * profile-download: hands enrollment profiles to devices that Apple sends here
 * (Automated Device Enrollment).
 */
#include <stdlib.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "enroll/handout.h"
#include "enroll/machineinfo.h"
#include "enroll/software_update.h"
#include "web/worker.h"

#define DEVICE_INFO_HEADER "x-apple-aspen-deviceinfo"
#define PROFILE_TYPE       "application/x-apple-aspen-config"

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
hand_out(struct handout *h, const struct req *req, struct blob cms,
    struct resp *resp)
{
	struct handout_answer answer;
	int r;

	handout_answer_init(&answer);
	r = handout_make(h, cms, req->remote_address, &answer);
	if (r == OK)
		r = send_profile(resp, buf_blob(&answer.profile));
	else if (r == ERR_ENROLL_OS_TOO_OLD)
		r = send_update(resp, answer.minimum_os_version);
	handout_answer_release(&answer);
	return r;
}

/* The device sends its information as the body, of whatever content type. */
static int
post_enroll(void *app, const struct req *req, struct resp *resp)
{
	if (req->body.n == 0)
		return handout_refuse(app,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the request carries no device information"),
		    req->remote_address);
	return hand_out(app, req, req->body, resp);
}

/* A web view sends it in a header. Looking at the page alone is no request. */
static int
get_enroll(void *app, const struct req *req, struct resp *resp)
{
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
		r = handout_refuse(app,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the device information is not strict base64"),
		    req->remote_address);
	else
		r = hand_out(app, req, buf_blob(&cms), resp);
	buf_release(&cms);
	return r;
}

static int
open_app(const struct conf *conf, void **app)
{
	struct handout *h = malloc(sizeof(*h));
	int r;

	if (h == NULL)
		return ERR_NOMEM;
	if ((r = handout_open(conf, h)) != OK) {
		handout_close(h);
		free(h);
		return r;
	}
	*app = h;
	return OK;
}

static void
close_app(void *app)
{
	if (app != NULL)
		handout_close(app);
	free(app);
}

/* What is too large reaches no handler. */
static void
on_error(void *app, const struct req *req, int code, struct resp *resp)
{
	if (code == ERR_TOO_LARGE)
		handout_refuse(app, code, req->remote_address);
	resp_error_text(resp, code);
}

static const struct route routes[] = {
	{ "POST", "/enroll", post_enroll, MACHINEINFO_BYTES_MAX },
	{ "GET", "/enroll", get_enroll, 0 },
	{ "HEAD", "/enroll", get_enroll, 0 },
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
