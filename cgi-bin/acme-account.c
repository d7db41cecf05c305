/* acme-account: accounts, their orders and keys; the signed directory. */
#include <stdio.h>

#include "acme-http.h"
#include "acme/account.h"
#include "acme/directory.h"
#include "acme/key_change.h"
#include "base/log.h"

#define STEP_ORDERS "orders"

static int
account_reply(const struct request *rq, const struct account *a, int status,
    struct resp *resp)
{
	int r;

	resp->status = status;
	if ((r = acme_http_location(resp, rq, LINK_ACCOUNT, a->id)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_account(acme_http_place(rq), a, &resp->body);
}

static int
do_new_account(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct account a;
	bool created;
	int r;

	(void)app;
	r = account_create(rq, req->remote_address, &a, &created);
	if (r != OK)
		return r;
	r = account_reply(rq, &a, created ? 201 : 200, resp);
	accounts_release(&a);
	return r;
}

static int
do_account(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	struct account a;
	int r;

	(void)app;
	r = account_update(
	    rq, req_path_param(req, "account"), req->remote_address, &a);
	if (r != OK)
		return r;
	r = account_reply(rq, &a, 200, resp);
	accounts_release(&a);
	return r;
}

static int
add_next(const struct request *rq, int offset, struct resp *resp)
{
	char url[LINKS_TEXT], value[LINKS_TEXT + 32];

	links_write_orders_page(url, rq->acme->conf->url, rq->enrollment.id,
	    rq->account.id, offset);
	snprintf(value, sizeof value, "<%s>;rel=\"next\"", url);
	return resp_add(resp, "Link", value);
}

static int
orders_page(
    struct request *rq, const struct req *req, int offset, struct resp *resp)
{
	struct order_list list;
	int r;

	r = account_orders(rq, req_path_param(req, "account"), offset, &list);
	if (r != OK)
		return r;
	if (list.more)
		r = add_next(rq, offset + ACCOUNT_ORDERS_PAGE, resp);
	if (r == OK)
		r = resp_set(resp, "Content-Type", ACME_HTTP_JSON);
	if (r == OK)
		r = objects_orders(acme_http_place(rq), &list, &resp->body);
	orders_list_release(&list);
	return r;
}

static int
do_orders(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	(void)app;
	return orders_page(rq, req, 0, resp);
}

static int
do_more_orders(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	int offset, r;

	(void)app;
	r = account_read_offset(req_path_param(req, "offset"), &offset);
	return r == OK ? orders_page(rq, req, offset, resp) : r;
}

static int
do_key_change(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	char other[DB_ID_TEXT];
	struct account a;
	int r;

	r = key_change_request(rq, req->remote_address, other, &a);
	if (r == ERR_KEY_IN_USE)
		links_write(app->location, app->acme.conf->url,
		    rq->enrollment.id, LINK_ACCOUNT, other);
	if (r != OK)
		return r;
	r = account_reply(rq, &a, 200, resp);
	accounts_release(&a);
	return r;
}

/* POST-as-GET: nothing happens but that the nonce is used. */
static int
read_only(struct request *rq)
{
	int r;

	if ((r = request_want_empty(rq)) != OK || (r = request_begin(rq)) != OK)
		return r;
	return request_commit(rq);
}

static int
do_directory(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	int r;

	(void)req;
	if ((r = read_only(rq)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return directory_write(
	    app->acme.conf->url, rq->enrollment.id, &resp->body);
}

static int
do_new_nonce(struct acme_http *app, struct request *rq, const struct req *req,
    struct resp *resp)
{
	(void)app;
	(void)req;
	resp->status = 204;
	return read_only(rq);
}

ACME_HTTP_RESOURCE(
    new_account, ACCOUNT_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_KEY)
ACME_HTTP_RESOURCE(
    account, ACCOUNT_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    orders, STEP_ORDERS, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    more_orders, STEP_ORDERS, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    key_change, KEY_CHANGE_STEP, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    directory, "directory", REQUEST_WHILE_CERTIFIED, REQUEST_BY_ACCOUNT)
ACME_HTTP_RESOURCE(
    new_nonce, "new-nonce", REQUEST_WHILE_CERTIFIED, REQUEST_BY_ACCOUNT)

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
	{ "POST", "/acme/:enrollment/new-account", post_new_account,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/account/:account", post_account,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/account/:account/orders", post_orders,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/account/:account/orders/:offset",
	    post_more_orders, REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/key-change", post_key_change,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/directory", post_directory,
	    REQUEST_BODY_MAX },
	{ "POST", "/acme/:enrollment/new-nonce", post_new_nonce,
	    REQUEST_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

int
main(int argc, char **argv)
{
	static const struct web_program program = {
		.name = "acme-account",
		.summary = "ACME accounts",
		.routes = routes,
		.open = open_program,
		.close = acme_http_close,
		.on_error = acme_http_on_error,
		.end = acme_http_end,
	};

	return worker_main(argc, argv, &program);
}
