/*
 * enroll-sso: lets people sign in at their identity provider, by OpenID Connect
 * in the web view of Setup Assistant, before their device gets its enrollment
 * profile (Apple: configuration_web_url). While that is not asked for it gives
 * the profile at once.
 *
 *	GET /enroll/sso            the device's information is kept, and
 *	                           the browser sent to the provider
 *	GET /enroll/sso/callback   its answer becomes the profile
 *
 * Every other end is a page in plain words, from which the person can try again
 * as long as the device's information is kept.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll-http.h"
#include "enroll/machineinfo.h"
#include "enroll/sign_in_device.h"
#include "net/openid_client.h"
#include "policy/sign_in.h"
#include "store/settings.h"
#include "web/form.h"
#include "web/worker.h"

#define SSO_PATH "/enroll/sso"
#define COOKIE   "__Host-attestmdm-enroll"
#define URL_MAX  8192
/* Bytes of an error word of the provider's, in the event log. */
#define WORD_MAX 64

struct app {
	struct context context;
	struct enroll_http enroll;
	struct openid_client client;
	/* of the request: its device's information is kept */
	bool can_try_again;
};

/* Sent back by this browser alone, and not by requests from other sites. */
static int
set_cookie(struct resp *resp, const char *value, int seconds)
{
	char line[sizeof COOKIE + SIGN_INS_VALUE_TEXT + 80];

	snprintf(line, sizeof line,
	    COOKIE "=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=Lax",
	    value, seconds);
	return resp_set(resp, "Set-Cookie", line);
}

static int
refuse(struct app *app, int code)
{
	return context_refuse(&app->context, code);
}

static int
give_profile(
    struct app *app, struct blob cms, const char *account, struct resp *resp)
{
	app->context.step = "profile";
	return enroll_http_answer(
	    &app->enroll, &app->context, cms, account, resp);
}

/* Off to the provider, which may take a while to say where. */
static int
send_away(struct app *app, const struct sign_in *s, struct resp *resp)
{
	char cookie[SIGN_INS_VALUE_TEXT];
	struct openid_client_try try;
	struct buf url;
	int r;

	app->can_try_again = true;
	openid_client_new_try(&try);
	try.again = s->tries > 0;
	buf_init(&url, URL_MAX);
	if ((r = openid_client_url(&app->client, &try, &url)) != OK ||
	    (r = sign_in_device_try(&app->context, s,
		 &(struct sign_in_try){ try.state, try.nonce, try.verifier },
		 cookie)) != OK) {
		if (r == ERR_SIGN_IN_EXPIRED)
			app->can_try_again = false;
		r = refuse(app, r);
	} else if ((r = set_cookie(resp, cookie, SIGN_INS_LIFE)) == OK &&
	    (r = resp_set(resp, "Location", buf_str(&url))) == OK) {
		resp->status = 303;
	}
	buf_release(&url);
	secret_wipe(&try, sizeof try);
	return r;
}

/* True when people must sign in. */
static int
is_on(struct app *app, bool *out)
{
	return settings_get_bool(
	    app->context.db, app->context.conf, SETTINGS_SIGN_IN, out);
}

/*
 * The device's information is kept before the provider is asked for anything, so
 * that the person can try again if that fails.
 */
static int
begin_device(struct app *app, struct blob cms, struct resp *resp)
{
	char cookie[SIGN_INS_VALUE_TEXT];
	struct sign_in s;
	struct buf update;
	bool on;
	int r;

	if ((r = is_on(app, &on)) != OK)
		return r;
	if (!on)
		return give_profile(app, cms, "", resp);
	buf_init(&update, PROFILE_BYTES_MAX);
	r = sign_in_device_keep(
	    &app->context, app->enroll.device_ca, cms, &s, cookie, &update);
	if (r == ERR_ENROLL_OS_TOO_OLD)
		r = enroll_http_update(resp, buf_blob(&update));
	else if (r == OK &&
	    (r = set_cookie(resp, cookie, SIGN_INS_LIFE)) == OK)
		r = send_away(app, &s, resp);
	buf_release(&update);
	secret_wipe(cookie, sizeof cookie);
	return r;
}

/* ERR_NOT_FOUND when the browser has none. */
static int
read_cookie(const struct req *req, char cookie[SIGN_INS_VALUE_TEXT])
{
	return form_cookie(req_header(req, "Cookie"), COOKIE, cookie,
	    SIGN_INS_VALUE_TEXT);
}

/* The device was here before: it says nothing again. */
static int
begin_again(struct app *app, const struct req *req, struct resp *resp)
{
	char cookie[SIGN_INS_VALUE_TEXT];
	struct sign_in s;
	bool on;
	int r;

	if (read_cookie(req, cookie) != OK)
		return fail(ERR_ENROLL_MACHINEINFO,
		    "the request carries no device information");
	if ((r = sign_in_device_find(&app->context, cookie, &s)) != OK)
		return r;
	if ((r = is_on(app, &on)) == OK)
		r = on ? send_away(app, &s, resp)
		       : give_profile(app, s.machineinfo, "", resp);
	sign_ins_release(&s);
	return r;
}

static int
get_sso(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	struct buf cms;
	int r;

	if (!req_method_is(req, "GET"))
		return ERR_METHOD;
	if (!enroll_http_has_info(req))
		return begin_again(app, req, resp);
	buf_init(&cms, MACHINEINFO_BYTES_MAX);
	r = enroll_http_info(req, &cms);
	r = r == OK ? begin_device(app, buf_blob(&cms), resp) : refuse(app, r);
	buf_release(&cms);
	return r;
}

/*
 * From a device that shows no pages, or holds a profile of Apple Business from
 * when people had to sign in: refused while they have to.
 */
static int
post_sso(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	if (req->body.n == 0)
		return refuse(app,
		    fail(ERR_ENROLL_MACHINEINFO,
			"the request carries no device information"));
	return give_profile(app, req->body, "", resp);
}

/*
 * Ends the try of this browser with this state. Another page of the browser may
 * still be good, so the person can go on with that.
 */
static int
take_try(struct app *app, const struct req *req, const struct form *form,
    struct sign_in *s)
{
	const char *state = form_text(form, "state");
	char cookie[SIGN_INS_VALUE_TEXT];

	if (read_cookie(req, cookie) != OK)
		return fail(ERR_SIGN_IN_EXPIRED,
		    "the provider's answer came back in another browser");
	app->can_try_again = true;
	return sign_in_device_take(&app->context, cookie, state, s);
}

/* The provider did not let them in, or they turned back. */
static int
explain_error(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz_");

	return fail(ERR_SIGN_IN_CANCELLED, "the provider says: %.*s",
	    (int)(n < WORD_MAX ? n : WORD_MAX), word);
}

static int
find_account(struct app *app, const struct sign_in *s, const struct form *form,
    char account[ENROLLMENTS_ACCOUNT_TEXT])
{
	struct openid_client_answer answer = {
		.code = form_text(form, "code"),
		.issuer = form_get(form, "iss"),
	};
	struct openid_client_try try = { .state = "" };
	struct idtoken token;
	int r;

	if (form_get(form, "error") != NULL)
		return explain_error(form_text(form, "error"));
	if (*answer.code == '\0' ||
	    strlen(answer.code) > OPENID_CLIENT_CODE_MAX)
		return fail(ERR_MALFORMED,
		    "the provider's answer has no code, or one of %zu bytes",
		    strlen(answer.code));
	memcpy(try.nonce, s->nonce, sizeof try.nonce);
	memcpy(try.verifier, s->verifier, sizeof try.verifier);
	r = openid_client_redeem(&app->client, &try, &answer, &token);
	if (r == OK)
		r = sign_in_account(app->context.conf, &token, account);
	idtoken_release(&token);
	secret_wipe(&try, sizeof try);
	return r;
}

/* The device has its profile; only then its information is forgotten. */
static int
finish(struct app *app, const struct sign_in *s, const char *account,
    struct resp *resp)
{
	int r;

	if ((r = give_profile(app, s->machineinfo, account, resp)) != OK ||
	    resp->status != 200 ||
	    (r = sign_in_device_end(&app->context, s)) != OK)
		return r;
	return set_cookie(resp, "", 0);
}

static int
get_callback(void *p, const struct req *req, struct resp *resp)
{
	char account[ENROLLMENTS_ACCOUNT_TEXT];
	struct app *app = p;
	struct form *form;
	struct sign_in s;
	int r;

	if (!req_method_is(req, "GET"))
		return ERR_METHOD;
	if ((r = form_parse(blob_str(req->query), &form)) != OK)
		return refuse(app, r);
	if ((r = take_try(app, req, form, &s)) != OK) {
		form_free(form);
		return refuse(app, r);
	}
	if ((r = find_account(app, &s, form, account)) == OK)
		r = finish(app, &s, account, resp);
	else
		r = refuse(app, r);
	sign_ins_release(&s);
	form_free(form);
	return r;
}

/* What the person can do, in a sentence or two. */
static const char *
advice(int code)
{
	switch (code) {
	case ERR_SIGN_IN_ACCOUNT:
		return "Try again with your account of the organization, or ask "
		       "its administrator.";
	case ERR_SIGN_IN_CANCELLED:
		return "Nothing has happened to this device. Sign in to go on.";
	case ERR_SIGN_IN_EXPIRED:
		return "It took too long, or this page was opened twice. Sign "
		       "in again.";
	case ERR_SIGN_IN_TOKEN:
	case ERR_SIGN_IN_KEY:
		return "Try again. If it fails again, tell the administrator of "
		       "the organization.";
	case ERR_ENROLL_MACHINEINFO:
		return "This page is for devices that are being set up. Open it "
		       "from Setup Assistant.";
	default:
		return err_http_status(code) >= 500
		    ? "Try again in a few minutes. If it fails again, tell the "
		      "administrator of the organization."
		    : "Tell the administrator of the organization, who can see "
		      "why.";
	}
}

/* The person knows of no other server but the one to sign in at. */
static int
as_seen(int code)
{
	switch (code) {
	case ERR_NET_UNREACHABLE:
	case ERR_NET_TRUST:
	case ERR_NET_CERTIFICATE:
	case ERR_NET_TIMEOUT:
	case ERR_NET_ANSWER:
		return ERR_SIGN_IN_PROVIDER;
	default:
		return code;
	}
}

static int
send_page(const struct app *app, int code, struct resp *resp)
{
	struct tmpl_row *row = tmplrow_new();

	tmplrow_set(row, "advice", advice(code));
	tmplrow_flag(row, "again", app->can_try_again);
	tmplrow_set(row, "serial", app->context.serial);
	return enroll_http_page(&app->enroll, app->context.conf, "enroll-sso",
	    row, as_seen(code), resp);
}

static int
load(void *p)
{
	struct app *app = p;
	int r = enroll_http_load(&app->enroll, app->context.conf);

	return r == OK ? openid_client_open(&app->client, app->context.conf)
		       : r;
}

static void
unload(void *p)
{
	struct app *app = p;

	openid_client_close(&app->client);
	enroll_http_release(&app->enroll);
}

static int
begin(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;

	app->context.step = "sign-in";
	app->can_try_again = false;
	openid_client_begin(&app->client);
	return OK;
}

/* Devices read nothing; people in their web view do. */
static void
on_error(void *p, const struct req *req, int code, struct resp *resp)
{
	struct app *app = p;

	if (code == ERR_TOO_LARGE && strcmp(req->path, SSO_PATH) == 0)
		refuse(app, code);
	if (req_method_is(req, "POST") || send_page(app, code, resp) != OK)
		resp_error_text(resp, code);
}

static const struct route routes[] = {
	{ "GET", SSO_PATH, get_sso, 0 },
	{ "POST", SSO_PATH, post_sso, MACHINEINFO_BYTES_MAX },
	{ "GET", OPENID_CLIENT_CALLBACK, get_callback, 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "enroll-sso",
	.summary = "lets people sign in before their device enrolls",
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
