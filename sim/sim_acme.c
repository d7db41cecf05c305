#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_acme.h"
#include "sim/sim_attest.h"
#include "sim/sim_csr.h"
#include "sim/sim_der.h"
#include "sim/sim_file.h"
#include "sim/sim_json.h"
#include "sim/sim_jws.h"

#define SIM_ACME_AGENT "User-Agent: com.apple.security.acmeclient/1.0\r\n"
#define SIM_ACME_URL   1024

/* One run: what the client remembers between exchanges. */
struct sim_acme_run {
	const struct sim_acme *acme;
	EVP_PKEY *account;
	EVP_PKEY *certified; /* key of the request for a certificate */
	struct buf csr;
	struct sim_http_reply reply;
	struct sim_value *json; /* body of the last reply */
	char nonce[256];
	char used_nonce[256];
	char new_nonce[SIM_ACME_URL];
	char new_account[SIM_ACME_URL];
	char new_order[SIM_ACME_URL];
	char kid[SIM_ACME_URL];
	char order[SIM_ACME_URL];
	char authorization[SIM_ACME_URL];
	char challenge[SIM_ACME_URL];
	char finalize[SIM_ACME_URL];
	char certificate[SIM_ACME_URL];
	char token[256];
};

static bool
sim_acme_on(const struct sim_acme_run *r, enum sim_knob_id id)
{
	return sim_knob_on(r->acme->knobs, id);
}

static int
sim_acme_refuse(struct sim_acme_run *r, const char *step)
{
	return sim_refusal_set(r->acme->refusal, step, &r->reply);
}

/* What Apple's client takes for success; anything else ends its run. */
static bool
sim_acme_accepts(const struct sim_http_reply *reply)
{
	char value[SIM_ACME_URL];

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
sim_acme_send(
    struct sim_acme_run *r, const char *step, const struct sim_http_request *q)
{
	char value[sizeof r->nonce];
	int rc = sim_http_send(r->acme->http, q, &r->reply);

	if (rc != OK)
		return rc;
	if (sim_http_header(&r->reply, "Replay-Nonce", value, sizeof value))
		snprintf(r->nonce, sizeof r->nonce, "%s", value);
	if (!sim_acme_accepts(&r->reply))
		return sim_acme_refuse(r, step);
	return OK;
}

static int
sim_acme_parse(struct sim_acme_run *r)
{
	sim_value_free(r->json);
	r->json = NULL;
	return sim_json_parse(buf_blob(&r->reply.body), &r->json);
}

/* Requests without signature still carry Apple's empty JSON body. */
static int
sim_acme_plain(struct sim_acme_run *r, const char *step, const char *method,
    const char *url)
{
	const struct sim_http_request q = {
		.method = method,
		.url = url,
		.headers = SIM_ACME_AGENT "Content-Type: application/json\r\n",
		.body = blob_str("{}"),
		.has_body = true,
	};

	return sim_acme_send(r, step, &q);
}

static int
sim_acme_header_key(struct sim_acme_run *r, bool is_account, struct buf *out)
{
	int rc = OK;

	if (is_account) {
		buf_add_str(out, ",\"jwk\":");
		rc = sim_acme_on(r, SIM_KNOB_JWK_PRIVATE)
		    ? sim_jws_private_jwk(r->account, out)
		    : sim_jws_jwk(r->account, out);
	}
	if (!is_account || sim_acme_on(r, SIM_KNOB_JWK_AND_KID)) {
		bool wrong = sim_acme_on(r, SIM_KNOB_WRONG_KID);

		buf_add_str(out, ",\"kid\":");
		sim_json_string(
		    out, is_account || wrong ? r->new_account : r->kid);
		if (wrong) {
			out->n--;
			buf_add_str(out, "x\"");
		}
	}
	return rc;
}

/* Members in the order of their names, as the client's encoder sorts them. */
static int
sim_acme_header(struct sim_acme_run *r, const struct sim_jws *jws,
    const char *url, bool is_account, struct buf *out)
{
	bool is_order = strcmp(url, r->new_order) == 0;
	char nonce[44];
	uint8_t random[32];
	struct buf text;
	int rc;

	buf_printf(out, "{\"alg\":\"%s\"", jws->alg);
	if (is_account && sim_acme_on(r, SIM_KNOB_DUPLICATE_MEMBER))
		buf_add_str(out, ",\"alg\":\"ES256\"");
	if ((rc = sim_acme_header_key(r, is_account, out)) != OK)
		return rc;
	buf_add_str(out, ",\"nonce\":");
	if (is_account && sim_acme_on(r, SIM_KNOB_BAD_NONCE)) {
		buf_init(&text, 64);
		sim_key_random(random, sizeof random);
		enc_base64url(blob_of(random, sizeof random), &text);
		snprintf(nonce, sizeof nonce, "%s", buf_str(&text));
		buf_release(&text);
		sim_json_string(out, nonce);
	} else if (is_order && sim_acme_on(r, SIM_KNOB_REUSED_NONCE)) {
		sim_json_string(out, r->used_nonce);
	} else {
		sim_json_string(out, r->nonce);
	}
	buf_add_str(out, ",\"url\":");
	sim_json_string(out, url);
	if (is_order && sim_acme_on(r, SIM_KNOB_WRONG_URL)) {
		out->n--;
		buf_add_str(out, "x\"");
	}
	return buf_add_str(out, "}");
}

static int
sim_acme_sign(struct sim_acme_run *r, const char *url, struct blob payload,
    struct buf *out)
{
	bool is_account = strcmp(url, r->new_account) == 0;
	struct sim_jws jws = {
		.alg = "ES256",
		.key = r->account,
		.short_signature = sim_acme_on(r, SIM_KNOB_SHORT_SIGNATURES),
		.der_signature =
		    is_account && sim_acme_on(r, SIM_KNOB_DER_SIGNATURE),
		.pad = is_account && sim_acme_on(r, SIM_KNOB_PADDED_BASE64),
		.corrupt = is_account && sim_acme_on(r, SIM_KNOB_BAD_SIGNATURE),
	};
	struct buf head, secret;
	int rc;

	buf_init(&head, 65536);
	buf_init(&secret, 4096);
	if (is_account && sim_acme_on(r, SIM_KNOB_ALG_NONE))
		jws.alg = "none";
	if (is_account && sim_acme_on(r, SIM_KNOB_ALG_HS256)) {
		jws.alg = "HS256";
		sim_jws_jwk(r->account, &secret);
		jws.secret = buf_blob(&secret);
	}
	rc = sim_acme_header(r, &jws, url, is_account, &head);
	if (rc == OK)
		rc = sim_jws_write(&jws, buf_blob(&head), payload, out);
	buf_release(&head);
	buf_release(&secret);
	return rc;
}

/* payload "" reads a resource. The answer's JSON is in r->json. */
static int
sim_acme_post(struct sim_acme_run *r, const char *step, const char *url,
    struct blob payload)
{
	struct sim_http_request q = {
		.method = "POST",
		.url = url,
		.headers =
		    SIM_ACME_AGENT "Content-Type: application/jose+json\r\n",
		.has_body = true,
	};
	char used[sizeof r->nonce];
	struct buf body;
	int rc;

	buf_init(&body, SIM_DER_MAX);
	snprintf(used, sizeof used, "%s", r->nonce);
	rc = sim_acme_sign(r, url, payload, &body);
	if (rc == OK) {
		q.body = buf_blob(&body);
		rc = sim_acme_send(r, step, &q);
	}
	snprintf(r->used_nonce, sizeof r->used_nonce, "%s", used);
	buf_release(&body);
	return rc;
}

static int
sim_acme_post_json(struct sim_acme_run *r, const char *step, const char *url,
    struct blob payload)
{
	int rc = sim_acme_post(r, step, url, payload);

	return rc == OK ? sim_acme_parse(r) : rc;
}

/* Copies a text member of the answer; ERR_MALFORMED when it is not there. */
static int
sim_acme_need(struct sim_acme_run *r, const struct sim_value *v,
    const char *name, char *out, size_t room)
{
	const char *text = sim_value_text(v, name);

	if (text == NULL || strlen(text) >= room)
		return fail(ERR_MALFORMED, "the answer has no %s", name);
	snprintf(out, room, "%s", text);
	return OK;
}

static bool
sim_acme_status_is(const struct sim_acme_run *r, const char *status)
{
	const char *text = sim_value_text(r->json, "status");

	return text != NULL && strcmp(text, status) == 0;
}

/* Both keys and the request exist before the first exchange. */
static int
sim_acme_prepare(struct sim_acme_run *r)
{
	struct sim_device *d = r->acme->device;
	long size = d->profile.key_size;
	int rc = OK;

	if (sim_acme_on(r, SIM_KNOB_KEY_P256))
		size = 256;
	if (d->hardware_key == NULL ||
	    EVP_PKEY_get_bits(d->hardware_key) != size) {
		EVP_PKEY_free(d->hardware_key);
		rc = sim_key_make(
		    size == 256 ? "P-256" : "P-384", &d->hardware_key);
	}
	if (rc == OK && d->account_key == NULL)
		rc = sim_key_make("P-256", &d->account_key);
	if (rc != OK)
		return rc;
	r->account = d->account_key;
	r->certified = d->hardware_key;
	if (sim_acme_on(r, SIM_KNOB_CSR_ACCOUNT_KEY))
		r->certified = r->account;
	if (EVP_PKEY_up_ref(r->certified) != 1)
		return fail(ERR_CRYPTO, "no key");
	if (sim_acme_on(r, SIM_KNOB_WRONG_KEY_CSR)) {
		EVP_PKEY_free(r->certified);
		rc = sim_key_make("P-384", &r->certified);
	}
	return rc;
}

static int
sim_acme_make_csr(struct sim_acme_run *r)
{
	const struct sim_profile *p = &r->acme->device->profile;
	struct sim_cert_rdn rdn = { "2.5.4.3", SIM_DER_UTF8, "a" };
	struct sim_csr csr = {
		.key = r->certified,
		.subject = buf_blob(&p->subject),
		.knobs = r->acme->knobs,
	};
	struct buf name;
	int rc;

	buf_init(&name, 4096);
	if (sim_acme_on(r, SIM_KNOB_CSR_NUL_NAME)) {
		sim_cert_name(&name, &rdn, 1);
		name.p[name.n - 1] = 0;
		csr.subject = buf_blob(&name);
	}
	memcpy(csr.ekus, p->ekus, sizeof csr.ekus);
	rc = sim_csr_write(&csr, &r->csr);
	buf_release(&name);
	return rc;
}

static int
sim_acme_directory(struct sim_acme_run *r)
{
	int rc = sim_acme_plain(
	    r, "directory", "GET", r->acme->device->profile.directory_url);

	if (rc == OK)
		rc = sim_acme_parse(r);
	if (rc != OK ||
	    (rc = sim_acme_need(r, r->json, "newNonce", r->new_nonce,
		 sizeof r->new_nonce)) != OK ||
	    (rc = sim_acme_need(r, r->json, "newAccount", r->new_account,
		 sizeof r->new_account)) != OK ||
	    (rc = sim_acme_need(r, r->json, "newOrder", r->new_order,
		 sizeof r->new_order)) != OK)
		return rc;
	rc = sim_acme_plain(r, "nonce", "HEAD", r->new_nonce);
	if (rc == OK && r->nonce[0] == '\0')
		rc = fail(ERR_MALFORMED, "the answer has no Replay-Nonce");
	return rc;
}

static int
sim_acme_account(struct sim_acme_run *r)
{
	int rc = sim_acme_post_json(r, "account", r->new_account,
	    blob_str("{\"termsOfServiceAgreed\":true}"));
	const struct sim_value *orders;

	if (rc != OK)
		return rc;
	orders = sim_value_get(r->json, "orders");
	if (!sim_acme_status_is(r, "valid") || orders == NULL ||
	    orders->type == SIM_VALUE_NULL)
		return fail(ERR_MALFORMED, "the account has no orders");
	if (!sim_http_header(&r->reply, "Location", r->kid, sizeof r->kid))
		return fail(ERR_MALFORMED, "the account has no Location");
	return OK;
}

static void
sim_acme_identifier(struct buf *out, const char *type, const char *value)
{
	buf_printf(out, "{\"type\":\"%s\",\"value\":", type);
	sim_json_string(out, value);
	buf_add_str(out, "}");
}

static void
sim_acme_order_payload(struct sim_acme_run *r, struct buf *out)
{
	const char *type = "permanent-identifier";
	const char *value = r->acme->device->profile.client_identifier;

	if (sim_acme_on(r, SIM_KNOB_DNS_IDENTIFIER)) {
		type = "dns";
		value = "device.example.com";
	}
	if (sim_acme_on(r, SIM_KNOB_HARDWARE_MODULE)) {
		type = "hardware-module";
		value = "12345/1.3.6.1.4.1.99999.2";
	}
	if (sim_acme_on(r, SIM_KNOB_WRONG_IDENTIFIER))
		value = "ZZNOTMINE999";
	buf_add_str(out, "{\"identifiers\":[");
	sim_acme_identifier(out, type, value);
	if (sim_acme_on(r, SIM_KNOB_TWO_IDENTIFIERS)) {
		buf_add_byte(out, ',');
		sim_acme_identifier(out, type, "ZZNOTMINE999");
	}
	buf_add_str(out, "]");
	if (sim_acme_on(r, SIM_KNOB_ORDER_DATES))
		buf_add_str(out,
		    ",\"notAfter\":\"2049-01-01T00:00:00Z\","
		    "\"notBefore\":\"2020-01-01T00:00:00Z\"");
	buf_add_str(out, "}");
}

static int
sim_acme_order(struct sim_acme_run *r)
{
	const struct sim_value *authz;
	struct buf payload;
	int rc;

	buf_init(&payload, 65536);
	sim_acme_order_payload(r, &payload);
	rc = sim_acme_post_json(r, "order", r->new_order, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (!sim_acme_status_is(r, "pending"))
		return fail(ERR_MALFORMED, "the order is not pending");
	authz = sim_value_first(sim_value_get(r->json, "authorizations"));
	if (authz == NULL || authz->type != SIM_VALUE_TEXT ||
	    authz->n >= sizeof r->authorization)
		return fail(ERR_MALFORMED, "the order has no authorization");
	memcpy(r->authorization, authz->bytes, authz->n + 1);
	if (!sim_http_header(&r->reply, "Location", r->order, sizeof r->order))
		return fail(ERR_MALFORMED, "the order has no Location");
	return sim_acme_need(
	    r, r->json, "finalize", r->finalize, sizeof r->finalize);
}

static int
sim_acme_authorization(struct sim_acme_run *r)
{
	const struct sim_value *c;
	int rc = sim_acme_post_json(
	    r, "authorization", r->authorization, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!sim_acme_status_is(r, "pending"))
		return fail(ERR_MALFORMED, "the authorization is not pending");
	c = sim_value_first(sim_value_get(r->json, "challenges"));
	for (; c != NULL; c = c->next) {
		const char *type = sim_value_text(c, "type");

		if (type != NULL && strcmp(type, "device-attest-01") == 0)
			break;
	}
	if (c == NULL)
		return fail(ERR_MALFORMED, "no challenge of our type");
	rc = sim_acme_need(r, c, "url", r->challenge, sizeof r->challenge);
	if (rc != OK)
		return rc;
	return sim_acme_need(r, c, "token", r->token, sizeof r->token);
}

static int
sim_acme_attest(struct sim_acme_run *r, const char *token, struct buf *out)
{
	const struct sim_device *d = r->acme->device;
	bool wrong = sim_acme_on(r, SIM_KNOB_ATTEST_ACCOUNT_KEY);
	struct buf thumbprint;
	struct sim_leaf leaf = {
		.key = wrong ? r->account : d->hardware_key,
		.token = blob_str(token),
		.serial = d->serial,
		.udid = d->provisioning_udid,
		.os_version = d->os_version,
		.board = "J504AP",
		.knobs = r->acme->knobs,
	};
	int rc;

	buf_init(&thumbprint, 64);
	rc = sim_jws_thumbprint(r->account, &thumbprint);
	leaf.thumbprint = buf_str(&thumbprint);
	if (rc == OK)
		rc = sim_attest_make(r->acme->apple, &leaf, out);
	buf_release(&thumbprint);
	return rc;
}

/* The object of an earlier run, or else one made for an earlier token. */
static int
sim_acme_replay(struct sim_acme_run *r, struct buf *out)
{
	const struct buf *old = &r->acme->device->attestation;

	if (old->n > 0)
		return buf_add_blob(out, buf_blob(old));
	return sim_acme_attest(
	    r, "8F3mW0d9b3JYJ0Q5kqk2m1sPpUu5m0h3n2aZzq0c9xE", out);
}

static int
sim_acme_object(struct sim_acme_run *r, struct buf *out)
{
	struct buf *kept = &r->acme->device->attestation;
	int rc;

	if (sim_acme_on(r, SIM_KNOB_SLOW_ATTESTATION))
		sleep(10);
	if (sim_acme_on(r, SIM_KNOB_ATTESTATION_ERROR)) {
		sim_attest_failed(out);
		return buf_status(out);
	}
	if (sim_acme_on(r, SIM_KNOB_STALE_ATTESTATION))
		return sim_acme_replay(r, out);
	rc = sim_acme_attest(r, r->token, out);
	buf_reset(kept);
	return rc == OK ? buf_add_blob(kept, buf_blob(out)) : rc;
}

static int
sim_acme_challenge_payload(struct sim_acme_run *r, struct buf *out)
{
	struct buf object;
	int rc;

	if (sim_acme_on(r, SIM_KNOB_NO_ATTESTATION) ||
	    !r->acme->device->profile.attest)
		return buf_add_str(out, "{}");
	if (sim_acme_on(r, SIM_KNOB_ATTOBJ_NUMBER))
		return buf_add_str(out, "{\"attObj\":12345}");
	buf_init(&object, SIM_DER_MAX);
	rc = sim_acme_object(r, &object);
	if (rc == OK) {
		buf_add_str(out, "{\"attObj\":\"");
		sim_jws_base64(buf_blob(&object), false, out);
		if (sim_acme_on(r, SIM_KNOB_ATTOBJ_PADDED))
			buf_add_str(out, "=");
		buf_add_str(out, "\"");
		if (sim_acme_on(r, SIM_KNOB_ATTESTATION_ERROR))
			buf_add_str(out,
			    ",\"error\":\"The device could not be attested.\"");
		rc = buf_add_str(out, "}");
	}
	buf_release(&object);
	return rc;
}

static int
sim_acme_challenge(struct sim_acme_run *r)
{
	struct buf payload;
	int rc;

	buf_init(&payload, SIM_DER_MAX);
	rc = sim_acme_challenge_payload(r, &payload);
	if (rc == OK)
		rc = sim_acme_post_json(
		    r, "challenge", r->challenge, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (sim_acme_status_is(r, "invalid"))
		return sim_acme_refuse(r, "challenge");
	if (!sim_acme_status_is(r, "valid"))
		sleep(5);
	return OK;
}

static int
sim_acme_finalize(struct sim_acme_run *r)
{
	struct buf payload;
	int rc;

	buf_init(&payload, SIM_DER_MAX);
	buf_add_str(&payload, "{\"csr\":\"");
	sim_jws_base64(buf_blob(&r->csr), false, &payload);
	if (sim_acme_on(r, SIM_KNOB_CSR_PADDED))
		buf_add_str(&payload, "=");
	buf_add_str(&payload, "\"}");
	rc = sim_acme_post_json(r, "finalize", r->finalize, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (sim_acme_status_is(r, "invalid"))
		return sim_acme_refuse(r, "finalize");
	if (!sim_acme_status_is(r, "valid"))
		sleep(5);
	return OK;
}

static int
sim_acme_certificate(struct sim_acme_run *r)
{
	struct sim_device *d = r->acme->device;
	int rc = sim_acme_post_json(r, "order-read", r->order, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!sim_acme_status_is(r, "valid"))
		return sim_acme_refuse(r, "order-read");
	rc = sim_acme_need(
	    r, r->json, "certificate", r->certificate, sizeof r->certificate);
	if (rc == OK)
		rc = sim_acme_post(
		    r, "certificate", r->certificate, blob_of("", 0));
	if (rc != OK)
		return rc;
	buf_reset(&d->identity);
	return sim_file_first_pem(
	    buf_blob(&r->reply.body), "CERTIFICATE", &d->identity);
}

static int
sim_acme_exchanges(struct sim_acme_run *r)
{
	int rc;

	if ((rc = sim_acme_prepare(r)) != OK ||
	    (rc = sim_acme_make_csr(r)) != OK ||
	    (rc = sim_acme_directory(r)) != OK ||
	    (rc = sim_acme_account(r)) != OK ||
	    (rc = sim_acme_order(r)) != OK ||
	    (rc = sim_acme_authorization(r)) != OK)
		return rc;
	if (!sim_acme_on(r, SIM_KNOB_EARLY_FINALIZE) &&
	    (rc = sim_acme_challenge(r)) != OK)
		return rc;
	if ((rc = sim_acme_finalize(r)) != OK ||
	    (rc = sim_acme_certificate(r)) != OK)
		return rc;
	if (sim_acme_on(r, SIM_KNOB_SECOND_FINALIZE))
		return sim_acme_finalize(r);
	return OK;
}

int
sim_acme_run(const struct sim_acme *acme)
{
	struct sim_acme_run *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return fail(ERR_NOMEM, "no memory");
	r->acme = acme;
	buf_init(&r->csr, SIM_DER_MAX);
	sim_http_reply_init(&r->reply);
	rc = sim_acme_exchanges(r);
	/* An account serves one run, and its key is forgotten with it. */
	EVP_PKEY_free(acme->device->account_key);
	acme->device->account_key = NULL;
	EVP_PKEY_free(r->certified);
	buf_release(&r->csr);
	sim_http_reply_release(&r->reply);
	sim_value_free(r->json);
	free(r);
	return rc;
}
