#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/api_tokens.h"
#include "store/commands.h"
#include "store/enrollment_links.h"
#include "store/nonces.h"
#include "store/renewals.h"
#include "store/restored.h"
#include "store/scep_challenges.h"
#include "store/sessions.h"

static int64_t
generation(struct db *db)
{
	int64_t n;

	assert_int_equal(nonces_generation(db, &n), OK);
	return n;
}

static void
test_sessions_end(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	WRITE(db, restored_void(db));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
}

/* One that was revoked since the backup must not be good again. */
static void
test_tokens_are_gone(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT];
	struct api_token t;

	WRITE(db,
	    api_tokens_create(
		db, "deploy", ADMIN_ROLE_ADMIN, 3600, "ann", text));
	assert_int_equal(api_tokens_load(db, text, &t), OK);
	WRITE(db, restored_void(db));
	assert_int_equal(api_tokens_load(db, text, &t), ERR_TOKEN);
}

/* Two restores of one backup do not have the same generation. */
static void
test_nonces_are_void(void **state)
{
	struct db *db = storefix_db(state);
	int64_t before, step[3], later = clock_now() + 3600;
	int i;

	for (i = 0; i < 3; i++) {
		before = generation(db);
		WRITE(db, restored_void(db));
		step[i] = generation(db) - before;
		assert_in_range(step[i], 2, 4097);
		REFUSE(db, ERR_BAD_NONCE,
		    nonces_use(db, blob_str("abc"), before, later));
	}
	assert_false(step[0] == step[1] && step[1] == step[2]);
	WRITE(db, nonces_use(db, blob_str("abc"), generation(db), later));
}

static void
enqueue(struct db *db, const struct host *h, const char *type, char *uuid)
{
	struct command c = { .plist = blob_str("<plist/>"),
		.created_by = "ann" };

	secret_uuid(uuid);
	snprintf(c.request_type, sizeof c.request_type, "%s", type);
	memcpy(c.uuid, uuid, SECRET_UUID_TEXT);
	memcpy(c.host_id, h->id, sizeof c.host_id);
	WRITE(db, commands_enqueue(db, &c));
}

static enum command_state
state_of(struct db *db, const char *uuid)
{
	enum command_state out;
	struct command c;

	assert_int_equal(commands_find(db, uuid, &c), OK);
	out = c.state;
	commands_release(&c);
	return out;
}

static void
test_nothing_is_erased_twice(void **state)
{
	struct db *db = storefix_db(state);
	char erase[SECRET_UUID_TEXT], other[SECRET_UUID_TEXT];
	struct host h;

	storefix_host(db, "S1", 1, &h);
	enqueue(db, &h, "EraseDevice", erase);
	enqueue(db, &h, "ProfileList", other);
	WRITE(db, restored_void(db));
	assert_int_equal(state_of(db, erase), COMMAND_CANCELLED);
	assert_int_equal(state_of(db, other), COMMAND_QUEUED);
}

static void
test_renewals_open_again(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e, out;
	struct renewal r;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	storefix_enrollment(db, "S1", &e);
	enqueue(db, &h, "InstallProfile", uuid);
	WRITE(db, renewals_open(db, h.id, e.id, uuid));
	WRITE(db, restored_void(db));
	assert_int_equal(renewals_load(db, h.id, &r), OK);
	assert_string_equal(r.enrollment_id, "");
	assert_int_equal(r.failures, 0);
	assert_int_equal(r.next_try_at, 0);
	assert_int_equal(state_of(db, uuid), COMMAND_CANCELLED);
	assert_int_equal(
	    enrollments_load_usable(db, e.id, &out), ERR_NOT_FOUND);
}

static void
test_enrollments_start_over(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link = { .note = "x", .created_by = "ann" };
	struct enrollment open, issued, out;

	storefix_enrollment(db, "OPEN", &open);
	storefix_enrollment(db, "ISSUED", &issued);
	WRITE(db, scep_challenges_create(db, open.id, challenge));
	WRITE(db, enrollments_mark_issued(db, issued.id));
	WRITE(db, enrollment_links_create(db, &link, 72, token));
	WRITE(db, restored_void(db));
	assert_int_equal(
	    enrollments_load_usable(db, open.id, &out), ERR_NOT_FOUND);
	assert_int_equal(enrollments_load_usable(db, issued.id, &out), OK);
	assert_int_equal(enrollment_links_load(db, token, &link), OK);
	assert_true(link.revoked_at != 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_sessions_end),
	STOREFIX_TEST(test_tokens_are_gone),
	STOREFIX_TEST(test_nonces_are_void),
	STOREFIX_TEST(test_nothing_is_erased_twice),
	STOREFIX_TEST(test_renewals_open_again),
	STOREFIX_TEST(test_enrollments_start_over),
};

STOREFIX_MAIN(tests)
