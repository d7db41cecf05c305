#include "wire/jws.h"

#include <assert.h>
#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "wire/in_json.h"

#define JWS_BODY_DEPTH      4
#define JWS_PROTECTED_DEPTH 4
#define JWS_SIGNATURE_MAX   132

/* Apple's short signatures lose at most four bytes in one half. */
#define JWS_SHORT_MIN  60
#define JWS_HALF_MIN   28
#define JWS_HALF_ES256 32

static const struct jws_suite {
	const char *name;
	enum jws_alg alg;
	enum jwk_kind kind;
} jws_suites[] = {
	{ "ES256", JWS_ES256, JWK_P256 },
	{ "ES384", JWS_ES384, JWK_P384 },
	{ "EdDSA", JWS_EDDSA, JWK_ED25519 },
};

#define JWS_SUITES (sizeof jws_suites / sizeof jws_suites[0])

static const struct jws_suite *
find_suite(enum jws_alg alg)
{
	size_t i;

	for (i = 0; i < JWS_SUITES && jws_suites[i].alg != alg; i++)
		;
	assert(i < JWS_SUITES);
	return &jws_suites[i];
}

static int
copy(struct blob in, char **out)
{
	if ((*out = strndup((const char *)in.p, in.n)) == NULL)
		return fail(ERR_NOMEM, "no memory for a JWS header");
	return OK;
}

/* Appends the decoded member to `out`, and gives its text as received. */
static int
part(const struct json *body, const char *name, struct blob *text,
    struct buf *out)
{
	int r;

	if ((r = in_json_string(body, name, text)) != OK)
		return r;
	if ((r = enc_base64url_decode(*text, out)) != OK)
		return fail(refusal_code(r, ERR_MALFORMED),
		    "JWS member %s is too long or not base64url", name);
	return OK;
}

/* "none" and the HMACs are refused by not being in the table. */
static int
header_alg(const struct json *header, struct jws *jws)
{
	struct blob alg;
	size_t i;
	int r;

	if ((r = in_json_string(header, "alg", &alg)) != OK)
		return r;
	for (i = 0; i < JWS_SUITES; i++) {
		if (blob_eq_str(alg, jws_suites[i].name)) {
			jws->alg = jws_suites[i].alg;
			return OK;
		}
	}
	return fail(ERR_BAD_ALGORITHM, "JWS algorithm is not supported");
}

/* Members that would change what the rest means (RFC 7515 section 4.1). */
static int
header_refused(const struct json *header)
{
	static const char *const names[] = { "crit", "b64", "zip", "enc", "jku",
		"x5u", "x5c", "x5t", "x5t#S256", NULL };
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		if (in_json_has(header, names[i]))
			return fail(ERR_MALFORMED,
			    "JWS header has the member %s", names[i]);
	}
	return OK;
}

static int
header_nonce(const struct json *header, unsigned flags, struct jws *jws)
{
	struct blob nonce;
	int r;

	if (flags & JWS_INNER) {
		if (in_json_has(header, "nonce"))
			return fail(ERR_MALFORMED, "inner JWS has a nonce");
		return OK;
	}
	if (!in_json_has(header, "nonce"))
		return fail(ERR_BAD_NONCE, "JWS has no nonce");
	if ((r = in_json_string(header, "nonce", &nonce)) != OK ||
	    (r = copy(nonce, &jws->nonce)) != OK)
		return r;
	if (!enc_is_base64url(jws->nonce, JWS_NONCE_MAX))
		return fail(ERR_MALFORMED, "JWS nonce is not base64url");
	return OK;
}

/* A URL in the header is compared later; here it only has to be sane. */
static int
header_url(const struct json *header, const char *name, char **out)
{
	struct blob url;
	int r;

	if ((r = in_json_string(header, name, &url)) != OK)
		return r;
	if (url.n == 0 || url.n > JWS_URL_MAX)
		return fail(ERR_MALFORMED, "JWS member %s is %zu bytes long",
		    name, url.n);
	return copy(url, out);
}

static int
header_jwk(const struct json *header, struct jws *jws)
{
	const struct jws_suite *suite = find_suite(jws->alg);
	struct json *jwk;
	int r;

	if ((r = in_json_object(header, "jwk", &jwk)) != OK ||
	    (r = jwk_parse(jwk, &jws->jwk)) != OK)
		return r;
	if (jws->jwk->kind != suite->kind)
		return fail(ERR_BAD_PUBLIC_KEY,
		    "JWS key cannot be used with %s", suite->name);
	if (jws->jwk->alg[0] != '\0' && strcmp(jws->jwk->alg, suite->name) != 0)
		return fail(
		    ERR_MALFORMED, "JWS key is not for %s", suite->name);
	return OK;
}

static int
header_key(const struct json *header, unsigned flags, struct jws *jws)
{
	bool has_jwk = in_json_has(header, "jwk");

	if (has_jwk == in_json_has(header, "kid"))
		return fail(ERR_MALFORMED, "JWS has %s of jwk and kid",
		    has_jwk ? "both" : "none");
	if (has_jwk)
		return header_jwk(header, jws);
	if (flags & JWS_INNER)
		return fail(ERR_MALFORMED, "inner JWS has a kid");
	return header_url(header, "kid", &jws->kid);
}

static int
read_header(struct blob text, unsigned flags, struct jws *jws)
{
	struct json *header;
	int r;

	if ((r = in_json_parse_object(text, JWS_PROTECTED_DEPTH, &header)) !=
	    OK)
		return r;
	if ((r = header_refused(header)) != OK ||
	    (r = header_alg(header, jws)) != OK ||
	    (r = header_key(header, flags, jws)) != OK ||
	    (r = header_url(header, "url", &jws->url)) != OK)
		goto done;
	r = header_nonce(header, flags, jws);
done:
	in_json_free(header);
	return r;
}

/*
 * Unknown members are ignored (RFC 7515 section 7.2). The unprotected header is
 * not signed, and the general serialization has several signatures: ACME has
 * neither (RFC 8555 section 6.2).
 */
static int
body_refused(const struct json *body)
{
	static const char *const names[] = { "header", "signatures", NULL };
	size_t i;

	for (i = 0; names[i] != NULL; i++) {
		if (in_json_has(body, names[i]))
			return fail(
			    ERR_MALFORMED, "JWS has the member %s", names[i]);
	}
	return OK;
}

/*
 * The signature covers the text as it came (RFC 7515 section 5.2). The header
 * is read first, so that an algorithm that is not supported is refused as such,
 * and not because its signature is longer than any of ours.
 */
static int
read_body(const struct json *body, unsigned flags, struct jws *jws)
{
	struct blob protected, payload, signature;
	struct buf header;
	int r;

	buf_init(&header, JWS_PROTECTED_MAX);
	if ((r = body_refused(body)) != OK ||
	    (r = part(body, "protected", &protected, &header)) != OK ||
	    (r = read_header(buf_blob(&header), flags, jws)) != OK ||
	    (r = part(body, "payload", &payload, &jws->payload_bytes)) != OK ||
	    (r = part(body, "signature", &signature, &jws->signature)) != OK)
		goto done;
	buf_add_blob(&jws->signed_text, protected);
	buf_add_byte(&jws->signed_text, '.');
	r = buf_add_blob(&jws->signed_text, payload);
	jws->payload = buf_blob(&jws->payload_bytes);
	jws->empty_payload = payload.n == 0;
done:
	buf_release(&header);
	return r;
}

int
jws_parse(struct blob body, unsigned flags, struct jws **out)
{
	struct json *doc = NULL;
	struct jws *jws = NULL;
	int r;

	*out = NULL;
	if (body.n > JWS_BODY_MAX)
		return fail(ERR_TOO_LARGE, "JWS of %zu bytes", body.n);
	if ((r = in_json_parse_object(body, JWS_BODY_DEPTH, &doc)) != OK)
		return r;
	if ((jws = calloc(1, sizeof *jws)) == NULL) {
		r = fail(ERR_NOMEM, "no memory for a JWS");
		goto done;
	}
	buf_init(&jws->payload_bytes, JWS_PAYLOAD_MAX);
	buf_init(&jws->signed_text, JWS_BODY_MAX);
	buf_init(&jws->signature, JWS_SIGNATURE_MAX);
	if ((r = read_body(doc, flags, jws)) == OK) {
		*out = jws;
		jws = NULL;
	}
done:
	jws_free(jws);
	in_json_free(doc);
	return r;
}

void
jws_free(struct jws *jws)
{
	if (jws == NULL)
		return;
	free(jws->nonce);
	free(jws->url);
	free(jws->kid);
	jwk_free(jws->jwk);
	buf_release(&jws->payload_bytes);
	buf_release(&jws->signed_text);
	buf_release(&jws->signature);
	free(jws);
}

/* Tries R in the first n bytes and S in the others, both padded. */
static bool
verifies_split(const struct jws *jws, const struct jwk *key, size_t n)
{
	uint8_t rs[2 * JWS_HALF_ES256] = { 0 };
	size_t rest = jws->signature.n - n;

	memcpy(rs + JWS_HALF_ES256 - n, jws->signature.p, n);
	memcpy(rs + sizeof rs - rest, jws->signature.p + n, rest);
	return jwk_verifies(
	    key, buf_blob(&jws->signed_text), blob_of(rs, sizeof rs));
}

/*
 * Security-61439 and older join R and S without their leading zeros. Each try
 * is a full verification of the same text, so nothing is lost by trying.
 */
static bool
verifies_short(const struct jws *jws, const struct jwk *key)
{
	size_t n;

	if (jws->alg != JWS_ES256 || jws->signature.n < JWS_SHORT_MIN ||
	    jws->signature.n >= 2 * JWS_HALF_ES256)
		return false;
	for (n = JWS_HALF_MIN; n <= JWS_HALF_ES256; n++) {
		if (jws->signature.n - n <= JWS_HALF_ES256 &&
		    verifies_split(jws, key, n))
			return true;
	}
	return false;
}

int
jws_verify(const struct jws *jws, const struct jwk *key)
{
	const struct jws_suite *suite = find_suite(jws->alg);

	if (key->kind != suite->kind)
		return fail(ERR_BAD_SIGNATURE,
		    "JWS is signed with %s, and the key is for another",
		    suite->name);
	if (jwk_verifies(
		key, buf_blob(&jws->signed_text), buf_blob(&jws->signature)) ||
	    verifies_short(jws, key))
		return OK;
	return fail(ERR_BAD_SIGNATURE, "JWS signature does not verify");
}
