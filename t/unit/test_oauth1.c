/* OAuth 1.0a, by published examples. */
#include "unit.h"

#include <string.h>

#include "base/err.h"
#include "net/oauth1.h"

static void
assert_signature(const char *method, const char *url,
    const struct oauth1_parameter *parameters, size_t n,
    const char *consumer_secret, const char *token_secret, const char *want)
{
	struct buf out;

	buf_init(&out, 256);
	assert_int_equal(oauth1_sign(method, url, parameters, n,
			     consumer_secret, token_secret, &out),
	    OK);
	assert_string_equal(buf_str(&out), want);
	buf_release(&out);
}

/* Twitter's "Creating a signature": characters that are escaped. */
static void
test_twitter(void **state)
{
	static const struct oauth1_parameter parameters[] = {
		{ "status",
		    "Hello Ladies + Gentlemen, a signed OAuth request!" },
		{ "include_entities", "true" },
		{ "oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog" },
		{ "oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg" },
		{ "oauth_signature_method", "HMAC-SHA1" },
		{ "oauth_timestamp", "1318622958" },
		{ "oauth_token",
		    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb" },
		{ "oauth_version", "1.0" },
	};

	(void)state;
	assert_signature("POST",
	    "https://api.twitter.com/1.1/statuses/update.json", parameters, 8,
	    "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
	    "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
	    "hCtSmYh+iHYCEqBWrE7C7hYmtUk=");
}

/* RFC 5849, section 1.2: a request with a query, and both secrets. */
static void
test_rfc5849_resource(void **state)
{
	static const struct oauth1_parameter parameters[] = {
		{ "size", "original" },
		{ "oauth_consumer_key", "dpf43f3p2l4k3l03" },
		{ "oauth_token", "nnch734d00sl2jdk" },
		{ "oauth_signature_method", "HMAC-SHA1" },
		{ "oauth_timestamp", "137131202" },
		{ "oauth_nonce", "chapoH" },
		{ "file", "vacation.jpg" },
	};

	(void)state;
	assert_signature("GET", "http://photos.example.net/photos", parameters,
	    7, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00",
	    "MdpQcU8iPSUjWoN/UDMsK2sui9I=");
}

/* OAuth Core 1.0, appendix A.5.2. */
static void
test_core_1_0(void **state)
{
	static const struct oauth1_parameter parameters[] = {
		{ "oauth_consumer_key", "dpf43f3p2l4k3l03" },
		{ "oauth_token", "nnch734d00sl2jdk" },
		{ "oauth_signature_method", "HMAC-SHA1" },
		{ "oauth_timestamp", "1191242096" },
		{ "oauth_nonce", "kllo9940pd9333jh" },
		{ "oauth_version", "1.0" },
		{ "file", "vacation.jpg" },
		{ "size", "original" },
	};

	(void)state;
	assert_signature("GET", "http://photos.example.net/photos", parameters,
	    8, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00",
	    "tR3+Ty81lMeYAr/Fid0kMTYa/WM=");
}

static void
test_limits(void **state)
{
	struct oauth1_parameter many[OAUTH1_PARAMETERS_MAX + 1];
	struct buf out;

	(void)state;
	buf_init(&out, 256);
	for (size_t i = 0; i <= OAUTH1_PARAMETERS_MAX; i++)
		many[i] = (struct oauth1_parameter){ "a", "b" };
	assert_int_equal(oauth1_sign("GET", "https://a/", many,
			     OAUTH1_PARAMETERS_MAX + 1, "x", "y", &out),
	    ERR_TOO_LARGE);
	assert_int_equal(out.n, 0);
	buf_release(&out);
}

static void
test_header(void **state)
{
	const struct ade_token token = { .consumer_key = "CK_1",
		.consumer_secret = "CS_1",
		.access_token = "AT_1",
		.access_secret = "AS/1" };
	struct buf a, b;

	(void)state;
	buf_init(&a, 2048);
	buf_init(&b, 2048);
	assert_int_equal(
	    oauth1_header("GET", "https://a/session", &token, 7, &a), OK);
	assert_int_equal(
	    oauth1_header("GET", "https://a/session", &token, 7, &b), OK);
	assert_non_null(strstr(buf_str(&a),
	    "Authorization: OAuth realm=\"ADM\""
	    ", oauth_consumer_key=\"CK_1\""));
	assert_non_null(strstr(buf_str(&a), "oauth_timestamp=\"7\""));
	assert_null(strstr(buf_str(&a), "CS_1"));
	assert_null(strstr(buf_str(&a), "AS"));
	/* nonces */
	assert_string_not_equal(buf_str(&a), buf_str(&b));
	buf_release(&b);
	buf_release(&a);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_twitter),
	cmocka_unit_test(test_rfc5849_resource),
	cmocka_unit_test(test_core_1_0),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_header),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
