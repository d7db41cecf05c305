/* What a preview says is what a renewal decides. */
#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_preview.h"
#include "base/clock.h"
#include "store/ade_devices.h"
#include "store/datum.h"
#include "store/jobs.h"

static const struct conf premium = { .premium = true };

static struct admin_actor
actor(void **state, enum admin_role role)
{
	return (struct admin_actor){ .conf = &premium,
		.db = storefix_db(state),
		.name = "ann",
		.role = role };
}

static void
record(struct db *db, const char *account, const char *serial,
    const char *family, const char *words)
{
	struct ade_device d = { .fetch = 1 };

	COPY(d.account, account);
	COPY(d.serial, serial);
	COPY(d.device_family, family);
	COPY(d.description, words);
	WRITE(db, ade_devices_fetched(db, &d));
}

static void
enroll(void **state, int tag, const char *product, const char *os,
    bool attested)
{
	struct db *db = storefix_db(state);
	char serial[DB_SERIAL_TEXT], sql[400];
	struct host host;

	snprintf(serial, sizeof serial, "C02PREVIEW%02d", tag);
	storefix_host(db, serial, tag, &host);
	snprintf(sql, sizeof sql,
	    "UPDATE hosts SET product_name = '%s', os_version = '%s',"
	    " hardware_attested = %d, ever_attested_at = %s,"
	    " attested_product = '%s' WHERE serial = '%s'",
	    product, os, attested, attested ? "5" : "NULL",
	    attested ? product : "", serial);
	storefix_change(db, sql);
}

#define PRODUCTS 6
#define HOSTS    (PRODUCTS * 2 * 5)

/* Each product, attested or not, with each kind of record. */
static void
populate(void **state)
{
	static const char *const products[PRODUCTS][2] = {
		{ "Mac15,3", "15.1" }, { "Mac15,3", "13.6" },
		{ "MacBookPro16,1", "13.6" }, { "iPhone14,2", "17.0" },
		{ "iPad7,5", "17.0" }, { "Toaster1,1", "1.0" } };
	struct db *db = storefix_db(state);
	char serial[DB_SERIAL_TEXT];
	int tag;

	for (tag = 0; tag < HOSTS; tag++) {
		enroll(state, tag + 1, products[tag % PRODUCTS][0],
		    products[tag % PRODUCTS][1], tag / PRODUCTS % 2 == 1);
		snprintf(serial, sizeof serial, "C02PREVIEW%02d", tag + 1);
		if (tag / PRODUCTS / 2 == 1)
			record(db, "csv", serial, "", "");
		else if (tag / PRODUCTS / 2 == 2)
			record(db, "one", serial, "Mac", "Apple M2");
		else if (tag / PRODUCTS / 2 == 3)
			record(db, "one", serial, "iPad", "");
		else if (tag / PRODUCTS / 2 == 4) {
			record(db, "one", serial, "", "iPhone 14");
			record(db, "two", serial, "", "");
			WRITE(db, ade_devices_remove(db, "one", serial));
			if (tag % 2 == 0)
				WRITE(db,
				    ade_devices_remove(db, "two", serial));
		}
	}
	/* not enrolled: before, between and behind the others */
	record(db, "one", "A", "Mac", "");
	record(db, "two", "A", "Mac", "");
	record(db, "one", "C02PREVIEW05X", "Mac", "");
	record(db, "one", "Z", "iPhone", "");
	record(db, "one", "ZZ", "iPhone", "");
	WRITE(db, ade_devices_remove(db, "one", "ZZ"));
}

/* As enroll/renewer.c decides it. */
static void
decide(void **state, const char *serial, struct decision *out)
{
	struct decision_input in = { .source = ENROLLMENT_COMMAND };

	assert_int_equal(device_state_load(storefix_db(state), &premium, serial,
			     &in.state),
	    OK);
	in.device = in.state.host.device;
	decision_make(&in, out);
}

static void
set(void **state, const struct admin_setting *all, size_t n)
{
	const struct admin_actor a = actor(state, ADMIN_ROLE_ADMIN);

	assert_int_equal(admin_setting_set(&a, all, n, false), OK);
}

/* The serial numbers of a group, page by page, are those of the decision. */
static int64_t
check_group(void **state, const struct admin_setting *all, size_t n,
    const struct admin_preview_group *g)
{
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct admin_preview_hosts hosts = { .next = "" };
	struct decision d;
	int64_t found = 0;
	size_t i;

	do {
		char after[DB_SERIAL_TEXT];

		memcpy(after, hosts.next, sizeof after);
		assert_int_equal(
		    admin_preview_list(&a, all, n, g->key, after, &hosts), OK);
		for (i = 0; i < hosts.n; i++) {
			decide(state, hosts.serials[i], &d);
			assert_int_equal(d.method, g->method);
			assert_int_equal(d.code, g->code);
			assert_string_equal(d.reason, g->reason);
			if (found < ADMIN_PREVIEW_SERIALS)
				assert_string_equal(
				    g->serials[found], hosts.serials[i]);
			found++;
		}
	} while (hosts.next[0] != '\0');
	assert_int_equal(found, g->hosts);
	return found;
}

/* All settings before, all settings then. */
static void
test_never_disagrees(void **state)
{
	static const char *const flags[] = { "false", "true" };
	static const char *const words[] = { "macs", "all" };
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct admin_preview p;
	struct decision now[HOSTS + 1], then;
	char serial[DB_SERIAL_TEXT];
	int from, to, tag;

	populate(state);
	for (from = 0; from < 8; from++)
		for (to = 0; to < 8; to++) {
			const struct admin_setting before[] = {
				{ SETTINGS_REQUIRE_ATTESTATION,
				    flags[from & 1] },
				{ SETTINGS_BUSINESS_ONLY, flags[from >> 1 & 1] },
				{ SETTINGS_ATTESTATION_DEVICES, words[from >> 2] }
			};
			const struct admin_setting after[] = {
				{ SETTINGS_REQUIRE_ATTESTATION, flags[to & 1] },
				{ SETTINGS_BUSINESS_ONLY, flags[to >> 1 & 1] },
				{ SETTINGS_ATTESTATION_DEVICES, words[to >> 2] }
			};
			int64_t acme = 0, scep = 0, refused = 0, newly = 0;
			int64_t listed = 0;
			size_t i;

			set(state, before, 3);
			for (tag = 1; tag <= HOSTS; tag++) {
				snprintf(serial, sizeof serial,
				    "C02PREVIEW%02d", tag);
				decide(state, serial, &now[tag]);
			}
			assert_int_equal(admin_preview(&a, after, 3, &p), OK);
			set(state, after, 3);
			for (tag = 1; tag <= HOSTS; tag++) {
				snprintf(serial, sizeof serial,
				    "C02PREVIEW%02d", tag);
				decide(state, serial, &then);
				acme += then.method == DECISION_ACME;
				scep += then.method == DECISION_SCEP;
				refused += then.method == DECISION_REFUSE;
				newly += then.method == DECISION_REFUSE &&
				    now[tag].method != DECISION_REFUSE;
			}
			assert_int_equal(p.hosts, HOSTS);
			assert_int_equal(p.acme, acme);
			assert_int_equal(p.scep, scep);
			assert_int_equal(p.refused, refused);
			assert_int_equal(p.newly_refused, newly);
			assert_int_equal(p.not_enrolled, 3);
			if (from != 0)
				continue;
			for (i = 0; i < p.n; i++)
				listed += check_group(
				    state, after, 3, &p.groups[i]);
			assert_int_equal(listed, HOSTS);
		}
}

static void
test_one_setting(void **state)
{
	const struct admin_setting on = { SETTINGS_REQUIRE_ATTESTATION,
		"true" };
	const struct admin_setting all = { SETTINGS_ATTESTATION_DEVICES,
		"all" };
	const struct admin_setting macs = { SETTINGS_ATTESTATION_DEVICES,
		"macs" };
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct db *db = storefix_db(state);
	struct admin_preview p;

	assert_int_equal(admin_preview(&a, &on, 1, &p), OK);
	assert_int_equal(p.hosts + p.not_enrolled, 0);
	enroll(state, 1, "iPhone14,2", "17.0", false);
	enroll(state, 2, "iPhone14,2", "17.0", true);
	enroll(state, 3, "Mac15,3", "15.1", false);
	record(db, "one", "C02PREVIEW01", "iPhone", "");
	record(db, "one", "C02PREVIEW02", "iPhone", "");
	record(db, "one", "C02PREVIEW03", "Mac", "");
	assert_int_equal(admin_preview(&a, &on, 1, &p), OK);
	assert_int_equal(p.acme, 1);
	assert_int_equal(p.scep, 2);
	/* it recommends the wider choice */
	assert_int_equal(p.could_attest, 2);
	assert_int_equal(p.losing, 0);
	set(state, &on, 1);
	assert_int_equal(admin_preview(&a, &all, 1, &p), OK);
	assert_int_equal(p.acme, 3);
	assert_int_equal(p.attested, 1);
	assert_int_equal(p.could_attest, 0);
	set(state, &all, 1);
	assert_int_equal(admin_preview(&a, &macs, 1, &p), OK);
	assert_int_equal(p.losing, 1);
	assert_int_equal(p.newly_refused, 0);
}

static void
test_what_cannot_be_set_has_no_preview(void **state)
{
	static const struct conf free_tier = { .premium = false };
	const struct admin_setting on = { SETTINGS_REQUIRE_ATTESTATION,
		"true" };
	const struct admin_setting bad = { SETTINGS_REQUIRE_ATTESTATION,
		"yes" };
	struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct admin_preview_hosts hosts;
	struct admin_preview p;
	char after[DB_SERIAL_TEXT + 1];

	assert_int_equal(admin_preview(&a, &bad, 1, &p), ERR_FIELD);
	memset(after, 'A', sizeof after);
	after[DB_SERIAL_TEXT] = '\0';
	assert_int_equal(
	    admin_preview_list(&a, &on, 1, "x", after, &hosts), ERR_FIELD);
	a.conf = &free_tier;
	assert_int_equal(admin_preview(&a, &on, 1, &p), ERR_LICENSE);
}

static void
add_many(struct db *db, const char *product, const char *os_version)
{
	char sql[600];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
	    " WHERE n < %d) INSERT INTO hosts (id, serial, state, product_name,"
	    " os_version, device_name, sort_name, created_at) SELECT 'many' || n,"
	    " 'MANY' || (100000 + n), 'enrolled', '%s', %s, '', '', 1 FROM c",
	    ADMIN_PREVIEW_AT_ONCE, product, os_version);
	storefix_change(db, sql);
}

static int64_t
count_all(struct db *db)
{
	struct admin_preview_count c = { .db = db };
	bool more = true;

	while (more)
		assert_int_equal(admin_preview_count_step(&c, &more), OK);
	admin_preview_count_end(&c);
	return c.hosts;
}

static void
assert_same(const struct admin_preview *a, const struct admin_preview *b)
{
	size_t i;

	assert_int_equal(a->hosts, b->hosts);
	assert_int_equal(a->acme, b->acme);
	assert_int_equal(a->scep, b->scep);
	assert_int_equal(a->refused, b->refused);
	assert_int_equal(a->attested, b->attested);
	assert_int_equal(a->newly_refused, b->newly_refused);
	assert_int_equal(a->losing, b->losing);
	assert_int_equal(a->could_attest, b->could_attest);
	assert_int_equal(a->not_enrolled, b->not_enrolled);
	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_string_equal(a->groups[i].key, b->groups[i].key);
		assert_string_equal(a->groups[i].reason, b->groups[i].reason);
		assert_int_equal(a->groups[i].method, b->groups[i].method);
		assert_int_equal(a->groups[i].code, b->groups[i].code);
		assert_int_equal(a->groups[i].hosts, b->groups[i].hosts);
		assert_string_not_equal(a->groups[i].serials[0], "");
	}
}

/* Of many hosts the worker counts the kinds, and says when it did. */
static void
test_what_was_counted_says_the_same(void **state)
{
	static const char *const flags[] = { "false", "true" };
	static const char *const words[] = { "macs", "all" };
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct db *db = storefix_db(state);
	struct admin_preview exact, counted;
	int from, to;

	populate(state);
	/* few hosts are not counted before somebody asks */
	assert_int_equal(count_all(db), 0);
	add_many(db, "Mac14,2", "'14.1'");
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &counted), OK);
	assert_int_equal(counted.counted_at, 0);
	assert_int_equal(counted.hosts, HOSTS + ADMIN_PREVIEW_AT_ONCE);
	assert_int_equal(count_all(db), HOSTS + ADMIN_PREVIEW_AT_ONCE);
	for (from = 0; from < 8; from += 3)
		for (to = 0; to < 8; to++) {
			const struct admin_setting before[] = {
				{ SETTINGS_REQUIRE_ATTESTATION,
				    flags[from & 1] },
				{ SETTINGS_BUSINESS_ONLY, flags[from >> 1 & 1] },
				{ SETTINGS_ATTESTATION_DEVICES, words[from >> 2] }
			};
			const struct admin_setting after[] = {
				{ SETTINGS_REQUIRE_ATTESTATION, flags[to & 1] },
				{ SETTINGS_BUSINESS_ONLY, flags[to >> 1 & 1] },
				{ SETTINGS_ATTESTATION_DEVICES, words[to >> 2] }
			};

			set(state, before, 3);
			assert_int_equal(
			    admin_preview(&a, after, 3, &exact), OK);
			assert_int_equal(
			    admin_preview_soon(&a, after, 3, &counted), OK);
			assert_true(counted.counted_at != 0);
			assert_same(&exact, &counted);
		}
	/* what happens later shows once it is counted */
	storefix_change(db,
	    "UPDATE hosts SET state = 'unenrolled'"
	    " WHERE serial = 'C02PREVIEW01'");
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &counted), OK);
	assert_int_equal(counted.hosts, HOSTS + ADMIN_PREVIEW_AT_ONCE);
	assert_int_equal(count_all(db), HOSTS + ADMIN_PREVIEW_AT_ONCE - 1);
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &counted), OK);
	assert_int_equal(counted.hosts, HOSTS + ADMIN_PREVIEW_AT_ONCE - 1);
	/* and with few hosts nothing is kept */
	storefix_change(db,
	    "UPDATE hosts SET state = 'unenrolled'"
	    " WHERE serial LIKE 'MANY1%'");
	assert_int_equal(count_all(db), 0);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM host_kinds"), 0);
}

static void
test_an_old_count_is_counted_anew(void **state)
{
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct db *db = storefix_db(state);
	struct admin_preview p;

	add_many(db, "Mac14,2", "'14.1'");
	enroll(state, 1, "Mac15,3", "15.1", false);
	assert_int_equal(jobs_add(db, "count", INT64_C(1) << 40), OK);
	count_all(db);
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &p), OK);
	assert_int_equal(
	    storefix_sql(db, "SELECT next_run_at < 10000000000 FROM jobs"), 0);
	clock_set_offset(ADMIN_PREVIEW_FRESH + 1);
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &p), OK);
	clock_set_offset(0);
	assert_int_equal(p.hosts, ADMIN_PREVIEW_AT_ONCE + 1);
	assert_int_equal(
	    storefix_sql(db, "SELECT next_run_at < 10000000000 FROM jobs"), 1);
}

/* Devices say what they are; as many kinds as hosts are not kept. */
static void
test_kinds_without_number(void **state)
{
	const struct admin_actor a = actor(state, ADMIN_ROLE_OBSERVER);
	struct db *db = storefix_db(state);
	struct admin_preview p;

	add_many(db, "Mac14,2", "'14.' || n");
	enroll(state, 1, "Mac15,3", "15.1", false);
	count_all(db);
	assert_int_equal(admin_preview_soon(&a, NULL, 0, &p), OK);
	assert_int_equal(p.counted_at, 0);
	assert_int_equal(p.hosts, ADMIN_PREVIEW_AT_ONCE + 1);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_never_disagrees),
	STOREFIX_TEST(test_one_setting),
	STOREFIX_TEST(test_what_cannot_be_set_has_no_preview),
	STOREFIX_TEST(test_what_was_counted_says_the_same),
	STOREFIX_TEST(test_an_old_count_is_counted_anew),
	STOREFIX_TEST(test_kinds_without_number),
};

STOREFIX_MAIN(tests)
