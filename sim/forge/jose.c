#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/hmac.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/jose.h"
#include "sim/forge/keypair.h"

int
jose_base64(struct blob in, bool pad, struct buf *out)
{
	int r = enc_base64url(in, out);

	return r == OK && pad ? buf_add(out, "===", (3 - in.n % 3) % 3) : r;
}

static void
escape(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			buf_printf(out, "\\u%04x", (unsigned int)*s);
		else
			buf_add_byte(out, (uint8_t)*s);
	}
}

void
jose_string(struct buf *out, const char *text, const char *more)
{
	buf_add_byte(out, '"');
	escape(out, text);
	escape(out, more);
	buf_add_byte(out, '"');
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

int
jose_jwk(const EVP_PKEY *key, struct buf *out)
{
	size_t field = keypair_field(key);
	SCRATCH_BUF(point);
	int r = keypair_point(key, &point);

	if (r != OK)
		return r;
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
	return buf_add_str(out, "\"}");
}

int
jose_private_jwk(const EVP_PKEY *key, struct buf *out)
{
	size_t field = keypair_field(key);
	BIGNUM *d = NULL;
	uint8_t bytes[66];
	int r = jose_jwk(key, out);

	if (r != OK)
		return r;
	if (field == 0 || EVP_PKEY_get_bn_param(key, "priv", &d) != 1)
		return fail(ERR_CRYPTO, "no private key on a curve");
	BN_bn2binpad(d, bytes, (int)field);
	BN_clear_free(d);
	out->n--; /* the closing brace */
	buf_add_str(out, ",\"d\":\"");
	enc_base64url(blob_of(bytes, field), out);
	return buf_add_str(out, "\"}");
}

int
jose_thumbprint(const EVP_PKEY *key, struct buf *out)
{
	uint8_t md[KEYPAIR_SHA256];
	SCRATCH_BUF(jwk);
	int r = jose_jwk(key, &jwk);

	if (r != OK)
		return r;
	keypair_sha256(buf_blob(&jwk), md);
	return enc_base64url(blob_of(md, sizeof md), out);
}

/* R and S without their leading zeros: what Apple sent before macOS 15. */
static int
strip(const uint8_t *rs, size_t field, struct buf *out)
{
	for (size_t half = 0; half < 2; half++) {
		const uint8_t *p = rs + half * field;
		size_t n = field;

		for (; n > 1 && *p == 0; n--)
			p++;
		buf_add(out, p, n);
	}
	return buf_status(out);
}

/* About one signature in 128 is short; sign until one comes up. */
static int
sign_ecdsa(const struct jose *jws, struct blob input, struct buf *out)
{
	size_t field = keypair_field(jws->key);
	const char *digest =
	    strcmp(jws->alg, "ES384") == 0 ? "sha384" : "sha256";
	uint8_t rs[132];
	SCRATCH_BUF(der);
	int r;

	do {
		buf_reset(&der);
		buf_reset(out);
		if ((r = keypair_sign(jws->key, digest, input, &der)) != OK)
			return r;
		if (jws->der_signature)
			return buf_add_blob(out, buf_blob(&der));
		if ((r = keypair_rs(buf_blob(&der), field, rs)) != OK)
			return r;
		r = jws->short_signature ? strip(rs, field, out)
					 : buf_add(out, rs, 2 * field);
	} while (r == OK && jws->short_signature && out->n == 2 * field);
	return r;
}

static int
sign(const struct jose *jws, struct blob input, struct buf *out)
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
		return sign_ecdsa(jws, input, out);
	return keypair_sign(jws->key, NULL, input, out);
}

int
jose_write(const struct jose *jws, struct blob protected_header,
    struct blob payload, struct buf *out)
{
	SCRATCH_BUF(input);
	SCRATCH_BUF(sig);
	size_t dot;
	int r;

	jose_base64(protected_header, jws->pad, &input);
	dot = input.n;
	buf_add_byte(&input, '.');
	if ((r = jose_base64(payload, jws->pad, &input)) != OK ||
	    (r = sign(jws, buf_blob(&input), &sig)) != OK)
		return r;
	if (jws->corrupt && sig.n > 0)
		sig.p[sig.n / 2] ^= 1;
	buf_add_str(out, "{\"payload\":\"");
	buf_add(out, input.p + dot + 1, input.n - dot - 1);
	buf_add_str(out, "\",\"protected\":\"");
	buf_add(out, input.p, dot);
	buf_add_str(out, "\",\"signature\":\"");
	jose_base64(buf_blob(&sig), jws->pad, out);
	return buf_add_str(out, "\"}");
}
