#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/client/exchange.h"
#include "sim/forge/json.h"
#include "sim/forge/jose.h"

#define EXCHANGE_AGENT "User-Agent: com.apple.security.acmeclient/1.0"

void
exchange_release(struct exchange *x)
{
	value_free(x->json);
	x->json = NULL;
}

int
exchange_refuse(struct exchange *x, const char *step)
{
	return refusal_set(x->refusal, step, x->http);
}

/* What Apple's client takes for success; anything else ends its run. */
static bool
exchange_accepts(const struct http *http)
{
	const char *location = http_header(http, "Location");

	if (http->status == 201)
		return location != NULL && location[0] != '\0';
	if (http->status == 204)
		return http_header(http, "Replay-Nonce") != NULL;
	return http->status == 200;
}

static int
exchange_send(
    struct exchange *x, const char *step, const struct http_request *q)
{
	const char *nonce;
	int rc = http_send(x->http, q);

	if (rc != OK)
		return rc;
	if ((nonce = http_header(x->http, "Replay-Nonce")) != NULL)
		snprintf(x->nonce, sizeof x->nonce, "%s", nonce);
	if (!exchange_accepts(x->http))
		return exchange_refuse(x, step);
	return OK;
}

int
exchange_parse(struct exchange *x)
{
	value_free(x->json);
	x->json = NULL;
	return json_parse(buf_blob(&x->http->body), &x->json);
}

/* Requests without signature still carry Apple's empty JSON body. */
int
exchange_plain(
    struct exchange *x, const char *step, const char *method, const char *url)
{
	const struct http_request q = {
		.method = method,
		.url = url,
		.headers = { EXCHANGE_AGENT, "Content-Type: application/json" },
		.body = blob_str("{}"),
		.has_body = true,
	};

	return exchange_send(x, step, &q);
}

static int
exchange_header_key(struct exchange *x, bool is_account, struct buf *out)
{
	int rc = OK;

	if (is_account) {
		buf_add_str(out, ",\"jwk\":");
		rc = fault_on(x->faults, FAULT_JWK_PRIVATE)
		    ? jose_private_jwk(x->account, out)
		    : jose_jwk(x->account, out);
	}
	if (!is_account || fault_on(x->faults, FAULT_JWK_AND_KID)) {
		bool wrong = fault_on(x->faults, FAULT_WRONG_KID);

		buf_add_str(out, ",\"kid\":");
		json_string(out, is_account || wrong ? x->new_account : x->kid);
		if (wrong) {
			out->n--;
			buf_add_str(out, "x\"");
		}
	}
	return rc;
}

static void
exchange_invent_nonce(struct buf *out)
{
	uint8_t random[32];

	keypair_random(random, sizeof random);
	buf_add_byte(out, '"');
	enc_base64url(blob_of(random, sizeof random), out);
	buf_add_byte(out, '"');
}

/* Members in the order of their names, as the client's encoder sorts them. */
static int
exchange_header(struct exchange *x, const struct jose *jws, const char *url,
    bool is_account, struct buf *out)
{
	bool is_order = strcmp(url, x->new_order) == 0;
	int rc;

	buf_printf(out, "{\"alg\":\"%s\"", jws->alg);
	if (is_account && fault_on(x->faults, FAULT_DUPLICATE_MEMBER))
		buf_add_str(out, ",\"alg\":\"ES256\"");
	if ((rc = exchange_header_key(x, is_account, out)) != OK)
		return rc;
	buf_add_str(out, ",\"nonce\":");
	if (is_account && fault_on(x->faults, FAULT_BAD_NONCE))
		exchange_invent_nonce(out);
	else if (is_order && fault_on(x->faults, FAULT_REUSED_NONCE))
		json_string(out, x->used_nonce);
	else
		json_string(out, x->nonce);
	buf_add_str(out, ",\"url\":");
	json_string(out, url);
	if (is_order && fault_on(x->faults, FAULT_WRONG_URL)) {
		out->n--;
		buf_add_str(out, "x\"");
	}
	return buf_add_str(out, "}");
}

static int
exchange_sign(
    struct exchange *x, const char *url, struct blob payload, struct buf *out)
{
	bool is_account = strcmp(url, x->new_account) == 0;
	struct jose jws = {
		.alg = "ES256",
		.key = x->account,
		.short_signature = fault_on(x->faults, FAULT_SHORT_SIGNATURES),
		.der_signature =
		    is_account && fault_on(x->faults, FAULT_DER_SIGNATURE),
		.pad = is_account && fault_on(x->faults, FAULT_PADDED_BASE64),
		.corrupt =
		    is_account && fault_on(x->faults, FAULT_BAD_SIGNATURE),
	};
	struct buf head, secret;
	int rc;

	buf_init(&head, 65536);
	buf_init(&secret, 4096);
	if (is_account && fault_on(x->faults, FAULT_ALG_NONE))
		jws.alg = "none";
	if (is_account && fault_on(x->faults, FAULT_ALG_HS256)) {
		jws.alg = "HS256";
		jose_jwk(x->account, &secret);
		jws.secret = buf_blob(&secret);
	}
	rc = exchange_header(x, &jws, url, is_account, &head);
	if (rc == OK)
		rc = jose_write(&jws, buf_blob(&head), payload, out);
	buf_release(&head);
	buf_release(&secret);
	return rc;
}

/* payload "" reads a resource. The answer's JSON is in x->json. */
int
exchange_post(
    struct exchange *x, const char *step, const char *url, struct blob payload)
{
	struct http_request q = {
		.method = "POST",
		.url = url,
		.headers = { EXCHANGE_AGENT,
		    "Content-Type: application/jose+json" },
		.has_body = true,
	};
	char used[sizeof x->nonce];
	struct buf body;
	int rc;

	buf_init(&body, DER_MAX);
	snprintf(used, sizeof used, "%s", x->nonce);
	rc = exchange_sign(x, url, payload, &body);
	if (rc == OK) {
		q.body = buf_blob(&body);
		rc = exchange_send(x, step, &q);
	}
	snprintf(x->used_nonce, sizeof x->used_nonce, "%s", used);
	buf_release(&body);
	return rc;
}

int
exchange_post_json(
    struct exchange *x, const char *step, const char *url, struct blob payload)
{
	int rc = exchange_post(x, step, url, payload);

	return rc == OK ? exchange_parse(x) : rc;
}

/* Copies a text member of the answer; ERR_MALFORMED when it is not there. */
int
exchange_need(const struct value *v, const char *name, char *out, size_t room)
{
	const char *text = value_text(v, name);

	if (text == NULL || strlen(text) >= room)
		return fail(ERR_MALFORMED, "the answer has no %s", name);
	snprintf(out, room, "%s", text);
	return OK;
}

bool
exchange_status_is(const struct exchange *x, const char *status)
{
	const char *text = value_text(x->json, "status");

	return text != NULL && strcmp(text, status) == 0;
}
