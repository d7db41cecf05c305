#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "web/dispatch.h"

static int
answer_ok(void *app, const struct req *req, struct resp *resp)
{
	return resp_text(resp, 200, "got it");
}

static int
answer_body(void *app, const struct req *req, struct resp *resp)
{
	return resp_body(resp, 201, "text/plain", req->body);
}

static int
answer_param(void *app, const struct req *req, struct resp *resp)
{
	return resp_text(resp, 200, req_path_param(req, "id"));
}

static int
answer_fails(void *app, const struct req *req, struct resp *resp)
{
	resp_set(resp, "Replay-Nonce", "abc");
	resp_text(resp, 200, "half a page");
	return ERR_BAD_NONCE;
}

/* Counts down; at -1 it fails. */
static int
count_down(void *arg, struct buf *b)
{
	int *left = arg;

	if (*left < 0)
		return fail(ERR_IO, "no more");
	return *left > 0 ? buf_printf(b, "%d,", (*left)--) : OK;
}

static int left, released;

static void
release(void *arg)
{
	assert_ptr_equal(arg, &left);
	released++;
}

static int
answer_parts(void *app, const struct req *req, struct resp *resp)
{
	resp_stream(resp, count_down, release, &left);
	return resp_text(resp, 200, "parts");
}

static int
answer_no_parts(void *app, const struct req *req, struct resp *resp)
{
	resp_stream(resp, count_down, release, &left);
	return ERR_NOT_FOUND;
}

static const struct route routes[] = {
	{ "GET", "/parts", answer_parts, 0 },
	{ "GET", "/no-parts", answer_no_parts, 0 },
	{ "GET", "/plain", answer_ok, 0 },
	{ "POST", "/plain", answer_body, 10 },
	{ "GET", "/acme/:enrollment/order/:id", answer_param, 0 },
	{ "GET", "/info/:issuer.:id", answer_param, 0 },
	{ "POST", "/fails", answer_fails, 10 },
	{ "HEAD", "/nonce", answer_ok, 0 },
	{ "POST", "/both", answer_fails, 10 },
	{ "GET", "/both", answer_ok, 0 },
	{ NULL, NULL, NULL, 0 },
};

static int ended;

static void
count_end(void *app, const struct req *req, struct resp *resp)
{
	ended++;
	resp_set(resp, "X-End", "yes");
}

static const struct web_program program = {
	.name = "test", .summary = "", .routes = routes, .end = count_end
};

struct source {
	const char *p;
	size_t n;
};

static long
read_source(void *arg, void *p, size_t n)
{
	struct source *s = arg;
	/* Small pieces: a body seldom comes in one. */
	size_t take = n < 3 ? n : 3;

	if (take > s->n)
		take = s->n;
	memcpy(p, s->p, take);
	s->p += take;
	s->n -= take;
	return (long)take;
}

static struct buf out;
static size_t unread;

/* What was sent, in how many pieces, and after which the client is gone. */
static struct buf sent;
static int pieces, pieces_max;
static int dispatched;

static int
send_piece(void *arg, struct blob piece)
{
	buf_add_blob(&sent, piece);
	return ++pieces == pieces_max ? ERR_IO : OK;
}

static int
request(void *app, char *const *envp, struct source *s)
{
	buf_reset(&sent);
	pieces = 0;
	return dispatch(&program, app, envp, read_source, send_piece, s, &out);
}

static const char *
ask_with(const char *extra, const char *method, const char *target,
    const char *length, const char *body)
{
	char m[64], t[20000], l[64], x[256];
	char id[] = "REQUEST_ID=r1";
	char *envp[] = { m, t, l, id, x, NULL };
	struct source s = { body, strlen(body) };

	snprintf(m, sizeof m, "REQUEST_METHOD=%s", method);
	snprintf(t, sizeof t, "REQUEST_URI=%s", target);
	snprintf(l, sizeof l, "CONTENT_LENGTH=%s", length);
	snprintf(x, sizeof x, "%s", extra);
	dispatched = request(NULL, envp, &s);
	unread = s.n;
	return buf_str(&sent);
}

static const char *
ask(const char *method, const char *target)
{
	return ask_with("X=", method, target, "", "");
}

static void
test_found(void **state)
{
	const char *got = ask("GET", "/plain?x=1");

	assert_ptr_equal(strstr(got, "Status: 200 OK\r\n"), got);
	assert_non_null(strstr(got, "Content-Length: 7\r\n"));
	assert_non_null(strstr(got, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(got, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(got, "\r\n\r\ngot it\n"));
	assert_non_null(strstr(got, "X-End: yes"));
}

static void
test_head_is_get_without_body(void **state)
{
	const char *got = ask("HEAD", "/plain");

	assert_non_null(strstr(got, "Status: 200"));
	assert_non_null(strstr(got, "Content-Length: 7\r\n"));
	assert_null(strstr(got, "got it"));
}

static void
test_head_is_nothing_but_get(void **state)
{
	const char *got = ask("HEAD", "/fails");

	assert_non_null(strstr(got, "Status: 405"));
	assert_non_null(strstr(got, "Allow: POST\r\n"));
	assert_null(strstr(got, "Replay-Nonce"));
	/* The row of another method does not come first. */
	assert_non_null(strstr(ask("HEAD", "/both"), "Status: 200"));
	assert_non_null(strstr(ask("POST", "/both"), "Status: 400"));
}

static void
test_not_found(void **state)
{
	assert_non_null(strstr(ask("GET", "/"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/plain/"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/plai"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/plain%00"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "//plain"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/x/../plain"), "Status: 404"));
	/* Escapes stay what they are: %6c is not l. */
	assert_non_null(strstr(ask("GET", "/p%6cain"), "Status: 404"));
}

static void
test_wrong_method(void **state)
{
	const char *got = ask("DELETE", "/plain");

	assert_non_null(strstr(got, "Status: 405"));
	assert_non_null(strstr(got, "Allow: GET, HEAD, POST\r\n"));
	assert_non_null(strstr(ask("GET", "/nonce"), "Status: 405"));
	assert_non_null(strstr(ask("get", "/plain"), "Status: 405"));
}

static void
test_path_params(void **state)
{
	char longest[200];

	assert_non_null(
	    strstr(ask("GET", "/acme/A-_9/order/o1"), "\r\n\r\no1\n"));
	assert_non_null(strstr(ask("GET", "/acme/a/order/"), "404"));
	assert_non_null(strstr(ask("GET", "/acme//order/a"), "404"));
	assert_non_null(strstr(ask("GET", "/acme/a/order/%41"), "404"));
	assert_non_null(strstr(ask("GET", "/acme/a.b/order/a"), "404"));
	assert_non_null(strstr(ask("GET", "/acme/a/order/b/c"), "404"));
	assert_non_null(strstr(ask("GET", "/info/ab.cd"), "\r\n\r\ncd\n"));
	assert_non_null(strstr(ask("GET", "/info/ab"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/info/ab."), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/info/.cd"), "Status: 404"));
	assert_non_null(strstr(ask("GET", "/info/ab.cd.ef"), "Status: 404"));
	memcpy(longest, "/acme/a/order/", 14);
	memset(longest + 14, 'a', 129);
	longest[14 + 129] = '\0';
	assert_non_null(strstr(ask("GET", longest), "Status: 404"));
	longest[14 + 128] = '\0';
	assert_non_null(strstr(ask("GET", longest), "Status: 200"));
}

static void
test_body(void **state)
{
	const char *got = ask_with("X=", "POST", "/plain", "10", "0123456789");

	assert_non_null(strstr(got, "Status: 201"));
	assert_non_null(strstr(got, "\r\n\r\n0123456789"));
	got = ask_with("X=", "POST", "/plain", "0", "");
	assert_non_null(strstr(got, "Content-Length: 0\r\n"));
}

static void
test_parts(void **state)
{
	const char *got;

	left = 3;
	got = ask("GET", "/parts");
	assert_int_equal(dispatched, OK);
	assert_non_null(strstr(got, "\r\n\r\nparts\n3,2,1,"));
	assert_null(strstr(got, "Content-Length"));
	assert_int_equal(pieces, 4);
	assert_int_equal(released, 1);
	assert_null(strstr(ask("HEAD", "/parts"), "3,"));
	assert_int_equal(released, 2);
	left = 3;
	got = ask("GET", "/no-parts");
	assert_non_null(strstr(got, "Status: 404"));
	assert_null(strstr(got, "3,"));
	assert_int_equal(released, 3);
}

/* Nobody is told that it was all. */
static void
test_parts_broken_off(void **state)
{
	left = -1;
	ask("GET", "/parts");
	assert_int_equal(dispatched, ERR_IO);
	left = 3;
	pieces_max = 2;
	ask("GET", "/parts");
	assert_int_equal(dispatched, ERR_IO);
	assert_int_equal(left, 2);
	pieces_max = 0;
}

static void
test_body_too_large(void **state)
{
	const char *got = ask_with("X=", "POST", "/plain", "11", "0123456789a");

	assert_non_null(strstr(got, "Status: 413"));
	/* nginx is still sending: what it sends is read and dropped. */
	assert_int_equal(unread, 0);
	got = ask_with("X=", "POST", "/plain", "99999999999999999999999", "");
	assert_non_null(strstr(got, "Status: 400"));
}

static void
test_body_cut_short(void **state)
{
	const char *got = ask_with("X=", "POST", "/plain", "9", "01234");

	assert_non_null(strstr(got, "Status: 400"));
	got = ask_with("X=", "POST", "/plain", "-1", "01234");
	assert_non_null(strstr(got, "Status: 400"));
	got = ask_with("X=", "POST", "/plain", "4x", "01234");
	assert_non_null(strstr(got, "Status: 400"));
}

static void
test_hostile_targets(void **state)
{
	char longest[17000];

	assert_non_null(strstr(ask("GET", ""), "Status: 400"));
	assert_non_null(strstr(ask("GET", "plain"), "Status: 400"));
	assert_non_null(strstr(ask("GET", "/a b"), "Status: 400"));
	assert_non_null(strstr(ask("GET", "/a\nb"), "Status: 400"));
	assert_non_null(strstr(ask("GET", "/a\xc3\xa4"), "Status: 400"));
	memset(longest, 'a', sizeof longest - 1);
	longest[0] = '/';
	longest[sizeof longest - 1] = '\0';
	assert_non_null(strstr(ask("GET", longest), "Status: 400"));
}

/* Each parameter that decides who speaks may come only once. */
static void
test_duplicates(void **state)
{
	static const char *const names[] = { "HTTP_MDM_SIGNATURE",
		"HTTP_X_APPLE_ASPEN_DEVICEINFO", "MDM_CLIENT_CERT",
		"HTTP_COOKIE" };
	char method[] = "REQUEST_METHOD=GET", target[] = "REQUEST_URI=/plain";
	char a[64], b[64];
	char *envp[] = { method, target, a, b, NULL };
	struct source s = { "", 0 };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(a, sizeof a, "%s=one", names[i]);
		snprintf(b, sizeof b, "%s=two", names[i]);
		request(NULL, envp, &s);
		assert_non_null(strstr(buf_str(&sent), "Status: 400"));
		snprintf(b, sizeof b, "HTTP_OTHER=two");
		request(NULL, envp, &s);
		assert_non_null(strstr(buf_str(&sent), "Status: 200"));
	}
}

/* Nothing that one request found out is left for the next. */
static void
test_context_is_fresh(void **state)
{
	char method[] = "REQUEST_METHOD=GET", target[] = "REQUEST_URI=/fails",
	     address[] = "REMOTE_ADDR=192.0.2.1";
	char *envp[] = { method, target, address, NULL };
	static const struct conf conf;
	struct context c = { .conf = &conf,
		.step = "order",
		.enrollment_id = "E",
		.serial = "C02A",
		.claimed = "C02B",
		.is_signed = true,
		.logged = true };
	struct source s = { "", 0 };

	request(&c, envp, &s);
	assert_ptr_equal(c.conf, &conf);
	assert_ptr_equal(c.remote_address, address + strlen("REMOTE_ADDR="));
	assert_null(c.step);
	assert_string_equal(c.enrollment_id, "");
	assert_string_equal(c.serial, "");
	assert_string_equal(c.claimed, "");
	assert_false(c.is_signed || c.logged);
}

static void
test_handler_fails(void **state)
{
	const char *got = ask("POST", "/fails");

	assert_non_null(strstr(got, "Status: 400"));
	assert_non_null(strstr(got, "Replay-Nonce: abc\r\n"));
	assert_null(strstr(got, "half a page"));
	assert_non_null(strstr(got, "X-End: yes"));
}

static void
test_headers(void **state)
{
	struct resp resp;

	resp_init(&resp);
	assert_int_equal(resp_set(&resp, "X-A", "1\r\nX-B: 2"), ERR_INTERNAL);
	assert_int_equal(resp_set(&resp, "X:A", "1"), ERR_INTERNAL);
	assert_null(resp_get(&resp, "X-A"));
	assert_int_equal(resp_add(&resp, "Link", "<a>"), OK);
	assert_int_equal(resp_add(&resp, "Link", "<b>"), OK);
	assert_int_equal(resp_set(&resp, "cache-control", "x"), OK);
	assert_string_equal(resp_get(&resp, "Cache-Control"), "x");
	assert_int_equal(resp_redirect(&resp, "//evil.test/"), ERR_INTERNAL);
	assert_int_equal(resp_redirect(&resp, "/\\evil"), ERR_INTERNAL);
	assert_int_equal(resp_redirect(&resp, "https://e"), ERR_INTERNAL);
	assert_int_equal(resp_redirect(&resp, "/admin/"), OK);
	assert_int_equal(resp.status, 303);
	buf_reset(&out);
	assert_int_equal(resp_write(&resp, false, &out), OK);
	assert_non_null(strstr(buf_str(&out), "Link: <a>\r\nLink: <b>\r\n"));
	resp_release(&resp);
}

static void
test_problem(void **state)
{
	struct resp resp;

	resp_init(&resp);
	assert_int_equal(
	    resp_problem(&resp, ERR_BAD_NONCE, "urn:x:", "\"a\":[1]"), OK);
	assert_string_equal(
	    resp_get(&resp, "Content-Type"), "application/problem+json");
	assert_string_equal(buf_str(&resp.body),
	    "{\"type\":\"urn:x:badNonce\",\"detail\":\"The nonce is unknown, "
	    "expired or used.\",\"status\":400,\"a\":[1]}\n");
	assert_int_equal(resp_error_page(&resp, ERR_NOT_FOUND), OK);
	assert_int_equal(resp.status, 404);
	assert_non_null(strstr(buf_str(&resp.body), "<h1>Not Found</h1>"));
	resp_release(&resp);
}

/* Problem documents and error pages paste the fixed texts as they are. */
static void
test_texts_need_no_escape(void **state)
{
	int i;
	const char *p;

	for (i = 0; i < ERR_INDEX_COUNT; i++)
		for (p = err_text(-1 - i); *p != '\0'; p++)
			assert_false(*p < ' ' || *p > '~' ||
			    strchr("\"\\<>&", *p) != NULL);
}

static void
test_content_types(void **state)
{
	char type[] = "CONTENT_TYPE=Application/JOSE+json";
	char uri[] = "REQUEST_URI=/";
	char *envp[] = { type, uri, NULL };
	struct req req;

	assert_int_equal(req_init(&req, envp), OK);
	assert_true(req_type_is(&req, "application/jose+json"));
	assert_true(req_media_type_is(&req, "application/jose+json"));
	assert_false(req_type_is(&req, "application/jose"));
	assert_false(req_media_type_is(&req, "application/jose"));
	req.content_type = "application/jose+json; charset=utf-8";
	assert_false(req_type_is(&req, "application/jose+json"));
	assert_true(req_media_type_is(&req, "application/jose+json"));
	req_release(&req);
}

static bool
accepts(const char *header)
{
	static char line[256];
	char *envp[] = { (char[]){ "REQUEST_URI=/" }, line, NULL };
	struct req req;
	bool yes;

	snprintf(line, sizeof line, "HTTP_ACCEPT=%s", header);
	assert_int_equal(req_init(&req, envp), OK);
	yes = req_accepts(&req, "application/json");
	req_release(&req);
	return yes;
}

static void
test_accept(void **state)
{
	assert_true(accepts(""));
	assert_true(accepts("application/json"));
	assert_true(accepts("text/html, Application/JSON;q=0.1"));
	assert_true(accepts("text/html,application/*;q=0.1"));
	assert_true(accepts("text/html , */*"));
	assert_false(accepts("text/html"));
	assert_false(accepts("application/jsonx"));
	assert_false(accepts("application/"));
	assert_false(accepts("app*/json"));
	assert_false(accepts("*"));
	assert_false(accepts(",,;,"));
	assert_false(accepts("text/*, application"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_head_is_get_without_body),
		cmocka_unit_test(test_head_is_nothing_but_get),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_wrong_method),
		cmocka_unit_test(test_path_params),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_parts_broken_off),
		cmocka_unit_test(test_body_too_large),
		cmocka_unit_test(test_body_cut_short),
		cmocka_unit_test(test_hostile_targets),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_context_is_fresh),
		cmocka_unit_test(test_handler_fails),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_texts_need_no_escape),
		cmocka_unit_test(test_content_types),
		cmocka_unit_test(test_accept),
	};
	int r;

	buf_init(&out, 1 << 20);
	buf_init(&sent, 1 << 20);
	log_open("t", LOG_ERROR);
	r = unit_run("route", tests);
	buf_release(&out);
	buf_release(&sent);
	return r;
}
