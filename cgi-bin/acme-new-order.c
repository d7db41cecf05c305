/* acme-new-order: orders and their authorizations. */
#include "acme-http.h"
#include "acme/order.h"

static int
order_reply(const struct request *rq, const struct order *o, int status,
    const struct buf *replaces, struct resp *resp)
{
	int r;

	resp->status = status;
	if ((r = acme_http_location(resp, rq, LINK_ORDER, o->id)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_order(acme_http_place(rq), o,
	    replaces->n > 0 ? buf_str(replaces) : NULL, &resp->body);
}

static int
do_new_order(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct buf replaces;
	struct order o;
	int r;

	(void)app;
	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_create(rq, req->remote_address, &o, &replaces);
	if (r == OK)
		r = order_reply(rq, &o, 201, &replaces, resp);
	buf_release(&replaces);
	return r;
}

static int
do_order(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct buf replaces;
	struct order o;
	int r;

	(void)app;
	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_read(rq, req_path_param(req, "order"), &o, &replaces);
	if (r == OK)
		r = order_reply(rq, &o, 200, &replaces, resp);
	buf_release(&replaces);
	return r;
}

static int
do_authorization(struct acme_http *app, struct request *rq,
    const struct req *req, struct resp *resp)
{
	struct order o;
	int r;

	(void)app;
	r = order_authorization(
	    rq, req_path_param(req, "authorization"), req->remote_address, &o);
	if (r != OK)
		return r;
	if ((r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_authorization(acme_http_place(rq), &o, &resp->body);
}

ACME_HTTP_RESOURCE(
    new_order, ORDER_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(order, ORDER_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(authorization, ORDER_STEP_AUTHORIZATION,
    REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)

static int
open_program(const struct conf *conf, void **out)
{
	struct acme_http *app;
	int r;

	r = acme_http_open(conf, DB_RELAXED, &app);
	*out = app;
	return r;
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

int
main(int argc, char **argv)
{
	static const struct web_program program = {
		.name = "acme-new-order",
		.summary = "ACME orders and authorizations",
		.routes = routes,
		.open = open_program,
		.close = acme_http_close,
		.on_error = acme_http_on_error,
		.end = acme_http_end,
	};

	return worker_main(argc, argv, &program);
}
