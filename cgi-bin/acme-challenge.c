/*
 * acme-challenge: verifies the attestations that devices send. It parses the
 * most hostile bytes and has no key of any authority.
 */
#include "acme-http.h"
#include "acme/challenge.h"

static int
do_challenge(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct order o;
	int r;

	r = challenge_answer(rq, app->own, req_path_param(req, "challenge"),
	    req->remote_address, &o);
	if (r != OK)
		return r;
	if ((r = acme_http_link(resp, rq, LINK_AUTHORIZATION,
		 o.authorization_id, "up")) != OK ||
	    (r = acme_http_location(
		 resp, rq, LINK_CHALLENGE, o.challenge_id)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_challenge(acme_http_place(rq), &o, &resp->body);
}

ACME_HTTP_RESOURCE(
    challenge, CHALLENGE_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)

static void
free_roots(void *own)
{
	attest_roots_free(own);
}

static int
open_program(const struct conf *conf, void **out)
{
	struct attest_roots *roots;
	struct acme_http *app;
	int r;

	*out = NULL;
	if ((r = acme_http_open(conf, DB_RELAXED, &app)) != OK)
		return r;
	if ((r = attest_roots_load(conf->attestation_root, &roots)) != OK) {
		acme_http_close(app);
		return r;
	}
	app->own = roots;
	app->own_free = free_roots;
	*out = app;
	return OK;
}

static const struct route routes[] = {
	{ "POST", "/acme/:enrollment/challenge/:challenge", post_challenge,
	    REQUEST_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

int
main(int argc, char **argv)
{
	static const struct web_program program = {
		.name = "acme-challenge",
		.summary = "ACME device attestation",
		.routes = routes,
		.open = open_program,
		.close = acme_http_close,
		.on_error = acme_http_on_error,
		.end = acme_http_end,
	};

	return worker_main(argc, argv, &program);
}
