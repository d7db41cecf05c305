/*
 * scep: gives certificates to devices that cannot attest (RFC 8894). The one
 * program behind nginx that holds the key of the SCEP authority.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "scep/operation.h"
#include "scep/query.h"
#include "web/worker.h"
#include "wire/x509.h"

#define TEXT_TYPE        "text/plain"
#define CERTIFICATE_TYPE "application/x-x509-ca-cert"
#define MESSAGE_TYPE     "application/x-pki-message"

static int
send_message(struct scep *scep, const struct req *req, struct blob message,
    struct resp *resp)
{
	struct buf reply;
	int r;

	buf_init(&reply, CMS_BYTES_MAX);
	r = operation_pki(scep, message, req->remote_address, &reply);
	if (r == OK)
		r = resp_body(resp, 200, MESSAGE_TYPE, buf_blob(&reply));
	buf_release(&reply);
	return r;
}

static int
get_message(struct scep *scep, const struct req *req, struct resp *resp)
{
	struct buf message;
	int r;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	if (query_message(query_value(req->query, "message"), &message) == OK)
		r = send_message(scep, req, buf_blob(&message), resp);
	else
		r = pkcsreq_refuse(scep,
		    fail(ERR_MALFORMED, "the message is not base64"),
		    req->remote_address);
	buf_release(&message);
	return r;
}

static int
get_capabilities(struct scep *scep, const struct req *req, struct resp *resp)
{
	struct buf text;
	int r;

	(void)req;
	buf_init(&text, 1024);
	if ((r = operation_capabilities(scep, &text)) == OK)
		r = resp_body(resp, 200, TEXT_TYPE, buf_blob(&text));
	buf_release(&text);
	return r;
}

static int
get_certificate(struct scep *scep, const struct req *req, struct resp *resp)
{
	struct buf der;
	int r;

	(void)req;
	buf_init(&der, X509_DER_MAX);
	if ((r = operation_certificate(scep, &der)) == OK)
		r = resp_body(resp, 200, CERTIFICATE_TYPE, buf_blob(&der));
	buf_release(&der);
	return r;
}

static const struct {
	const char *name;
	int (*handler)(
	    struct scep *scep, const struct req *req, struct resp *resp);
} operations[] = {
	{ "GetCACaps", get_capabilities },
	{ "GetCACert", get_certificate },
	{ "PKIOperation", get_message },
};

static int
handle_get(void *app, const struct req *req, struct resp *resp)
{
	struct blob name = query_value(req->query, "operation");
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (blob_eq(name, blob_str(operations[i].name)))
			return operations[i].handler(app, req, resp);
	return fail(ERR_MALFORMED, "no such operation");
}

/* Without a body there is no answer to a message, which would be used up. */
static int
handle_head(void *app, const struct req *req, struct resp *resp)
{
	if (blob_eq(
		query_value(req->query, "operation"), blob_str("PKIOperation")))
		return fail(ERR_METHOD, "PKIOperation by HEAD");
	return handle_get(app, req, resp);
}

static int
handle_post(void *app, const struct req *req, struct resp *resp)
{
	if (!blob_eq(
		query_value(req->query, "operation"), blob_str("PKIOperation")))
		return fail(ERR_MALFORMED, "no such operation");
	return send_message(app, req, req->body, resp);
}

static int
open_app(const struct conf *conf, void **app)
{
	struct scep *scep = malloc(sizeof(*scep));
	int r;

	if (scep == NULL)
		return ERR_NOMEM;
	if ((r = operation_open(conf, scep)) != OK) {
		operation_close(scep);
		free(scep);
		return r;
	}
	*app = scep;
	return OK;
}

static void
close_app(void *app)
{
	if (app != NULL)
		operation_close(app);
	free(app);
}

static void
on_error(void *app, const struct req *req, int code, struct resp *resp)
{
	if (code == ERR_TOO_LARGE && req->body.n == 0)
		pkcsreq_refuse(app, code, req->remote_address);
	resp_error_text(resp, code);
}

static const struct route routes[] = {
	{ "GET", "/scep", handle_get, 0 },
	{ "HEAD", "/scep", handle_head, 0 },
	{ "POST", "/scep", handle_post, PKIMESSAGE_BYTES_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "scep",
	.summary = "gives certificates to devices that cannot attest",
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
