/* The keys of an OpenID provider, and signatures that OpenSSL makes by them. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/jose.h"
#include "wire/jwkset.h"

#define TEXT "what is signed"

/* RFC 7517 appendix A.1, an EC and an RSA key */
#define EC                                                                     \
	"\"kty\":\"EC\",\"crv\":\"P-256\","                                    \
	"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","               \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
/* without its first six bits, which are 110100 */
#define MODULUS_REST                                                           \
	"vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1R"  \
	"K7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9" \
	"yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZg" \
	"nYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6We" \
	"Zu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDK" \
	"gw"
#define MODULUS "0" MODULUS_REST
#define RSA_KEY "\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AQAB\""
/* RFC 8037 appendix A.2 */
#define OKP                                                                    \
	"\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                 \
	"\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static size_t
count(const char *keys)
{
	struct jwkset *set;
	size_t n = 0;
	char *text;
	int r;

	assert_true(asprintf(&text, "{\"keys\":[%s]}", keys) > 0);
	r = jwkset_read(blob_str(text), &set);
	free(text);
	if (r == OK)
		n = jwkset_count(set);
	else
		assert_int_equal(r, ERR_SIGN_IN_PROVIDER);
	assert_true((r == OK) == (set != NULL));
	jwkset_free(set);
	return n;
}

static void
test_usable(void **state)
{
	assert_int_equal(count("{" EC "}"), 1);
	assert_int_equal(count("{" RSA_KEY "}"), 1);
	assert_int_equal(count("{" OKP "}"), 1);
	assert_int_equal(count("{" EC ",\"kid\":\"a\",\"alg\":\"ES256\","
			       "\"use\":\"sig\"},{" RSA_KEY "},{" OKP "}"),
	    3);
	assert_int_equal(
	    count("{" RSA_KEY ",\"alg\":\"PS256\",\"key_ops\":[\"verify\"],"
		  "\"x5c\":[\"AA==\"],\"more\":{\"a\":1}}"),
	    1);
}

static void
test_passed_over(void **state)
{
	static const char *const keys[] = {
		"{" EC ",\"use\":\"enc\"}",
		"{" EC ",\"use\":1}",
		"{" EC ",\"key_ops\":[\"sign\"]}",
		"{" EC ",\"key_ops\":\"verify\"}",
		"{" EC ",\"alg\":\"ES384\"}",
		"{" EC ",\"alg\":\"RS256\"}",
		"{" EC ",\"alg\":\"HS256\"}",
		"{" EC ",\"alg\":7}",
		"{" EC ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}",
		"{" EC ",\"kid\":7}",
		"{\"kty\":\"oct\",\"k\":\"AAAA\"}",
		"{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
		"{\"kty\":\"RSA\",\"n\":\"" MODULUS "\"}",
		"{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AQ\"}",
		"{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"AAAB\"}",
		"{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"Ag\"}",
		"{\"kty\":\"RSA\",\"n\":\"" MODULUS "\",\"e\":\"\"}",
		/* of 2047 bits */
		"{\"kty\":\"RSA\",\"n\":\"U" MODULUS_REST
		"\",\"e\":\"AQAB\"}",
		"{" RSA_KEY ",\"d\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}",
		"{\"crv\":\"P-256\"}",
		"{}",
		"7",
	};
	char text[1200];

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (count(keys[i]) != 0)
			unit_fail("taken: %s", keys[i]);
		/* and the others remain */
		snprintf(text, sizeof text, "%s,{" OKP "}", keys[i]);
		assert_int_equal(count(text), 1);
	}
}

static void
expect_refused(const char *text)
{
	struct jwkset *set;

	assert_int_equal(
	    jwkset_read(blob_str(text), &set), ERR_SIGN_IN_PROVIDER);
	assert_null(set);
}

static void
test_no_set(void **state)
{
	expect_refused("");
	expect_refused("[]");
	expect_refused("{}");
	expect_refused("{\"keys\":{}}");
	expect_refused("{\"keys\":[]}");
	expect_refused("<html>");
}

static void
test_limits(void **state)
{
	struct buf keys;
	char kid[600];

	buf_init(&keys, 1 << 20);
	for (int i = 0; i < JWKSET_KEYS_MAX; i++)
		buf_printf(&keys, "%s{" OKP "}", i > 0 ? "," : "");
	assert_int_equal(count(buf_str(&keys)), JWKSET_KEYS_MAX);
	buf_add_str(&keys, ",{}");
	assert_int_equal(count(buf_str(&keys)), 0);
	buf_reset(&keys);
	buf_add_str(&keys, "{" OKP "}");
	while (keys.n < JWKSET_BYTES_MAX)
		buf_add_byte(&keys, ' ');
	assert_int_equal(count(buf_str(&keys)), 0);
	buf_release(&keys);
	for (int i = 0; i < 2; i++) {
		snprintf(kid, sizeof kid, "{" OKP ",\"kid\":\"%0*d\"}",
		    JWKSET_KID_TEXT - 1 + i, 0);
		assert_int_equal(count(kid), i == 0 ? 1 : 0);
	}
}

/* A set of one key, and a signature by it. */
struct signer {
	EVP_PKEY *key;
	struct jwkset *set;
	struct buf signature;
	char text[64];
};

static void
signer_init(struct signer *s, const char *kind, const char *members)
{
	struct buf jwk;

	*s = (struct signer){ .key = NULL };
	buf_init(&s->signature, 2048);
	buf_init(&jwk, 8192);
	assert_int_equal(keypair_make(kind, &s->key), OK);
	buf_add_str(&jwk, "{\"keys\":[");
	assert_int_equal(jose_jwk(s->key, &jwk), OK);
	jwk.n--;
	buf_printf(&jwk, "%s}]}", members);
	assert_int_equal(jwkset_read(buf_blob(&jwk), &s->set), OK);
	buf_release(&jwk);
}

/* The signed text of a compact JWS, and its signature. */
static void
signer_sign(struct signer *s, const char *alg)
{
	struct jose jws = { .alg = alg, .key = s->key };
	struct buf token;
	const char *dot;

	buf_init(&token, 4096);
	assert_int_equal(
	    jose_compact(&jws, blob_str("{}"), blob_str(TEXT), &token), OK);
	dot = strrchr(buf_str(&token), '.');
	snprintf(s->text, sizeof s->text, "%.*s",
	    (int)(dot - buf_str(&token)), buf_str(&token));
	buf_reset(&s->signature);
	assert_int_equal(
	    enc_base64url_decode(blob_str(dot + 1), &s->signature), OK);
	buf_release(&token);
}

static int
verify(const struct signer *s, enum jwkset_alg alg, const char *kid)
{
	return jwkset_verify(s->set, alg, kid, blob_str(s->text),
	    buf_blob(&s->signature));
}

static void
signer_release(struct signer *s)
{
	EVP_PKEY_free(s->key);
	jwkset_free(s->set);
	buf_release(&s->signature);
}

static void
test_signatures(void **state)
{
	static const struct {
		const char *kind, *name;
		enum jwkset_alg alg;
	} cases[] = {
		{ "RSA-2048", "RS256", JWKSET_RS256 },
		{ "RSA-2048", "PS256", JWKSET_PS256 },
		{ "RSA-3072", "RS256", JWKSET_RS256 },
		{ "P-256", "ES256", JWKSET_ES256 },
		{ "Ed25519", "EdDSA", JWKSET_EDDSA },
	};
	struct signer s;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		signer_init(&s, cases[i].kind, ",\"kid\":\"one\"");
		signer_sign(&s, cases[i].name);
		assert_int_equal(verify(&s, cases[i].alg, "one"), OK);
		assert_int_equal(verify(&s, cases[i].alg, ""), OK);
		assert_int_equal(
		    verify(&s, cases[i].alg, "two"), ERR_SIGN_IN_KEY);
		s.text[5] ^= 1;
		assert_int_equal(
		    verify(&s, cases[i].alg, "one"), ERR_SIGN_IN_TOKEN);
		assert_int_equal(
		    verify(&s, cases[i].alg, ""), ERR_SIGN_IN_KEY);
		s.text[5] ^= 1;
		s.signature.n--;
		assert_int_equal(
		    verify(&s, cases[i].alg, "one"), ERR_SIGN_IN_TOKEN);
		s.signature.n = 0;
		assert_int_equal(
		    verify(&s, cases[i].alg, "one"), ERR_SIGN_IN_TOKEN);
		signer_release(&s);
	}
}

/* An algorithm is that of the key, of the signature and of the header. */
static void
test_algorithms(void **state)
{
	struct signer s;

	signer_init(&s, "RSA-2048", ",\"kid\":\"one\"");
	signer_sign(&s, "RS256");
	assert_int_equal(verify(&s, JWKSET_PS256, "one"), ERR_SIGN_IN_TOKEN);
	assert_int_equal(verify(&s, JWKSET_ES256, "one"), ERR_SIGN_IN_KEY);
	signer_sign(&s, "PS256");
	assert_int_equal(verify(&s, JWKSET_RS256, "one"), ERR_SIGN_IN_TOKEN);
	signer_release(&s);
	signer_init(&s, "RSA-2048", ",\"alg\":\"PS256\"");
	signer_sign(&s, "RS256");
	assert_int_equal(verify(&s, JWKSET_RS256, ""), ERR_SIGN_IN_KEY);
	signer_release(&s);
}

static void
test_names(void **state)
{
	enum jwkset_alg alg;

	assert_int_equal(jwkset_alg(blob_str("EdDSA"), &alg), OK);
	assert_int_equal(alg, JWKSET_EDDSA);
	assert_int_equal(jwkset_alg(blob_str("none"), &alg), ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    jwkset_alg(blob_str("HS256"), &alg), ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    jwkset_alg(blob_str("rs256"), &alg), ERR_SIGN_IN_TOKEN);
	assert_int_equal(jwkset_alg(blob_str(""), &alg), ERR_SIGN_IN_TOKEN);
}

/* Two keys of one name, or two keys and no name. */
static void
test_several(void **state)
{
	static const char two[] =
	    "{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"},"
	    "{" OKP ",\"kid\":\"a\"}]}";
	struct blob none = blob_str("");
	struct jwkset *set;

	assert_int_equal(jwkset_read(blob_str(two), &set), OK);
	assert_int_equal(jwkset_verify(set, JWKSET_ES256, "a", none, none),
	    ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "several"));
	assert_int_equal(jwkset_verify(set, JWKSET_ES256, "", none, none),
	    ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "several"));
	assert_int_equal(jwkset_verify(set, JWKSET_EDDSA, "a", none, none),
	    ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "verify"));
	jwkset_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_passed_over),
		cmocka_unit_test(test_no_set),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_several),
	};

	log_open("test_jwkset", LOG_ERROR);
	return unit_run("jwkset", tests);
}
