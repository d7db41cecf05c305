#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/client/player.h"
#include "sim/client/exchange.h"
#include "sim/forge/attestation.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/jose.h"
#include "sim/forge/model.h"

/* What the client remembers between exchanges. */
struct run {
	struct player *player;
	const struct faults *faults;
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

/* Both keys exist before the first exchange. */
static int
make_keys(struct run *run)
{
	struct apple_device *d = &run->player->device;
	long size = d->profile.key_size;
	int r = OK;

	if (fault_on(run->faults, FAULT_KEY_P256))
		size = 256;
	if (d->hardware_key == NULL ||
	    EVP_PKEY_get_bits(d->hardware_key) != size) {
		EVP_PKEY_free(d->hardware_key);
		r = keypair_make(
		    size == 256 ? "P-256" : "P-384", &d->hardware_key);
	}
	if (r == OK && d->account_key == NULL)
		r = keypair_make("P-256", &d->account_key);
	if (r != OK)
		return r;
	run->x.account = d->account_key;
	if (fault_on(run->faults, FAULT_WRONG_KEY_CSR))
		return keypair_make("P-384", &run->certified);
	run->certified = keypair_share(
	    fault_on(run->faults, FAULT_CSR_ACCOUNT_KEY) ? d->account_key
							 : d->hardware_key);
	return OK;
}

static int
make_csr(struct run *run)
{
	const struct payload *p = &run->player->device.profile;
	struct cert_rdn rdn = { "2.5.4.3", DER_UTF8, "a" };
	struct cert_request csr = {
		.key = run->certified,
		.subject = buf_blob(&p->subject),
		.faults = run->faults,
	};
	SCRATCH_BUF(name);

	if (fault_on(run->faults, FAULT_CSR_NUL_NAME)) {
		cert_name(&name, &rdn, 1);
		name.p[name.n - 1] = 0;
		csr.subject = buf_blob(&name);
	}
	memcpy(csr.ekus, p->ekus, sizeof csr.ekus);
	return cert_request(&csr, &run->csr);
}

static int
read_directory(struct run *run)
{
	struct exchange *x = &run->x;
	int r = exchange_plain(
	    x, "directory", "GET", run->player->device.profile.directory_url);

	if (r != OK || (r = exchange_parse(x)) != OK ||
	    (r = exchange_need(
		 x->json, "newNonce", x->new_nonce, EXCHANGE_URL)) != OK ||
	    (r = exchange_need(
		 x->json, "newAccount", x->new_account, EXCHANGE_URL)) != OK ||
	    (r = exchange_need(
		 x->json, "newOrder", x->new_order, EXCHANGE_URL)) != OK ||
	    (r = exchange_plain(x, "nonce", "HEAD", x->new_nonce)) != OK)
		return r;
	return x->nonce[0] != '\0'
	    ? OK
	    : fail(ERR_MALFORMED, "the answer has no Replay-Nonce");
}

static int
make_account(struct run *run)
{
	struct exchange *x = &run->x;
	json_object *orders = NULL;
	int r = exchange_post_json(x, "account", x->new_account,
	    blob_str("{\"termsOfServiceAgreed\":true}"));

	if (r != OK)
		return r;
	json_object_object_get_ex(x->json, "orders", &orders);
	if (!exchange_status_is(x, "valid") || orders == NULL)
		return fail(ERR_MALFORMED, "the account has no orders");
	return exchange_location(x, x->kid);
}

static void
write_identifier(struct buf *out, const char *type, const char *value)
{
	buf_printf(out, "{\"type\":\"%s\",\"value\":", type);
	jose_string(out, value, "");
	buf_add_str(out, "}");
}

static void
write_order(const struct run *run, struct buf *out)
{
	const struct faults *f = run->faults;
	const char *type = "permanent-identifier";
	const char *value = run->player->device.profile.client_identifier;

	if (fault_on(f, FAULT_DNS_IDENTIFIER)) {
		type = "dns";
		value = "device.example.com";
	}
	if (fault_on(f, FAULT_HARDWARE_MODULE)) {
		type = "hardware-module";
		value = "12345/1.3.6.1.4.1.99999.2";
	}
	if (fault_on(f, FAULT_WRONG_IDENTIFIER))
		value = "ZZNOTMINE999";
	buf_add_str(out, "{\"identifiers\":[");
	write_identifier(out, type, value);
	if (fault_on(f, FAULT_TWO_IDENTIFIERS)) {
		buf_add_byte(out, ',');
		write_identifier(out, type, "ZZNOTMINE999");
	}
	buf_add_str(out, "]");
	if (fault_on(f, FAULT_ORDER_DATES))
		buf_add_str(out,
		    ",\"notAfter\":\"2049-01-01T00:00:00Z\","
		    "\"notBefore\":\"2020-01-01T00:00:00Z\"");
	buf_add_str(out, "}");
}

static int
make_order(struct run *run)
{
	struct exchange *x = &run->x;
	json_object *list = NULL;
	const char *first = NULL;
	SCRATCH_BUF(payload);
	int r;

	write_order(run, &payload);
	r = exchange_post_json(x, "order", x->new_order, buf_blob(&payload));
	if (r != OK)
		return r;
	if (!exchange_status_is(x, "pending"))
		return fail(ERR_MALFORMED, "the order is not pending");
	if (json_object_object_get_ex(x->json, "authorizations", &list) &&
	    json_object_is_type(list, json_type_array))
		first =
		    json_object_get_string(json_object_array_get_idx(list, 0));
	if (first == NULL || strlen(first) >= EXCHANGE_URL)
		return fail(ERR_MALFORMED, "the order has no authorization");
	snprintf(run->authorization, EXCHANGE_URL, "%s", first);
	if ((r = exchange_location(x, run->order)) != OK)
		return r;
	return exchange_need(x->json, "finalize", run->finalize, EXCHANGE_URL);
}

static int
read_authorization(struct run *run)
{
	struct exchange *x = &run->x;
	json_object *list = NULL;
	int r = exchange_post_json(
	    x, "authorization", run->authorization, blob_of("", 0));

	if (r != OK)
		return r;
	if (!exchange_status_is(x, "pending"))
		return fail(ERR_MALFORMED, "the authorization is not pending");
	if (!json_object_object_get_ex(x->json, "challenges", &list) ||
	    !json_object_is_type(list, json_type_array))
		return fail(
		    ERR_MALFORMED, "the authorization has no challenges");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *c = json_object_array_get_idx(list, i);
		const char *type = exchange_text(c, "type");

		if (type == NULL || strcmp(type, "device-attest-01") != 0)
			continue;
		r = exchange_need(c, "url", run->challenge, EXCHANGE_URL);
		return r != OK
		    ? r
		    : exchange_need(c, "token", run->token, sizeof run->token);
	}
	return fail(ERR_MALFORMED, "no challenge of our type");
}

static int
attest(struct run *run, const char *token, struct buf *out)
{
	const struct apple_device *d = &run->player->device;
	struct model p = model_of(d->product);
	bool other_key = fault_on(run->faults, FAULT_ATTEST_ACCOUNT_KEY);
	bool other_udid = fault_on(run->faults, FAULT_ATTESTED_OTHER_UDID);
	SCRATCH_BUF(thumbprint);
	int r = jose_thumbprint(run->x.account, &thumbprint);

	if (r != OK)
		return r;
	return attestation_make(&run->player->apple,
	    &(struct attestation){
		.key = other_key ? run->x.account : d->hardware_key,
		.token = blob_str(token),
		.serial = d->serial,
		.udid = other_udid ? "00008000-0000000000000BEE"
				   : d->provisioning_udid,
		.os_version = d->os_version,
		.board = p.board,
		.thumbprint = buf_str(&thumbprint),
		.faults = run->faults,
	    },
	    out);
}

static int
make_object(struct run *run, struct buf *out)
{
	struct buf *kept = &run->player->device.attestation;
	int r;

	if (fault_on(run->faults, FAULT_SLOW_ATTESTATION))
		sleep(10);
	if (fault_on(run->faults, FAULT_ATTESTATION_ERROR)) {
		attestation_failed(out);
		return buf_status(out);
	}
	/* The object of an earlier run, or else one for an earlier token. */
	if (fault_on(run->faults, FAULT_STALE_ATTESTATION))
		return kept->n > 0 ? buf_add_blob(out, buf_blob(kept))
				   : attest(run,
					 "8F3mW0d9b3JYJ0Q5kqk2m1sPpUu5m0h3n2a"
					 "Zzq0c9xE",
					 out);
	if ((r = attest(run, run->token, out)) != OK)
		return r;
	buf_reset(kept);
	return buf_add_blob(kept, buf_blob(out));
}

static int
write_challenge(struct run *run, struct buf *out)
{
	const struct apple_device *d = &run->player->device;
	struct model p = model_of(d->product);
	SCRATCH_BUF(object);
	int r;

	if (fault_on(run->faults, FAULT_NO_ATTESTATION) || !d->profile.attest ||
	    !p.attests)
		return buf_add_str(out, "{}");
	if (fault_on(run->faults, FAULT_ATTOBJ_NUMBER))
		return buf_add_str(out, "{\"attObj\":12345}");
	if ((r = make_object(run, &object)) != OK)
		return r;
	buf_add_str(out, "{\"attObj\":\"");
	jose_base64(buf_blob(&object), false, out);
	if (fault_on(run->faults, FAULT_ATTOBJ_PADDED))
		buf_add_str(out, "=");
	buf_add_str(out, "\"");
	if (fault_on(run->faults, FAULT_ATTESTATION_ERROR))
		buf_add_str(
		    out, ",\"error\":\"The device could not be attested.\"");
	return buf_add_str(out, "}");
}

/* Posts to a resource that is then valid, or will be in a while. */
static int
post_and_wait(struct run *run, const char *step, const char *url,
    const struct buf *payload)
{
	struct exchange *x = &run->x;
	int r = exchange_post_json(x, step, url, buf_blob(payload));

	if (r != OK)
		return r;
	if (exchange_status_is(x, "invalid"))
		return player_refused(run->player, step);
	if (!exchange_status_is(x, "valid"))
		sleep(5);
	return OK;
}

static int
answer_challenge(struct run *run)
{
	SCRATCH_BUF(payload);
	int r = write_challenge(run, &payload);

	return r != OK
	    ? r
	    : post_and_wait(run, "challenge", run->challenge, &payload);
}

static int
finalize(struct run *run)
{
	SCRATCH_BUF(payload);

	buf_add_str(&payload, "{\"csr\":\"");
	jose_base64(buf_blob(&run->csr), false, &payload);
	if (fault_on(run->faults, FAULT_CSR_PADDED))
		buf_add_str(&payload, "=");
	buf_add_str(&payload, "\"}");
	return post_and_wait(run, "finalize", run->finalize, &payload);
}

static int
get_certificate(struct run *run)
{
	struct apple_device *d = &run->player->device;
	struct exchange *x = &run->x;
	int r = exchange_post_json(x, "order-read", run->order, blob_of("", 0));

	if (r != OK)
		return r;
	if (!exchange_status_is(x, "valid"))
		return player_refused(run->player, "order-read");
	if ((r = exchange_need(x->json, "certificate", run->certificate,
		 EXCHANGE_URL)) != OK ||
	    (r = exchange_post(
		 x, "certificate", run->certificate, blob_of("", 0))) != OK)
		return r;
	/* A cheat that was believed goes on with the key that it got. */
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = keypair_share(run->certified);
	buf_reset(&d->identity);
	return disk_first_pem(buf_blob(&run->player->http.body), &d->identity);
}

static int
run_exchanges(struct run *run)
{
	int r;

	if ((r = make_keys(run)) != OK || (r = make_csr(run)) != OK ||
	    (r = read_directory(run)) != OK || (r = make_account(run)) != OK ||
	    (r = make_order(run)) != OK || (r = read_authorization(run)) != OK)
		return r;
	if (!fault_on(run->faults, FAULT_EARLY_FINALIZE) &&
	    (r = answer_challenge(run)) != OK)
		return r;
	if ((r = finalize(run)) != OK || (r = get_certificate(run)) != OK)
		return r;
	return fault_on(run->faults, FAULT_SECOND_FINALIZE) ? finalize(run)
							    : OK;
}

int
acme_client_run(struct player *p)
{
	struct run run = {
		.player = p,
		.faults = &p->faults,
		.x = { .player = p },
		.csr = { .max = SCRATCH_MAX },
	};
	int r = run_exchanges(&run);

	/* An account serves one run, and its key is forgotten with it. */
	EVP_PKEY_free(p->device.account_key);
	p->device.account_key = NULL;
	EVP_PKEY_free(run.certified);
	buf_release(&run.csr);
	json_object_put(run.x.json);
	return r;
}
