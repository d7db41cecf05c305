#include "acme-http.h"

#include <stdio.h>
#include <stdlib.h>
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
acme_http_open(
    const struct conf *conf, enum db_mode mode, struct acme_http **out)
{
	struct acme_http *app;
	int r;

	*out = NULL;
	if (strlen(conf->url) > LINKS_SERVER_MAX)
		return fail(ERR_CONFIG, "the server's url is too long");
	app = calloc(1, sizeof *app);
	if (app == NULL)
		return fail(ERR_NOMEM, "no memory to start with");
	app->acme.conf = conf;
	app->mode = mode;
	if ((r = secret_load(conf->nonce_key, app->acme.nonce_key,
		 sizeof app->acme.nonce_key)) != OK ||
	    (r = db_open(conf->database, mode, &app->acme.db)) != OK) {
		acme_http_close(app);
		return r;
	}
	*out = app;
	return OK;
}

void
acme_http_close(void *p)
{
	struct acme_http *app = p;

	if (app == NULL)
		return;
	if (app->own != NULL)
		app->own_free(app->own);
	db_close(app->acme.db);
	secret_wipe(app->acme.nonce_key, sizeof app->acme.nonce_key);
	free(app);
}

int
acme_http_enrollment(const struct acme_http *app, const struct req *req,
    enum request_scope scope, struct enrollment *out)
{
	return request_enrollment(
	    &app->acme, req_path_param(req, "enrollment"), scope, out);
}

static int
verify(struct request *rq, const struct req *req, enum request_signer signer)
{
	if (!req_type_is(req, "application/jose+json"))
		return fail(ERR_MEDIA_TYPE,
		    "the content type is not application/jose+json");
	return request_verify(rq, req->body, req->target, signer);
}

int
acme_http_signed(struct acme_http *app, const struct req *req,
    struct resp *resp, const struct acme_http_resource *resource)
{
	struct enrollment enrollment;
	struct request rq;
	int r;

	app->step = resource->step;
	r = acme_http_enrollment(app, req, resource->scope, &enrollment);
	if (r != OK)
		return r;
	request_init(&rq, &app->acme, &enrollment, resource->scope);
	if ((r = verify(&rq, req, resource->signer)) == OK)
		r = resource->action(app, &rq, req, resp);
	if (r != OK) {
		request_refuse(
		    &rq, resource->step, r, log_reason(), req->remote_address);
		app->noted = true;
	}
	request_release(&rq);
	return r;
}

/*
 * What the handler did not put in the event log itself: wrong methods and
 * bodies that were too large. Unknown enrollments leave nothing.
 */
static void
note(struct acme_http *app, const struct req *req, int code)
{
	struct enrollment enrollment;
	char id[DB_ID_TEXT];
	struct request rq;

	if (app->noted || app->mode == DB_READ_ONLY ||
	    !links_read_enrollment(req->path, id) ||
	    request_enrollment(
		&app->acme, id, REQUEST_WHILE_CERTIFIED, &enrollment) != OK)
		return;
	request_init(&rq, &app->acme, &enrollment, REQUEST_WHILE_CERTIFIED);
	request_refuse(&rq, app->step != NULL ? app->step : STEP_UNKNOWN, code,
	    log_reason()[0] != '\0' ? log_reason() : err_text(code),
	    req->remote_address);
	request_release(&rq);
}

void
acme_http_on_error(void *p, const struct req *req, int code, struct resp *resp)
{
	struct acme_http *app = p;
	const char *members = NULL;

	note(app, req, code);
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

int
acme_http_nonce(
    const struct acme_http *app, const char *enrollment, struct resp *resp)
{
	char nonce[NONCE_TOKEN_TEXT];
	int64_t generation;
	int r;

	if ((r = nonces_generation(app->acme.db, &generation)) != OK)
		return r;
	nonce_token_make(
	    app->acme.nonce_key, enrollment, generation, clock_now(), nonce);
	return resp_set(resp, "Replay-Nonce", nonce);
}

static bool
is_directory(const struct req *req)
{
	const char *last = strrchr(req->path, '/');

	return last != NULL && strcmp(last, "/directory") == 0;
}

/* Every answer to a POST has a nonce, and all but the directory its link. */
void
acme_http_end(void *p, const struct req *req, struct resp *resp)
{
	char url[LINKS_TEXT], value[LINKS_TEXT + 32], id[DB_ID_TEXT];
	struct acme_http *app = p;

	if (links_read_enrollment(req->path, id)) {
		if (req_method_is(req, "POST"))
			acme_http_nonce(app, id, resp);
		if (!is_directory(req)) {
			links_write(
			    url, app->acme.conf->url, id, LINK_DIRECTORY, NULL);
			snprintf(
			    value, sizeof value, "<%s>;rel=\"index\"", url);
			resp_add(resp, "Link", value);
		}
	}
	app->step = NULL;
	app->noted = false;
	app->location[0] = '\0';
}

struct objects_place
acme_http_place(const struct request *rq)
{
	return (struct objects_place){ rq->acme->conf->url, rq->enrollment.id };
}

int
acme_http_location(
    struct resp *resp, const struct request *rq, enum link link, const char *id)
{
	char url[LINKS_TEXT];

	links_write(url, rq->acme->conf->url, rq->enrollment.id, link, id);
	return resp_set(resp, "Location", url);
}

int
acme_http_link(struct resp *resp, const struct request *rq, enum link link,
    const char *id, const char *relation)
{
	char url[LINKS_TEXT], value[LINKS_TEXT + 32];

	links_write(url, rq->acme->conf->url, rq->enrollment.id, link, id);
	snprintf(value, sizeof value, "<%s>;rel=\"%s\"", url, relation);
	return resp_add(resp, "Link", value);
}
