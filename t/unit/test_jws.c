/*
 * The whole JWS request: structure, header, key, signature, and the short
 * signatures of Apple's clients, made once outside with points R chosen to
 * be short and keys computed from them.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "wire/jws.h"
#include "unit/jwsfix.h"

/* A good header and what is put in place of one member. */
#define HEADER                                                                 \
	"{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL            \
	"\",\"kid\":\"" KID "\"}"

/* The key of RFC 7638-like vectors; only its form matters here. */
#define X   "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y   "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define JWK "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}"

static int
parse_text(const char *text, unsigned flags)
{
	struct jws *jws;
	int r = jws_parse(blob_str(text), flags, &jws);

	assert_true((r == OK) == (jws != NULL));
	jws_free(jws);
	return r;
}

static void
expect_flags(int expected, const char *header, unsigned flags)
{
	struct buf b;
	int r;

	jwsfix_body(&b, header, "e30", "AA");
	if ((r = parse_text(buf_str(&b), flags)) != expected)
		unit_fail("%d, not %d: %s", r, expected, header);
	buf_release(&b);
}

static void
expect(int expected, const char *header)
{
	expect_flags(expected, header, 0);
}

/* The header with jwk in place of kid. */
static void
expect_jwk(int expected, const char *alg, const char *jwk)
{
	char header[1000];

	snprintf(header, sizeof header,
	    "{\"alg\":\"%s\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"jwk\":%s}",
	    alg, jwk);
	expect(expected, header);
}

static void
test_good(void **state)
{
	struct jws *jws;
	struct buf b;

	jwsfix_body(&b, HEADER, "e30", "AA");
	assert_int_equal(jws_parse(buf_blob(&b), 0, &jws), OK);
	assert_int_equal(jws->alg, JWS_ES256);
	assert_string_equal(jws->nonce, NONCE);
	assert_string_equal(jws->url, URL);
	assert_string_equal(jws->kid, KID);
	assert_null(jws->jwk);
	assert_true(blob_eq_str(jws->payload, "{}"));
	assert_false(jws->empty_payload);
	jws_free(jws);
	buf_release(&b);
	jwsfix_body(&b, HEADER, "", "");
	assert_int_equal(jws_parse(buf_blob(&b), 0, &jws), OK);
	assert_true(jws->empty_payload);
	assert_int_equal(jws->payload.n, 0);
	jws_free(jws);
	buf_release(&b);
	jws_free(NULL);
}

static void
test_jwk(void **state)
{
	char print[JWK_THUMBPRINT_TEXT];
	struct jws *jws;
	struct buf b;

	jwsfix_body(&b,
	    "{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"typ\":\"x\",\"jwk\":" JWK "}",
	    "", "");
	assert_int_equal(jws_parse(buf_blob(&b), 0, &jws), OK);
	assert_null(jws->kid);
	assert_int_equal(jwk_thumbprint(jws->jwk, print), OK);
	assert_string_equal(
	    print, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	jws_free(jws);
	buf_release(&b);
}

static void
test_body(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"\"x\"",
		"eyJ9.e30.AA",
		"{}",
		"{\"payload\":\"\",\"signature\":\"AA\"}",
		"{\"protected\":\"e30\",\"signature\":\"AA\"}",
		"{\"protected\":\"e30\",\"payload\":\"\"}",
	};
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(parse_text(bad[i], 0), ERR_MALFORMED);
}

/* One good body, bent by putting `to` in place of `from`. */
static void
expect_bent(int expected, const char *from, const char *to)
{
	struct buf b, bent;
	const char *at;
	int r;

	jwsfix_body(&b, HEADER, "e30", "AA");
	buf_init(&bent, 100000);
	at = strstr(buf_str(&b), from);
	assert_non_null(at);
	buf_add(&bent, b.p, (size_t)(at - buf_str(&b)));
	buf_add_str(&bent, to);
	buf_add_str(&bent, at + strlen(from));
	if ((r = parse_text(buf_str(&bent), 0)) != expected)
		unit_fail("%d, not %d: %s", r, expected, to);
	buf_release(&b);
	buf_release(&bent);
}

static void
test_members(void **state)
{
	expect_bent(OK, "e30", "e30");
	expect_bent(ERR_MALFORMED, "\"payload\":\"e30\"", "\"payload\":1");
	expect_bent(ERR_MALFORMED, "\"payload\":\"e30\"", "\"payload\":null");
	expect_bent(ERR_MALFORMED, "\"payload\":\"e30\"", "\"payload\":[]");
	expect_bent(ERR_MALFORMED, "\"payload\":\"e30\"", "\"payload\":{}");
	expect_bent(ERR_MALFORMED, "\"signature\":\"AA\"", "\"signature\":1");
	expect_bent(
	    ERR_MALFORMED, "\"protected\":\"", "\"protected\":1,\"x\":\"");
	expect_bent(ERR_MALFORMED, "}", ",\"signatures\":[]}");
	expect_bent(ERR_MALFORMED, "}", ",\"header\":{}}");
	/* RFC 7515 section 7.2: other members are ignored */
	expect_bent(OK, "}", ",\"x\":\"\"}");
	expect_bent(OK, "}", ",\"x\":{\"header\":[1]}}");
	expect_bent(ERR_MALFORMED, "}", ",\"x\":1,\"x\":2}");
	expect_bent(ERR_MALFORMED, "}", ",\"payload\":\"e31\"}");
	expect_bent(ERR_MALFORMED, "}", "}{}");
	expect_bent(ERR_MALFORMED, "}", "} x");
}

static void
test_base64(void **state)
{
	static const char *const bad[] = { "e30=", "e3+0", "e3/0", "e 30",
		"e3\\n0", "e31", "e30e3", "e", "\\u00e9", "e30.", "=" };
	char member[100];
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(member, sizeof member, "\"payload\":\"%s\"", bad[i]);
		expect_bent(ERR_MALFORMED, "\"payload\":\"e30\"", member);
		snprintf(member, sizeof member, "\"signature\":\"%s\"", bad[i]);
		expect_bent(ERR_MALFORMED, "\"signature\":\"AA\"", member);
		snprintf(member, sizeof member, "\"protected\":\"%s", bad[i]);
		expect_bent(ERR_MALFORMED, "\"protected\":\"", member);
	}
}

static void
test_limits(void **state)
{
	static char text[JWS_BODY_MAX + 2];
	struct jws *jws;
	char *big = calloc(1, JWS_PAYLOAD_MAX * 2);
	struct buf b, payload;

	memset(text, ' ', sizeof text - 1);
	assert_int_equal(parse_text(text, 0), ERR_TOO_LARGE);
	/* The payload at its limit, and one byte over. */
	assert_non_null(big);
	buf_init(&payload, 100000);
	enc_base64url(blob_of(big, JWS_PAYLOAD_MAX), &payload);
	jwsfix_body(&b, HEADER, buf_str(&payload), "AA");
	assert_int_equal(jws_parse(buf_blob(&b), 0, &jws), OK);
	assert_int_equal(jws->payload.n, JWS_PAYLOAD_MAX);
	jws_free(jws);
	buf_release(&b);
	buf_reset(&payload);
	enc_base64url(blob_of(big, JWS_PAYLOAD_MAX + 1), &payload);
	jwsfix_body(&b, HEADER, buf_str(&payload), "AA");
	assert_int_equal(parse_text(buf_str(&b), 0), ERR_MALFORMED);
	buf_release(&b);
	buf_release(&payload);
	/* A header that is too long only for its spaces. */
	snprintf(big, JWS_PAYLOAD_MAX, "%s%*s", HEADER, 4000, "");
	expect(ERR_MALFORMED, big);
	snprintf(big, JWS_PAYLOAD_MAX, "%s%*s", HEADER, 3000, "");
	expect(OK, big);
	free(big);
}

/* The good header and one member more. */
#define WITH(member)                                                           \
	"{" member ",\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL \
	"\",\"kid\":\"" KID "\"}"

static void
test_header_json(void **state)
{
	expect(ERR_MALFORMED, "");
	expect(ERR_MALFORMED, "[]");
	expect(ERR_MALFORMED, "x");
	expect(ERR_MALFORMED, HEADER HEADER);
	expect(ERR_MALFORMED, "\xef\xbb\xbf" HEADER);
	expect(OK, WITH("\"a\":[[[1]]]"));
	expect(ERR_MALFORMED, WITH("\"a\":[[[[1]]]]"));
	expect(ERR_MALFORMED, "{'alg':'ES256'}");
	/* An escaped name is the name; twice is once too often. */
	expect(OK,
	    "{\"\\u0061lg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"kid\":\"" KID "\"}");
	expect(ERR_MALFORMED,
	    "{\"\\u0061lg\":\"ES256\",\"alg\":\"ES256\",\"nonce\":\"" NONCE
	    "\",\"url\":\"" URL "\",\"kid\":\"" KID "\"}");
	expect(ERR_MALFORMED,
	    "{\"al\\u0000g\":\"ES256\",\"alg\":\"ES256\",\"nonce\":\"" NONCE
	    "\",\"url\":\"" URL "\",\"kid\":\"" KID "\"}");
}

/* The good header with its alg replaced by this JSON value. */
static void
expect_alg(int expected, const char *alg)
{
	char header[500];

	snprintf(header, sizeof header,
	    "{\"alg\":%s,\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"kid\":\"" KID "\"}",
	    alg);
	expect(expected, header);
}

static void
test_alg(void **state)
{
	static const char *const foreign[] = { "none", "None", "NONE", "nOnE",
		"HS256", "HS384", "HS512", "RS256", "RS1", "PS256", "ES256K",
		"ES512", "es256", "ES256 ", "", "Ed448" };
	char json[20];
	size_t i;

	expect_alg(OK, "\"ES256\"");
	expect_alg(OK, "\"ES384\"");
	expect_alg(OK, "\"EdDSA\"");
	expect_alg(ERR_MALFORMED, "null");
	expect_alg(ERR_MALFORMED, "256");
	expect_alg(ERR_MALFORMED, "[\"ES256\"]");
	for (i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
		snprintf(json, sizeof json, "\"%s\"", foreign[i]);
		expect_alg(ERR_BAD_ALGORITHM, json);
	}
	expect(ERR_MALFORMED,
	    "{\"nonce\":\"" NONCE "\",\"url\":\"" URL "\",\"kid\":\"" KID
	    "\"}");
}

static void
test_header_members(void **state)
{
	static const char *const refused[] = { "crit", "b64", "zip", "enc",
		"jku", "x5u", "x5c", "x5t", "x5t#S256" };
	char header[500];
	size_t i;

	for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		snprintf(header, sizeof header,
		    "{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
		    "\",\"kid\":\"" KID "\",\"%s\":[\"b64\"]}",
		    refused[i]);
		expect(ERR_MALFORMED, header);
	}
	expect(OK,
	    "{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL
	    "\",\"kid\":\"" KID "\",\"typ\":\"JOSE\",\"cty\":1}");
}

#define WITHOUT(member)                                                        \
	"{\"alg\":\"ES256\",\"url\":\"" URL "\",\"kid\":\"" KID "\"" member "}"

static void
test_nonce(void **state)
{
	char header[500];
	int n;

	expect(ERR_BAD_NONCE, WITHOUT(""));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":\"\""));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":null"));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":5"));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":\"a b\""));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":\"a+b\""));
	expect(ERR_MALFORMED, WITHOUT(",\"nonce\":\"a=\""));
	for (n = 64; n <= 65; n++) {
		snprintf(header, sizeof header, WITHOUT(",\"nonce\":\"%0*d\""),
		    n, 0);
		expect(n == 64 ? OK : ERR_MALFORMED, header);
	}
}

#define NO_URL "{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"kid\":\"" KID "\""

static void
test_url(void **state)
{
	char header[3000];
	int n;

	expect(ERR_MALFORMED, NO_URL "}");
	expect(ERR_MALFORMED, NO_URL ",\"url\":\"\"}");
	expect(ERR_MALFORMED, NO_URL ",\"url\":1}");
	for (n = JWS_URL_MAX; n <= JWS_URL_MAX + 1; n++) {
		snprintf(
		    header, sizeof header, NO_URL ",\"url\":\"%0*d\"}", n, 0);
		expect(n == JWS_URL_MAX ? OK : ERR_MALFORMED, header);
	}
}

#define NO_KEY "{\"alg\":\"ES256\",\"nonce\":\"" NONCE "\",\"url\":\"" URL "\""

static void
test_key_members(void **state)
{
	expect(ERR_MALFORMED, NO_KEY "}");
	expect(ERR_MALFORMED, NO_KEY ",\"kid\":\"" KID "\",\"jwk\":" JWK "}");
	expect(ERR_MALFORMED, NO_KEY ",\"kid\":\"\"}");
	expect(ERR_MALFORMED, NO_KEY ",\"kid\":null}");
	expect(ERR_MALFORMED, NO_KEY ",\"jwk\":\"x\"}");
	expect(ERR_MALFORMED, NO_KEY ",\"jwk\":null}");
}

static void
test_jwk_and_alg(void **state)
{
	expect_jwk(OK, "ES256", JWK);
	expect_jwk(ERR_BAD_PUBLIC_KEY, "ES384", JWK);
	expect_jwk(ERR_BAD_PUBLIC_KEY, "EdDSA", JWK);
	expect_jwk(OK, "ES256",
	    "{\"alg\":\"ES256\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
	    "\",\"y\":\"" Y "\"}");
	expect_jwk(ERR_MALFORMED, "ES256",
	    "{\"alg\":\"ES384\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
	    "\",\"y\":\"" Y "\"}");
	expect_jwk(
	    ERR_BAD_PUBLIC_KEY, "ES256", "{\"kty\":\"oct\",\"k\":\"AA\"}");
	expect_jwk(ERR_BAD_ALGORITHM, "HS256", JWK);
}

static void
test_inner(void **state)
{
	static const char inner[] =
	    "{\"alg\":\"ES256\",\"url\":\"" URL "\",\"jwk\":" JWK "}";

	expect_flags(OK, inner, JWS_INNER);
	expect_flags(ERR_BAD_NONCE, inner, 0);
	expect_flags(ERR_MALFORMED,
	    "{\"alg\":\"ES256\",\"url\":\"" URL "\",\"nonce\":\"" NONCE
	    "\",\"jwk\":" JWK "}",
	    JWS_INNER);
	expect_flags(ERR_MALFORMED, WITHOUT(""), JWS_INNER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_jwk),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_header_json),
		cmocka_unit_test(test_alg),
		cmocka_unit_test(test_header_members),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_key_members),
		cmocka_unit_test(test_jwk_and_alg),
		cmocka_unit_test(test_inner),
	};

	log_open("t", LOG_ERROR);
	return unit_run("jws", tests);
}
