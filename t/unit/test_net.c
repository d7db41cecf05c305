#include "unit/unit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "net/net.h"
#include "unit/netfix.h"

/* What a server of these tests is like. */
enum server {
	SERVER_GOOD,
	SERVER_OTHER_CA,
	SERVER_OTHER_NAME,
	SERVER_EXPIRED,
	SERVER_OLD_TLS,
	SERVER_ASKS, /* for a client certificate, by TLS 1.3 */
	SERVER_ASKS_TLS12,
	SERVER_HANGS_UP, /* before TLS */
	SERVER_COUNT
};

static char folder[] = "/tmp/attestmdm-net-XXXXXX";
static char ca_file[64], identity_file[64];
static char leaf_files[SERVER_COUNT][64];
static struct netfix_server servers[SERVER_COUNT];
static EVP_PKEY *ca_key, *other_key, *leaf_key;
static X509 *ca, *other_ca;

#define KILOBYTE_LINE                                                          \
	"0123456789012345678901234567890123456789012345678901234567890123"

static void
answer(gnutls_session_t s, const char *request)
{
	static char text[NETFIX_REQUEST];

	if (strstr(request, " /hello ")) {
		netfix_reply(
		    s, "200 OK", "X-Word: one\r\nx-word: two\r\n", "hello");
	} else if (strstr(request, " /echo ")) {
		netfix_reply(s, "200 OK", "", request);
	} else if (strstr(request, " /busy ")) {
		netfix_reply(s, "503 Busy", "Retry-After: 7\r\n", "");
	} else if (strstr(request, " /redirect ")) {
		netfix_reply(s, "302 Found", "Location: /hello\r\n", "");
	} else if (strstr(request, " /1000 ")) {
		snprintf(text, sizeof text, "%01000d", 0);
		netfix_reply(s, "200 OK", "", text);
	} else if (strstr(request, " /endless ")) {
		netfix_say(s, NETFIX_200 "Transfer-Encoding: chunked\r\n\r\n");
		netfix_say_much(s, "a\r\n0123456789\r\n", SIZE_MAX);
	} else if (strstr(request, " /long-header ")) {
		netfix_say(s, NETFIX_200);
		netfix_say_much(s, "X-Filler: " KILOBYTE_LINE "\r\n", 300);
		netfix_say(s, "Content-Length: 0\r\n\r\n");
	} else if (strstr(request, " /truncated ")) {
		netfix_say(s, NETFIX_200 "Content-Length: 100\r\n\r\nhello");
		gnutls_bye(s, GNUTLS_SHUT_WR);
		_exit(0);
	} else if (strstr(request, " /no-http ")) {
		netfix_say(s, "hello\r\n\r\n");
		_exit(0);
	} else if (strstr(request, " /drip ")) {
		netfix_say(s, NETFIX_200 "Content-Length: 100000\r\n\r\n");
		for (;;) {
			netfix_say(s, ".");
			usleep(50000);
		}
	} else {
		pause();
	}
}

static const char *
priorities(enum server kind)
{
	switch (kind) {
	case SERVER_OLD_TLS:
		return "NORMAL:-VERS-ALL:+VERS-TLS1.1:%VERIFY_ALLOW_SIGN_WITH_"
		       "SHA1";
	case SERVER_ASKS_TLS12:
		return "NORMAL:-VERS-TLS1.3";
	default:
		return NULL;
	}
}

static void
start_server(enum server kind)
{
	bool asks = kind == SERVER_ASKS || kind == SERVER_ASKS_TLS12;
	struct testpki_cert what = {
		.name =
		    kind == SERVER_OTHER_NAME ? "other.example" : "localhost",
		.serial = 10 + (long)kind,
		.not_before = kind == SERVER_EXPIRED ? -7200 : 0,
		.not_after = kind == SERVER_EXPIRED ? -3600 : 0,
		.issuer = kind == SERVER_OTHER_CA ? other_ca : ca,
		.issuer_key = kind == SERVER_OTHER_CA ? other_key : ca_key,
	};
	X509 *crt = testpki_issue(leaf_key, &what);

	snprintf(leaf_files[kind], sizeof leaf_files[kind], "%s/%d.pem", folder,
	    (int)kind);
	netfix_pem(crt, leaf_key, leaf_files[kind]);
	X509_free(crt);
	servers[kind] = (struct netfix_server){
		.identity = leaf_files[kind],
		.priorities = priorities(kind),
		/* A certificate of this one alone would do. */
		.client_ca = asks ? leaf_files[SERVER_OTHER_CA] : NULL,
		.hangs_up = kind == SERVER_HANGS_UP,
		.answer = answer,
	};
	netfix_start(&servers[kind]);
}

static int
start_servers(void **state)
{
	(void)state;
	/* Nobody listens there: a proxy of the environment is not used. */
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	assert_non_null(mkdtemp(folder));
	snprintf(ca_file, sizeof ca_file, "%s/ca.pem", folder);
	snprintf(identity_file, sizeof identity_file, "%s/id.pem", folder);
	ca_key = testpki_key("P-256");
	other_key = testpki_key("P-256");
	leaf_key = testpki_key("P-256");
	ca = testpki_issue(ca_key,
	    &(struct testpki_cert){ .name = "CA", .serial = 1, .ca = true });
	other_ca = testpki_issue(other_key,
	    &(struct testpki_cert){ .name = "Other", .serial = 1, .ca = true });
	netfix_pem(ca, NULL, ca_file);
	netfix_pem(ca, ca_key, identity_file);
	for (int i = 0; i < SERVER_COUNT; i++)
		start_server((enum server)i);
	return net_prepare();
}

static int
stop_servers(void **state)
{
	(void)state;
	for (int i = 0; i < SERVER_COUNT; i++) {
		netfix_stop(&servers[i]);
		unlink(leaf_files[i]);
	}
	unlink(ca_file);
	unlink(identity_file);
	rmdir(folder);
	X509_free(ca);
	X509_free(other_ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(leaf_key);
	curl_global_cleanup();
	return 0;
}

/* One transfer and what came of it. */
struct seen {
	int calls, code;
	long status;
	bool sent;
	char reason[NET_REASON_TEXT], body[9000], word[100];
};

static void
see(void *arg, const struct net_answer *a)
{
	struct seen *seen = arg;
	const char *word = net_header(a, "X-WORD");

	seen->calls++;
	seen->code = a->code;
	seen->status = a->status;
	seen->sent = a->sent;
	snprintf(seen->reason, sizeof seen->reason, "%s", a->reason);
	snprintf(seen->body, sizeof seen->body, "%.*s", (int)a->body.n,
	    a->body.n > 0 ? (const char *)a->body.p : "");
	snprintf(seen->word, sizeof seen->word, "%s", word ? word : "");
}

static void
begin(struct net *net, const struct net_request *q, enum server kind,
    const char *path, struct seen *seen)
{
	struct net_request copy = *q;
	char url[200], body[200];

	assert_true(q->body.n < sizeof body);
	if (q->body.n > 0)
		memcpy(body, q->body.p, q->body.n);
	copy.body = blob_of(body, q->body.n);
	snprintf(url, sizeof url, "https://localhost:%d%s", servers[kind].port,
	    path);
	copy.url = url;
	if (copy.method == NULL)
		copy.method = "GET";
	if (copy.ca_file == NULL)
		copy.ca_file = ca_file;
	if (copy.answer_max == 0)
		copy.answer_max = 8000;
	if (copy.seconds == 0)
		copy.seconds = 60;
	memset(seen, 0, sizeof *seen);
	assert_int_equal(net_start(net, &copy, see, seen), OK);
	memset(url, 'x', sizeof url);
	memset(body, 'x', sizeof body);
}

static void
wait_for_all(struct net *net)
{
	while (net_count(net) > 0)
		assert_int_equal(net_wait(net, -1, 10000), OK);
}

static struct seen
get(const struct net_request *q, enum server kind, const char *path)
{
	struct net net;
	struct seen seen;

	assert_int_equal(net_open(&net), OK);
	begin(&net, q, kind, path, &seen);
	wait_for_all(&net);
	net_close(&net);
	assert_int_equal(seen.calls, 1);
	return seen;
}

/*
 * In place of the C library's, for libcurl, too. This name takes longer than a
 * request; a byte in the pipe says that its resolver has ended.
 */
#define SLOW_NAME    "slow.example"
#define SLOW_SECONDS 10

static int resolver_pipe[2];

int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = NULL;

	if (node != NULL && strcmp(node, SLOW_NAME) == 0) {
		sleep(SLOW_SECONDS);
		return write(resolver_pipe[1], "", 1) == 1 ? EAI_AGAIN
							   : EAI_SYSTEM;
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(node, service, hints, out);
}

static const struct net_request plain = { .method = "GET" };

static void
test_an_answer_comes_whole(void **state)
{
	struct seen seen = get(&plain, SERVER_GOOD, "/hello");

	(void)state;
	assert_int_equal(seen.code, OK);
	assert_int_equal(seen.status, 200);
	assert_string_equal(seen.body, "hello");
	assert_string_equal(seen.word, "one");
	assert_string_equal(seen.reason, "");
	assert_true(seen.sent);
}

static void
test_a_request_is_sent_as_given(void **state)
{
	const char *const headers[] = { "X-One: 1", "Content-Type: text/x" };
	const struct net_request put = { .method = "PUT",
		.headers = headers,
		.n_headers = 2,
		.body = blob_of("{\"a\":1}", 7) };
	const struct net_request post = { .method = "POST" };
	struct seen seen = get(&put, SERVER_GOOD, "/echo");

	(void)state;
	assert_ptr_equal(
	    strstr(seen.body, "PUT /echo HTTP/1.1\r\n"), seen.body);
	assert_non_null(strstr(seen.body, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(seen.body, "\r\nContent-Type: text/x\r\n"));
	assert_non_null(strstr(seen.body, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(seen.body, "\r\n\r\n{\"a\":1}"));
	seen = get(&post, SERVER_GOOD, "/echo");
	assert_ptr_equal(
	    strstr(seen.body, "POST /echo HTTP/1.1\r\n"), seen.body);
	assert_non_null(strstr(seen.body, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(seen.body, "Content-Type"));
	seen = get(&plain, SERVER_GOOD, "/echo");
	assert_null(strstr(seen.body, "Content-Length"));
}

static void
nothing(void *arg, const struct net_answer *answer)
{
	(void)arg;
	(void)answer;
}

/* No value can add a header field or a request. */
static void
test_no_control_character_in_a_header(void **state)
{
	static const char *const bad[] = { "A: b\r\nC: d", "A: b\nC: d",
		"A: b\x7f", "A:\tb" };
	struct net_request q = { .method = "GET",
		.url = "https://127.0.0.1:1/",
		.n_headers = 1,
		.seconds = 1 };
	struct net net;

	(void)state;
	assert_int_equal(net_open(&net), OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		q.headers = &bad[i];
		assert_int_equal(
		    net_start(&net, &q, nothing, NULL), ERR_CONFIG);
		assert_int_equal(net_count(&net), 0);
	}
	net_close(&net);
}

static void
test_every_status_is_an_answer_and_no_redirect_is_followed(void **state)
{
	struct seen seen = get(&plain, SERVER_GOOD, "/busy");

	(void)state;
	assert_int_equal(seen.code, OK);
	assert_int_equal(seen.status, 503);
	seen = get(&plain, SERVER_GOOD, "/redirect");
	assert_int_equal(seen.code, OK);
	assert_int_equal(seen.status, 302);
	assert_string_equal(seen.body, "");
}

static void
assert_broken(const struct seen *seen, int code, bool sent, const char *reason)
{
	if (strstr(seen->reason, reason) == NULL)
		unit_fail("%s does not have: %s", seen->reason, reason);
	assert_int_equal(seen->code, code);
	assert_ptr_equal(strstr(seen->reason, "localhost:"), seen->reason);
	assert_int_equal(seen->status, 0);
	assert_string_equal(seen->body, "");
	assert_int_equal(seen->sent, sent);
}

static void
test_an_answer_has_its_limits(void **state)
{
	struct net_request q = { .answer_max = 1000 };
	struct seen seen = get(&q, SERVER_GOOD, "/1000");

	(void)state;
	assert_int_equal(seen.code, OK);
	q.answer_max = 999;
	seen = get(&q, SERVER_GOOD, "/1000");
	assert_broken(&seen, ERR_NET_ANSWER, true, "more than 999 bytes");
	seen = get(&q, SERVER_GOOD, "/endless");
	assert_broken(&seen, ERR_NET_ANSWER, true, "more than 999 bytes");
	seen = get(&q, SERVER_GOOD, "/long-header");
	assert_broken(&seen, ERR_NET_ANSWER, true, "header");
}

static void
test_a_broken_answer_is_none(void **state)
{
	struct seen seen = get(&plain, SERVER_GOOD, "/truncated");

	(void)state;
	assert_broken(&seen, ERR_NET_ANSWER, true, "broke off");
	seen = get(&plain, SERVER_GOOD, "/no-http");
	assert_broken(&seen, ERR_NET_ANSWER, true, "broke off");
}

static void
test_waiting_has_an_end(void **state)
{
	const struct net_request short_one = { .seconds = 1 };
	const struct net_request steady = { .stall_seconds = 1 };
	struct seen seen = get(&short_one, SERVER_GOOD, "/stall");

	(void)state;
	assert_broken(&seen, ERR_NET_TIMEOUT, true, "timed out");
	seen = get(&short_one, SERVER_GOOD, "/drip");
	assert_broken(&seen, ERR_NET_TIMEOUT, true, "timed out");
	seen = get(&steady, SERVER_GOOD, "/stall");
	assert_broken(&seen, ERR_NET_TIMEOUT, true, "too slow");
	seen = get(&steady, SERVER_GOOD, "/drip");
	assert_broken(&seen, ERR_NET_TIMEOUT, true, "too slow");
}

/* The resolver has not answered when the time is over. */
static void
test_a_name_that_nobody_resolves(void **state)
{
	const struct net_request q = { .method = "GET",
		.url = "https://" SLOW_NAME "/",
		.answer_max = 100,
		.seconds = 1 };
	struct seen seen = { .calls = 0 };
	struct net net;
	char byte;

	(void)state;
	assert_int_equal(pipe2(resolver_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(net_open(&net), OK);
	assert_int_equal(net_start(&net, &q, see, &seen), OK);
	wait_for_all(&net);
	net_close(&net);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.code, ERR_NET_TIMEOUT);
	assert_false(seen.sent);
	assert_int_equal(read(resolver_pipe[0], &byte, 1), -1);
}

static void
test_only_the_right_server_is_spoken_to(void **state)
{
	struct seen seen = get(&plain, SERVER_OTHER_CA, "/hello");

	(void)state;
	assert_broken(&seen, ERR_NET_TRUST, false, "not trusted");
	seen = get(&plain, SERVER_OTHER_NAME, "/hello");
	assert_broken(&seen, ERR_NET_TRUST, false, "not trusted");
	seen = get(&plain, SERVER_EXPIRED, "/hello");
	assert_broken(&seen, ERR_NET_TRUST, false, "not trusted");
	seen = get(&plain, SERVER_OLD_TLS, "/hello");
	assert_broken(&seen, ERR_NET_UNREACHABLE, false, "no TLS");
	seen = get(&plain, SERVER_HANGS_UP, "/hello");
	assert_broken(&seen, ERR_NET_UNREACHABLE, false, "no TLS");
}

static void
test_only_https(void **state)
{
	static const char *const urls[] = { "http://localhost/",
		"file:///etc/passwd", "localhost", "https://", "" };
	struct net_request q = {
		.method = "GET", .answer_max = 9, .seconds = 9
	};

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct seen seen = { 0 };
		struct net net;

		q.url = urls[i];
		assert_int_equal(net_open(&net), OK);
		assert_int_equal(net_start(&net, &q, see, &seen), OK);
		wait_for_all(&net);
		net_close(&net);
		assert_int_equal(seen.code, ERR_CONFIG);
		assert_false(seen.sent);
	}
}

static void
test_nobody_listens(void **state)
{
	int fd, saved = servers[SERVER_GOOD].port;
	struct seen seen;

	(void)state;
	servers[SERVER_GOOD].port = netfix_dead_port(&fd);
	seen = get(&plain, SERVER_GOOD, "/hello");
	servers[SERVER_GOOD].port = saved;
	close(fd);
	assert_broken(&seen, ERR_NET_UNREACHABLE, false, "connect");
}

static void
test_a_server_refuses_our_certificate(void **state)
{
	const struct net_request q = { .client_certificate = identity_file,
		.client_key = identity_file };
	const struct net_request missing = { .client_certificate =
						 "/nonexistent/certificate.pem",
		.client_key = "/nonexistent/key.pem" };
	const struct net_request distrustful = { .ca_file = "/nonexistent" };
	struct seen seen = get(&q, SERVER_ASKS, "/hello");

	(void)state;
	assert_broken(&seen, ERR_NET_CERTIFICATE, seen.sent,
	    "did not accept the connection");
	seen = get(&q, SERVER_ASKS_TLS12, "/hello");
	assert_broken(
	    &seen, ERR_NET_CERTIFICATE, false, "did not accept the connection");
	seen = get(&missing, SERVER_ASKS, "/hello");
	assert_broken(&seen, ERR_CONFIG, false, "with this configuration");
	seen = get(&distrustful, SERVER_GOOD, "/hello");
	assert_broken(&seen, ERR_CONFIG, false, "with this configuration");
}

static void
test_http2_is_not_negotiable(void **state)
{
	const struct net_request q = { .http2 = true };
	struct seen seen = get(&q, SERVER_GOOD, "/hello");

	(void)state;
	assert_broken(&seen, ERR_NET_ANSWER, true, "not speak HTTP/2");
}

static void
test_a_stall_holds_up_no_other_server(void **state)
{
	struct net net;
	struct seen stalled, answered[3];

	(void)state;
	assert_int_equal(net_open(&net), OK);
	begin(&net, &plain, SERVER_GOOD, "/stall", &stalled);
	begin(&net, &plain, SERVER_OTHER_CA, "/hello", &answered[0]);
	begin(&net, &plain, SERVER_HANGS_UP, "/hello", &answered[1]);
	begin(&net, &plain, SERVER_OTHER_NAME, "/hello", &answered[2]);
	assert_int_equal(net_count(&net), 4);
	while (net_count(&net) > 1)
		assert_int_equal(net_wait(&net, -1, 10000), OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(answered[i].calls, 1);
	net_close(&net);
	/* Closing calls nobody. */
	assert_int_equal(stalled.calls, 0);
}

static void
test_another_descriptor_wakes(void **state)
{
	struct net net;
	struct seen stalled;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(net_open(&net), OK);
	/* With and without transfers: else the test runs into its limit. */
	assert_int_equal(net_wait(&net, ends[0], 1000000), OK);
	begin(&net, &plain, SERVER_GOOD, "/stall", &stalled);
	for (int i = 0; i < 20; i++)
		assert_int_equal(net_wait(&net, ends[0], 1000000), OK);
	net_close(&net);
	close(ends[0]);
	close(ends[1]);
}

struct chain {
	struct net *net;
	int left;
	struct seen last;
};

static void
follow(void *arg, const struct net_answer *a)
{
	struct chain *chain = arg;
	char url[100];
	struct net_request q = { .method = "GET",
		.url = url,
		.ca_file = ca_file,
		.answer_max = 10,
		.seconds = 60 };

	snprintf(url, sizeof url, "https://localhost:%d/hello",
	    servers[SERVER_GOOD].port);
	assert_int_equal(a->code, OK);
	if (chain->left-- > 0)
		assert_int_equal(net_start(chain->net, &q, follow, chain), OK);
}

static void
test_a_function_begins_the_next(void **state)
{
	struct net net;
	struct chain chain = { .net = &net, .left = 5 };
	struct net_answer none = { .code = OK };

	(void)state;
	assert_int_equal(net_open(&net), OK);
	follow(&chain, &none);
	wait_for_all(&net);
	assert_int_equal(chain.left, -1);
	net_close(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_comes_whole),
		cmocka_unit_test(test_a_request_is_sent_as_given),
		cmocka_unit_test(
		    test_every_status_is_an_answer_and_no_redirect_is_followed),
		cmocka_unit_test(test_an_answer_has_its_limits),
		cmocka_unit_test(test_a_broken_answer_is_none),
		cmocka_unit_test(test_waiting_has_an_end),
		cmocka_unit_test(test_a_name_that_nobody_resolves),
		cmocka_unit_test(test_only_the_right_server_is_spoken_to),
		cmocka_unit_test(test_only_https),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_no_control_character_in_a_header),
		cmocka_unit_test(test_a_server_refuses_our_certificate),
		cmocka_unit_test(test_http2_is_not_negotiable),
		cmocka_unit_test(test_a_stall_holds_up_no_other_server),
		cmocka_unit_test(test_another_descriptor_wakes),
		cmocka_unit_test(test_a_function_begins_the_next),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "net", tests, start_servers, stop_servers);
}
