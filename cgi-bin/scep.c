/*
 * scep: gives certificates to devices that cannot attest (RFC 8894). The one
 * program behind nginx that holds the key of the SCEP authority.
 */
#include "base/err.h"
#include "base/log.h"
#include "scep/operation.h"
#include "scep/query.h"
#include "web/worker.h"

#define TEXT_TYPE        "text/plain"
#define CERTIFICATE_TYPE "application/x-x509-ca-cert"
#define MESSAGE_TYPE     "application/x-pki-message"

static int
send_message(struct scep *scep, struct blob message, struct resp *resp)
{
	int r = operation_pki(scep, message, &resp->body);

	return r == OK ? resp_set(resp, "Content-Type", MESSAGE_TYPE) : r;
}

static int
get_message(struct scep *scep, const struct req *req, struct resp *resp)
{
	struct buf message;
	int r;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	if (query_message(query_value(req->query, "message"), &message) == OK)
		r = send_message(scep, buf_blob(&message), resp);
	else
		r = context_refuse(&scep->context,
		    fail(ERR_MALFORMED, "the message is not base64"));
	buf_release(&message);
	return r;
}

static int
get_capabilities(struct scep *scep, const struct req *req, struct resp *resp)
{
	int r = operation_capabilities(scep, &resp->body);

	return r == OK ? resp_set(resp, "Content-Type", TEXT_TYPE) : r;
}

static int
get_certificate(struct scep *scep, const struct req *req, struct resp *resp)
{
	int r = operation_certificate(scep, &resp->body);

	return r == OK ? resp_set(resp, "Content-Type", CERTIFICATE_TYPE) : r;
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

	for (i = 0; i < sizeof operations / sizeof operations[0]; i++)
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
	return send_message(app, req->body, resp);
}

static int
begin(void *app, const struct req *req, struct resp *resp)
{
	struct scep *scep = app;

	scep->context.step = PKCSREQ_STEP;
	return OK;
}

/* A body that was too large reached no handler. */
static void
on_error(void *app, const struct req *req, int code, struct resp *resp)
{
	struct scep *scep = app;

	if (code == ERR_TOO_LARGE)
		context_refuse(&scep->context, code);
	resp_error_text(resp, code);
}

static int
load(void *app)
{
	struct scep *scep = app;
	const struct conf *conf = scep->context.conf;
	int r = authority_load(
	    conf->scep_ca_key, conf->scep_ca_certificate, &scep->ca);

	return r == OK ? authority_check_scep(scep->ca) : r;
}

static void
unload(void *app)
{
	struct scep *scep = app;

	authority_free(scep->ca);
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
	.app_size = sizeof(struct scep),
	.database = DB_DURABLE,
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
