/* acme-account: accounts, their orders and keys; the signed directory. */
#include <stdio.h>

#include "acme-http.h"
#include "acme/account.h"
#include "acme/key_change.h"
#include "base/log.h"

static int
verify(struct acme_http *app, const struct req *req, const char *step)
{
	return acme_http_verify(
	    app, req, step, REQUEST_WHILE_USABLE, REQUEST_BY_ACCOUNT);
}

/* Releases the account. */
static int
send_account(
    struct resp *resp, const struct request *rq, int status, struct account *a)
{
	int r = acme_http_object(resp, rq, status, LINK_ACCOUNT, a->id);

	if (r == OK)
		r = objects_account(rq, a, &resp->body);
	accounts_release(a);
	return r;
}

static int
post_new_account(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct account a;
	bool created;
	int r;

	if ((r = acme_http_verify(app, req, ACCOUNT_STEP, REQUEST_WHILE_USABLE,
		 REQUEST_BY_KEY)) != OK ||
	    (r = account_create(&app->request, &a, &created)) != OK)
		return r;
	return send_account(resp, &app->request, created ? 201 : 200, &a);
}

static int
post_account(void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "account");
	struct acme_http *app = p;
	struct account a;
	int r;

	if ((r = verify(app, req, ACCOUNT_STEP)) != OK ||
	    (r = account_update(&app->request, id, &a)) != OK)
		return r;
	return send_account(resp, &app->request, 200, &a);
}

static int
orders_page(
    struct acme_http *app, const struct req *req, int offset, struct resp *resp)
{
	const char *account = req_path_param(req, "account");
	struct request *rq = &app->request;
	struct order_list list;
	char next[LINKS_TEXT];
	int r;

	if ((r = account_orders(rq, account, offset, &list)) != OK)
		return r;
	links_write_orders_page(next, rq->context.conf->url, rq->enrollment.id,
	    account, offset + ACCOUNT_ORDERS_PAGE);
	if (list.more)
		r = acme_http_link(resp, next, "next");
	if (r == OK)
		r = resp_set(resp, "Content-Type", ACME_HTTP_JSON);
	if (r == OK)
		r = objects_orders(rq, &list, &resp->body);
	orders_list_release(&list);
	return r;
}

static int
post_orders(void *app, const struct req *req, struct resp *resp)
{
	int r = verify(app, req, ACCOUNT_STEP_ORDERS);

	return r == OK ? orders_page(app, req, 0, resp) : r;
}

static int
post_more_orders(void *app, const struct req *req, struct resp *resp)
{
	int offset, r;

	if ((r = verify(app, req, ACCOUNT_STEP_ORDERS)) != OK ||
	    (r = account_read_offset(req_path_param(req, "offset"), &offset)) !=
		OK)
		return r;
	return orders_page(app, req, offset, resp);
}

static int
post_key_change(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct request *rq = &app->request;
	char other[DB_ID_TEXT];
	struct account a;
	int r;

	if ((r = verify(app, req, KEY_CHANGE_STEP)) != OK)
		return r;
	r = key_change_request(rq, other, &a);
	if (r == ERR_KEY_IN_USE)
		links_write(app->location, rq->context.conf->url,
		    rq->enrollment.id, LINK_ACCOUNT, other);
	return r == OK ? send_account(resp, rq, 200, &a) : r;
}

/* POST-as-GET: nothing happens but that the nonce is used. */
static int
read_only(struct acme_http *app, const struct req *req, const char *step)
{
	struct request *rq = &app->request;
	int r;

	if ((r = acme_http_verify(app, req, step, REQUEST_WHILE_CERTIFIED,
		 REQUEST_BY_ACCOUNT)) != OK ||
	    (r = request_want_empty(rq)) != OK || (r = request_begin(rq)) != OK)
		return r;
	return context_end(&rq->context, OK);
}

static int
post_directory(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	int r;

	resp_set(resp, "Link", NULL);
	if ((r = read_only(app, req, "directory")) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_directory(&app->request, &resp->body);
}

static int
post_new_nonce(void *app, const struct req *req, struct resp *resp)
{
	resp->status = 204;
	return read_only(app, req, "new-nonce");
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

static const struct web_program program = {
	.name = "acme-account",
	.summary = "ACME accounts",
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
