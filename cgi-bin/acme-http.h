/*
 * What the five ACME programs share: opening, headers, problem documents, and
 * the way of a signed request from HTTP to a rule of lib/acme and back.
 */
#ifndef ACME_HTTP_H
#define ACME_HTTP_H

#include "acme/links.h"
#include "acme/objects.h"
#include "acme/request.h"
#include "web/worker.h"

/* Bytes of a body that comes with GET or HEAD and is not looked at. */
#define ACME_HTTP_IGNORED_BODY 4096

struct acme_http {
	struct acme acme;
	enum db_mode mode;
	/* What one program alone needs, and who frees it. */
	void *own;
	void (*own_free)(void *own);

	/* Of the present request: the step for the event log, is it in there,
	 * and a Location that an error shall have. */
	const char *step;
	bool noted;
	char location[LINKS_TEXT];
};

/* Opens database and nonce key. On failure *out is NULL. */
int acme_http_open(
    const struct conf *conf, enum db_mode mode, struct acme_http **out);

/* The members of struct web_program. */
void acme_http_close(void *app);
void acme_http_on_error(
    void *app, const struct req *req, int code, struct resp *resp);
void acme_http_end(void *app, const struct req *req, struct resp *resp);

/*
 * One resource: how its requests are signed and what is done for them. The
 * action gets a verified request and fills the response; a code from it, or
 * from the checks before, is put in the event log.
 */
struct acme_http_resource {
	const char *step;
	enum request_scope scope;
	enum request_signer signer;
	int (*action)(struct acme_http *app, struct request *rq,
	    const struct req *req, struct resp *resp);
};
int acme_http_signed(struct acme_http *app, const struct req *req,
    struct resp *resp, const struct acme_http_resource *resource);

/* Defines the route handler post_NAME for the action do_NAME. */
#define ACME_HTTP_RESOURCE(name, step, scope, signer)                          \
	static int post_##name(                                                \
	    void *app, const struct req *req, struct resp *resp)               \
	{                                                                      \
		static const struct acme_http_resource resource = { step,      \
			scope, signer, do_##name };                            \
                                                                               \
		return acme_http_signed(app, req, resp, &resource);            \
	}

/* The enrollment of an unsigned request; ERR_NOT_FOUND. */
int acme_http_enrollment(const struct acme_http *app, const struct req *req,
    enum request_scope scope, struct enrollment *out);

/* Where the URLs in objects for this request begin. */
struct objects_place acme_http_place(const struct request *rq);

/* Sets Location; adds a Link with this relation. */
int acme_http_location(struct resp *resp, const struct request *rq,
    enum link link, const char *id);
int acme_http_link(struct resp *resp, const struct request *rq, enum link link,
    const char *id, const char *relation);

/* A fresh nonce of this enrollment as Replay-Nonce. */
int acme_http_nonce(
    const struct acme_http *app, const char *enrollment, struct resp *resp);

#define ACME_HTTP_JSON "application/json"

#endif
