/* acme-new-order: orders and their authorizations. */
#include "acme-http.h"
#include "acme/order.h"

static int
verify(struct acme_http *app, const struct req *req, const char *step)
{
	return acme_http_verify(
	    app, req, step, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT);
}

static int
post_new_order(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct request *rq = &app->request;
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	if ((r = verify(app, req, ORDER_STEP)) == OK &&
	    (r = order_create(rq, &o, &replaces)) == OK)
		r = acme_http_order(resp, rq, 201, &o, &replaces);
	buf_release(&replaces);
	return r;
}

static int
post_order(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "order");
	struct acme_http *app = p;
	struct request *rq = &app->request;
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	if ((r = verify(app, req, ORDER_STEP)) == OK &&
	    (r = order_read(rq, id, &o, &replaces)) == OK)
		r = acme_http_order(resp, rq, 200, &o, &replaces);
	buf_release(&replaces);
	return r;
}

static int
post_authorization(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "authorization");
	struct acme_http *app = p;
	struct order o;
	int r;

	if ((r = verify(app, req, ORDER_STEP_AUTHORIZATION)) != OK ||
	    (r = order_authorization(&app->request, id, &o)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_authorization(&app->request, &o, &resp->body);
}

static const struct route routes[] = {
	{ "POST", "/acme/:enrollment/new-order", post_new_order,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/order/:order", post_order,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/authz/:authorization", post_authorization,
	    REQUEST_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "acme-new-order",
	.summary = "ACME orders and authorizations",
	.routes = routes,
	.app_size = sizeof(struct acme_http),
	.database = DB_RELAXED,
	.devices = true,
	.load = acme_http_load,
	.unload = acme_http_unload,
	.begin = acme_http_begin,
	.on_error = acme_http_on_error,
	.end = acme_http_end,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
