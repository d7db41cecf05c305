#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/api_tokens.h"

static void
meanwhile(void **state, const char *sql)
{
	storefix_meanwhile(state, sql);
	WRITE(storefix_db(state), OK);
	storefix_meanwhile_end(state);
}

static void
make(void **state, const char *name, char text[API_TOKENS_TEXT])
{
	struct db *db = storefix_db(state);

	WRITE(db,
	    api_tokens_create(
		db, name, ADMIN_ROLE_OBSERVER, 3600, "ann", text));
}

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT], other[API_TOKENS_TEXT];
	struct api_token t;

	make(state, "deploy", text);
	assert_int_equal(strncmp(text, "amdm_", 5), 0);
	assert_int_equal(strlen(text), API_TOKENS_TEXT - 1);
	assert_int_equal(api_tokens_load(db, text, &t), OK);
	assert_string_equal(t.name, "deploy");
	assert_string_equal(t.created_by, "ann");
	assert_int_equal(t.role, ADMIN_ROLE_OBSERVER);
	assert_int_equal(t.expires_at, t.created_at + 3600);
	assert_true(t.authentic);
	/* the database knows nothing that leads to it */
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM api_tokens"
			     " WHERE instr(token_mac, 'amdm_') > 0"),
	    0);

	make(state, "other", other);
	text[API_TOKENS_TEXT - 2] =
	    text[API_TOKENS_TEXT - 2] == 'A' ? 'E' : 'A';
	assert_int_equal(api_tokens_load(db, text, &t), ERR_TOKEN);
	assert_int_equal(t.name[0], '\0');
	assert_int_equal(api_tokens_load(db, "", &t), ERR_TOKEN);
	assert_int_equal(api_tokens_load(db, "amdm_", &t), ERR_TOKEN);
	assert_int_equal(api_tokens_load(db, other + 5, &t), ERR_TOKEN);
	assert_int_equal(api_tokens_load(db, other, &t), OK);
}

static void
test_names(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT], name[API_TOKENS_NAME_TEXT + 1];

	make(state, "a.B-c_9", text);
	REFUSE(db, ERR_EXISTS,
	    api_tokens_create(db, "a.B-c_9", ADMIN_ROLE_ADMIN, 9, "ann", text));
	assert_int_equal(text[0], '\0');
	REFUSE(db, ERR_FIELD,
	    api_tokens_create(db, "", ADMIN_ROLE_ADMIN, 9, "ann", text));
	REFUSE(db, ERR_FIELD,
	    api_tokens_create(db, "a b", ADMIN_ROLE_ADMIN, 9, "ann", text));
	memset(name, 'x', sizeof name);
	name[API_TOKENS_NAME_TEXT] = '\0';
	REFUSE(db, ERR_FIELD,
	    api_tokens_create(db, name, ADMIN_ROLE_ADMIN, 9, "ann", text));
	name[API_TOKENS_NAME_TEXT - 1] = '\0';
	make(state, name, text);
}

static void
test_expiry_and_revocation(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT];
	struct api_token_list list;
	struct api_token t;

	make(state, "deploy", text);
	clock_set_offset(3599);
	assert_int_equal(api_tokens_load(db, text, &t), OK);
	clock_set_offset(3601);
	assert_int_equal(api_tokens_load(db, text, &t), ERR_TOKEN);
	clock_set_offset(0);
	WRITE(db, api_tokens_revoke(db, "deploy"));
	assert_int_equal(api_tokens_load(db, text, &t), ERR_TOKEN);
	REFUSE(db, ERR_CONFLICT, api_tokens_revoke(db, "deploy"));
	REFUSE(db, ERR_NOT_FOUND, api_tokens_revoke(db, "nobody"));
	assert_int_equal(api_tokens_list(db, &list), OK);
	assert_int_equal(list.n, 1);
	assert_true(list.rows[0].authentic);
	assert_string_equal(
	    api_tokens_state_name(&list.rows[0], clock_now()), "revoked");
	api_tokens_list_release(&list);
	/* a row that is only put back is not authentic */
	meanwhile(state, "UPDATE api_tokens SET revoked_at = NULL");
	assert_int_equal(api_tokens_load(db, text, &t), ERR_TOKEN);
}

/* What another program may write. */
static void
test_foreign_rows(void **state)
{
	static const char *const changes[] = {
		"UPDATE api_tokens SET role = 'admin' WHERE name = 'mine'",
		"UPDATE api_tokens SET expires_at = expires_at + 1"
		" WHERE name = 'mine'",
		"UPDATE api_tokens SET mac = NULL WHERE name = 'mine'",
		"UPDATE api_tokens SET mac = (SELECT mac FROM api_tokens"
		" WHERE name = 'boss') WHERE name = 'mine'",
		"UPDATE api_tokens SET name = 'yours' WHERE name = 'mine'",
	};
	struct db *db = storefix_db(state);
	char mine[API_TOKENS_TEXT], boss[API_TOKENS_TEXT];
	struct api_token t;

	WRITE(db,
	    api_tokens_create(db, "boss", ADMIN_ROLE_ADMIN, 3600, "ann", boss));
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		make(state, "mine", mine);
		assert_int_equal(api_tokens_load(db, mine, &t), OK);
		meanwhile(state, changes[i]);
		assert_int_equal(api_tokens_load(db, mine, &t), ERR_TOKEN);
		meanwhile(state, "DELETE FROM api_tokens WHERE name <> 'boss'");
	}
	/* the row of the one with the digest of the other */
	make(state, "mine", mine);
	meanwhile(state,
	    "UPDATE api_tokens SET token_mac = zeroblob(32)"
	    " WHERE name = 'boss' RETURNING 1");
	assert_int_equal(api_tokens_load(db, boss, &t), ERR_TOKEN);
}

static void
test_use_is_noted(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT];
	struct api_token t;

	make(state, "deploy", text);
	assert_int_equal(api_tokens_load(db, text, &t), OK);
	assert_true(api_tokens_is_stale(&t));
	WRITE(db, api_tokens_touch(db, &t));
	assert_int_equal(api_tokens_load(db, text, &t), OK);
	assert_int_equal(t.last_used_at, clock_now());
	assert_false(api_tokens_is_stale(&t));
	clock_set_offset(API_TOKENS_TOUCH);
	assert_true(api_tokens_is_stale(&t));
	/* a clock that was set back */
	clock_set_offset(-3600);
	assert_true(api_tokens_is_stale(&t));
	clock_set_offset(0);
}

static void
test_purge(void **state)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT];
	int64_t now = clock_now();
	int deleted;

	make(state, "short", text);
	make(state, "revoked", text);
	WRITE(db, api_tokens_revoke(db, "revoked"));
	WRITE(db, api_tokens_purge(db, now + 89 * 86400, 9, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, api_tokens_purge(db, now + 91 * 86400, 9, &deleted));
	assert_int_equal(deleted, 2);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_and_load),
	STOREFIX_TEST(test_names),
	STOREFIX_TEST(test_expiry_and_revocation),
	STOREFIX_TEST(test_foreign_rows),
	STOREFIX_TEST(test_use_is_noted),
	STOREFIX_TEST(test_purge),
};

STOREFIX_MAIN(tests)
