#include "storefix.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/admins.h"
#include "store/browsers.h"
#include "web/form.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/session.h"

#define PASSWORD "correct horse battery"

/* A request with one cookie header and what the browser says of its origin. */
struct browser {
	char cookie[256];
	char site[64];
	char address[64];
	char uri[32];
	char *envp[5];
	struct req req;
};

static const struct req *
browse(struct browser *b, const char *cookie, const char *site)
{
	snprintf(b->uri, sizeof b->uri, "REQUEST_URI=/admin/");
	snprintf(b->cookie, sizeof b->cookie, "HTTP_COOKIE=%s", cookie);
	snprintf(b->site, sizeof b->site, "%s=%s",
	    site != NULL ? "HTTP_SEC_FETCH_SITE" : "X",
	    site != NULL ? site : "");
	snprintf(b->address, sizeof b->address, "REMOTE_ADDR=192.0.2.1");
	b->envp[0] = b->uri;
	b->envp[1] = b->cookie;
	b->envp[2] = b->site;
	b->envp[3] = b->address;
	b->envp[4] = NULL;
	assert_int_equal(req_init(&b->req, b->envp), OK);
	return &b->req;
}

/* The "NAME=VALUE" of the only cookie of a response. */
static void
cookie_of(const struct resp *resp, char out[128])
{
	const char *line = resp_get(resp, "Set-Cookie");

	assert_non_null(line);
	snprintf(out, 128, "%.*s", (int)strcspn(line, ";"), line);
}

static void
make_other(struct db *db, const char *name, const char *password)
{
	char hash[ADMINS_HASH_TEXT];

	assert_int_equal(session_hash_password(password, hash), OK);
	WRITE(db, admins_create(db, name, ADMIN_ROLE_ADMIN, hash));
}

static void
make_admin(struct db *db)
{
	make_other(db, "admin", PASSWORD);
}

/* Any file that can be read stands for the program's own. */
static const char *
lock_path(void)
{
	return "/proc/self/exe";
}

static int
sign_in(struct db *db, const char *name, const char *password, char cookie[128])
{
	struct browser b;
	struct resp resp;
	int r;

	resp_init(&resp);
	r = session_start(
	    db, browse(&b, "", NULL), lock_path(), name, password, &resp);
	if (r == OK)
		cookie_of(&resp, cookie);
	else
		assert_null(resp_get(&resp, "Set-Cookie"));
	assert_true((r == ERR_RATE_LIMITED) ==
	    (resp_get(&resp, "Retry-After") != NULL));
	req_release(&b.req);
	resp_release(&resp);
	return r;
}

static int
load(struct db *db, const char *cookie, struct session *s)
{
	struct browser b;
	int r = session_load(db, browse(&b, cookie, NULL), s);

	req_release(&b.req);
	return r;
}

static void
test_password_hash(void **state)
{
	char one[ADMINS_HASH_TEXT], two[ADMINS_HASH_TEXT], longest[514];

	assert_int_equal(session_hash_password(PASSWORD, one), OK);
	assert_int_equal(session_hash_password(PASSWORD, two), OK);
	assert_memory_equal(one, "$y$", 3);
	assert_string_not_equal(one, two);
	assert_int_equal(session_hash_password("12345678901", one), ERR_FIELD);
	assert_string_equal(one, "");
	memset(longest, 'a', 513);
	longest[513] = '\0';
	assert_int_equal(session_hash_password(longest, one), ERR_FIELD);
}

static void
test_sign_in(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128], bad[128];
	struct session s;
	int flushes;

	make_admin(db);
	flushes = storefix_flushes();
	assert_int_equal(
	    sign_in(db, "admin", "another password", cookie), ERR_LOGIN);
	/* a failed sign-in makes nobody wait for the disk */
	assert_int_equal(storefix_flushes(), flushes);
	assert_int_equal(sign_in(db, "nobody", PASSWORD, cookie), ERR_LOGIN);
	assert_int_equal(sign_in(db, "admin", "", cookie), ERR_LOGIN);
	assert_int_equal(sign_in(db, "", "", cookie), ERR_LOGIN);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), OK);
	assert_int_equal(load(db, cookie, &s), OK);
	assert_string_equal(s.admin, "admin");
	snprintf(bad, sizeof bad, "%s", cookie);
	bad[strlen(SESSION_COOKIE) + 1] ^= 1;
	assert_int_equal(load(db, bad, &s), ERR_SESSION);
	assert_int_equal(load(db, "", &s), ERR_SESSION);
	WRITE(db, admins_disable(db, "admin"));
	assert_int_equal(load(db, cookie, &s), ERR_SESSION);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), ERR_LOGIN);
}

static void
test_times_out(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128];
	struct session s;
	int t;

	make_admin(db);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), OK);
	for (t = 0; t < SESSION_LIFE - 60; t += SESSION_IDLE - 60) {
		clock_set_offset(t);
		assert_int_equal(load(db, cookie, &s), OK);
	}
	clock_set_offset(SESSION_LIFE + 1);
	assert_int_equal(load(db, cookie, &s), ERR_SESSION);
	clock_set_offset(0);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), OK);
	clock_set_offset(SESSION_IDLE + 61);
	assert_int_equal(load(db, cookie, &s), ERR_SESSION);
	clock_set_offset(0);
}

static void
test_throttles(void **state)
{
	struct db *db = storefix_db(state), *other;
	char cookie[128];
	int i, r = ERR_LOGIN;

	make_admin(db);
	for (i = 0; i < 20 && r == ERR_LOGIN; i++)
		r = sign_in(db, "admin", "guess guess guess", cookie);
	assert_int_equal(r, ERR_RATE_LIMITED);
	assert_int_equal(
	    sign_in(db, "admin", PASSWORD, cookie), ERR_RATE_LIMITED);
	/* Another name from that address waits too. */
	assert_int_equal(
	    sign_in(db, "other", PASSWORD, cookie), ERR_RATE_LIMITED);
	/* Being told so takes no turn of those who write. */
	assert_int_equal(
	    db_open(((struct storefix *)*state)->path, DB_RELAXED, &other), OK);
	assert_int_equal(db_begin(other), OK);
	assert_int_equal(
	    sign_in(db, "admin", PASSWORD, cookie), ERR_RATE_LIMITED);
	db_rollback(other);
	db_close(other);
	clock_set_offset(3600);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), OK);
	clock_set_offset(0);
}

/* A browser that holds `cookie` (or "") tries from an address of its own. */
static int
try_from(struct db *db, int number, const char *cookie, const char *name,
    const char *password, struct resp *resp)
{
	struct browser b;
	char address[32];
	int r;

	resp_init(resp);
	browse(&b, cookie, NULL);
	snprintf(address, sizeof address, "198.51.100.%d", number);
	b.req.remote_address = address;
	r = session_start(db, &b.req, lock_path(), name, password, resp);
	req_release(&b.req);
	return r;
}

/* Many addresses try one name until it has to wait; returns how many did. */
static int
flood(struct db *db, const char *name)
{
	struct resp resp;
	int i, r = ERR_LOGIN;

	for (i = 0; i < 40 && r == ERR_LOGIN; i++) {
		r = try_from(db, i, "", name, "guess guess guess", &resp);
		resp_release(&resp);
	}
	assert_int_equal(r, ERR_RATE_LIMITED);
	return i;
}

static void
browser_cookie(const struct resp *resp, char out[128])
{
	const char *line = NULL;
	size_t i;

	for (i = 0; i < resp->header_count; i++)
		if (strstr(resp->headers[i].value, SESSION_BROWSER_COOKIE))
			line = resp->headers[i].value;
	assert_non_null(line);
	assert_non_null(strstr(line,
	    "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=15552000"));
	snprintf(out, 128, "%.*s", (int)strcspn(line, ";"), line);
}

static void
test_a_known_browser_is_not_locked_out(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128], again[128];
	struct resp resp;
	int i;

	make_admin(db);
	assert_int_equal(try_from(db, 200, "", "admin", PASSWORD, &resp), OK);
	browser_cookie(&resp, cookie);
	resp_release(&resp);
	flood(db, "admin");
	assert_int_equal(try_from(db, 201, "", "admin", PASSWORD, &resp),
	    ERR_RATE_LIMITED);
	resp_release(&resp);
	/* neither by name nor by address, and it stays the same browser */
	assert_int_equal(try_from(db, 1, cookie, "admin", PASSWORD, &resp), OK);
	browser_cookie(&resp, again);
	assert_string_equal(again, cookie);
	resp_release(&resp);
	/* guesses in it are counted */
	for (i = 0; i < 5; i++) {
		assert_int_equal(try_from(db, 210 + i, cookie, "admin",
				     "guess guess guess", &resp),
		    ERR_LOGIN);
		resp_release(&resp);
	}
	assert_int_equal(try_from(db, 220, cookie, "admin", PASSWORD, &resp),
	    ERR_RATE_LIMITED);
	resp_release(&resp);
}

static void
test_a_known_browser_is_known_to_its_administrator(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128];
	struct resp resp;

	make_admin(db);
	make_other(db, "other", "another password");
	assert_int_equal(try_from(db, 200, "", "admin", PASSWORD, &resp), OK);
	browser_cookie(&resp, cookie);
	resp_release(&resp);
	flood(db, "other");
	assert_int_equal(
	    try_from(db, 201, cookie, "other", "guess guess guess", &resp),
	    ERR_RATE_LIMITED);
	resp_release(&resp);
	clock_set_offset(BROWSERS_LIFE + 1);
	flood(db, "admin");
	assert_int_equal(try_from(db, 202, cookie, "admin", PASSWORD, &resp),
	    ERR_RATE_LIMITED);
	resp_release(&resp);
	clock_set_offset(0);
}

/* While another worker checks the password of a browser that is not known. */
static void
test_unknown_browsers_have_one_worker_at_most(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128];
	struct resp resp;
	int i, other;

	make_admin(db);
	assert_int_equal(try_from(db, 200, "", "admin", PASSWORD, &resp), OK);
	browser_cookie(&resp, cookie);
	resp_release(&resp);
	other = open(lock_path(), O_RDONLY | O_CLOEXEC);
	assert_true(other >= 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	for (i = 0; i < 9; i++) {
		assert_int_equal(
		    try_from(db, 200, "", "admin", PASSWORD, &resp),
		    ERR_RATE_LIMITED);
		assert_string_equal(resp_get(&resp, "Retry-After"), "1");
		resp_release(&resp);
	}
	assert_int_equal(
	    try_from(db, 200, cookie, "admin", PASSWORD, &resp), OK);
	resp_release(&resp);
	close(other);
	/* none of that was counted, and the turn ends with each attempt */
	for (i = 0; i < 4; i++) {
		assert_int_equal(try_from(db, 200, "", "admin",
				     "guess guess guess", &resp),
		    ERR_LOGIN);
		resp_release(&resp);
	}
	assert_int_equal(try_from(db, 200, "", "admin", PASSWORD, &resp), OK);
	resp_release(&resp);
}

/* "n9" and "n128" begin with the same 16 bits of SHA-256. */
static void
test_names_share_no_counter(void **state)
{
	struct db *db = storefix_db(state);
	struct resp resp;
	int known, unknown;

	make_other(db, "n9", "another password");
	known = flood(db, "n9");
	assert_int_equal(try_from(db, 200, "", "n128", PASSWORD, &resp),
	    ERR_LOGIN);
	resp_release(&resp);
	clock_set_offset(86400);
	unknown = flood(db, "nobody");
	/* a slow machine may get one or two more through */
	assert_in_range(known, 6, 10);
	assert_in_range(unknown, 6, 10);
	clock_set_offset(0);
}

static int
check(const struct session *s, const char *site, const char *body)
{
	struct browser b;
	struct form *form;
	int r;

	assert_int_equal(form_parse(blob_str(body), &form), OK);
	r = session_check_form(s, browse(&b, "", site), form);
	form_free(form);
	req_release(&b.req);
	return r;
}

static void
test_form_token(void **state)
{
	struct session s = { .admin = "admin" };
	char body[128];

	/* A session without a token takes no form at all. */
	assert_int_equal(check(&s, NULL, "csrf="), ERR_CSRF);
	secret_token(s.csrf_token);
	snprintf(body, sizeof body, "csrf=%s", s.csrf_token);
	assert_int_equal(check(&s, NULL, body), OK);
	assert_int_equal(check(&s, "same-origin", body), OK);
	assert_int_equal(check(&s, "same-site", body), ERR_CSRF);
	assert_int_equal(check(&s, "cross-site", body), ERR_CSRF);
	assert_int_equal(check(&s, "none", body), ERR_CSRF);
	assert_int_equal(check(&s, NULL, "csrf="), ERR_CSRF);
	assert_int_equal(check(&s, NULL, "other=1"), ERR_CSRF);
	body[strlen(body) - 1] = '\0';
	assert_int_equal(check(&s, NULL, body), ERR_CSRF);
}

static void
test_sign_out(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[128];
	struct session s;
	struct resp resp;

	make_admin(db);
	assert_int_equal(sign_in(db, "admin", PASSWORD, cookie), OK);
	assert_int_equal(load(db, cookie, &s), OK);
	resp_init(&resp);
	assert_int_equal(session_end(db, &s, &resp), OK);
	assert_non_null(strstr(resp_get(&resp, "Set-Cookie"), "Max-Age=0"));
	assert_int_equal(load(db, cookie, &s), ERR_SESSION);
	resp_release(&resp);
}

static void
test_second_sign_in_ends_the_first(void **state)
{
	struct db *db = storefix_db(state);
	char first[128];
	struct browser b;
	struct session s;
	struct resp resp;

	make_admin(db);
	assert_int_equal(sign_in(db, "admin", PASSWORD, first), OK);
	resp_init(&resp);
	assert_int_equal(session_start(db, browse(&b, first, NULL),
			     lock_path(), "admin", PASSWORD, &resp),
	    OK);
	assert_int_equal(load(db, first, &s), ERR_SESSION);
	req_release(&b.req);
	resp_release(&resp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password_hash),
		STOREFIX_TEST(test_sign_in),
		STOREFIX_TEST(test_times_out),
		STOREFIX_TEST(test_throttles),
		STOREFIX_TEST(test_a_known_browser_is_not_locked_out),
		STOREFIX_TEST(
		    test_a_known_browser_is_known_to_its_administrator),
		STOREFIX_TEST(test_unknown_browsers_have_one_worker_at_most),
		STOREFIX_TEST(test_names_share_no_counter),
		cmocka_unit_test(test_form_token),
		STOREFIX_TEST(test_sign_out),
		STOREFIX_TEST(test_second_sign_in_ends_the_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
