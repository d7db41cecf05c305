/* acme-finalize: the one program that holds the key of the ACME authority. */
#include "acme-http.h"
#include "acme/finalize.h"
#include "acme/order.h"
#include "acme/revocation.h"

struct app {
	struct acme_http http;
	struct finalize_keys keys;
};

static int
post_finalize(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "order");
	struct app *app = p;
	struct request *rq = &app->http.request;
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	if ((r = acme_http_verify(&app->http, req, FINALIZE_STEP,
		 REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)) == OK &&
	    (r = finalize_order(rq, &app->keys, id, &o, &replaces)) == OK)
		r = acme_http_order(resp, rq, 200, &o, &replaces);
	buf_release(&replaces);
	return r;
}

static int
post_certificate(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "certificate");
	struct app *app = p;
	int r;

	if ((r = acme_http_verify(&app->http, req, FINALIZE_STEP_DOWNLOAD,
		 REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)) != OK ||
	    (r = finalize_download(
		 &app->http.request, &app->keys, id, &resp->body)) != OK)
		return r;
	return resp_set(
	    resp, "Content-Type", "application/pem-certificate-chain");
}

static int
post_revoke(void *p, const struct req *req, struct resp *resp)
{
	struct app *app = p;
	int r = acme_http_verify(&app->http, req, REVOCATION_STEP,
	    REQUEST_WHILE_CERTIFIED, REQUEST_BY_EITHER);

	return r == OK ? revocation_request(&app->http.request) : r;
}

static int
load(void *p)
{
	struct app *app = p;
	const struct conf *conf = app->http.request.context.conf;
	int r;

	if ((r = acme_http_load(p)) != OK)
		return r;
	generation_current(conf, GENERATION_ACME, &app->keys.files);
	if ((r = authority_load(app->keys.files.key,
		 app->keys.files.certificate, &app->keys.ca)) != OK)
		return r;
	return attest_roots_load(conf->attestation_root, &app->keys.roots);
}

static void
unload(void *p)
{
	struct app *app = p;

	attest_roots_free(app->keys.roots);
	authority_free(app->keys.ca);
	acme_http_unload(p);
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

static const struct web_program program = {
	.name = "acme-finalize",
	.summary = "ACME certificates: finalize, download, revoke",
	.routes = routes,
	.app_size = sizeof(struct app),
	.database = DB_DURABLE,
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
