/*
 * scep: gives certificates to devices that cannot attest (RFC 8894). The one
 * program behind nginx that holds the key of the SCEP authority.
 *
 * A profile names the generation of the CA in its URL: /scep is the first,
 * /scep/2 the second. A renewed CA goes on serving the profiles that name it,
 * until its certificate expires, with certificates by the current one.
 */
#include "base/err.h"
#include "base/log.h"
#include "ca/generation.h"
#include "scep/operation.h"
#include "scep/query.h"
#include "web/worker.h"

#define TEXT_TYPE        "text/plain"
#define CERTIFICATE_TYPE "application/x-x509-ca-cert"
#define MESSAGE_TYPE     "application/x-pki-message"

struct app {
	struct scep scep;
	/* those that are open, by their number */
	struct authority *cas[GENERATIONS + 1];
	/* the newest of them, which issues */
	struct generation newest;
};

/* Profiles may name a generation that is newer than this process. */
static int
open_generation(struct app *app, const struct generation *g)
{
	struct authority *ca;
	int r;

	if ((r = authority_load(g->key, g->certificate, &ca)) != OK)
		return r;
	if ((r = authority_check_scep(ca)) != OK) {
		authority_free(ca);
		return r;
	}
	app->cas[g->number] = ca;
	if (g->number > app->newest.number) {
		app->newest = *g;
		app->scep.issuer = ca;
		app->scep.crl_file = app->newest.crl_file;
	}
	return OK;
}

/* The CA of the URL; a former one that cannot serve any more is none. */
static int
choose(struct app *app, const struct req *req)
{
	const char *text =
	    req->path_param_count > 0 ? req_path_param(req, "generation") : "1";
	int number = text[0] - '0';
	struct generation g;

	if (number < 1 || number > GENERATIONS || text[1] != '\0')
		return ERR_NOT_FOUND;
	generation_names(app->scep.context.conf, GENERATION_SCEP, number, &g);
	if (app->cas[number] == NULL &&
	    (!generation_exists(&g) || open_generation(app, &g) != OK))
		return ERR_NOT_FOUND;
	app->scep.ca = app->cas[number];
	return OK;
}

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
	struct app *a = app;
	size_t i;
	int r;

	if ((r = choose(a, req)) != OK)
		return r;
	for (i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (blob_eq(name, blob_str(operations[i].name)))
			return operations[i].handler(&a->scep, req, resp);
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
	struct app *a = app;
	int r;

	if (!blob_eq(
		query_value(req->query, "operation"), blob_str("PKIOperation")))
		return fail(ERR_MALFORMED, "no such operation");
	return (r = choose(a, req)) == OK
	    ? send_message(&a->scep, req->body, resp)
	    : r;
}

static int
begin(void *app, const struct req *req, struct resp *resp)
{
	struct app *a = app;

	a->scep.context.step = PKCSREQ_STEP;
	return OK;
}

/* A body that was too large reached no handler. */
static void
on_error(void *app, const struct req *req, int code, struct resp *resp)
{
	struct app *a = app;

	if (code == ERR_TOO_LARGE)
		context_refuse(&a->scep.context, code);
	resp_error_text(resp, code);
}

static int
load(void *app)
{
	struct app *a = app;
	struct generation current;

	generation_current(a->scep.context.conf, GENERATION_SCEP, &current);
	return open_generation(a, &current);
}

static void
unload(void *app)
{
	struct app *a = app;
	size_t i;

	for (i = 0; i < sizeof a->cas / sizeof a->cas[0]; i++)
		authority_free(a->cas[i]);
}

static const struct route routes[] = {
	{ "GET", "/scep", handle_get, 0 },
	{ "HEAD", "/scep", handle_head, 0 },
	{ "POST", "/scep", handle_post, PKIMESSAGE_BYTES_MAX },
	{ "GET", "/scep/:generation", handle_get, 0 },
	{ "HEAD", "/scep/:generation", handle_head, 0 },
	{ "POST", "/scep/:generation", handle_post, PKIMESSAGE_BYTES_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "scep",
	.summary = "gives certificates to devices that cannot attest",
	.routes = routes,
	.app_size = sizeof(struct app),
	.database = DB_DURABLE,
	.devices = true,
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
