#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/exchange.h"
#include "sim/forge/jose.h"

#define AGENT "User-Agent: com.apple.security.acmeclient/1.0"

/* What Apple's client takes for success; anything else ends its run. */
static bool
accepts(const struct http *http)
{
	const char *location = http_header(http, "Location");

	if (http->status == 201)
		return location != NULL && location[0] != '\0';
	if (http->status == 204)
		return http_header(http, "Replay-Nonce") != NULL;
	return http->status == 200;
}

static int
send_request(struct exchange *x, const char *step, const struct http_request *q)
{
	struct http *http = &x->player->http;
	const char *nonce;
	int r = http_send(http, q);

	if (r != OK)
		return r;
	if ((nonce = http_header(http, "Replay-Nonce")) != NULL)
		snprintf(x->nonce, sizeof x->nonce, "%s", nonce);
	return accepts(http) ? OK : player_refused(x->player, step);
}

int
exchange_parse(struct exchange *x)
{
	json_object_put(x->json);
	x->json = json_tokener_parse(buf_str(&x->player->http.body));
	return x->json != NULL ? OK
			       : fail(ERR_MALFORMED, "the answer is not JSON");
}

int
exchange_plain(
    struct exchange *x, const char *step, const char *method, const char *url)
{
	const struct http_request q = {
		.method = method,
		.url = url,
		.headers = { AGENT, "Content-Type: application/json" },
		.body = blob_str("{}"),
		.has_body = true,
	};

	return send_request(x, step, &q);
}

/* Members in the order of their names, as the client's encoder sorts them. */
static int
write_header(struct exchange *x, const char *alg, const char *url, bool account,
    struct buf *out)
{
	const struct faults *f = &x->player->faults;
	bool order = strcmp(url, x->new_order) == 0;
	bool wrong_kid = fault_on(f, FAULT_WRONG_KID);
	uint8_t random[32];
	int r = OK;

	buf_printf(out, "{\"alg\":\"%s\"", alg);
	if (account && fault_on(f, FAULT_DUPLICATE_MEMBER))
		buf_add_str(out, ",\"alg\":\"ES256\"");
	if (account) {
		buf_add_str(out, ",\"jwk\":");
		r = fault_on(f, FAULT_JWK_PRIVATE)
		    ? jose_private_jwk(x->account, out)
		    : jose_jwk(x->account, out);
	}
	if (!account || fault_on(f, FAULT_JWK_AND_KID)) {
		buf_add_str(out, ",\"kid\":");
		jose_string(out, account || wrong_kid ? x->new_account : x->kid,
		    wrong_kid ? "x" : "");
	}
	buf_add_str(out, ",\"nonce\":");
	if (account && fault_on(f, FAULT_BAD_NONCE)) {
		keypair_random(random, sizeof random);
		buf_add_byte(out, '"');
		enc_base64url(blob_of(random, sizeof random), out);
		buf_add_byte(out, '"');
	} else {
		jose_string(out,
		    order && fault_on(f, FAULT_REUSED_NONCE) ? x->used_nonce
							     : x->nonce,
		    "");
	}
	buf_add_str(out, ",\"url\":");
	jose_string(out, url, order && fault_on(f, FAULT_WRONG_URL) ? "x" : "");
	buf_add_byte(out, '}');
	return r != OK ? r : buf_status(out);
}

static int
sign(struct exchange *x, const char *url, struct blob payload, struct buf *out)
{
	const struct faults *f = &x->player->faults;
	bool account = strcmp(url, x->new_account) == 0;
	struct jose jws = {
		.alg = "ES256",
		.key = x->account,
		.short_signature = fault_on(f, FAULT_SHORT_SIGNATURES),
		.der_signature = account && fault_on(f, FAULT_DER_SIGNATURE),
		.pad = account && fault_on(f, FAULT_PADDED_BASE64),
		.corrupt = account && fault_on(f, FAULT_BAD_SIGNATURE),
	};
	SCRATCH_BUF(head);
	SCRATCH_BUF(secret);
	int r;

	if (account && fault_on(f, FAULT_ALG_NONE))
		jws.alg = "none";
	if (account && fault_on(f, FAULT_ALG_HS256)) {
		jws.alg = "HS256";
		jose_jwk(x->account, &secret);
		jws.secret = buf_blob(&secret);
	}
	r = write_header(x, jws.alg, url, account, &head);
	return r == OK ? jose_write(&jws, buf_blob(&head), payload, out) : r;
}

int
exchange_post(
    struct exchange *x, const char *step, const char *url, struct blob payload)
{
	char used[sizeof x->nonce];
	SCRATCH_BUF(body);
	int r;

	memcpy(used, x->nonce, sizeof used);
	if ((r = sign(x, url, payload, &body)) == OK)
		r = send_request(x, step,
		    &(struct http_request){
			.method = "POST",
			.url = url,
			.headers = { AGENT,
			    "Content-Type: application/jose+json" },
			.body = buf_blob(&body),
			.has_body = true,
		    });
	memcpy(x->used_nonce, used, sizeof used);
	return r;
}

int
exchange_post_json(
    struct exchange *x, const char *step, const char *url, struct blob payload)
{
	int r = exchange_post(x, step, url, payload);

	return r == OK ? exchange_parse(x) : r;
}

const char *
exchange_text(const json_object *o, const char *name)
{
	json_object *v;

	if (!json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static int
copy(const char *text, const char *name, char *out, size_t room)
{
	if (text == NULL || strlen(text) >= room)
		return fail(ERR_MALFORMED, "the answer has no %s", name);
	snprintf(out, room, "%s", text);
	return OK;
}

int
exchange_need(const json_object *o, const char *name, char *out, size_t room)
{
	return copy(exchange_text(o, name), name, out, room);
}

int
exchange_location(const struct exchange *x, char out[EXCHANGE_URL])
{
	return copy(http_header(&x->player->http, "Location"), "Location", out,
	    EXCHANGE_URL);
}

bool
exchange_status_is(const struct exchange *x, const char *status)
{
	const char *text = exchange_text(x->json, "status");

	return text != NULL && strcmp(text, status) == 0;
}
