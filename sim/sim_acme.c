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
#include "sim/sim_exchange.h"
#include "sim/sim_file.h"
#include "sim/sim_json.h"
#include "sim/sim_jws.h"
#include "sim/sim_product.h"

/* One run: what the client remembers between exchanges. */
struct sim_acme_run {
	const struct sim_acme *acme;
	struct sim_exchange x;
	EVP_PKEY *certified; /* key of the request for a certificate */
	struct buf csr;
	char order[SIM_EXCHANGE_URL];
	char authorization[SIM_EXCHANGE_URL];
	char challenge[SIM_EXCHANGE_URL];
	char finalize[SIM_EXCHANGE_URL];
	char certificate[SIM_EXCHANGE_URL];
	char token[256];
};

static bool
sim_acme_on(const struct sim_acme_run *r, enum sim_knob_id id)
{
	return sim_knob_on(r->acme->knobs, id);
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
	r->x.account = d->account_key;
	r->certified = d->hardware_key;
	if (sim_acme_on(r, SIM_KNOB_CSR_ACCOUNT_KEY))
		r->certified = r->x.account;
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
	int rc = sim_exchange_plain(
	    &r->x, "directory", "GET", r->acme->device->profile.directory_url);

	if (rc == OK)
		rc = sim_exchange_parse(&r->x);
	if (rc != OK ||
	    (rc = sim_exchange_need(r->x.json, "newNonce", r->x.new_nonce,
		 sizeof r->x.new_nonce)) != OK ||
	    (rc = sim_exchange_need(r->x.json, "newAccount", r->x.new_account,
		 sizeof r->x.new_account)) != OK ||
	    (rc = sim_exchange_need(r->x.json, "newOrder", r->x.new_order,
		 sizeof r->x.new_order)) != OK)
		return rc;
	rc = sim_exchange_plain(&r->x, "nonce", "HEAD", r->x.new_nonce);
	if (rc == OK && r->x.nonce[0] == '\0')
		rc = fail(ERR_MALFORMED, "the answer has no Replay-Nonce");
	return rc;
}

static int
sim_acme_account(struct sim_acme_run *r)
{
	int rc = sim_exchange_post_json(&r->x, "account", r->x.new_account,
	    blob_str("{\"termsOfServiceAgreed\":true}"));
	const struct sim_value *orders;

	if (rc != OK)
		return rc;
	orders = sim_value_get(r->x.json, "orders");
	if (!sim_exchange_status_is(&r->x, "valid") || orders == NULL ||
	    orders->type == SIM_VALUE_NULL)
		return fail(ERR_MALFORMED, "the account has no orders");
	if (!sim_http_header(
		&r->x.reply, "Location", r->x.kid, sizeof r->x.kid))
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
	rc = sim_exchange_post_json(
	    &r->x, "order", r->x.new_order, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (!sim_exchange_status_is(&r->x, "pending"))
		return fail(ERR_MALFORMED, "the order is not pending");
	authz = sim_value_first(sim_value_get(r->x.json, "authorizations"));
	if (authz == NULL || authz->type != SIM_VALUE_TEXT ||
	    authz->n >= sizeof r->authorization)
		return fail(ERR_MALFORMED, "the order has no authorization");
	memcpy(r->authorization, authz->bytes, authz->n + 1);
	if (!sim_http_header(
		&r->x.reply, "Location", r->order, sizeof r->order))
		return fail(ERR_MALFORMED, "the order has no Location");
	return sim_exchange_need(
	    r->x.json, "finalize", r->finalize, sizeof r->finalize);
}

static int
sim_acme_authorization(struct sim_acme_run *r)
{
	const struct sim_value *c;
	int rc = sim_exchange_post_json(
	    &r->x, "authorization", r->authorization, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!sim_exchange_status_is(&r->x, "pending"))
		return fail(ERR_MALFORMED, "the authorization is not pending");
	c = sim_value_first(sim_value_get(r->x.json, "challenges"));
	for (; c != NULL; c = c->next) {
		const char *type = sim_value_text(c, "type");

		if (type != NULL && strcmp(type, "device-attest-01") == 0)
			break;
	}
	if (c == NULL)
		return fail(ERR_MALFORMED, "no challenge of our type");
	rc = sim_exchange_need(c, "url", r->challenge, sizeof r->challenge);
	if (rc != OK)
		return rc;
	return sim_exchange_need(c, "token", r->token, sizeof r->token);
}

static int
sim_acme_attest(struct sim_acme_run *r, const char *token, struct buf *out)
{
	const struct sim_device *d = r->acme->device;
	struct sim_product p = sim_product_of(d->product);
	bool wrong = sim_acme_on(r, SIM_KNOB_ATTEST_ACCOUNT_KEY);
	struct buf thumbprint;
	struct sim_leaf leaf = {
		.key = wrong ? r->x.account : d->hardware_key,
		.token = blob_str(token),
		.serial = d->serial,
		.udid = sim_acme_on(r, SIM_KNOB_ATTESTED_OTHER_UDID)
		    ? "00008000-0000000000000BEE"
		    : d->provisioning_udid,
		.os_version = d->os_version,
		.board = p.board,
		.knobs = r->acme->knobs,
	};
	int rc;

	buf_init(&thumbprint, 64);
	rc = sim_jws_thumbprint(r->x.account, &thumbprint);
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
	const struct sim_device *d = r->acme->device;
	struct sim_product p = sim_product_of(d->product);
	struct buf object;
	int rc;

	if (sim_acme_on(r, SIM_KNOB_NO_ATTESTATION) || !d->profile.attest ||
	    !p.attests)
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
		rc = sim_exchange_post_json(
		    &r->x, "challenge", r->challenge, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (sim_exchange_status_is(&r->x, "invalid"))
		return sim_exchange_refuse(&r->x, "challenge");
	if (!sim_exchange_status_is(&r->x, "valid"))
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
	rc = sim_exchange_post_json(
	    &r->x, "finalize", r->finalize, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (sim_exchange_status_is(&r->x, "invalid"))
		return sim_exchange_refuse(&r->x, "finalize");
	if (!sim_exchange_status_is(&r->x, "valid"))
		sleep(5);
	return OK;
}

static int
sim_acme_certificate(struct sim_acme_run *r)
{
	struct sim_device *d = r->acme->device;
	int rc = sim_exchange_post_json(
	    &r->x, "order-read", r->order, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!sim_exchange_status_is(&r->x, "valid"))
		return sim_exchange_refuse(&r->x, "order-read");
	rc = sim_exchange_need(
	    r->x.json, "certificate", r->certificate, sizeof r->certificate);
	if (rc == OK)
		rc = sim_exchange_post(
		    &r->x, "certificate", r->certificate, blob_of("", 0));
	if (rc != OK)
		return rc;
	/* A cheat that was believed goes on with the key that it got. */
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = r->certified;
	r->certified = NULL;
	buf_reset(&d->identity);
	return sim_file_first_pem(
	    buf_blob(&r->x.reply.body), "CERTIFICATE", &d->identity);
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
	sim_exchange_init(&r->x);
	r->x.http = acme->http;
	r->x.knobs = acme->knobs;
	r->x.refusal = acme->refusal;
	rc = sim_acme_exchanges(r);
	/* An account serves one run, and its key is forgotten with it. */
	EVP_PKEY_free(acme->device->account_key);
	acme->device->account_key = NULL;
	EVP_PKEY_free(r->certified);
	buf_release(&r->csr);
	sim_exchange_release(&r->x);
	free(r);
	return rc;
}
