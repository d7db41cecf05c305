/*
 * What the five ACME programs share: headers, problem documents, and the way of
 * a signed request from HTTP to a rule of lib/acme and back.
 */
#ifndef ACME_HTTP_H
#define ACME_HTTP_H

#include "acme/links.h"
#include "acme/objects.h"
#include "acme/request.h"
#include "web/worker.h"

/* Bytes of a body that comes with GET or HEAD and is not looked at. */
#define ACME_HTTP_IGNORED_BODY 4096

#define ACME_HTTP_JSON "application/json"

/* Handlers get this, or a struct that begins with it. */
struct acme_http {
	/* the one in hand */
	struct request request;
	uint8_t nonce_key[NONCE_TOKEN_KEY];
	/* the Location of an error, or "" */
	char location[LINKS_TEXT];
};

/* Hooks of struct web_program. */
int acme_http_load(void *app);
void acme_http_unload(void *app);
int acme_http_begin(void *app, const struct req *req, struct resp *resp);
void acme_http_end(void *app, const struct req *req, struct resp *resp);

/* Adds the refusal to the event log and answers with a problem document. */
void acme_http_on_error(
    void *app, const struct req *req, int code, struct resp *resp);

/* The problem document alone, for a program that writes nothing. */
void acme_http_problem(
    void *app, const struct req *req, int code, struct resp *resp);

/* Finds the enrollment of an unsigned request; ERR_NOT_FOUND. */
int acme_http_find(struct acme_http *app, const struct req *req);

/*
 * Finds the enrollment and verifies the signed request, for this step of the
 * event log. Codes of request_find() and request_verify(), ERR_MEDIA_TYPE.
 */
int acme_http_verify(struct acme_http *app, const struct req *req,
    const char *step, enum request_scope scope, enum request_signer signer);

/*
 * The headers of an object of RFC 8555 section 7.1, whose JSON the caller adds:
 * status, Content-Type, and its own URL as Location.
 */
int acme_http_object(struct resp *resp, const struct request *rq, int status,
    enum link link, const char *id);

/* An order with its headers; `replaces` as order_predecessor() writes it. */
int acme_http_order(struct resp *resp, const struct request *rq, int status,
    const struct order *o, const struct buf *replaces);

/* Adds a Link with this relation. */
int acme_http_link(struct resp *resp, const char *url, const char *relation);

/* A fresh nonce of this enrollment as Replay-Nonce. */
int acme_http_nonce(
    const struct acme_http *app, const char *enrollment, struct resp *resp);

#endif
