/* ID tokens that OpenSSL signs: a good one, and all that is refused. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "sim/forge/jose.h"
#include "wire/idtoken.h"

#define NOW    INT64_C(1800000000)
#define ISSUER "https://id.example.com/tenant"
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"one\",\"typ\":\"JWT\"}"

/* One member each, so that a test leaves one out or says it otherwise. */
#define ISS   "\"iss\":\"" ISSUER "\","
#define AUD   "\"aud\":\"client\","
#define TIMES "\"iat\":1800000000,\"exp\":1800000300,"
#define NONCE "\"nonce\":\"n-0S6\","
#define SUB   "\"sub\":\"24400320\""
#define GOOD  "{" ISS AUD TIMES NONCE SUB "}"

static EVP_PKEY *key;
static struct jwkset *keys;

static int
setup(void **state)
{
	struct buf text;

	buf_init(&text, 4096);
	assert_int_equal(keypair_make("P-256", &key), OK);
	buf_add_str(&text, "{\"keys\":[");
	jose_jwk(key, &text);
	text.n--;
	buf_add_str(&text, ",\"kid\":\"one\"}]}");
	assert_int_equal(jwkset_read(buf_blob(&text), &keys), OK);
	buf_release(&text);
	return 0;
}

static int
teardown(void **state)
{
	jwkset_free(keys);
	EVP_PKEY_free(key);
	return 0;
}

static int
verify_text(struct blob token, struct idtoken *out)
{
	struct idtoken_expected expected = {
		.issuer = ISSUER,
		.client_id = "client",
		.nonce = "n-0S6",
		.now = NOW,
	};

	return idtoken_verify(token, keys, &expected, out);
}

static int
verify_jws(const struct jose *jws, const char *header, const char *claims,
    struct idtoken *out)
{
	struct buf token;
	int r;

	buf_init(&token, 1 << 20);
	assert_int_equal(
	    jose_compact(jws, blob_str(header), blob_str(claims), &token), OK);
	r = verify_text(buf_blob(&token), out);
	buf_release(&token);
	return r;
}

static int
verify(const char *header, const char *claims, struct idtoken *out)
{
	struct jose jws = { .alg = "ES256", .key = key };

	return verify_jws(&jws, header, claims, out);
}

/* Refused, with these words in the reason. */
static void
refused(const char *header, const char *claims, const char *why)
{
	struct idtoken token;

	log_forget_reason();
	assert_int_equal(verify(header, claims, &token), ERR_SIGN_IN_TOKEN);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("\"%s\", not \"%s\": %s", log_reason(), why, claims);
	assert_string_equal(token.subject, "");
	assert_int_equal(token.groups.n, 0);
}

static void
accepted(const char *header, const char *claims)
{
	struct idtoken token;

	if (verify(header, claims, &token) != OK)
		unit_fail("%s: %s", log_reason(), claims);
	idtoken_release(&token);
}

static void
test_good(void **state)
{
	struct idtoken token;

	assert_int_equal(
	    verify(HEADER,
		"{" ISS AUD TIMES NONCE SUB ",\"nbf\":1800000000,"
		"\"email\":\"ada@example.com\",\"email_verified\":true,"
		"\"preferred_username\":\"ada\",\"groups\":[\"staff\",\"it\"],"
		"\"realm_access\":{\"roles\":[\"a\"]}}",
		&token),
	    OK);
	assert_string_equal(token.subject, "24400320");
	assert_string_equal(token.email, "ada@example.com");
	assert_string_equal(token.preferred_username, "ada");
	assert_false(token.email_is_unverified);
	assert_true(idtoken_has_group(&token, "staff"));
	assert_true(idtoken_has_group(&token, "it"));
	assert_false(idtoken_has_group(&token, "IT"));
	assert_false(idtoken_has_group(&token, "sta"));
	assert_false(idtoken_has_group(&token, ""));
	idtoken_release(&token);
	assert_int_equal(verify(HEADER, GOOD, &token), OK);
	assert_string_equal(token.email, "");
	assert_false(idtoken_has_group(&token, "staff"));
	assert_false(idtoken_has_group(&token, ""));
	idtoken_release(&token);
}

static void
test_header(void **state)
{
	accepted("{\"alg\":\"ES256\"}", GOOD);
	accepted("{\"alg\":\"ES256\",\"typ\":\"jwt\"}", GOOD);
	accepted("{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\"},\"jku\":"
		 "\"https://evil.example\",\"x5c\":[\"AA==\"]}",
	    GOOD);
	refused("{\"alg\":\"none\"}", GOOD, "algorithm");
	refused("{\"alg\":\"HS256\"}", GOOD, "algorithm");
	refused("{\"alg\":\"ES384\"}", GOOD, "algorithm");
	refused("{\"alg\":\"RS512\"}", GOOD, "algorithm");
	refused("{\"alg\":7}", GOOD, "alg");
	refused("{}", GOOD, "alg");
	refused("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GOOD, "at+jwt");
	refused("{\"alg\":\"ES256\",\"typ\":1}", GOOD, "typ");
	refused("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}", GOOD,
	    "extensions");
	refused("{\"alg\":\"ES256\",\"crit\":[\"x\"],\"x\":1}", GOOD,
	    "extensions");
	refused("{\"alg\":\"ES256\",\"b64\":false}", GOOD, "extensions");
	refused("{\"alg\":\"ES256\",\"kid\":7}", GOOD, "kid");
	refused("{\"alg\":\"ES256\",\"kid\":\"\"}", GOOD, "key is 0 bytes");
	refused("{\"alg\":\"ES256\",\"alg\":\"none\"}", GOOD, "twice");
	refused("[]", GOOD, "object");
	refused("", GOOD, "");
}

/* The public key as the secret of an HMAC, no signature, and a changed one. */
static void
test_signature(void **state)
{
	struct jose jws = { .alg = "HS256" };
	struct idtoken token;
	struct buf jwk;

	buf_init(&jwk, 4096);
	jose_jwk(key, &jwk);
	jws.secret = buf_blob(&jwk);
	assert_int_equal(verify_jws(&jws, "{\"alg\":\"HS256\"}", GOOD, &token),
	    ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    verify_jws(&jws, HEADER, GOOD, &token), ERR_SIGN_IN_TOKEN);
	buf_release(&jwk);
	jws = (struct jose){ .alg = "none" };
	assert_int_equal(verify_jws(&jws, "{\"alg\":\"none\"}", GOOD, &token),
	    ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    verify_jws(&jws, HEADER, GOOD, &token), ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "does not verify"));
	jws = (struct jose){ .alg = "ES256", .key = key, .corrupt = true };
	assert_int_equal(
	    verify_jws(&jws, HEADER, GOOD, &token), ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "does not verify"));
	jws.corrupt = false;
	jws.der_signature = true;
	assert_int_equal(
	    verify_jws(&jws, HEADER, GOOD, &token), ERR_SIGN_IN_TOKEN);
	jws.der_signature = false;
	jws.pad = true;
	assert_int_equal(
	    verify_jws(&jws, HEADER, GOOD, &token), ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    verify("{\"alg\":\"ES256\",\"kid\":\"new\"}", GOOD, &token),
	    ERR_SIGN_IN_KEY);
}

static void
test_parts(void **state)
{
	static const char *const texts[] = { "", ".", "..", "a.b", "a.b.c.d",
		"e30.e30.", "e30..e30", ".e30.e30", "a b.c.d", "...." };
	struct idtoken token;
	char *large;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(verify_text(blob_str(texts[i]), &token),
		    ERR_SIGN_IN_TOKEN);
	assert_int_equal(
	    verify_text(blob_of(NULL, 0), &token), ERR_SIGN_IN_TOKEN);
	large = calloc(1, IDTOKEN_BYTES_MAX + 2);
	memset(large, 'A', IDTOKEN_BYTES_MAX + 1);
	assert_int_equal(
	    verify_text(blob_str(large), &token), ERR_SIGN_IN_TOKEN);
	assert_non_null(strstr(log_reason(), "bytes long"));
	free(large);
}

static void
test_issuer(void **state)
{
	refused(HEADER, "{" AUD TIMES NONCE SUB "}", "iss");
	refused(HEADER, "{\"iss\":[\"" ISSUER "\"]," AUD TIMES NONCE SUB "}",
	    "iss");
	refused(HEADER, "{\"iss\":\"" ISSUER "/\"," AUD TIMES NONCE SUB "}",
	    "issuer");
	refused(HEADER,
	    "{\"iss\":\"https://evil.example\"," AUD TIMES NONCE SUB "}",
	    "evil.example");
}

static void
test_audience(void **state)
{
	struct buf many;

	accepted(HEADER, "{" ISS "\"aud\":[\"client\"]," TIMES NONCE SUB "}");
	accepted(HEADER, "{" ISS AUD "\"azp\":\"client\"," TIMES NONCE SUB "}");
	accepted(HEADER,
	    "{" ISS "\"aud\":[\"other\",\"client\"],\"azp\":\"client\"," TIMES
		NONCE SUB "}");
	refused(HEADER, "{" ISS TIMES NONCE SUB "}", "aud");
	refused(HEADER, "{" ISS "\"aud\":7," TIMES NONCE SUB "}", "aud");
	refused(HEADER, "{" ISS "\"aud\":[]," TIMES NONCE SUB "}", "another");
	refused(
	    HEADER, "{" ISS "\"aud\":[[\"client\"]]," TIMES NONCE SUB "}", "");
	refused(HEADER, "{" ISS "\"aud\":\"clients\"," TIMES NONCE SUB "}",
	    "another client");
	refused(HEADER, "{" ISS "\"aud\":[\"other\"]," TIMES NONCE SUB "}",
	    "another client");
	refused(HEADER,
	    "{" ISS "\"aud\":[\"client\",\"other\"]," TIMES NONCE SUB "}",
	    "azp");
	refused(HEADER,
	    "{" ISS "\"aud\":[\"client\",\"other\"],\"azp\":\"other\"," TIMES
		NONCE SUB "}",
	    "got the ID token");
	refused(HEADER, "{" ISS AUD "\"azp\":\"other\"," TIMES NONCE SUB "}",
	    "got the ID token");
	refused(HEADER, "{" ISS AUD "\"azp\":1," TIMES NONCE SUB "}", "azp");
	buf_init(&many, 4096);
	buf_add_str(&many, "{" ISS "\"azp\":\"client\",\"aud\":[\"client\"");
	for (int i = 0; i < IDTOKEN_AUDIENCES_MAX; i++)
		buf_printf(&many, ",\"%d\"", i);
	buf_add_str(&many, "]," TIMES NONCE SUB "}");
	refused(HEADER, buf_str(&many), "audiences");
	buf_release(&many);
}

#define AT(iat, exp, more)                                                     \
	"{" ISS AUD NONCE "\"iat\":" #iat ",\"exp\":" #exp more "," SUB "}"

static void
test_times(void **state)
{
	accepted(HEADER, AT(1800000060, 1800000300, ""));
	refused(HEADER, AT(1800000061, 1800000300, ""), "not valid yet");
	accepted(HEADER, AT(1799999990, 1799999941, ""));
	refused(HEADER, AT(1799999990, 1799999940, ""), "expired");
	accepted(HEADER, AT(1799999400, 1800000300, ""));
	refused(HEADER, AT(1799999399, 1800000300, ""), "older");
	accepted(HEADER, AT(1800000000, 1800000300, ",\"nbf\":1800000060"));
	refused(HEADER, AT(1800000000, 1800000300, ",\"nbf\":1800000061"),
	    "not valid yet");
	refused(HEADER, AT(1800000000, 1800000300, ",\"nbf\":\"1\""), "nbf");
	accepted(HEADER, AT(1800000060.9, 1800000300.5, ",\"nbf\":1.8e9"));
	refused(HEADER, AT(1799999990, 1799999940.9, ""), "expired");
	refused(HEADER, AT(1800000000, 1e300, ""), "exp");
	refused(HEADER, AT(1800000000, -1, ""), "exp");
	refused(HEADER, AT(1800000000, 9223372036854775807, ""), "exp");
	refused(HEADER, AT(1800000000, "1800000300", ""), "exp");
	refused(HEADER, "{" ISS AUD NONCE "\"iat\":1800000000," SUB "}", "exp");
	refused(HEADER, "{" ISS AUD NONCE "\"exp\":1800000300," SUB "}", "iat");
}

static void
test_nonce(void **state)
{
	refused(HEADER, "{" ISS AUD TIMES SUB "}", "nonce");
	refused(HEADER, "{" ISS AUD TIMES "\"nonce\":\"\"," SUB "}",
	    "another sign-in");
	refused(HEADER, "{" ISS AUD TIMES "\"nonce\":\"n-0S7\"," SUB "}",
	    "another sign-in");
	refused(HEADER, "{" ISS AUD TIMES "\"nonce\":[\"n-0S6\"]," SUB "}",
	    "nonce");
}

static void
test_person(void **state)
{
	struct idtoken token;
	struct buf text;

	refused(HEADER, "{" ISS AUD TIMES NONCE "\"sub\":\"\"}", "sub");
	refused(HEADER, "{" ISS AUD TIMES NONCE "\"sub\":\"a\\nb\"}", "sub");
	refused(HEADER, "{" ISS AUD TIMES NONCE "\"sub\":7}", "sub");
	refused(HEADER, "{" ISS AUD TIMES NONCE SUB ",\"email\":7}", "email");
	refused(HEADER, "{" ISS AUD TIMES NONCE SUB ",\"email_verified\":1}",
	    "email_verified");
	refused(HEADER, "{" ISS AUD TIMES NONCE SUB ",\"groups\":\"a\"}",
	    "groups");
	refused(HEADER, "{" ISS AUD TIMES NONCE SUB ",\"groups\":[1]}", "");
	assert_int_equal(
	    verify(HEADER,
		"{" ISS AUD TIMES NONCE SUB ",\"email_verified\":false,"
		"\"email\":\"a\\u202eb\"}",
		&token),
	    OK);
	assert_true(token.email_is_unverified);
	assert_string_equal(token.email, "");
	idtoken_release(&token);
	assert_int_equal(
	    verify(HEADER,
		"{" ISS AUD TIMES NONCE SUB ",\"email_verified\":\"true\"}",
		&token),
	    OK);
	assert_false(token.email_is_unverified);
	idtoken_release(&token);
	buf_init(&text, 1 << 20);
	buf_add_str(&text, "{" ISS AUD TIMES NONCE SUB ",\"groups\":[\"a\"");
	for (int i = 0; i < IDTOKEN_GROUPS_MAX; i++)
		buf_add_str(&text, ",\"\"");
	buf_add_str(&text, "]}");
	refused(HEADER, buf_str(&text), "groups");
	buf_reset(&text);
	buf_printf(&text,
	    "{" ISS AUD TIMES NONCE SUB ",\"email\":\"%0255d\"}", 0);
	assert_int_equal(verify(HEADER, buf_str(&text), &token), OK);
	assert_int_equal(strlen(token.email), 255);
	idtoken_release(&token);
	buf_reset(&text);
	buf_printf(&text,
	    "{" ISS AUD TIMES NONCE SUB ",\"email\":\"%0256d\"}", 0);
	assert_int_equal(verify(HEADER, buf_str(&text), &token), OK);
	assert_string_equal(token.email, "");
	idtoken_release(&token);
	buf_release(&text);
}

static void
test_claims(void **state)
{
	refused(HEADER, "", "");
	refused(HEADER, "[]", "object");
	refused(HEADER, "{" ISS ISS AUD TIMES NONCE SUB "}", "twice");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_audience),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_person),
		cmocka_unit_test(test_claims),
	};

	log_open("test_idtoken", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("idtoken", tests, setup, teardown);
}
