/*
 * acme-challenge: verifies the attestations that devices send. It parses the
 * most hostile bytes and has no key of any authority.
 */
#include "acme-http.h"
#include "acme/challenge.h"

struct app {
	struct acme_http http;
	struct attest_roots *roots;
};

static int
post_challenge(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "challenge");
	struct app *app = p;
	struct request *rq = &app->http.request;
	char authorization[LINKS_TEXT];
	struct order o;
	int r;

	if ((r = acme_http_verify(&app->http, req, CHALLENGE_STEP,
		 REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)) != OK ||
	    (r = challenge_answer(rq, app->roots, id, &o)) != OK)
		return r;
	links_write(authorization, rq->context.conf->url, rq->enrollment.id,
	    LINK_AUTHORIZATION, o.authorization_id);
	if ((r = acme_http_link(resp, authorization, "up")) == OK &&
	    (r = acme_http_object(
		 resp, rq, 200, LINK_CHALLENGE, o.challenge_id)) == OK)
		r = objects_challenge(rq, &o, &resp->body);
	return r;
}

static int
load(void *p)
{
	struct app *app = p;
	int r = acme_http_load(p);

	if (r != OK)
		return r;
	return attest_roots_load(
	    app->http.request.context.conf->attestation_root, &app->roots);
}

static void
unload(void *p)
{
	struct app *app = p;

	attest_roots_free(app->roots);
	acme_http_unload(p);
}

static const struct route routes[] = {
	{ "POST", "/acme/:enrollment/challenge/:challenge", post_challenge,
	    REQUEST_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "acme-challenge",
	.summary = "ACME device attestation",
	.routes = routes,
	.app_size = sizeof(struct app),
	.database = DB_RELAXED,
	.devices = true,
	.load = load,
	.unload = unload,
	.begin = acme_http_begin,
	.on_error = acme_http_on_error,
	.end = acme_http_end,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
