#include "acme-http.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/nonces.h"

/* The step of a request that did not get as far as its resource. */
#define STEP_UNKNOWN "request"

/* Seconds until a busy server or a limit may be tried again. */
#define RETRY_BUSY  "5"
#define RETRY_LIMIT "3600"

#define TEXT_OF(...)      TEXT_OF_(__VA_ARGS__)
#define TEXT_OF_(a, b, c) "\"algorithms\":[\"" a "\",\"" b "\",\"" c "\"]"

int
acme_http_load(void *p)
{
	struct acme_http *app = p;
	const struct conf *conf = app->request.context.conf;

	if (strlen(conf->url) > LINKS_SERVER_MAX)
		return fail(ERR_CONFIG, "the server's url is too long");
	return secret_load(
	    conf->nonce_key, app->nonce_key, sizeof app->nonce_key);
}

void
acme_http_unload(void *p)
{
	struct acme_http *app = p;

	secret_wipe(app->nonce_key, sizeof app->nonce_key);
}

/* Every answer to a POST has a nonce, and all but the directory its link. */
int
acme_http_begin(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct context *c = &app->request.context;
	char url[LINKS_TEXT], id[DB_ID_TEXT];

	c->step = STEP_UNKNOWN;
	if (!links_read_enrollment(req->path, id))
		return OK;
	if (req_method_is(req, "POST"))
		acme_http_nonce(app, id, resp);
	links_write(url, c->conf->url, id, LINK_DIRECTORY, NULL);
	acme_http_link(resp, url, "index");
	return OK;
}

void
acme_http_end(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;

	/* Not in begin, which a request that cannot be read does not reach. */
	app->location[0] = '\0';
	request_release(&app->request);
}

void
acme_http_problem(void *p, const struct req *req, int code, struct resp *resp)
{
	struct acme_http *app = p;
	const char *members = NULL;

	if (code == ERR_BAD_ALGORITHM)
		members = TEXT_OF(JWS_ALGORITHMS);
	if (err_http_status(code) == 503)
		resp_set(resp, "Retry-After", RETRY_BUSY);
	if (err_http_status(code) == 429)
		resp_set(resp, "Retry-After", RETRY_LIMIT);
	if (app->location[0] != '\0')
		resp_set(resp, "Location", app->location);
	resp_problem(resp, code, OBJECTS_PROBLEM_URN, members);
}

/*
 * Wrong methods and bodies that were too large reach no handler: their
 * enrollment is looked for here. Unknown ones leave nothing in the log.
 */
void
acme_http_on_error(void *p, const struct req *req, int code, struct resp *resp)
{
	struct acme_http *app = p;
	struct request *rq = &app->request;
	char id[DB_ID_TEXT];

	if (rq->enrollment.id[0] != '\0' ||
	    (links_read_enrollment(req->path, id) &&
		request_find(rq, id, REQUEST_WHILE_CERTIFIED) == OK))
		request_refuse(rq, code);
	acme_http_problem(app, req, code, resp);
}

int
acme_http_find(struct acme_http *app, const struct req *req)
{
	return request_find(&app->request, req_path_param(req, "enrollment"),
	    REQUEST_WHILE_CERTIFIED);
}

int
acme_http_verify(struct acme_http *app, const struct req *req, const char *step,
    enum request_scope scope, enum request_signer signer)
{
	struct request *rq = &app->request;
	int r;

	rq->context.step = step;
	r = request_find(rq, req_path_param(req, "enrollment"), scope);
	if (r == OK && !req_type_is(req, "application/jose+json"))
		r = fail(ERR_MEDIA_TYPE,
		    "the content type is not application/jose+json");
	return r == OK
	    ? request_verify(rq, app->nonce_key, req->body, req->target, signer)
	    : r;
}

int
acme_http_object(struct resp *resp, const struct request *rq, int status,
    enum link link, const char *id)
{
	char url[LINKS_TEXT];
	int r;

	resp->status = status;
	links_write(url, rq->context.conf->url, rq->enrollment.id, link, id);
	if ((r = resp_set(resp, "Location", url)) == OK)
		r = resp_set(resp, "Content-Type", ACME_HTTP_JSON);
	return r;
}

int
acme_http_order(struct resp *resp, const struct request *rq, int status,
    const struct order *o, const struct buf *replaces)
{
	int r = acme_http_object(resp, rq, status, LINK_ORDER, o->id);

	if (r == OK)
		r = objects_order(rq, o,
		    replaces->n > 0 ? buf_str(replaces) : NULL, &resp->body);
	return r;
}

int
acme_http_link(struct resp *resp, const char *url, const char *relation)
{
	char value[LINKS_TEXT + 32];

	snprintf(value, sizeof value, "<%s>;rel=\"%s\"", url, relation);
	return resp_add(resp, "Link", value);
}

int
acme_http_nonce(
    const struct acme_http *app, const char *enrollment, struct resp *resp)
{
	char nonce[NONCE_TOKEN_TEXT];
	int64_t generation;
	int r;

	r = nonces_generation(app->request.context.db, &generation);
	if (r != OK)
		return r;
	nonce_token_make(
	    app->nonce_key, enrollment, generation, clock_now(), nonce);
	return resp_set(resp, "Replay-Nonce", nonce);
}
