#include "acme/objects.h"

#include <stdio.h>
#include <string.h>

#include "acme/links.h"
#include "base/clock.h"
#include "wire/out_json.h"

static void
put_problem(struct out_json *j, int code)
{
	char type[96];

	snprintf(
	    type, sizeof type, OBJECTS_PROBLEM_URN "%s", err_acme_type(code));
	out_json_open_object(j, "error");
	out_json_string(j, "type", type);
	out_json_string(j, "detail", err_text(code));
	out_json_int(j, "status", err_http_status(code));
	out_json_close_object(j);
}

static void
put_link(struct out_json *j, const char *name, const struct request *rq,
    enum link link, const char *id)
{
	char url[LINKS_TEXT];

	links_write(url, rq->context.conf->url, rq->enrollment.id, link, id);
	out_json_string(j, name, url);
}

static void
put_time(struct out_json *j, const char *name, int64_t t)
{
	char text[CLOCK_TEXT];

	clock_rfc3339(t, text);
	out_json_string(j, name, text);
}

static void
put_identifier(struct out_json *j, const char *name, const struct order *o)
{
	out_json_open_object(j, name);
	out_json_string(j, "type", o->identifier_type);
	out_json_string(j, "value", o->identifier_value);
	out_json_close_object(j);
}

static void
put_challenge(
    struct out_json *j, const struct request *rq, const struct order *o)
{
	out_json_open_object(j, NULL);
	out_json_string(j, "type", "device-attest-01");
	put_link(j, "url", rq, LINK_CHALLENGE, o->challenge_id);
	out_json_string(
	    j, "status", orders_challenge_name(o->challenge_status));
	out_json_string(j, "token", o->token);
	if (o->challenge_status == CHALLENGE_VALID)
		put_time(j, "validated", o->validated_at);
	if (o->challenge_status == CHALLENGE_INVALID && o->error != OK)
		put_problem(j, o->error);
	out_json_close_object(j);
}

int
objects_account(
    const struct request *rq, const struct account *a, struct buf *out)
{
	struct out_json j;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	out_json_string(&j, "status", accounts_status_name(a->status));
	if (a->contact != NULL && strcmp(a->contact, "[]") != 0)
		out_json_raw(&j, "contact", blob_str(a->contact));
	if (a->terms_agreed)
		out_json_bool(&j, "termsOfServiceAgreed", true);
	put_link(&j, "orders", rq, LINK_ORDERS, a->id);
	out_json_close_object(&j);
	return out_json_end(&j);
}

int
objects_order(const struct request *rq, const struct order *o,
    const char *replaces, struct buf *out)
{
	struct out_json j;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	out_json_string(&j, "status", orders_status_name(o->status));
	put_time(&j, "expires", o->expires_at);
	out_json_open_array(&j, "identifiers");
	put_identifier(&j, NULL, o);
	out_json_close_array(&j);
	out_json_open_array(&j, "authorizations");
	put_link(&j, NULL, rq, LINK_AUTHORIZATION, o->authorization_id);
	out_json_close_array(&j);
	put_link(&j, "finalize", rq, LINK_FINALIZE, o->id);
	if (o->status == ORDER_VALID)
		put_link(
		    &j, "certificate", rq, LINK_CERTIFICATE, o->certificate_id);
	if (replaces != NULL)
		out_json_string(&j, "replaces", replaces);
	if (o->status == ORDER_INVALID && o->error != OK)
		put_problem(&j, o->error);
	out_json_close_object(&j);
	return out_json_end(&j);
}

int
objects_authorization(
    const struct request *rq, const struct order *o, struct buf *out)
{
	struct out_json j;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	put_identifier(&j, "identifier", o);
	out_json_string(
	    &j, "status", orders_authorization_name(o->authorization_status));
	put_time(&j, "expires", o->expires_at);
	out_json_open_array(&j, "challenges");
	put_challenge(&j, rq, o);
	out_json_close_array(&j);
	out_json_close_object(&j);
	return out_json_end(&j);
}

int
objects_challenge(
    const struct request *rq, const struct order *o, struct buf *out)
{
	struct out_json j;

	out_json_init(&j, out);
	put_challenge(&j, rq, o);
	return out_json_end(&j);
}

int
objects_orders(
    const struct request *rq, const struct order_list *list, struct buf *out)
{
	struct out_json j;
	size_t i;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	out_json_open_array(&j, "orders");
	for (i = 0; i < list->n; i++)
		put_link(&j, NULL, rq, LINK_ORDER, list->rows[i].id);
	out_json_close_array(&j);
	out_json_close_object(&j);
	return out_json_end(&j);
}

int
objects_directory(const struct request *rq, struct buf *out)
{
	struct out_json j;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	put_link(&j, "newNonce", rq, LINK_NEW_NONCE, NULL);
	put_link(&j, "newAccount", rq, LINK_NEW_ACCOUNT, NULL);
	put_link(&j, "newOrder", rq, LINK_NEW_ORDER, NULL);
	put_link(&j, "revokeCert", rq, LINK_REVOKE_CERT, NULL);
	put_link(&j, "keyChange", rq, LINK_KEY_CHANGE, NULL);
	put_link(&j, "renewalInfo", rq, LINK_RENEWAL_INFO, NULL);
	out_json_open_object(&j, "meta");
	out_json_bool(&j, "externalAccountRequired", false);
	out_json_close_object(&j);
	out_json_close_object(&j);
	return out_json_end(&j);
}
