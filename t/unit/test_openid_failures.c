/*
 * A sign-in at a provider that does everything right, while each call of our
 * own fails in turn. What lib/net/net.c does is replaced by canned answers.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/openid_client.h"
#include "sim/forge/jose.h"
#include "unit/failures.h"

#define ISSUER "https://id.example.com"

static char issuer[] = ISSUER, our_url[] = "https://mdm.example.com";
static char client_id[] = "client", scopes[] = "openid", none[] = "";
static char secret_file[] = "/tmp/attestmdm-openid-XXXXXX";
static struct conf conf = { .url = our_url,
	.sign_in_issuer = issuer,
	.sign_in_client_id = client_id,
	.sign_in_secret_file = secret_file,
	.sign_in_scopes = scopes,
	.sign_in_server_ca = none };

static struct openid_client_try try;
static char keys[2000], token[4000];

/* The request under way, and how often the network was made anew. */
static struct {
	const char *answer;
	net_done *done;
	void *arg;
} pending;
static int opened, start_code, wait_code;

int
net_prepare(void)
{
	return OK;
}

int
net_open(struct net *net)
{
	static int anything;

	net->multi = (CURLM *)&anything;
	opened++;
	return OK;
}

void
net_close(struct net *net)
{
	net->multi = NULL;
	pending.done = NULL;
}

const char *
net_header(const struct net_answer *answer, const char *name)
{
	return NULL;
}

int
net_start(struct net *net, const struct net_request *request, net_done *done,
    void *arg)
{
	static const char configuration[] =
	    "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"" ISSUER
	    "/authorize\",\"token_endpoint\":\"" ISSUER
	    "/token\",\"jwks_uri\":\"" ISSUER "/keys\"}";

	assert_null(pending.done);
	if (start_code != OK)
		return start_code;
	pending.answer = strstr(request->url, "/token") != NULL ? token
	    : strstr(request->url, "/keys") != NULL             ? keys
								: configuration;
	pending.done = done;
	pending.arg = arg;
	return OK;
}

int
net_wait(struct net *net, int extra_fd, int milliseconds)
{
	struct net_answer answer = { .status = 200, .reason = "" };
	net_done *done = pending.done;

	if (wait_code != OK)
		return wait_code;
	answer.body = blob_str(pending.answer);
	pending.done = NULL;
	done(pending.arg, &answer);
	return OK;
}

static void
write_answers(void)
{
	struct jose jws = { .alg = "ES256" };
	char claims[500];
	struct buf text;

	assert_int_equal(keypair_make("P-256", &jws.key), OK);
	snprintf(claims, sizeof claims,
	    "{\"iss\":\"" ISSUER "\",\"aud\":\"client\",\"sub\":\"1\","
	    "\"nonce\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"groups\":[\"a\"]}",
	    try.nonce, (long long)clock_now(), (long long)clock_now() + 300);
	buf_init(&text, sizeof token);
	assert_int_equal(jose_jwk(jws.key, &text), OK);
	snprintf(keys, sizeof keys, "{\"keys\":[%s]}", buf_str(&text));
	buf_reset(&text);
	assert_int_equal(jose_compact(&jws, blob_str("{\"alg\":\"ES256\"}"),
			     blob_str(claims), &text),
	    OK);
	snprintf(token, sizeof token, "{\"id_token\":\"%s\"}", buf_str(&text));
	buf_release(&text);
	EVP_PKEY_free(jws.key);
}

static int
start(void **state)
{
	int fd = mkstemp(secret_file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret\n", 7), 7);
	assert_int_equal(close(fd), 0);
	clock_stop();
	openid_client_new_try(&try);
	write_answers();
	return 0;
}

static int
stop(void **state)
{
	unlink(secret_file);
	return 0;
}

/* From the start of the program to the person's name. */
static int
sign_in(void *arg)
{
	const struct openid_client_answer answer = { .code = "code" };
	struct openid_client c;
	struct idtoken person;
	struct buf url;
	int r;

	buf_init(&url, 8192);
	if ((r = openid_client_open(&c, &conf)) == OK &&
	    (r = openid_client_url(&c, &try, &url)) == OK) {
		r = openid_client_redeem(&c, &try, &answer, &person);
		assert_true((r == OK) == (person.subject[0] != '\0'));
		assert_true(r == OK || person.groups.n == 0);
		idtoken_release(&person);
	}
	openid_client_close(&c);
	buf_release(&url);
	return r;
}

static void
test_each_call_fails(void **state)
{
	assert_true(failures_each(NULL, sign_in, NULL) > 20);
}

/* Then no answer may come to a request whose caller has gone. */
static void
test_the_network_fails(void **state)
{
	opened = 0;
	start_code = ERR_NOMEM;
	assert_int_equal(sign_in(NULL), ERR_NOMEM);
	assert_int_equal(opened, 1);
	start_code = OK;
	wait_code = ERR_INTERNAL;
	assert_int_equal(sign_in(NULL), ERR_INTERNAL);
	assert_int_equal(opened, 3);
	assert_null(pending.done);
	wait_code = OK;
	assert_int_equal(sign_in(NULL), OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_call_fails),
		cmocka_unit_test(test_the_network_fails),
	};

	log_open("test_openid_failures", (enum log_priority)0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "openid_failures", tests, start, stop);
}
