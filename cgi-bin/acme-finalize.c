/* acme-finalize: the one program that holds the key of the ACME authority. */
#include <stdlib.h>

#include "acme-http.h"
#include "acme/finalize.h"
#include "acme/order.h"
#include "acme/revocation.h"
#include "base/log.h"

static int
do_finalize(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = finalize_order(rq, app->own, req_path_param(req, "order"),
	    req->remote_address, &o, &replaces);
	if (r == OK &&
	    (r = acme_http_location(resp, rq, LINK_ORDER, o.id)) == OK &&
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) == OK)
		r = objects_order(acme_http_place(rq), &o,
		    replaces.n > 0 ? buf_str(&replaces) : NULL, &resp->body);
	buf_release(&replaces);
	return r;
}

static int
do_certificate(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	int r;

	r = finalize_download(rq, app->own, req_path_param(req, "certificate"),
	    req->remote_address, &resp->body);
	if (r != OK)
		return r;
	return resp_set(
	    resp, "Content-Type", "application/pem-certificate-chain");
}

static int
do_revoke(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	(void)app;
	(void)resp;
	return revocation_request(rq, req->remote_address);
}

ACME_HTTP_RESOURCE(
    finalize, FINALIZE_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(certificate, FINALIZE_STEP_DOWNLOAD, REQUEST_WHILE_USABLE,
    REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    revoke, REVOCATION_STEP, REQUEST_WHILE_CERTIFIED, REQUEST_BY_EITHER)

static void
free_keys(void *own)
{
	struct finalize_keys *keys = own;

	authority_free(keys->ca);
	attest_roots_free(keys->roots);
	free(keys);
}

static int
open_keys(const struct conf *conf, struct acme_http *app)
{
	struct finalize_keys *keys = calloc(1, sizeof *keys);
	int r;

	if (keys == NULL)
		return fail(ERR_NOMEM, "no memory for keys");
	app->own = keys;
	app->own_free = free_keys;
	if ((r = authority_load(
		 conf->ca_key, conf->ca_certificate, &keys->ca)) != OK)
		return r;
	return attest_roots_load(conf->attestation_root, &keys->roots);
}

static int
open_program(const struct conf *conf, void **out)
{
	struct acme_http *app;
	int r;

	*out = NULL;
	if ((r = acme_http_open(conf, DB_DURABLE, &app)) != OK)
		return r;
	if ((r = open_keys(conf, app)) != OK) {
		acme_http_close(app);
		return r;
	}
	*out = app;
	return OK;
}

static const struct route routes[] = {
	{ "POST", "/acme/:enrollment/order/:order/finalize", post_finalize,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/certificate/:certificate",
	    post_certificate, REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/revoke-cert", post_revoke,
	    REQUEST_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

int
main(int argc, char **argv)
{
	static const struct web_program program = {
		.name = "acme-finalize",
		.summary = "ACME certificates: finalize, download, revoke",
		.routes = routes,
		.open = open_program,
		.close = acme_http_close,
		.on_error = acme_http_on_error,
		.end = acme_http_end,
	};

	return worker_main(argc, argv, &program);
}
