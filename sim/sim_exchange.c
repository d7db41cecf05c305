#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_der.h"
#include "sim/sim_exchange.h"
#include "sim/sim_json.h"
#include "sim/sim_jws.h"

#define SIM_EXCHANGE_AGENT "User-Agent: com.apple.security.acmeclient/1.0\r\n"

void
sim_exchange_init(struct sim_exchange *x)
{
	memset(x, 0, sizeof *x);
	sim_http_reply_init(&x->reply);
}

void
sim_exchange_release(struct sim_exchange *x)
{
	sim_http_reply_release(&x->reply);
	sim_value_free(x->json);
	x->json = NULL;
}

int
sim_exchange_refuse(struct sim_exchange *x, const char *step)
{
	return sim_refusal_set(x->refusal, step, &x->reply);
}

/* What Apple's client takes for success; anything else ends its run. */
static bool
sim_exchange_accepts(const struct sim_http_reply *reply)
{
	char value[SIM_EXCHANGE_URL];

	if (reply->status == 201)
		return sim_http_header(
			   reply, "Location", value, sizeof value) &&
		    value[0] != '\0';
	if (reply->status == 204)
		return sim_http_header(
		    reply, "Replay-Nonce", value, sizeof value);
	return reply->status == 200;
}

static int
sim_exchange_send(
    struct sim_exchange *x, const char *step, const struct sim_http_request *q)
{
	char value[sizeof x->nonce];
	int rc = sim_http_send(x->http, q, &x->reply);

	if (rc != OK)
		return rc;
	if (sim_http_header(&x->reply, "Replay-Nonce", value, sizeof value))
		snprintf(x->nonce, sizeof x->nonce, "%s", value);
	if (!sim_exchange_accepts(&x->reply))
		return sim_exchange_refuse(x, step);
	return OK;
}

int
sim_exchange_parse(struct sim_exchange *x)
{
	sim_value_free(x->json);
	x->json = NULL;
	return sim_json_parse(buf_blob(&x->reply.body), &x->json);
}

/* Requests without signature still carry Apple's empty JSON body. */
int
sim_exchange_plain(struct sim_exchange *x, const char *step, const char *method,
    const char *url)
{
	const struct sim_http_request q = {
		.method = method,
		.url = url,
		.headers =
		    SIM_EXCHANGE_AGENT "Content-Type: application/json\r\n",
		.body = blob_str("{}"),
		.has_body = true,
	};

	return sim_exchange_send(x, step, &q);
}

static int
sim_exchange_header_key(
    struct sim_exchange *x, bool is_account, struct buf *out)
{
	int rc = OK;

	if (is_account) {
		buf_add_str(out, ",\"jwk\":");
		rc = sim_knob_on(x->knobs, SIM_KNOB_JWK_PRIVATE)
		    ? sim_jws_private_jwk(x->account, out)
		    : sim_jws_jwk(x->account, out);
	}
	if (!is_account || sim_knob_on(x->knobs, SIM_KNOB_JWK_AND_KID)) {
		bool wrong = sim_knob_on(x->knobs, SIM_KNOB_WRONG_KID);

		buf_add_str(out, ",\"kid\":");
		sim_json_string(
		    out, is_account || wrong ? x->new_account : x->kid);
		if (wrong) {
			out->n--;
			buf_add_str(out, "x\"");
		}
	}
	return rc;
}

static void
sim_exchange_invent_nonce(struct buf *out)
{
	uint8_t random[32];

	sim_key_random(random, sizeof random);
	buf_add_byte(out, '"');
	enc_base64url(blob_of(random, sizeof random), out);
	buf_add_byte(out, '"');
}

/* Members in the order of their names, as the client's encoder sorts them. */
static int
sim_exchange_header(struct sim_exchange *x, const struct sim_jws *jws,
    const char *url, bool is_account, struct buf *out)
{
	bool is_order = strcmp(url, x->new_order) == 0;
	int rc;

	buf_printf(out, "{\"alg\":\"%s\"", jws->alg);
	if (is_account && sim_knob_on(x->knobs, SIM_KNOB_DUPLICATE_MEMBER))
		buf_add_str(out, ",\"alg\":\"ES256\"");
	if ((rc = sim_exchange_header_key(x, is_account, out)) != OK)
		return rc;
	buf_add_str(out, ",\"nonce\":");
	if (is_account && sim_knob_on(x->knobs, SIM_KNOB_BAD_NONCE))
		sim_exchange_invent_nonce(out);
	else if (is_order && sim_knob_on(x->knobs, SIM_KNOB_REUSED_NONCE))
		sim_json_string(out, x->used_nonce);
	else
		sim_json_string(out, x->nonce);
	buf_add_str(out, ",\"url\":");
	sim_json_string(out, url);
	if (is_order && sim_knob_on(x->knobs, SIM_KNOB_WRONG_URL)) {
		out->n--;
		buf_add_str(out, "x\"");
	}
	return buf_add_str(out, "}");
}

static int
sim_exchange_sign(struct sim_exchange *x, const char *url, struct blob payload,
    struct buf *out)
{
	bool is_account = strcmp(url, x->new_account) == 0;
	struct sim_jws jws = {
		.alg = "ES256",
		.key = x->account,
		.short_signature =
		    sim_knob_on(x->knobs, SIM_KNOB_SHORT_SIGNATURES),
		.der_signature =
		    is_account && sim_knob_on(x->knobs, SIM_KNOB_DER_SIGNATURE),
		.pad =
		    is_account && sim_knob_on(x->knobs, SIM_KNOB_PADDED_BASE64),
		.corrupt =
		    is_account && sim_knob_on(x->knobs, SIM_KNOB_BAD_SIGNATURE),
	};
	struct buf head, secret;
	int rc;

	buf_init(&head, 65536);
	buf_init(&secret, 4096);
	if (is_account && sim_knob_on(x->knobs, SIM_KNOB_ALG_NONE))
		jws.alg = "none";
	if (is_account && sim_knob_on(x->knobs, SIM_KNOB_ALG_HS256)) {
		jws.alg = "HS256";
		sim_jws_jwk(x->account, &secret);
		jws.secret = buf_blob(&secret);
	}
	rc = sim_exchange_header(x, &jws, url, is_account, &head);
	if (rc == OK)
		rc = sim_jws_write(&jws, buf_blob(&head), payload, out);
	buf_release(&head);
	buf_release(&secret);
	return rc;
}

/* payload "" reads a resource. The answer's JSON is in x->json. */
int
sim_exchange_post(struct sim_exchange *x, const char *step, const char *url,
    struct blob payload)
{
	struct sim_http_request q = {
		.method = "POST",
		.url = url,
		.headers = SIM_EXCHANGE_AGENT
		"Content-Type: application/jose+json\r\n",
		.has_body = true,
	};
	char used[sizeof x->nonce];
	struct buf body;
	int rc;

	buf_init(&body, SIM_DER_MAX);
	snprintf(used, sizeof used, "%s", x->nonce);
	rc = sim_exchange_sign(x, url, payload, &body);
	if (rc == OK) {
		q.body = buf_blob(&body);
		rc = sim_exchange_send(x, step, &q);
	}
	snprintf(x->used_nonce, sizeof x->used_nonce, "%s", used);
	buf_release(&body);
	return rc;
}

int
sim_exchange_post_json(struct sim_exchange *x, const char *step,
    const char *url, struct blob payload)
{
	int rc = sim_exchange_post(x, step, url, payload);

	return rc == OK ? sim_exchange_parse(x) : rc;
}

/* Copies a text member of the answer; ERR_MALFORMED when it is not there. */
int
sim_exchange_need(
    const struct sim_value *v, const char *name, char *out, size_t room)
{
	const char *text = sim_value_text(v, name);

	if (text == NULL || strlen(text) >= room)
		return fail(ERR_MALFORMED, "the answer has no %s", name);
	snprintf(out, room, "%s", text);
	return OK;
}

bool
sim_exchange_status_is(const struct sim_exchange *x, const char *status)
{
	const char *text = sim_value_text(x->json, "status");

	return text != NULL && strcmp(text, status) == 0;
}
