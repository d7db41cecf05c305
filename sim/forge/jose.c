#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

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
	if (EVP_PKEY_is_a(key, "RSA"))
		return "RS256";
	if (field == 32)
		return "ES256";
	return field == 48 ? "ES384" : NULL;
}

/* A number of an RSA key, as short as it is. */
static int
add_number(const EVP_PKEY *key, const char *name, struct buf *out)
{
	BIGNUM *number = NULL;
	uint8_t bytes[1024];
	int n;

	if (EVP_PKEY_get_bn_param(key, name, &number) != 1 ||
	    BN_num_bytes(number) > (int)sizeof bytes) {
		BN_free(number);
		return fail(ERR_CRYPTO, "no number %s of this key", name);
	}
	n = BN_bn2bin(number, bytes);
	BN_free(number);
	return enc_base64url(blob_of(bytes, (size_t)n), out);
}

static int
write_rsa(const EVP_PKEY *key, struct buf *out)
{
	int r;

	buf_add_str(out, "{\"e\":\"");
	if ((r = add_number(key, "e", out)) != OK)
		return r;
	buf_add_str(out, "\",\"kty\":\"RSA\",\"n\":\"");
	if ((r = add_number(key, "n", out)) != OK)
		return r;
	return buf_add_str(out, "\"}");
}

int
jose_jwk(const EVP_PKEY *key, struct buf *out)
{
	size_t field = keypair_field(key);
	SCRATCH_BUF(point);
	int r;

	if (EVP_PKEY_is_a(key, "RSA"))
		return write_rsa(key, out);
	if ((r = keypair_point(key, &point)) != OK)
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

/* RFC 7518 section 3.5: the salt is as long as the digest. */
static int
sign_pss(EVP_PKEY *key, struct blob input, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	uint8_t sig[1024];
	size_t n = sizeof sig;
	bool good = ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, &how, "sha256", NULL, NULL, key, NULL) ==
		1 &&
	    EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) ==
		1 &&
	    EVP_DigestSign(ctx, sig, &n, input.p, input.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!good)
		return fail(ERR_CRYPTO, "cannot sign");
	return buf_add(out, sig, n);
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
	return strcmp(jws->alg, "PS256") == 0
	    ? sign_pss(jws->key, input, out)
	    : keypair_sign(jws->key, "sha256", input, out);
}

int
jose_compact(const struct jose *jws, struct blob header, struct blob payload,
    struct buf *out)
{
	size_t start = out->n;
	SCRATCH_BUF(sig);
	int r;

	jose_base64(header, jws->pad, out);
	buf_add_byte(out, '.');
	if ((r = jose_base64(payload, jws->pad, out)) != OK ||
	    (r = sign(jws, blob_of(out->p + start, out->n - start), &sig)) !=
		OK)
		return r;
	if (jws->corrupt && sig.n > 0)
		sig.p[sig.n / 2] ^= 1;
	buf_add_byte(out, '.');
	return jose_base64(buf_blob(&sig), jws->pad, out);
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
