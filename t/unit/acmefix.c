#include "acmefix.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"

/* A point on P-256, of RFC 7517 appendix A.1. */
#define JWK                                                                    \
	"{\"crv\":\"P-256\",\"kty\":\"EC\","                                   \
	"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","               \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}"

static void
make_account(struct acmefix *f)
{
	struct account in = { .jwk = JWK };
	bool created;

	memcpy(in.enrollment_id, f->enrollment.id, sizeof in.enrollment_id);
	snprintf(in.thumbprint, sizeof in.thumbprint, "thumbprint");
	WRITE(f->db, accounts_create(f->db, &in, &f->account, &created));
}

void
acmefix_init(void **state, struct acmefix *f)
{
	static char url[] = ACMEFIX_URL, organization[] = "Example";

	memset(f, 0, sizeof *f);
	f->db = storefix_db(state);
	f->conf.url = url;
	f->conf.organization = organization;
	f->conf.certificate_days = 365;
	f->conf.premium = true;
	storefix_enrollment(f->db, ACMEFIX_SERIAL, &f->enrollment);
	acmefix_sql(f,
	    "INSERT INTO ade_devices (account, serial, added_at)"
	    " VALUES ('csv', '" ACMEFIX_SERIAL "', 1)");
	make_account(f);
}

static void
end_request(struct acmefix *f)
{
	db_rollback(f->db);
	request_release(&f->rq);
}

void
acmefix_release(struct acmefix *f)
{
	end_request(f);
	accounts_release(&f->account);
}

static struct jws *
make_jws(const char *payload)
{
	struct jws *jws = calloc(1, sizeof *jws);

	assert_non_null(jws);
	buf_init(&jws->payload_bytes, JWS_PAYLOAD_MAX);
	buf_init(&jws->signed_text, 16);
	buf_init(&jws->signature, 16);
	buf_add_str(&jws->payload_bytes, payload);
	jws->payload = buf_blob(&jws->payload_bytes);
	jws->empty_payload = *payload == '\0';
	return jws;
}

void
acmefix_find(struct acmefix *f, struct request *rq)
{
	*rq = (struct request){ .context = { .conf = &f->conf,
				    .db = f->db,
				    .step = "test",
				    .remote_address = "192.0.2.1" } };
	assert_int_equal(
	    request_find(rq, f->enrollment.id, REQUEST_WHILE_CERTIFIED), OK);
	rq->scope = REQUEST_WHILE_USABLE;
}

struct request *
acmefix_request(struct acmefix *f, const char *payload)
{
	struct request *rq = &f->rq;

	end_request(f);
	acmefix_find(f, rq);
	rq->jws = make_jws(payload);
	rq->has_account = true;
	assert_int_equal(
	    accounts_load(f->db, f->enrollment.id, f->account.id, &rq->account),
	    OK);
	assert_int_equal(jwk_parse_text(blob_str(JWK), &rq->account_key), OK);
	secret_random(rq->nonce.id, sizeof rq->nonce.id);
	rq->nonce.expires_at = clock_now() + NONCE_TOKEN_LIFE;
	return rq;
}

void
acmefix_sql(struct acmefix *f, const char *sql)
{
	storefix_change(f->db, sql);
}

void
acmefix_order(struct acmefix *f, struct order *out)
{
	struct buf replaces;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	assert_int_equal(
	    order_create(acmefix_request(f, ACMEFIX_WANTED), out, &replaces),
	    OK);
	buf_release(&replaces);
}

static void
pad(struct buf *out, const gnutls_datum_t *v)
{
	unsigned skip = v->size > 32 ? v->size - 32 : 0;
	unsigned i;

	for (i = v->size; i < 32; i++)
		buf_add_byte(out, 0);
	buf_add(out, v->data + skip, v->size - skip);
}

void
acmefix_base64url(struct blob bytes, char *out, size_t n)
{
	struct buf text;

	buf_init(&text, n);
	assert_int_equal(enc_base64url(bytes, &text), OK);
	snprintf(out, n, "%s", buf_str(&text));
	buf_release(&text);
}

void
acmefix_signer_init(struct acmefix_signer *s)
{
	gnutls_datum_t x, y;
	gnutls_ecc_curve_t curve;
	char texts[2][64];
	struct buf b;

	gnutls_privkey_init(&s->key);
	assert_int_equal(
	    gnutls_privkey_generate(s->key, GNUTLS_PK_ECDSA,
		GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	assert_int_equal(
	    gnutls_privkey_export_ecc_raw(s->key, &curve, &x, &y, NULL), 0);
	buf_init(&b, 64);
	pad(&b, &x);
	acmefix_base64url(buf_blob(&b), texts[0], sizeof texts[0]);
	buf_release(&b);
	buf_init(&b, 64);
	pad(&b, &y);
	acmefix_base64url(buf_blob(&b), texts[1], sizeof texts[1]);
	buf_release(&b);
	snprintf(s->jwk, sizeof s->jwk,
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
	    texts[0], texts[1]);
	gnutls_free(x.data);
	gnutls_free(y.data);
}

static void
sign(const struct acmefix_signer *s, const char *text, char *out, size_t n)
{
	gnutls_datum_t data = { (uint8_t *)(uintptr_t)text,
		(unsigned)strlen(text) };
	gnutls_datum_t sig, a, b;
	struct buf raw;

	assert_int_equal(gnutls_privkey_sign_data2(
			     s->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &sig),
	    0);
	assert_int_equal(gnutls_decode_rs_value(&sig, &a, &b), 0);
	buf_init(&raw, 64);
	pad(&raw, &a);
	pad(&raw, &b);
	acmefix_base64url(buf_blob(&raw), out, n);
	buf_release(&raw);
	gnutls_free(a.data);
	gnutls_free(b.data);
	gnutls_free(sig.data);
}

void
acmefix_sign(const struct acmefix_signer *s, const char *header,
    const char *payload, char out[6000])
{
	char parts[2][2000], text[4100], signature[120];

	acmefix_base64url(blob_str(header), parts[0], sizeof parts[0]);
	acmefix_base64url(blob_str(payload), parts[1], sizeof parts[1]);
	snprintf(text, sizeof text, "%s.%s", parts[0], parts[1]);
	sign(s, text, signature, sizeof signature);
	snprintf(out, 6000,
	    "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
	    parts[0], parts[1], signature);
}
