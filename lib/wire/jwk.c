#include "wire/jwk.h"

#include <assert.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "base/secret.h"

/* The one table of what is a key here; RFC 7518 section 6.2, RFC 8037. */
static const struct jwk_type {
	const char *kty;
	const char *crv;
	size_t n;
	gnutls_ecc_curve_t curve;
	gnutls_sign_algorithm_t sign;
} jwk_types[] = {
	[JWK_P256] = { "EC", "P-256", 32, GNUTLS_ECC_CURVE_SECP256R1,
	    GNUTLS_SIGN_ECDSA_SHA256 },
	[JWK_P384] = { "EC", "P-384", 48, GNUTLS_ECC_CURVE_SECP384R1,
	    GNUTLS_SIGN_ECDSA_SHA384 },
	[JWK_ED25519] = { "OKP", "Ed25519", 32, GNUTLS_ECC_CURVE_ED25519,
	    GNUTLS_SIGN_EDDSA_ED25519 },
};

/* A key may sit in an object with some members more, none of them deep. */
#define JWK_DEPTH    4
#define JWK_TEXT_MAX 512
#define JWK_TYPES    (sizeof jwk_types / sizeof jwk_types[0])

static int
parse_kind(const struct json *o, struct jwk *jwk)
{
	struct blob kty, crv;
	size_t i;

	if (in_json_string(o, "kty", &kty) != OK ||
	    in_json_string(o, "crv", &crv) != OK)
		return ERR_BAD_PUBLIC_KEY;
	for (i = 0; i < JWK_TYPES; i++) {
		if (!blob_eq_str(kty, jwk_types[i].kty) ||
		    !blob_eq_str(crv, jwk_types[i].crv))
			continue;
		jwk->kind = (enum jwk_kind)i;
		jwk->n = jwk_types[i].n;
		return OK;
	}
	return fail(ERR_BAD_PUBLIC_KEY, "key type or curve is not supported");
}

/* A private key that was sent is no secret any more: it is not used. */
static int
check_public(const struct json *o)
{
	static const char *const private[] = { "d", "p", "q", "dp", "dq", "qi",
		"oth", "k", NULL };
	size_t i;

	for (i = 0; private[i] != NULL; i++) {
		if (in_json_has(o, private[i]))
			return fail(ERR_BAD_PUBLIC_KEY,
			    "key has the private member %s", private[i]);
	}
	return OK;
}

static int
parse_coordinate(
    const struct json *o, const char *name, struct jwk *jwk, uint8_t *out)
{
	struct blob text;
	struct buf bytes;
	int r;

	buf_init(&bytes, JWK_COORDINATE_MAX);
	if (in_json_string(o, name, &text) != OK)
		r = ERR_BAD_PUBLIC_KEY;
	else if ((r = enc_base64url_decode(text, &bytes)) != OK ||
	    bytes.n != jwk->n)
		r = fail(refusal_code(r, ERR_BAD_PUBLIC_KEY),
		    "coordinate %s is not %zu bytes in base64url", name,
		    jwk->n);
	else
		memcpy(out, bytes.p, jwk->n);
	buf_release(&bytes);
	return r;
}

static int
parse_alg(const struct json *o, struct jwk *jwk)
{
	struct blob alg;

	if (in_json_opt_string(o, "alg", &alg) != OK)
		return ERR_BAD_PUBLIC_KEY;
	if (alg.n >= sizeof jwk->alg)
		return fail(ERR_BAD_PUBLIC_KEY, "key's alg is too long");
	if (alg.n > 0)
		memcpy(jwk->alg, alg.p, alg.n);
	return OK;
}

static gnutls_datum_t
datum(const uint8_t *p, size_t n)
{
	return (gnutls_datum_t){ (uint8_t *)(uintptr_t)p, (unsigned)n };
}

/* GnuTLS imports a point off its curve; only the second step notices. */
static int
import(const struct jwk *jwk, gnutls_pubkey_t *out)
{
	gnutls_datum_t x = datum(jwk->x, jwk->n);
	gnutls_datum_t y = datum(jwk->y, jwk->n);
	gnutls_pubkey_t key;
	int e;

	*out = NULL;
	if (gnutls_pubkey_init(&key) != 0)
		return fail(ERR_NOMEM, "no memory for a key");
	e = gnutls_pubkey_import_ecc_raw(key, jwk_types[jwk->kind].curve, &x,
	    jwk->kind == JWK_ED25519 ? NULL : &y);
	if (e == 0)
		e = gnutls_pubkey_verify_params(key);
	if (e != 0) {
		gnutls_pubkey_deinit(key);
		return fail(ERR_BAD_PUBLIC_KEY, "key is not on its curve: %s",
		    gnutls_strerror(e));
	}
	*out = key;
	return OK;
}

static int
check_point(const struct jwk *jwk)
{
	gnutls_pubkey_t key;
	int r;

	if ((r = import(jwk, &key)) == OK)
		gnutls_pubkey_deinit(key);
	return r;
}

static int
fill(const struct json *o, struct jwk *jwk)
{
	int r;

	if ((r = check_public(o)) != OK || (r = parse_kind(o, jwk)) != OK ||
	    (r = parse_alg(o, jwk)) != OK ||
	    (r = parse_coordinate(o, "x", jwk, jwk->x)) != OK)
		return r;
	if (jwk->kind != JWK_ED25519 &&
	    (r = parse_coordinate(o, "y", jwk, jwk->y)) != OK)
		return r;
	return check_point(jwk);
}

int
jwk_parse(const struct json *object, struct jwk **out)
{
	struct jwk *jwk;
	int r;

	*out = NULL;
	if ((jwk = calloc(1, sizeof *jwk)) == NULL)
		return fail(ERR_NOMEM, "no memory for a key");
	if ((r = fill(object, jwk)) != OK) {
		jwk_free(jwk);
		return r;
	}
	*out = jwk;
	return OK;
}

int
jwk_parse_text(struct blob text, struct jwk **out)
{
	struct json *doc;
	int r;

	*out = NULL;
	if ((r = in_json_parse_object(text, JWK_DEPTH, &doc)) != OK)
		return r;
	r = jwk_parse(doc, out);
	in_json_free(doc);
	return r;
}

void
jwk_free(struct jwk *jwk)
{
	free(jwk);
}

bool
jwk_eq(const struct jwk *a, const struct jwk *b)
{
	return a->kind == b->kind && memcmp(a->x, b->x, a->n) == 0 &&
	    memcmp(a->y, b->y, a->n) == 0;
}

int
jwk_write(const struct jwk *jwk, struct buf *out)
{
	const struct jwk_type *t = &jwk_types[jwk->kind];

	buf_printf(
	    out, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"", t->crv, t->kty);
	enc_base64url(blob_of(jwk->x, jwk->n), out);
	if (jwk->kind != JWK_ED25519) {
		buf_add_str(out, "\",\"y\":\"");
		enc_base64url(blob_of(jwk->y, jwk->n), out);
	}
	return buf_add_str(out, "\"}");
}

int
jwk_thumbprint(const struct jwk *jwk, char out[JWK_THUMBPRINT_TEXT])
{
	uint8_t digest[SECRET_SHA256];
	struct buf text;
	int r;

	out[0] = '\0';
	buf_init(&text, JWK_TEXT_MAX);
	if ((r = jwk_write(jwk, &text)) != OK)
		goto done;
	secret_sha256(buf_blob(&text), digest);
	buf_reset(&text);
	if ((r = enc_base64url(blob_of(digest, sizeof digest), &text)) != OK)
		goto done;
	assert(text.n == JWK_THUMBPRINT_TEXT - 1);
	memcpy(out, buf_str(&text), JWK_THUMBPRINT_TEXT);
done:
	buf_release(&text);
	return r;
}

int
jwk_spki(const struct jwk *jwk, struct buf *out)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_pubkey_t key;
	int r;

	if ((r = import(jwk, &key)) != OK)
		return r;
	if (gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) != 0)
		r = fail(ERR_CRYPTO, "a key cannot be written");
	else
		r = buf_add(out, der.data, der.size);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
	return r;
}

/* ECDSA is R and S side by side here (RFC 7518 section 3.4), DER in GnuTLS. */
static int
encode_signature(
    const struct jwk *jwk, struct blob signature, gnutls_datum_t *out)
{
	gnutls_datum_t r = datum(signature.p, jwk->n);
	gnutls_datum_t s = datum(signature.p + jwk->n, jwk->n);

	if (jwk->kind == JWK_ED25519) {
		out->data = gnutls_malloc(signature.n);
		out->size = (unsigned)signature.n;
		if (out->data == NULL)
			return ERR_NOMEM;
		memcpy(out->data, signature.p, signature.n);
		return OK;
	}
	return gnutls_encode_rs_value(out, &r, &s) == 0 ? OK : ERR_NOMEM;
}

bool
jwk_verifies(const struct jwk *jwk, struct blob message, struct blob signature)
{
	gnutls_datum_t data = datum(message.p, message.n);
	gnutls_datum_t sig = { NULL, 0 };
	gnutls_pubkey_t key;
	bool good;

	if (signature.n != 2 * jwk->n || import(jwk, &key) != OK)
		return false;
	good = encode_signature(jwk, signature, &sig) == OK &&
	    gnutls_pubkey_verify_data2(
		key, jwk_types[jwk->kind].sign, 0, &data, &sig) >= 0;
	gnutls_free(sig.data);
	gnutls_pubkey_deinit(key);
	return good;
}
