#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/hmac.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/forge/jose.h"

int
jose_base64(struct blob in, bool pad, struct buf *out)
{
	int rc = enc_base64url(in, out);

	if (rc != OK || !pad)
		return rc;
	return buf_add(out, "===", (3 - in.n % 3) % 3);
}

const char *
jose_algorithm(const EVP_PKEY *key)
{
	size_t field = keypair_field(key);

	if (EVP_PKEY_is_a(key, "ED25519"))
		return "EdDSA";
	if (field == 32)
		return "ES256";
	return field == 48 ? "ES384" : NULL;
}

static int
jose_add_private(const EVP_PKEY *key, struct buf *out)
{
	size_t field = keypair_field(key);
	BIGNUM *d = NULL;
	uint8_t bytes[66];

	if (field == 0 || field > sizeof bytes ||
	    EVP_PKEY_get_bn_param(key, "priv", &d) != 1)
		return fail(ERR_CRYPTO, "no private key on a curve");
	BN_bn2binpad(d, bytes, (int)field);
	BN_clear_free(d);
	buf_add_str(out, ",\"d\":\"");
	enc_base64url(blob_of(bytes, field), out);
	return buf_add_str(out, "\"");
}

static int
jose_write_jwk(const EVP_PKEY *key, bool with_private, struct buf *out)
{
	size_t field = keypair_field(key);
	struct buf point;
	int rc;

	buf_init(&point, 256);
	rc = keypair_point(key, &point);
	if (rc != OK)
		goto done;
	if (field == 0) {
		buf_add_str(
		    out, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
		enc_base64url(buf_blob(&point), out);
	} else {
		buf_printf(out, "{\"crv\":\"P-%d\",\"kty\":\"EC\",\"x\":\"",
		    EVP_PKEY_get_bits(key));
		enc_base64url(blob_of(point.p + 1, field), out);
		buf_add_str(out, "\",\"y\":\"");
		enc_base64url(blob_of(point.p + 1 + field, field), out);
	}
	buf_add_str(out, "\"");
	if (with_private)
		rc = jose_add_private(key, out);
	buf_add_str(out, "}");
	if (rc == OK)
		rc = buf_status(out);
done:
	buf_release(&point);
	return rc;
}

int
jose_jwk(const EVP_PKEY *key, struct buf *out)
{
	return jose_write_jwk(key, false, out);
}

int
jose_private_jwk(const EVP_PKEY *key, struct buf *out)
{
	return jose_write_jwk(key, true, out);
}

int
jose_thumbprint(const EVP_PKEY *key, struct buf *out)
{
	uint8_t md[KEYPAIR_SHA256];
	struct buf jwk;
	int rc;

	buf_init(&jwk, 4096);
	rc = jose_jwk(key, &jwk);
	if (rc == OK) {
		keypair_sha256(buf_blob(&jwk), md);
		rc = enc_base64url(blob_of(md, sizeof md), out);
	}
	buf_release(&jwk);
	return rc;
}

/* R and S without their leading zeros: what Apple sent before macOS 15. */
static int
jose_strip(const uint8_t *rs, size_t field, struct buf *out)
{
	for (size_t half = 0; half < 2; half++) {
		const uint8_t *p = rs + half * field;
		size_t n = field;

		while (n > 1 && *p == 0) {
			p++;
			n--;
		}
		buf_add(out, p, n);
	}
	return buf_status(out);
}

static int
jose_ecdsa_once(const struct jose *jws, struct blob input, struct buf *out)
{
	size_t field = keypair_field(jws->key);
	uint8_t rs[132];
	struct buf der;
	int rc;

	buf_init(&der, 1024);
	rc = keypair_sign(jws->key,
	    strcmp(jws->alg, "ES384") == 0 ? "sha384" : "sha256", input, &der);
	if (rc == OK && jws->der_signature)
		rc = buf_add_blob(out, buf_blob(&der));
	else if (rc == OK && (rc = keypair_rs(buf_blob(&der), field, rs)) == OK)
		rc = jws->short_signature ? jose_strip(rs, field, out)
					  : buf_add(out, rs, 2 * field);
	buf_release(&der);
	return rc;
}

/* About one signature in 128 is short; sign until one comes up. */
static int
jose_ecdsa(const struct jose *jws, struct blob input, struct buf *out)
{
	int rc;

	do {
		buf_reset(out);
		rc = jose_ecdsa_once(jws, input, out);
	} while (rc == OK && jws->short_signature &&
	    out->n == 2 * keypair_field(jws->key));
	return rc;
}

static int
jose_signature(const struct jose *jws, struct blob input, struct buf *out)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (strcmp(jws->alg, "none") == 0)
		return OK;
	if (strcmp(jws->alg, "HS256") == 0) {
		if (HMAC(EVP_sha256(), jws->secret.p, (int)jws->secret.n,
			input.p, input.n, mac, &n) == NULL)
			return fail(ERR_CRYPTO, "no HMAC");
		return buf_add(out, mac, n);
	}
	if (jws->key == NULL)
		return fail(ERR_USAGE, "this algorithm needs a key");
	if (keypair_field(jws->key) > 0)
		return jose_ecdsa(jws, input, out);
	return keypair_sign(jws->key, NULL, input, out);
}

int
jose_write(const struct jose *jws, struct blob protected_header,
    struct blob payload, struct buf *out)
{
	struct buf input, sig;
	size_t dot;
	int rc;

	buf_init(&input, (size_t)4 << 20);
	buf_init(&sig, 4096);
	jose_base64(protected_header, jws->pad, &input);
	dot = input.n;
	buf_add_byte(&input, '.');
	rc = jose_base64(payload, jws->pad, &input);
	if (rc == OK)
		rc = jose_signature(jws, buf_blob(&input), &sig);
	if (rc != OK)
		goto done;
	if (jws->corrupt && sig.n > 0)
		sig.p[sig.n / 2] ^= 1;
	buf_add_str(out, "{\"payload\":\"");
	buf_add(out, input.p + dot + 1, input.n - dot - 1);
	buf_add_str(out, "\",\"protected\":\"");
	buf_add(out, input.p, dot);
	buf_add_str(out, "\",\"signature\":\"");
	jose_base64(buf_blob(&sig), jws->pad, out);
	rc = buf_add_str(out, "\"}");
done:
	buf_release(&input);
	buf_release(&sig);
	return rc;
}
