/* The configuration and the answers of an OpenID provider. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "wire/idtoken.h"
#include "wire/in_openid.h"

#define ISSUER "https://id.example.com/t"
#define ISS    "\"issuer\":\"" ISSUER "\""
#define AUTH   ",\"authorization_endpoint\":\"https://id.example.com/a?x=1\""
#define TOKEN  ",\"token_endpoint\":\"https://api.example.com/t\""
#define JWKS   ",\"jwks_uri\":\"https://id.example.com/k\""
#define ALL    ISS AUTH TOKEN JWKS

static void
refused(const char *text, const char *why)
{
	struct in_openid provider;

	log_forget_reason();
	assert_int_equal(in_openid_read(blob_str(text), ISSUER, &provider),
	    ERR_SIGN_IN_PROVIDER);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("\"%s\", not \"%s\": %s", log_reason(), why, text);
	assert_string_equal(provider.jwks_uri, "");
}

static void
test_good(void **state)
{
	struct in_openid p;

	assert_int_equal(
	    in_openid_read(blob_str("{" ALL "}"), ISSUER, &p), OK);
	assert_string_equal(
	    p.authorization_endpoint, "https://id.example.com/a?x=1");
	assert_string_equal(p.token_endpoint, "https://api.example.com/t");
	assert_string_equal(p.jwks_uri, "https://id.example.com/k");
	assert_true(p.takes_basic);
	assert_false(p.takes_none);
	assert_false(p.names_issuer);
	assert_int_equal(
	    in_openid_read(
		blob_str("{" ALL ",\"response_types_supported\":[\"id_token\","
			 "\"code\"],\"code_challenge_methods_supported\":"
			 "[\"plain\",\"S256\"],"
			 "\"id_token_signing_alg_values_supported\":"
			 "[\"HS256\",\"EdDSA\"],"
			 "\"token_endpoint_auth_methods_supported\":"
			 "[\"client_secret_post\",\"none\"],"
			 "\"authorization_response_iss_parameter_supported\":"
			 "true,\"claims\":{\"a\":[1]}}"),
		ISSUER, &p),
	    OK);
	assert_false(p.takes_basic);
	assert_true(p.takes_none);
	assert_true(p.names_issuer);
}

static void
test_refused(void **state)
{
	refused("", "");
	refused("[]", "object");
	refused("{}", "issuer");
	refused("{\"issuer\":\"https://id.example.com\"" AUTH TOKEN JWKS "}",
	    "names itself \"https://id.example.com\"");
	refused("{\"issuer\":7" AUTH TOKEN JWKS "}", "issuer");
	refused("{" ISS TOKEN JWKS "}", "authorization_endpoint");
	refused("{" ISS AUTH JWKS "}", "token_endpoint");
	refused("{" ISS AUTH TOKEN "}", "jwks_uri");
	refused("{" ISS AUTH TOKEN ",\"jwks_uri\":\"http://id.example.com\"}",
	    "not an https URL");
	refused("{" ISS AUTH TOKEN ",\"jwks_uri\":[]}", "jwks_uri");
	refused("{" ALL ",\"response_types_supported\":[\"id_token\"]}",
	    "response_types_supported does not have code");
	refused("{" ALL ",\"response_types_supported\":[]}", "code");
	refused("{" ALL ",\"response_types_supported\":\"code\"}",
	    "response_types_supported");
	refused("{" ALL ",\"response_types_supported\":[1]}", "");
	refused("{" ALL ",\"code_challenge_methods_supported\":[\"plain\"]}",
	    "S256");
	refused("{" ALL ",\"id_token_signing_alg_values_supported\":"
		"[\"HS256\",\"none\"]}",
	    "no algorithm of ours");
	refused("{" ALL ",\"token_endpoint_auth_methods_supported\":7}",
	    "token_endpoint_auth_methods_supported");
	refused("{" ALL ",\"authorization_response_iss_parameter_supported\":"
		"\"yes\"}",
	    "authorization_response_iss_parameter_supported");
	refused("{" ALL "," ISS "}", "twice");
}

static void
test_limits(void **state)
{
	struct in_openid p;
	struct buf text;
	char url[2000];

	for (int i = 0; i < 2; i++) {
		snprintf(url, sizeof url,
		    "{" ISS AUTH TOKEN ",\"jwks_uri\":\"https://h/%0*d\"}",
		    IN_OPENID_URL_TEXT - 11 + i, 0);
		assert_int_equal(in_openid_read(blob_str(url), ISSUER, &p),
		    i == 0 ? OK : ERR_SIGN_IN_PROVIDER);
	}
	buf_init(&text, 1 << 20);
	buf_add_str(&text, "{" ALL "}");
	while (text.n <= IN_OPENID_BYTES_MAX)
		buf_add_byte(&text, ' ');
	refused(buf_str(&text), "bytes long");
	buf_release(&text);
}

static void
test_urls(void **state)
{
	static const char *const good[] = { "https://a", "https://a.b:8443/c",
		"https://a/?b=c&d=%20", "https://[::1]/a", "https://a/@b" };
	static const char *const bad[] = { "", "http://a", "https:/a",
		"https://", "https:///a", "https://?a", "https://u@a/",
		"https://a/ b", "https://a/#b", "https://a/\r\nX: y",
		"https://a/\\b", "https://a/<b>", "https://a/\"", "HTTPS://a",
		"https://\xc3\xa4/" };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (!in_openid_is_url(good[i]))
			unit_fail("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (in_openid_is_url(bad[i]))
			unit_fail("taken: %s", bad[i]);
}

static int
token_of(const char *text, struct buf *out)
{
	buf_reset(out);
	return in_openid_token(blob_str(text), out);
}

static void
test_token(void **state)
{
	struct buf out, text;

	buf_init(&out, IDTOKEN_BYTES_MAX);
	assert_int_equal(token_of("{\"access_token\":\"x\",\"id_token\":"
				  "\"a.b.c\",\"expires_in\":60}",
			     &out),
	    OK);
	assert_string_equal(buf_str(&out), "a.b.c");
	assert_int_equal(
	    token_of("{\"access_token\":\"x\"}", &out), ERR_SIGN_IN_PROVIDER);
	assert_int_equal(
	    token_of("{\"id_token\":{}}", &out), ERR_SIGN_IN_PROVIDER);
	assert_int_equal(token_of("<html>", &out), ERR_SIGN_IN_PROVIDER);
	buf_init(&text, 1 << 20);
	buf_printf(&text, "{\"id_token\":\"%0*d\"}",
	    (int)IDTOKEN_BYTES_MAX + 1, 0);
	assert_int_equal(token_of(buf_str(&text), &out), ERR_SIGN_IN_PROVIDER);
	buf_release(&text);
	buf_release(&out);
}

static void
expect_error(const char *text, const char *expected)
{
	char word[IN_OPENID_WORD_TEXT];

	in_openid_error(blob_str(text), word);
	assert_string_equal(word, expected);
}

static void
test_error(void **state)
{
	expect_error("{\"error\":\"invalid_grant\"}", "invalid_grant");
	expect_error("{\"error\":\"Invalid grant\"}", "");
	expect_error("{\"error\":\"\"}", "");
	expect_error("{\"error\":7}", "");
	expect_error("{\"error\":\""
		     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		     "aaaaaaaaa\"}",
	    "");
	expect_error("{}", "");
	expect_error("<html>", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_error),
	};

	log_open("test_in_openid", LOG_ERROR);
	return unit_run("in_openid", tests);
}
