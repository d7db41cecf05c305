/*
 * The client of an OpenID provider against a small provider of this test's own:
 * what it asks for, what it keeps and for how long, and every way in which the
 * provider can fail it.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "net/openid_client.h"
#include "sim/forge/jose.h"
#include "unit/netfix.h"

#define SECRET "s3cret: 100%"

/* What the provider is asked for. */
enum call { CONFIGURATION, TOKEN, KEYS, CALLS };

enum manner { ANSWERS, HANGS, HANGS_UP, NEVER_ENDS };

/* Shared with the processes of the provider. */
struct resource {
	enum manner manner;
	char status[40], headers[200], body[8192];
	int asked;
	char request[NETFIX_REQUEST];
};

static const char *const paths[CALLS] = { "/.well-known/openid-configuration ",
	"/token ", "/keys " };
static struct resource *resources;

static char folder[] = "/tmp/attestmdm-openid-XXXXXX";
static char ca_file[64], other_ca_file[64], identity_file[64], secret_file[64];
static char issuer[64];
static char our_url[] = "https://mdm.example.com";
static char client_id[] = "client one", scopes[] = "openid email", none[] = "";
static struct netfix_server provider;
static EVP_PKEY *signing_key;

static struct conf conf;
static struct openid_client client;
static struct openid_client_try try;

static void
answer(gnutls_session_t s, const char *request)
{
	struct resource *r = resources;

	while (strstr(request, paths[r - resources]) == NULL)
		if (++r == resources + CALLS)
			_exit(1);
	r->asked++;
	snprintf(r->request, sizeof r->request, "%s", request);
	switch (r->manner) {
	case ANSWERS:
		netfix_reply(s, r->status, r->headers, r->body);
		break;
	case HANGS:
		pause();
		break;
	case HANGS_UP:
		_exit(0);
	case NEVER_ENDS:
		netfix_say(s, NETFIX_200 "Transfer-Encoding: chunked\r\n\r\n");
		netfix_say_much(s, "10\r\n{\"keys\":[ {}, { \r\n", SIZE_MAX);
	}
}

static void
answers(enum call call, const char *status, const char *body)
{
	struct resource *r = &resources[call];

	r->manner = ANSWERS;
	r->headers[0] = '\0';
	snprintf(r->status, sizeof r->status, "%s", status);
	snprintf(r->body, sizeof r->body, "%s", body);
}

static int
asked(enum call call)
{
	return resources[call].asked;
}

/* With members in place of those that everything needs. */
static void
configures(const char *endpoint, const char *more)
{
	char text[2000];

	snprintf(text, sizeof text,
	    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s\","
	    "\"token_endpoint\":\"https://localhost:%d/token\","
	    "\"jwks_uri\":\"https://localhost:%d/keys\"%s}",
	    issuer, endpoint, provider.port, provider.port, more);
	answers(CONFIGURATION, "200 OK", text);
}

/* The key, under this name. */
static void
publishes(const char *kid)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_add_str(&text, "{\"keys\":[");
	assert_int_equal(jose_jwk(signing_key, &text), OK);
	text.n--;
	buf_printf(&text, ",\"kid\":\"%s\"}]}", kid);
	answers(KEYS, "200 OK", buf_str(&text));
	buf_release(&text);
}

/* A token by the key of this name, for this client and try. */
static void
signs(const char *kid, const char *audience)
{
	struct jose jws = { .alg = "ES256", .key = signing_key };
	struct buf header, claims, text;

	buf_init(&header, 1024);
	buf_init(&claims, 1024);
	buf_init(&text, 8192);
	buf_printf(&header, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid);
	buf_printf(&claims,
	    "{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"1\",\"nonce\":\"%s\","
	    "\"iat\":%lld,\"exp\":%lld,\"email\":\"ada@example.com\"}",
	    issuer, audience, try.nonce, (long long)clock_now(),
	    (long long)clock_now() + 300);
	buf_add_str(&text, "{\"id_token\":\"");
	assert_int_equal(
	    jose_compact(&jws, buf_blob(&header), buf_blob(&claims), &text),
	    OK);
	buf_add_str(&text, "\"}");
	answers(TOKEN, "200 OK", buf_str(&text));
	buf_release(&header);
	buf_release(&claims);
	buf_release(&text);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int
start(void **state)
{
	EVP_PKEY *ca_key = testpki_key("P-256"), *key = testpki_key("P-256");
	X509 *ca, *other, *leaf;

	assert_non_null(mkdtemp(folder));
	snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
	snprintf(other_ca_file, sizeof other_ca_file, "%s/other.pem", folder);
	snprintf(identity_file, sizeof identity_file, "%s/id.pem", folder);
	snprintf(secret_file, sizeof secret_file, "%s/secret", folder);
	ca = testpki_issue(ca_key,
	    &(struct testpki_cert){ .name = "CA", .serial = 1, .ca = true });
	other = testpki_issue(key,
	    &(struct testpki_cert){ .name = "CA", .serial = 1, .ca = true });
	leaf = testpki_issue(key,
	    &(struct testpki_cert){ .name = "localhost",
		.serial = 2,
		.issuer = ca,
		.issuer_key = ca_key });
	netfix_pem(ca, NULL, ca_file);
	netfix_pem(other, NULL, other_ca_file);
	netfix_pem(leaf, key, identity_file);
	X509_free(ca);
	X509_free(other);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	resources = mmap(NULL, CALLS * sizeof *resources,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(resources != MAP_FAILED);
	assert_int_equal(keypair_make("P-256", &signing_key), OK);
	provider = (struct netfix_server){ .identity = identity_file,
		.answer = answer };
	netfix_start(&provider);
	snprintf(issuer, sizeof issuer, "https://localhost:%d", provider.port);
	return 0;
}

static int
stop(void **state)
{
	netfix_stop(&provider);
	unlink(ca_file);
	unlink(other_ca_file);
	unlink(identity_file);
	unlink(secret_file);
	rmdir(folder);
	EVP_PKEY_free(signing_key);
	munmap(resources, CALLS * sizeof *resources);
	return 0;
}

/* A provider that does its duty, and a client that asked it for nothing yet. */
static int
setup(void **state)
{
	clock_stop();
	conf = (struct conf){
		.url = our_url,
		.sign_in_issuer = issuer,
		.sign_in_client_id = client_id,
		.sign_in_secret_file = secret_file,
		.sign_in_scopes = scopes,
		.sign_in_server_ca = ca_file,
	};
	write_file(secret_file, SECRET "\r\n", 0600);
	memset(resources, 0, CALLS * sizeof *resources);
	openid_client_new_try(&try);
	configures("https://id.example.com/authorize", "");
	publishes("one");
	signs("one", client_id);
	return openid_client_open(&client, &conf);
}

static int
teardown(void **state)
{
	openid_client_close(&client);
	return 0;
}

static int
url(struct buf *out)
{
	buf_init(out, 8192);
	openid_client_begin(&client);
	return openid_client_url(&client, &try, out);
}

static int
begin(void)
{
	struct buf out;
	int r = url(&out);

	assert_true(r == OK || out.n == 0);
	buf_release(&out);
	return r;
}

static int
redeem_as(const char *named_issuer)
{
	const struct openid_client_answer answer = { .code = "code/1",
		.issuer = named_issuer };
	struct idtoken token;
	int r;

	log_forget_reason();
	openid_client_begin(&client);
	r = openid_client_redeem(&client, &try, &answer, &token);
	assert_string_equal(token.email, r == OK ? "ada@example.com" : "");
	idtoken_release(&token);
	return r;
}

static int
redeem(void)
{
	return redeem_as(NULL);
}

static void
reason_has(const char *words)
{
	if (strstr(log_reason(), words) == NULL)
		unit_fail("\"%s\" does not have: %s", log_reason(), words);
}

static void
request_has(enum call call, const char *text)
{
	if (strstr(resources[call].request, text) == NULL)
		unit_fail(
		    "%s does not have: %s", resources[call].request, text);
}

static void
test_where_the_browser_goes(void **state)
{
	char want[2000], challenge[64];
	uint8_t digest[SECRET_SHA256];
	struct buf out, text;

	buf_init(&text, sizeof challenge);
	secret_sha256(blob_str(try.verifier), digest);
	enc_base64url(blob_of(digest, sizeof digest), &text);
	snprintf(challenge, sizeof challenge, "%s", buf_str(&text));
	buf_release(&text);
	assert_int_equal(url(&out), OK);
	snprintf(want, sizeof want,
	    "https://id.example.com/authorize?response_type=code"
	    "&client_id=client%%20one&scope=openid%%20email"
	    "&redirect_uri=https%%3A%%2F%%2Fmdm.example.com%%2Fenroll%%2Fsso"
	    "%%2Fcallback&state=%s&nonce=%s"
	    "&code_challenge_method=S256&code_challenge=%s",
	    try.state, try.nonce, challenge);
	assert_string_equal(buf_str(&out), want);
	buf_release(&out);
	assert_int_equal(asked(CONFIGURATION), 1);
	assert_int_equal(asked(TOKEN) + asked(KEYS), 0);
	request_has(CONFIGURATION, "GET /.well-known/openid-configuration ");
	request_has(CONFIGURATION, "\r\nAccept: application/json\r\n");
	try.again = true;
	assert_int_equal(url(&out), OK);
	assert_string_equal(buf_str(&out) + strlen(want), "&prompt=login");
	buf_release(&out);
}

/* Each try has values of its own. */
static void
test_a_try_is_new(void **state)
{
	struct openid_client_try other;

	openid_client_new_try(&other);
	assert_string_not_equal(other.state, try.state);
	assert_string_not_equal(other.nonce, try.nonce);
	assert_string_not_equal(other.verifier, try.verifier);
	assert_string_not_equal(other.state, other.nonce);
	assert_string_not_equal(other.state, other.verifier);
	assert_false(other.again);
}

/* OpenID Connect Discovery section 4.1; RFC 6749 section 3.1 */
static void
test_odd_addresses(void **state)
{
	struct buf out;

	issuer[strlen(issuer)] = '/';
	configures("https://id.example.com/a?tenant=1", "");
	assert_int_equal(url(&out), OK);
	assert_ptr_equal(
	    strstr(buf_str(&out),
		"https://id.example.com/a?tenant=1&response_type="),
	    buf_str(&out));
	buf_release(&out);
	request_has(CONFIGURATION, "GET /.well-known/openid-configuration ");
	issuer[strlen(issuer) - 1] = '\0';
}

/* RFC 6749 section 2.3.1: identifier and secret are escaped, then joined. */
static void
test_the_code_is_redeemed(void **state)
{
	char want[200], body[500];
	struct buf text;

	assert_int_equal(redeem(), OK);
	buf_init(&text, 200);
	enc_base64(blob_str("client%20one:s3cret%3A%20100%25"), &text);
	snprintf(want, sizeof want, "\r\nAuthorization: Basic %s\r\n",
	    buf_str(&text));
	buf_release(&text);
	request_has(TOKEN, "POST /token ");
	request_has(TOKEN, want);
	request_has(
	    TOKEN, "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
	snprintf(body, sizeof body,
	    "\r\n\r\ngrant_type=authorization_code&code=code%%2F1"
	    "&code_verifier=%s&redirect_uri=https%%3A%%2F%%2Fmdm.example.com"
	    "%%2Fenroll%%2Fsso%%2Fcallback",
	    try.verifier);
	request_has(TOKEN, body);
	assert_null(strstr(resources[TOKEN].request, "client_id="));
	for (int i = 0; i < CALLS; i++)
		assert_int_equal(asked((enum call)i), 1);
}

static void
test_a_client_without_a_secret(void **state)
{
	conf.sign_in_secret_file = none;
	openid_client_close(&client);
	assert_int_equal(openid_client_open(&client, &conf), OK);
	/* A provider that has no list takes secrets alone. */
	assert_int_equal(redeem(), ERR_SIGN_IN_PROVIDER);
	reason_has("client_secret_file is not set");
	assert_int_equal(asked(TOKEN), 0);
	configures("https://id.example.com/a",
	    ",\"token_endpoint_auth_methods_supported\":[\"none\"]");
	clock_set_offset(OPENID_CLIENT_CACHE);
	signs("one", client_id);
	assert_int_equal(redeem(), OK);
	request_has(TOKEN, "&client_id=client%20one");
	assert_null(strstr(resources[TOKEN].request, "Authorization"));
}

/* The code does not leave for a provider that will not take our secret. */
static void
test_no_common_method(void **state)
{
	configures("https://id.example.com/a",
	    ",\"token_endpoint_auth_methods_supported\":[\"private_key_jwt\"]");
	assert_int_equal(redeem(), ERR_SIGN_IN_PROVIDER);
	reason_has("client_secret_basic");
	assert_int_equal(asked(TOKEN), 0);
	assert_int_equal(openid_client_probe(&client), ERR_SIGN_IN_PROVIDER);
}

static void
test_the_configuration_is_kept_for_an_hour(void **state)
{
	assert_int_equal(begin(), OK);
	clock_set_offset(OPENID_CLIENT_CACHE - 1);
	assert_int_equal(begin(), OK);
	assert_int_equal(asked(CONFIGURATION), 1);
	clock_set_offset(OPENID_CLIENT_CACHE);
	assert_int_equal(begin(), OK);
	assert_int_equal(asked(CONFIGURATION), 2);
	/* A clock that was set back must not make it last for ever. */
	clock_set_offset(OPENID_CLIENT_CACHE - 1);
	assert_int_equal(begin(), OK);
	assert_int_equal(asked(CONFIGURATION), 3);
}

/* What is too old is not used, and what comes next is. */
static void
test_a_configuration_that_cannot_be_had(void **state)
{
	assert_int_equal(begin(), OK);
	clock_set_offset(OPENID_CLIENT_CACHE);
	answers(CONFIGURATION, "503 Busy", "");
	assert_int_equal(begin(), ERR_SIGN_IN_PROVIDER);
	reason_has("status 503");
	assert_int_equal(redeem(), ERR_SIGN_IN_PROVIDER);
	assert_int_equal(asked(TOKEN), 0);
	configures("https://id.example.com/a", "");
	assert_int_equal(begin(), OK);
}

static void
test_configurations_that_are_refused(void **state)
{
	resources[CONFIGURATION].manner = NEVER_ENDS;
	assert_int_equal(begin(), ERR_NET_ANSWER);
	reason_has("more than 65536 bytes");
	answers(CONFIGURATION, "200 OK", "<html>");
	assert_int_equal(begin(), ERR_SIGN_IN_PROVIDER);
	answers(
	    CONFIGURATION, "200 OK", "{\"issuer\":\"https://evil.example\"}");
	assert_int_equal(begin(), ERR_SIGN_IN_PROVIDER);
	reason_has("evil.example");
	/* The place that it names is never asked: else there would be two. */
	answers(CONFIGURATION, "302 Found", "");
	snprintf(resources[CONFIGURATION].headers,
	    sizeof resources[CONFIGURATION].headers,
	    "Location: %s/.well-known/openid-configuration\r\n", issuer);
	resources[CONFIGURATION].asked = 0;
	assert_int_equal(begin(), ERR_SIGN_IN_PROVIDER);
	reason_has("status 302");
	assert_int_equal(asked(CONFIGURATION), 1);
	conf.sign_in_issuer = none;
	assert_int_equal(begin(), ERR_CONFIG);
	assert_int_equal(asked(CONFIGURATION), 1);
}

static void
test_the_keys_are_kept_for_an_hour(void **state)
{
	assert_int_equal(redeem(), OK);
	assert_int_equal(redeem(), OK);
	assert_int_equal(asked(KEYS), 1);
	clock_set_offset(OPENID_CLIENT_CACHE);
	signs("one", client_id);
	assert_int_equal(redeem(), OK);
	assert_int_equal(asked(KEYS), 2);
	/* One that the provider has taken back ends with its hour. */
	publishes("two");
	clock_set_offset(2 * OPENID_CLIENT_CACHE);
	signs("one", client_id);
	assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 3);
}

static void
test_the_keys_are_rotated(void **state)
{
	assert_int_equal(redeem(), OK);
	publishes("two");
	signs("two", client_id);
	assert_int_equal(redeem(), OK);
	assert_int_equal(asked(KEYS), 2);
	signs("one", client_id);
	assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 2);
}

/* Whoever sends tokens by keys that nobody knows makes us ask once a minute. */
static void
test_an_unknown_key_is_asked_for_once_a_minute(void **state)
{
	assert_int_equal(redeem(), OK);
	signs("unknown", client_id);
	for (int i = 0; i < 3; i++)
		assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 2);
	clock_set_offset(OPENID_CLIENT_REFETCH - 1);
	assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 2);
	clock_set_offset(OPENID_CLIENT_REFETCH);
	assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 3);
	/* A clock that was set back is no reason to wait. */
	clock_set_offset(10);
	signs("unknown", client_id);
	assert_int_equal(redeem(), ERR_SIGN_IN_KEY);
	assert_int_equal(asked(KEYS), 4);
	clock_set_offset(20);
	signs("one", client_id);
	assert_int_equal(redeem(), OK);
	assert_int_equal(asked(KEYS), 4);
}

/* What cannot be read leaves the former keys in their place. */
static void
test_new_keys_that_cannot_be_had(void **state)
{
	assert_int_equal(redeem(), OK);
	signs("two", client_id);
	answers(KEYS, "500 Oops", "");
	assert_int_equal(redeem(), ERR_SIGN_IN_PROVIDER);
	reason_has("status 500");
	clock_set_offset(OPENID_CLIENT_REFETCH);
	answers(KEYS, "200 OK", "{\"keys\":[]}");
	assert_int_equal(redeem(), ERR_SIGN_IN_PROVIDER);
	clock_set_offset(2 * OPENID_CLIENT_REFETCH);
	resources[KEYS].manner = NEVER_ENDS;
	assert_int_equal(redeem(), ERR_NET_ANSWER);
	reason_has("more than 262144 bytes");
	assert_int_equal(asked(KEYS), 4);
	signs("one", client_id);
	assert_int_equal(redeem(), OK);
	assert_int_equal(asked(KEYS), 4);
}

static void
test_a_token_that_is_refused_fetches_nothing(void **state)
{
	assert_int_equal(redeem(), OK);
	signs("one", "another client");
	assert_int_equal(redeem(), ERR_SIGN_IN_TOKEN);
	reason_has("another client");
	assert_int_equal(asked(KEYS), 1);
}

/* RFC 6749 section 5.2 */
static void
test_refusals_of_the_token_endpoint(void **state)
{
	static const struct {
		const char *status, *body;
		int code;
		const char *reason;
	} cases[] = {
		{ "400 Bad Request", "{\"error\":\"invalid_grant\"}",
		    ERR_SIGN_IN_EXPIRED, "used before" },
		{ "401 Unauthorized", "{\"error\":\"invalid_client\"}",
		    ERR_SIGN_IN_PROVIDER, "status 401 invalid_client" },
		{ "400 Bad Request", "<html>", ERR_SIGN_IN_PROVIDER,
		    "status 400 " },
		{ "500 Oops", "{\"error\":\"<script>\"}", ERR_SIGN_IN_PROVIDER,
		    "status 500 " },
		{ "302 Found", "", ERR_SIGN_IN_PROVIDER, "status 302 " },
		{ "200 OK", "{\"access_token\":\"x\"}", ERR_SIGN_IN_PROVIDER,
		    "id_token" },
		{ "200 OK", "{\"id_token\":\"x\"}", ERR_SIGN_IN_TOKEN,
		    "three parts" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		answers(TOKEN, cases[i].status, cases[i].body);
		assert_int_equal(redeem(), cases[i].code);
		reason_has(cases[i].reason);
	}
	assert_null(strstr(log_reason(), "script"));
	resources[TOKEN].manner = NEVER_ENDS;
	assert_int_equal(redeem(), ERR_NET_ANSWER);
	reason_has("more than 65536 bytes");
	resources[TOKEN].manner = HANGS_UP;
	assert_int_equal(redeem(), ERR_NET_ANSWER);
}

/* RFC 9207 section 2.4: the code of another provider goes to nobody. */
static void
test_the_answer_names_its_issuer(void **state)
{
	assert_int_equal(redeem_as("https://evil.example"), ERR_SIGN_IN_TOKEN);
	reason_has("from another issuer");
	assert_int_equal(asked(TOKEN), 0);
	assert_int_equal(redeem_as(issuer), OK);
	configures("https://id.example.com/a",
	    ",\"authorization_response_iss_parameter_supported\":true");
	clock_set_offset(OPENID_CLIENT_CACHE);
	signs("one", client_id);
	assert_int_equal(redeem_as(NULL), ERR_SIGN_IN_TOKEN);
	assert_int_equal(asked(TOKEN), 1);
	assert_int_equal(redeem_as(issuer), OK);
}

static int64_t
now_in_milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The calls of one request share its time. */
static void
test_waiting_has_an_end(void **state)
{
	struct openid_client_answer answer = { .code = "c" };
	struct idtoken token;

	assert_int_equal(begin(), OK);
	client.deadline = now_in_milliseconds() + 999;
	assert_int_equal(openid_client_redeem(&client, &try, &answer, &token),
	    ERR_NET_TIMEOUT);
	reason_has("no time is left to ask the provider");
	assert_int_equal(asked(TOKEN), 0);
	resources[TOKEN].manner = HANGS;
	client.deadline = now_in_milliseconds() + 1500;
	assert_int_equal(openid_client_redeem(&client, &try, &answer, &token),
	    ERR_NET_TIMEOUT);
	assert_int_equal(asked(TOKEN), 1);
	assert_string_equal(token.subject, "");
	/* and the next person is served */
	signs("one", client_id);
	assert_int_equal(redeem(), OK);
}

static void
test_nobody_there(void **state)
{
	char nowhere[64];
	int fd;

	snprintf(nowhere, sizeof nowhere, "https://localhost:%d",
	    netfix_dead_port(&fd));
	conf.sign_in_issuer = nowhere;
	assert_int_equal(begin(), ERR_NET_UNREACHABLE);
	assert_int_equal(openid_client_probe(&client), ERR_NET_UNREACHABLE);
	close(fd);
}

static void
test_only_the_right_provider_is_spoken_to(void **state)
{
	conf.sign_in_server_ca = other_ca_file;
	assert_int_equal(begin(), ERR_NET_TRUST);
	/* the authorities of the system */
	conf.sign_in_server_ca = none;
	assert_int_equal(begin(), ERR_NET_TRUST);
	assert_int_equal(asked(CONFIGURATION), 0);
}

static int
open_with(const char *secret, mode_t mode)
{
	int r;

	write_file(secret_file, secret, mode);
	openid_client_close(&client);
	r = openid_client_open(&client, &conf);
	assert_true(r == OK || client.secret[0] == '\0');
	return r;
}

static void
test_the_file_of_the_secret(void **state)
{
	char longest[OPENID_CLIENT_SECRET_MAX + 2];

	assert_int_equal(open_with("abc\n", 0640), OK);
	assert_string_equal(client.secret, "abc");
	assert_int_equal(open_with("abc", 0600), OK);
	assert_string_equal(client.secret, "abc");
	assert_int_equal(open_with("", 0600), ERR_CONFIG);
	assert_int_equal(open_with("\nabc\n", 0600), ERR_CONFIG);
	assert_int_equal(open_with("abc\n", 0644), ERR_CONFIG);
	memset(longest, 'x', sizeof longest);
	longest[OPENID_CLIENT_SECRET_MAX] = '\0';
	assert_int_equal(open_with(longest, 0600), OK);
	assert_int_equal(strlen(client.secret), OPENID_CLIENT_SECRET_MAX);
	longest[OPENID_CLIENT_SECRET_MAX] = 'x';
	longest[OPENID_CLIENT_SECRET_MAX + 1] = '\0';
	assert_int_not_equal(open_with(longest, 0600), OK);
	unlink(secret_file);
	openid_client_close(&client);
	assert_int_equal(openid_client_open(&client, &conf), ERR_IO);
}

/* With the provider's clock at this time, or without one. */
static int64_t
difference_at(const char *format, int64_t at)
{
	char *headers = resources[CONFIGURATION].headers;
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(headers, sizeof resources[0].headers, format, &tm);
	snprintf(resources[KEYS].headers, sizeof resources[KEYS].headers, "%s",
	    headers);
	openid_client_begin(&client);
	assert_int_equal(openid_client_probe(&client), OK);
	return client.clock_difference;
}

static void
test_probe(void **state)
{
	static const char date[] = "Date: %a, %d %b %Y %H:%M:%S GMT\r\n";

	assert_int_equal(difference_at(date, clock_now()), 0);
	assert_int_equal(difference_at(date, clock_now() + 100), 100);
	assert_int_equal(difference_at(date, clock_now() - 100), -100);
	assert_int_equal(difference_at("Date: tomorrow\r\n", 0), 0);
	assert_int_equal(difference_at("X: y\r\n", 0), 0);
	/* Whatever is kept, it asks. */
	assert_int_equal(asked(CONFIGURATION), 5);
	assert_int_equal(asked(KEYS), 5);
	assert_int_equal(jwkset_count(client.keys), 1);
	answers(KEYS, "404 Not Found", "");
	assert_int_equal(openid_client_probe(&client), ERR_SIGN_IN_PROVIDER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_where_the_browser_goes),
		TEST(test_a_try_is_new),
		TEST(test_odd_addresses),
		TEST(test_the_code_is_redeemed),
		TEST(test_a_client_without_a_secret),
		TEST(test_no_common_method),
		TEST(test_the_configuration_is_kept_for_an_hour),
		TEST(test_a_configuration_that_cannot_be_had),
		TEST(test_configurations_that_are_refused),
		TEST(test_the_keys_are_kept_for_an_hour),
		TEST(test_the_keys_are_rotated),
		TEST(test_an_unknown_key_is_asked_for_once_a_minute),
		TEST(test_new_keys_that_cannot_be_had),
		TEST(test_a_token_that_is_refused_fetches_nothing),
		TEST(test_refusals_of_the_token_endpoint),
		TEST(test_the_answer_names_its_issuer),
		TEST(test_waiting_has_an_end),
		TEST(test_nobody_there),
		TEST(test_only_the_right_provider_is_spoken_to),
		TEST(test_the_file_of_the_secret),
		TEST(test_probe),
	};

	log_open("test_openid_client", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("openid_client", tests, start, stop);
}
