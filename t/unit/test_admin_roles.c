#include "storefix.h"

#include <string.h>

#include "admin/admin_account.h"
#include "admin/admin_host.h"
#include "admin/admin_link.h"
#include "admin/admin_renewal.h"
#include "admin/admin_server.h"
#include "admin/admin_setting.h"
#include "store/activities.h"
#include "store/admins.h"
#include "store/rowmac.h"

static const struct conf premium = { .premium = true, .link_hours = 1 };
static const struct conf managed = {
	.premium = true, .link_hours = 1, .gitops_mode_enabled = true
};

static struct admin_actor
actor(void **state, enum admin_role role)
{
	return (struct admin_actor){ .conf = &premium,
		.db = storefix_db(state),
		.name = "ann",
		.role = role };
}

static int
set(const struct admin_actor *a, bool override)
{
	const struct admin_setting all[] = {
		{ SETTINGS_MINIMUM_MACOS, "15.1" },
		{ SETTINGS_BUSINESS_ONLY, "true" },
	};

	return admin_setting_set(a, all, 2, override);
}

static int64_t
activities(void **state)
{
	return storefix_sql(
	    storefix_db(state), "SELECT count(*) FROM activities");
}

static void
test_settings(void **state)
{
	static const int expected[] = {
		[ADMIN_ROLE_OBSERVER] = ERR_ROLE,
		[ADMIN_ROLE_MAINTAINER] = ERR_ROLE,
		[ADMIN_ROLE_ADMIN] = OK,
		[ADMIN_ROLE_GITOPS] = OK,
	};

	for (int i = 0; i < 4; i++) {
		struct admin_actor a = actor(state, (enum admin_role)i);

		assert_int_equal(set(&a, false), expected[i]);
		assert_int_equal(activities(state), i < 2 ? 0 : 2);
	}
}

static void
test_hosts(void **state)
{
	static const int expected[] = {
		[ADMIN_ROLE_OBSERVER] = ERR_ROLE,
		[ADMIN_ROLE_MAINTAINER] = OK,
		[ADMIN_ROLE_ADMIN] = OK,
		[ADMIN_ROLE_GITOPS] = ERR_ROLE,
	};
	const char *const names[] = { "C02ABCDEF" };
	char url[ADMIN_LINK_URL_TEXT];
	struct enrollment_link link;
	struct host host;

	storefix_host(storefix_db(state), names[0], 1, &host);
	for (int i = 0; i < 4; i++) {
		struct admin_actor a = actor(state, (enum admin_role)i);

		assert_int_equal(admin_host_block(&a, names, 1), expected[i]);
		assert_int_equal(admin_host_unblock(&a, names, 1), expected[i]);
		assert_int_equal(
		    admin_link_create(&a, "", "", &link, url), expected[i]);
	}
	/* the first block also withdrew the host's mark */
	assert_int_equal(activities(state), 7);
}

/* Who acts is looked at in the transaction, not only when the request came. */
static void
test_a_session_that_ended_meanwhile(void **state)
{
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);
	struct db *db = a.db;
	char text[SECRET_TOKEN_TEXT];
	struct session s;

	rowmac_set_key(db, (uint8_t[ROWMAC_KEY]){ 1 });
	WRITE(db, admins_create(db, "ann", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, sessions_create(db, "ann", 60, text, &s));
	a.session = &s;
	assert_int_equal(set(&a, false), OK);
	s.role = a.role = ADMIN_ROLE_GITOPS;
	assert_int_equal(set(&a, false), ERR_SESSION);
	s.role = a.role = ADMIN_ROLE_ADMIN;
	WRITE(db, admins_set_role(db, "ann", ADMIN_ROLE_OBSERVER));
	assert_int_equal(set(&a, false), ERR_SESSION);
	assert_int_equal(db_begin(db), OK);
	db_rollback(db);
}

static void
test_a_token_that_ended_meanwhile(void **state)
{
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);
	struct db *db = a.db;
	char text[API_TOKENS_TEXT];
	struct api_token token;

	rowmac_set_key(db, (uint8_t[ROWMAC_KEY]){ 1 });
	WRITE(db,
	    api_tokens_create(db, "ci", ADMIN_ROLE_ADMIN, 60, "ann", text));
	assert_int_equal(api_tokens_load(db, text, &token), OK);
	a.token = &token;
	assert_int_equal(set(&a, false), OK);
	token.role = a.role = ADMIN_ROLE_GITOPS;
	assert_int_equal(set(&a, false), ERR_TOKEN);
	token.role = a.role = ADMIN_ROLE_ADMIN;
	WRITE(db, api_tokens_revoke(db, "ci"));
	assert_int_equal(set(&a, false), ERR_TOKEN);
}

/* A device says of itself that it is another one. */
static void
test_a_name_of_two_hosts(void **state)
{
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);
	const char *const udid[] = { "0A0B0C0D-1" };
	struct host mine, other, found;

	storefix_host(a.db, "C02ABCDEF", 1, &mine);
	storefix_host(a.db, udid[0], 2, &other);
	storefix_change(a.db,
	    "UPDATE hosts SET udid = '0A0B0C0D-1' WHERE serial = 'C02ABCDEF'");
	assert_int_equal(admin_host_block(&a, udid, 1), ERR_CONFLICT);
	assert_int_equal(storefix_sql(a.db,
			     "SELECT count(*) FROM hosts"
			     " WHERE state = 'blocked'"),
	    0);
	assert_int_equal(admin_host_find(a.db, mine.id, &found), OK);
	assert_string_equal(found.id, mine.id);
}

static void
test_gitops(void **state)
{
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);

	a.conf = &managed;
	assert_int_equal(set(&a, false), ERR_GITOPS);
	assert_int_equal(set(&a, true), OK);
	a.role = ADMIN_ROLE_GITOPS;
	assert_int_equal(set(&a, false), OK);
}

static void
test_server(void **state)
{
	static const uint8_t key[ROWMAC_KEY] = { 1 };
	static const int expected[] = {
		[ADMIN_ROLE_OBSERVER] = ERR_ROLE,
		[ADMIN_ROLE_MAINTAINER] = ERR_ROLE,
		[ADMIN_ROLE_ADMIN] = OK,
		[ADMIN_ROLE_GITOPS] = ERR_ROLE,
	};

	rowmac_set_key(storefix_db(state), key);
	for (int i = 0; i < 4; i++) {
		struct admin_actor a = actor(state, (enum admin_role)i);

		assert_int_equal(admin_account_create(
				     &a, "zoe", ADMIN_ROLE_OBSERVER, "hash"),
		    expected[i]);
		assert_int_equal(
		    admin_server_note_backup(&a, "file"), expected[i]);
		assert_int_equal(
		    admin_server_restored(&a, "file"), expected[i]);
	}
	assert_int_equal(activities(state), 3);
}

static void
test_renewals(void **state)
{
	struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct renewal_run run = { .dry_run = true, .limit = 1 };

	assert_int_equal(admin_renewal_run(&a, &run, NULL), ERR_ROLE);
}

/* All or none. */
static void
test_all_or_none(void **state)
{
	const char *const names[] = { "C02ABCDEF", "nobody" };
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);
	struct host host;

	storefix_host(a.db, names[0], 1, &host);
	assert_int_equal(admin_host_block(&a, names, 2), ERR_NOT_FOUND);
	assert_int_equal(hosts_load(a.db, host.id, &host), OK);
	assert_int_equal(host.state, HOST_ENROLLED);
	assert_int_equal(activities(state), 0);
}

/* Whoever takes the role admin from the last one who has it locks all out. */
static void
test_last_admin(void **state)
{
	static const uint8_t key[ROWMAC_KEY] = { 1 };
	static const enum admin_role less = ADMIN_ROLE_GITOPS;
	struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);
	const char *const both[] = { "ann", "bob" };
	struct admin ann;

	rowmac_set_key(a.db, key);
	assert_int_equal(
	    admin_account_create(&a, "ann", ADMIN_ROLE_ADMIN, "hash"), OK);
	assert_int_equal(
	    admin_account_create(&a, "bob", ADMIN_ROLE_ADMIN, "hash"), OK);
	assert_int_equal(
	    admin_account_disable(&a, both, 2), ERR_LAST_ADMIN);
	assert_int_equal(admins_load(a.db, "ann", &ann), OK);
	assert_int_equal(ann.disabled_at, 0);
	assert_int_equal(
	    admin_account_set_role(&a, "bob", ADMIN_ROLE_OBSERVER), OK);
	assert_int_equal(admin_account_set_role(&a, "ann", ADMIN_ROLE_OBSERVER),
	    ERR_LAST_ADMIN);
	assert_int_equal(
	    admin_account_set_password(&a, "ann", &less, "another"),
	    ERR_LAST_ADMIN);
	assert_int_equal(
	    admin_account_set_password(&a, "ann", NULL, "another"), OK);
	assert_int_equal(admin_account_disable(&a, both, 1), ERR_LAST_ADMIN);
	/* one whose row another program wrote cannot sign in */
	storefix_sql(a.db, "UPDATE admins SET role = 'admin'");
	assert_int_equal(admin_account_disable(&a, both, 1), ERR_LAST_ADMIN);
	assert_int_equal(admin_account_disable(&a, both + 1, 1), OK);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_last_admin),
	STOREFIX_TEST(test_settings),
	STOREFIX_TEST(test_hosts),
	STOREFIX_TEST(test_server),
	STOREFIX_TEST(test_renewals),
	STOREFIX_TEST(test_a_name_of_two_hosts),
	STOREFIX_TEST(test_gitops),
	STOREFIX_TEST(test_a_session_that_ended_meanwhile),
	STOREFIX_TEST(test_a_token_that_ended_meanwhile),
	STOREFIX_TEST(test_all_or_none),
};

STOREFIX_MAIN(tests)
