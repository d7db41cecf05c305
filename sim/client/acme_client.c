#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/acme_client.h"
#include "sim/forge/attestation.h"
#include "sim/forge/certreq.h"
#include "sim/forge/der.h"
#include "sim/client/exchange.h"
#include "sim/forge/disk.h"
#include "sim/forge/json.h"
#include "sim/forge/jose.h"
#include "sim/forge/model.h"

/* One run: what the client remembers between exchanges. */
struct acme_client_run {
	const struct acme_client *acme;
	struct exchange x;
	EVP_PKEY *certified; /* key of the request for a certificate */
	struct buf csr;
	char order[EXCHANGE_URL];
	char authorization[EXCHANGE_URL];
	char challenge[EXCHANGE_URL];
	char finalize[EXCHANGE_URL];
	char certificate[EXCHANGE_URL];
	char token[256];
};

static bool
acme_client_on(const struct acme_client_run *r, enum fault_id id)
{
	return fault_on(r->acme->faults, id);
}

/* Both keys and the request exist before the first exchange. */
static int
acme_client_prepare(struct acme_client_run *r)
{
	struct apple_device *d = r->acme->device;
	long size = d->profile.key_size;
	int rc = OK;

	if (acme_client_on(r, FAULT_KEY_P256))
		size = 256;
	if (d->hardware_key == NULL ||
	    EVP_PKEY_get_bits(d->hardware_key) != size) {
		EVP_PKEY_free(d->hardware_key);
		rc = keypair_make(
		    size == 256 ? "P-256" : "P-384", &d->hardware_key);
	}
	if (rc == OK && d->account_key == NULL)
		rc = keypair_make("P-256", &d->account_key);
	if (rc != OK)
		return rc;
	r->x.account = d->account_key;
	r->certified = d->hardware_key;
	if (acme_client_on(r, FAULT_CSR_ACCOUNT_KEY))
		r->certified = r->x.account;
	if (EVP_PKEY_up_ref(r->certified) != 1)
		return fail(ERR_CRYPTO, "no key");
	if (acme_client_on(r, FAULT_WRONG_KEY_CSR)) {
		EVP_PKEY_free(r->certified);
		rc = keypair_make("P-384", &r->certified);
	}
	return rc;
}

static int
acme_client_make_csr(struct acme_client_run *r)
{
	const struct payload *p = &r->acme->device->profile;
	struct cert_rdn rdn = { "2.5.4.3", DER_UTF8, "a" };
	struct certreq csr = {
		.key = r->certified,
		.subject = buf_blob(&p->subject),
		.faults = r->acme->faults,
	};
	struct buf name;
	int rc;

	buf_init(&name, 4096);
	if (acme_client_on(r, FAULT_CSR_NUL_NAME)) {
		cert_name(&name, &rdn, 1);
		name.p[name.n - 1] = 0;
		csr.subject = buf_blob(&name);
	}
	memcpy(csr.ekus, p->ekus, sizeof csr.ekus);
	rc = certreq_write(&csr, &r->csr);
	buf_release(&name);
	return rc;
}

static int
acme_client_directory(struct acme_client_run *r)
{
	int rc = exchange_plain(
	    &r->x, "directory", "GET", r->acme->device->profile.directory_url);

	if (rc == OK)
		rc = exchange_parse(&r->x);
	if (rc != OK ||
	    (rc = exchange_need(r->x.json, "newNonce", r->x.new_nonce,
		 sizeof r->x.new_nonce)) != OK ||
	    (rc = exchange_need(r->x.json, "newAccount", r->x.new_account,
		 sizeof r->x.new_account)) != OK ||
	    (rc = exchange_need(r->x.json, "newOrder", r->x.new_order,
		 sizeof r->x.new_order)) != OK)
		return rc;
	rc = exchange_plain(&r->x, "nonce", "HEAD", r->x.new_nonce);
	if (rc == OK && r->x.nonce[0] == '\0')
		rc = fail(ERR_MALFORMED, "the answer has no Replay-Nonce");
	return rc;
}

static int
acme_client_location(struct acme_client_run *r, char out[EXCHANGE_URL])
{
	const char *url = http_header(r->x.http, "Location");

	if (url == NULL || strlen(url) >= EXCHANGE_URL)
		return fail(ERR_MALFORMED, "the answer has no Location");
	snprintf(out, EXCHANGE_URL, "%s", url);
	return OK;
}

static int
acme_client_account(struct acme_client_run *r)
{
	int rc = exchange_post_json(&r->x, "account", r->x.new_account,
	    blob_str("{\"termsOfServiceAgreed\":true}"));
	const struct value *orders;

	if (rc != OK)
		return rc;
	orders = value_get(r->x.json, "orders");
	if (!exchange_status_is(&r->x, "valid") || orders == NULL ||
	    orders->type == VALUE_NULL)
		return fail(ERR_MALFORMED, "the account has no orders");
	return acme_client_location(r, r->x.kid);
}

static void
acme_client_identifier(struct buf *out, const char *type, const char *value)
{
	buf_printf(out, "{\"type\":\"%s\",\"value\":", type);
	json_string(out, value);
	buf_add_str(out, "}");
}

static void
acme_client_order_payload(struct acme_client_run *r, struct buf *out)
{
	const char *type = "permanent-identifier";
	const char *value = r->acme->device->profile.client_identifier;

	if (acme_client_on(r, FAULT_DNS_IDENTIFIER)) {
		type = "dns";
		value = "device.example.com";
	}
	if (acme_client_on(r, FAULT_HARDWARE_MODULE)) {
		type = "hardware-module";
		value = "12345/1.3.6.1.4.1.99999.2";
	}
	if (acme_client_on(r, FAULT_WRONG_IDENTIFIER))
		value = "ZZNOTMINE999";
	buf_add_str(out, "{\"identifiers\":[");
	acme_client_identifier(out, type, value);
	if (acme_client_on(r, FAULT_TWO_IDENTIFIERS)) {
		buf_add_byte(out, ',');
		acme_client_identifier(out, type, "ZZNOTMINE999");
	}
	buf_add_str(out, "]");
	if (acme_client_on(r, FAULT_ORDER_DATES))
		buf_add_str(out,
		    ",\"notAfter\":\"2049-01-01T00:00:00Z\","
		    "\"notBefore\":\"2020-01-01T00:00:00Z\"");
	buf_add_str(out, "}");
}

static int
acme_client_order(struct acme_client_run *r)
{
	const struct value *authz;
	struct buf payload;
	int rc;

	buf_init(&payload, 65536);
	acme_client_order_payload(r, &payload);
	rc = exchange_post_json(
	    &r->x, "order", r->x.new_order, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (!exchange_status_is(&r->x, "pending"))
		return fail(ERR_MALFORMED, "the order is not pending");
	authz = value_first(value_get(r->x.json, "authorizations"));
	if (authz == NULL || authz->type != VALUE_TEXT ||
	    authz->n >= sizeof r->authorization)
		return fail(ERR_MALFORMED, "the order has no authorization");
	memcpy(r->authorization, authz->bytes, authz->n + 1);
	if ((rc = acme_client_location(r, r->order)) != OK)
		return rc;
	return exchange_need(
	    r->x.json, "finalize", r->finalize, sizeof r->finalize);
}

static int
acme_client_authorization(struct acme_client_run *r)
{
	const struct value *c;
	int rc = exchange_post_json(
	    &r->x, "authorization", r->authorization, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!exchange_status_is(&r->x, "pending"))
		return fail(ERR_MALFORMED, "the authorization is not pending");
	c = value_first(value_get(r->x.json, "challenges"));
	for (; c != NULL; c = c->next) {
		const char *type = value_text(c, "type");

		if (type != NULL && strcmp(type, "device-attest-01") == 0)
			break;
	}
	if (c == NULL)
		return fail(ERR_MALFORMED, "no challenge of our type");
	rc = exchange_need(c, "url", r->challenge, sizeof r->challenge);
	if (rc != OK)
		return rc;
	return exchange_need(c, "token", r->token, sizeof r->token);
}

static int
acme_client_attest(
    struct acme_client_run *r, const char *token, struct buf *out)
{
	const struct apple_device *d = r->acme->device;
	struct model p = model_of(d->product);
	bool wrong = acme_client_on(r, FAULT_ATTEST_ACCOUNT_KEY);
	struct buf thumbprint;
	struct leaf leaf = {
		.key = wrong ? r->x.account : d->hardware_key,
		.token = blob_str(token),
		.serial = d->serial,
		.udid = acme_client_on(r, FAULT_ATTESTED_OTHER_UDID)
		    ? "00008000-0000000000000BEE"
		    : d->provisioning_udid,
		.os_version = d->os_version,
		.board = p.board,
		.faults = r->acme->faults,
	};
	int rc;

	buf_init(&thumbprint, 64);
	rc = jose_thumbprint(r->x.account, &thumbprint);
	leaf.thumbprint = buf_str(&thumbprint);
	if (rc == OK)
		rc = attestation_make(r->acme->apple, &leaf, out);
	buf_release(&thumbprint);
	return rc;
}

/* The object of an earlier run, or else one made for an earlier token. */
static int
acme_client_replay(struct acme_client_run *r, struct buf *out)
{
	const struct buf *old = &r->acme->device->attestation;

	if (old->n > 0)
		return buf_add_blob(out, buf_blob(old));
	return acme_client_attest(
	    r, "8F3mW0d9b3JYJ0Q5kqk2m1sPpUu5m0h3n2aZzq0c9xE", out);
}

static int
acme_client_object(struct acme_client_run *r, struct buf *out)
{
	struct buf *kept = &r->acme->device->attestation;
	int rc;

	if (acme_client_on(r, FAULT_SLOW_ATTESTATION))
		sleep(10);
	if (acme_client_on(r, FAULT_ATTESTATION_ERROR)) {
		attestation_failed(out);
		return buf_status(out);
	}
	if (acme_client_on(r, FAULT_STALE_ATTESTATION))
		return acme_client_replay(r, out);
	rc = acme_client_attest(r, r->token, out);
	buf_reset(kept);
	return rc == OK ? buf_add_blob(kept, buf_blob(out)) : rc;
}

static int
acme_client_challenge_payload(struct acme_client_run *r, struct buf *out)
{
	const struct apple_device *d = r->acme->device;
	struct model p = model_of(d->product);
	struct buf object;
	int rc;

	if (acme_client_on(r, FAULT_NO_ATTESTATION) || !d->profile.attest ||
	    !p.attests)
		return buf_add_str(out, "{}");
	if (acme_client_on(r, FAULT_ATTOBJ_NUMBER))
		return buf_add_str(out, "{\"attObj\":12345}");
	buf_init(&object, DER_MAX);
	rc = acme_client_object(r, &object);
	if (rc == OK) {
		buf_add_str(out, "{\"attObj\":\"");
		jose_base64(buf_blob(&object), false, out);
		if (acme_client_on(r, FAULT_ATTOBJ_PADDED))
			buf_add_str(out, "=");
		buf_add_str(out, "\"");
		if (acme_client_on(r, FAULT_ATTESTATION_ERROR))
			buf_add_str(out,
			    ",\"error\":\"The device could not be attested.\"");
		rc = buf_add_str(out, "}");
	}
	buf_release(&object);
	return rc;
}

static int
acme_client_challenge(struct acme_client_run *r)
{
	struct buf payload;
	int rc;

	buf_init(&payload, DER_MAX);
	rc = acme_client_challenge_payload(r, &payload);
	if (rc == OK)
		rc = exchange_post_json(
		    &r->x, "challenge", r->challenge, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (exchange_status_is(&r->x, "invalid"))
		return exchange_refuse(&r->x, "challenge");
	if (!exchange_status_is(&r->x, "valid"))
		sleep(5);
	return OK;
}

static int
acme_client_finalize(struct acme_client_run *r)
{
	struct buf payload;
	int rc;

	buf_init(&payload, DER_MAX);
	buf_add_str(&payload, "{\"csr\":\"");
	jose_base64(buf_blob(&r->csr), false, &payload);
	if (acme_client_on(r, FAULT_CSR_PADDED))
		buf_add_str(&payload, "=");
	buf_add_str(&payload, "\"}");
	rc = exchange_post_json(
	    &r->x, "finalize", r->finalize, buf_blob(&payload));
	buf_release(&payload);
	if (rc != OK)
		return rc;
	if (exchange_status_is(&r->x, "invalid"))
		return exchange_refuse(&r->x, "finalize");
	if (!exchange_status_is(&r->x, "valid"))
		sleep(5);
	return OK;
}

static int
acme_client_certificate(struct acme_client_run *r)
{
	struct apple_device *d = r->acme->device;
	int rc =
	    exchange_post_json(&r->x, "order-read", r->order, blob_of("", 0));

	if (rc != OK)
		return rc;
	if (!exchange_status_is(&r->x, "valid"))
		return exchange_refuse(&r->x, "order-read");
	rc = exchange_need(
	    r->x.json, "certificate", r->certificate, sizeof r->certificate);
	if (rc == OK)
		rc = exchange_post(
		    &r->x, "certificate", r->certificate, blob_of("", 0));
	if (rc != OK)
		return rc;
	/* A cheat that was believed goes on with the key that it got. */
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = r->certified;
	r->certified = NULL;
	buf_reset(&d->identity);
	return disk_first_pem(
	    buf_blob(&r->x.http->body), "CERTIFICATE", &d->identity);
}

static int
acme_client_exchanges(struct acme_client_run *r)
{
	int rc;

	if ((rc = acme_client_prepare(r)) != OK ||
	    (rc = acme_client_make_csr(r)) != OK ||
	    (rc = acme_client_directory(r)) != OK ||
	    (rc = acme_client_account(r)) != OK ||
	    (rc = acme_client_order(r)) != OK ||
	    (rc = acme_client_authorization(r)) != OK)
		return rc;
	if (!acme_client_on(r, FAULT_EARLY_FINALIZE) &&
	    (rc = acme_client_challenge(r)) != OK)
		return rc;
	if ((rc = acme_client_finalize(r)) != OK ||
	    (rc = acme_client_certificate(r)) != OK)
		return rc;
	if (acme_client_on(r, FAULT_SECOND_FINALIZE))
		return acme_client_finalize(r);
	return OK;
}

int
acme_client_run(const struct acme_client *acme)
{
	struct acme_client_run *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return fail(ERR_NOMEM, "no memory");
	r->acme = acme;
	buf_init(&r->csr, DER_MAX);
	r->x.http = acme->http;
	r->x.faults = acme->faults;
	r->x.refusal = acme->refusal;
	rc = acme_client_exchanges(r);
	/* An account serves one run, and its key is forgotten with it. */
	EVP_PKEY_free(acme->device->account_key);
	acme->device->account_key = NULL;
	EVP_PKEY_free(r->certified);
	buf_release(&r->csr);
	exchange_release(&r->x);
	free(r);
	return rc;
}
