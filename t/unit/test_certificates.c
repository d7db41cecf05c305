#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/certificates.h"
#include "store/renewals.h"

static const uint8_t key_id[20] = { 0xaa, 0xbb };

static struct blob
issuer(void)
{
	return blob_of(key_id, sizeof key_id);
}

static void
fill(struct db *db, const char *serial, uint8_t tag, struct certificate *c)
{
	struct enrollment e;

	storefix_enrollment(db, serial, &e);
	*c = (struct certificate){ .sha256 = { tag },
		.der = blob_str("der"),
		.serial_number = { 0, tag },
		.serial_number_len = 16,
		.spki_sha256 = { tag },
		.issuer_key_id_len = sizeof key_id,
		.hardware_attested = true,
		.not_before = clock_now(),
		.not_after = clock_now() + 86400 };
	secret_id(c->id);
	memcpy(c->issuer_key_id, key_id, sizeof key_id);
	memcpy(c->enrollment_id, e.id, sizeof e.id);
	memcpy(c->serial, e.device.serial, sizeof e.device.serial);
}

static void
issue(struct db *db, const char *serial, uint8_t tag, struct certificate *c)
{
	fill(db, serial, tag, c);
	WRITE(db, certificates_insert(db, c));
}

static void
assert_state(
    struct db *db, const struct certificate *c, enum certificate_state expected)
{
	struct certificate out;

	assert_int_equal(certificates_load(db, c->sha256, &out), OK);
	assert_int_equal(out.state, expected);
	certificates_release(&out);
}

/* Two of no device yet are no device's; each becomes one, once. */
static void
test_bind(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate a, b;

	issue(db, "S1", 1, &a);
	issue(db, "S2", 2, &b);
	assert_int_equal(db_begin(db), OK);
	storefix_sql(db, "UPDATE certificates SET serial = ''");
	assert_int_equal(db_commit(db), OK);
	WRITE(db, certificates_bind(db, a.sha256, "S1"));
	REFUSE(db, ERR_CONFLICT, certificates_bind(db, a.sha256, "S2"));
	WRITE(db, certificates_make_current(db, a.sha256));
	assert_state(db, &b, CERTIFICATE_ISSUED);
	WRITE(db, certificates_make_current(db, b.sha256));
	assert_state(db, &a, CERTIFICATE_CURRENT);
	REFUSE(db, ERR_CONFLICT, certificates_bind(db, b.sha256, "S2"));
}

/* Without a serial number nothing belongs together. */
static void
test_unbound_retire_nothing(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate a, b;

	issue(db, "S1", 1, &a);
	issue(db, "S2", 2, &b);
	assert_int_equal(db_begin(db), OK);
	storefix_sql(db, "UPDATE certificates SET serial = ''");
	assert_int_equal(db_commit(db), OK);
	WRITE(db, certificates_make_current(db, b.sha256));
	assert_state(db, &a, CERTIFICATE_ISSUED);
}

static void
test_every_way_to_load(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate c, out[5];
	bool known;

	issue(db, "S1", 1, &c);
	assert_int_equal(certificates_load(db, c.sha256, &out[0]), OK);
	assert_int_equal(certificates_load_by_id(db, c.id, &out[1]), OK);
	assert_int_equal(
	    certificates_load_by_enrollment(db, c.enrollment_id, &out[2]), OK);
	assert_int_equal(certificates_load_by_number(
			     db, blob_of(c.serial_number, 16), &out[3]),
	    OK);
	assert_int_equal(certificates_load_by_issuer(db, issuer(),
			     blob_of(c.serial_number, 16), &out[4]),
	    OK);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(out[i].id, c.id);
		assert_true(blob_eq_str(out[i].der, "der"));
		assert_int_equal(out[i].serial_number_len, 16);
		assert_true(out[i].hardware_attested);
		certificates_release(&out[i]);
	}
	/* a number without its leading zero is another number */
	assert_int_equal(certificates_load_by_number(
			     db, blob_of(c.serial_number + 1, 15), &out[0]),
	    ERR_NOT_FOUND);
	assert_int_equal(certificates_load_by_issuer(db, blob_str("other"),
			     blob_of(c.serial_number, 16), &out[0]),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    certificates_spki_known(db, c.spki_sha256, &known), OK);
	assert_true(known);
}

static void
test_everything_is_unique(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate c, other, bad;

	issue(db, "S1", 1, &c);
	fill(db, "S1", 2, &other);
	bad = other;
	memcpy(bad.enrollment_id, c.enrollment_id, DB_ID_TEXT);
	REFUSE(db, ERR_CONFLICT, certificates_insert(db, &bad));
	bad = other;
	memcpy(bad.spki_sha256, c.spki_sha256, SECRET_SHA256);
	REFUSE(db, ERR_CONFLICT, certificates_insert(db, &bad));
	bad = other;
	memcpy(bad.serial_number, c.serial_number, CERTIFICATES_NUMBER_MAX);
	REFUSE(db, ERR_CONFLICT, certificates_insert(db, &bad));
	bad = other;
	memcpy(bad.sha256, c.sha256, SECRET_SHA256);
	REFUSE(db, ERR_CONFLICT, certificates_insert(db, &bad));
	WRITE(db, certificates_insert(db, &other));
}

static void
test_scope_of_the_account(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate c, out;
	struct enrollment e;
	struct account a, b;
	struct order o;

	fill(db, "S1", 1, &c);
	assert_int_equal(enrollments_load(db, c.enrollment_id, &e), OK);
	storefix_account(db, &e, 1, &a);
	storefix_account(db, &e, 2, &b);
	storefix_order(db, &a, &o);
	memcpy(c.order_id, o.id, sizeof o.id);
	WRITE(db, certificates_insert(db, &c));
	assert_int_equal(
	    certificates_load_scoped(db, e.id, a.id, c.id, &out), OK);
	certificates_release(&out);
	assert_int_equal(certificates_load_scoped(db, e.id, b.id, c.id, &out),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    certificates_load_scoped(db, "x", a.id, c.id, &out), ERR_NOT_FOUND);
	accounts_release(&a);
	accounts_release(&b);
}

static void
test_first_use_retires_the_older(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate used, forgotten, new, newer, foreign;

	issue(db, "S1", 1, &used);
	WRITE(db, certificates_make_current(db, used.sha256));
	issue(db, "S1", 2, &forgotten);
	clock_set_offset(10);
	issue(db, "S1", 3, &new);
	clock_set_offset(20);
	issue(db, "S1", 4, &newer);
	issue(db, "S2", 5, &foreign);
	WRITE(db, certificates_make_current(db, foreign.sha256));
	WRITE(db, certificates_make_current(db, new.sha256));
	assert_state(db, &used, CERTIFICATE_RETIRED);
	assert_state(db, &forgotten, CERTIFICATE_RETIRED);
	assert_state(db, &new, CERTIFICATE_CURRENT);
	assert_state(db, &newer, CERTIFICATE_ISSUED);
	assert_state(db, &foreign, CERTIFICATE_CURRENT);
	REFUSE(db, ERR_CONFLICT, certificates_make_current(db, new.sha256));
	REFUSE(db, ERR_CONFLICT, certificates_make_current(db, used.sha256));
}

static void
test_retire(void **state)
{
	struct db *db = storefix_db(state);
	struct host h, other;
	struct certificate c;

	storefix_host(db, "S1", 1, &h);
	storefix_host(db, "S2", 2, &other);
	issue(db, "S1", 3, &c);
	WRITE(db, certificates_retire_unused(db, other.id, false));
	WRITE(db, certificates_retire_unused(db, h.id, true));
	assert_state(db, &c, CERTIFICATE_ISSUED);
	WRITE(db, certificates_retire_unused(db, h.id, false));
	assert_state(db, &c, CERTIFICATE_RETIRED);
	issue(db, "S1", 4, &c);
	storefix_sql(db,
	    "UPDATE certificates SET purpose = 'renew' WHERE state = 'issued'");
	WRITE(db, certificates_retire_unused(db, h.id, true));
	assert_state(db, &c, CERTIFICATE_RETIRED);
}

/* Only what came by SCEP for an enrollment and was never used is forgotten. */
static void
test_purge(void **state)
{
	static const char *const keep[] = {
		"UPDATE certificates SET purpose = 'renew'",
		"UPDATE certificates SET purpose = 'enroll', state = 'revoked'",
		"UPDATE certificates SET state = 'issued', first_used_at = 1",
	};
	struct db *db = storefix_db(state);
	int64_t later = clock_now() + 31 * INT64_C(86400);
	struct certificate c;
	int deleted;
	size_t i;

	issue(db, "S1", 1, &c);
	storefix_sql(db, "UPDATE certificates SET order_id = NULL");
	WRITE(db, certificates_purge(db, clock_now(), 10, &deleted));
	assert_int_equal(deleted, 0);
	for (i = 0; i < sizeof keep / sizeof keep[0]; i++) {
		storefix_sql(db, keep[i]);
		WRITE(db, certificates_purge(db, later, 10, &deleted));
		assert_int_equal(deleted, 0);
	}
	storefix_sql(db, "UPDATE certificates SET first_used_at = NULL");
	WRITE(db, certificates_purge(db, later, 10, &deleted));
	assert_int_equal(deleted, 1);
}

static void
test_revoke_once(void **state)
{
	struct db *db = storefix_db(state);
	uint8_t unknown[SECRET_SHA256] = { 99 };
	struct certificate c, out;

	issue(db, "S1", 1, &c);
	WRITE(db, certificates_revoke(db, c.sha256, 4));
	assert_int_equal(certificates_load(db, c.sha256, &out), OK);
	assert_int_equal(out.state, CERTIFICATE_REVOKED);
	assert_int_equal(out.revocation_reason, 4);
	certificates_release(&out);
	REFUSE(db, ERR_ALREADY_REVOKED, certificates_revoke(db, c.sha256, 1));
	REFUSE(db, ERR_NOT_FOUND, certificates_revoke(db, unknown, 1));
	REFUSE(db, ERR_CONFLICT, certificates_make_current(db, c.sha256));
}

static void
test_revoked_stays_revoked_when_another_is_used(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate old, new;

	issue(db, "S1", 1, &old);
	WRITE(db, certificates_make_current(db, old.sha256));
	WRITE(db, certificates_revoke(db, old.sha256, 0));
	issue(db, "S1", 2, &new);
	WRITE(db, certificates_make_current(db, new.sha256));
	assert_state(db, &old, CERTIFICATE_REVOKED);
}

/* A renewal that a clock dated ahead is not newer than what is used since. */
static void
test_use_retires_stale_renewals(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate stale, open, used;
	struct enrollment e;
	struct host h;

	storefix_host(db, "S1", 9, &h);
	clock_set_offset(20 * 86400);
	fill(db, "S1", 1, &stale);
	stale.purpose = ENROLLMENT_RENEW;
	WRITE(db, certificates_insert(db, &stale));
	fill(db, "S1", 2, &open);
	open.purpose = ENROLLMENT_RENEW;
	WRITE(db, certificates_insert(db, &open));
	clock_set_offset(0);
	memcpy(e.id, open.enrollment_id, sizeof e.id);
	WRITE(db, renewals_open(db, h.id, e.id, "uuid"));
	issue(db, "S1", 3, &used);
	WRITE(db, certificates_make_current(db, used.sha256));
	assert_state(db, &stale, CERTIFICATE_RETIRED);
	assert_state(db, &open, CERTIFICATE_ISSUED);
}

static void
test_revoked_attests_nothing(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate c, other;
	struct host h, out;

	storefix_host(db, "S1", 1, &h);
	issue(db, "S1", 1, &c);
	storefix_sql(db,
	    "UPDATE hosts SET certificate_sha256 ="
	    " (SELECT sha256 FROM certificates)");
	issue(db, "S1", 2, &other);
	WRITE(db, certificates_revoke(db, other.sha256, 0));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_true(out.hardware_attested);
	WRITE(db, certificates_revoke(db, c.sha256, 0));
	assert_int_equal(hosts_load(db, h.id, &out), OK);
	assert_false(out.hardware_attested);
}

static void
test_revocation_list(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate_revoked_list list;
	struct certificate c;
	int64_t number;

	issue(db, "S1", 1, &c);
	assert_int_equal(certificates_list_revoked(db, issuer(), &list), OK);
	assert_int_equal(list.n, 0);
	certificates_revoked_release(&list);
	WRITE(db, certificates_revoke(db, c.sha256, 1));
	assert_int_equal(certificates_list_revoked(db, issuer(), &list), OK);
	assert_int_equal(list.n, 1);
	assert_memory_equal(list.rows[0].serial_number, c.serial_number, 16);
	assert_int_equal(list.rows[0].reason, 1);
	certificates_revoked_release(&list);
	assert_int_equal(
	    certificates_list_revoked(db, blob_str("x"), &list), OK);
	assert_int_equal(list.n, 0);
	certificates_revoked_release(&list);
	clock_set_offset(86400 * 9);
	assert_int_equal(certificates_list_revoked(db, issuer(), &list), OK);
	assert_int_equal(list.n, 0);
	certificates_revoked_release(&list);
	for (int i = 1; i <= 3; i++) {
		WRITE(db, certificates_next_crl_number(db, issuer(), &number));
		assert_int_equal(number, i);
	}
	WRITE(db, certificates_next_crl_number(db, blob_str("x"), &number));
	assert_int_equal(number, 1);
}

static void
test_lists(void **state)
{
	struct db *db = storefix_db(state);
	struct certificate_filter filter = { .search = "search", .limit = 1 };
	char next[CURSOR_TEXT];
	struct certificate_list list;
	struct certificate c;

	issue(db, "SEARCHED", 1, &c);
	clock_set_offset(10);
	issue(db, "SEARCHED", 2, &c);
	clock_set_offset(20);
	issue(db, "BBB", 3, &c);
	assert_int_equal(certificates_list(db, &filter, &list), OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.rows[0].sha256[0], 2);
	assert_int_equal(list.rows[0].der.n, 0);
	memcpy(next, list.next, sizeof next);
	certificates_list_release(&list);
	filter.cursor = next;
	assert_int_equal(certificates_list(db, &filter, &list), OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.rows[0].sha256[0], 1);
	assert_string_equal(list.next, "");
	certificates_list_release(&list);
	filter.search = NULL;
	assert_int_equal(certificates_list(db, &filter, &list), ERR_FIELD);
	filter.cursor = NULL;
	assert_int_equal(certificates_list(db, &filter, &list), OK);
	assert_int_equal(list.rows[0].sha256[0], c.sha256[0]);
	assert_string_not_equal(list.next, "");
	certificates_list_release(&list);
	filter.search = c.id;
	assert_int_equal(certificates_list(db, &filter, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "BBB");
	certificates_list_release(&list);
	assert_int_equal(
	    certificates_list_by_serial(db, "SEARCHED", &list), OK);
	assert_int_equal(list.n, 2);
	certificates_list_release(&list);
	WRITE(db, certificates_revoke(db, c.sha256, 1));
	filter = (struct certificate_filter){ .revoked = true, .limit = 9 };
	assert_int_equal(certificates_list(db, &filter, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "BBB");
	certificates_list_release(&list);
}

static int
use(struct db *db, int number, void *arg)
{
	const struct certificate *c = arg;
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = certificates_make_current(db, c->sha256);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_CONFLICT ? 1 : 2;
}

static void
test_first_use_happens_once(void **state)
{
	struct certificate c;

	issue(storefix_db(state), "S1", 1, &c);
	assert_int_equal(storefix_race(state, 8, use, &c), 1);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_bind),
	STOREFIX_TEST(test_unbound_retire_nothing),
	STOREFIX_TEST(test_every_way_to_load),
	STOREFIX_TEST(test_everything_is_unique),
	STOREFIX_TEST(test_scope_of_the_account),
	STOREFIX_TEST(test_first_use_retires_the_older),
	STOREFIX_TEST(test_retire),
	STOREFIX_TEST(test_purge),
	STOREFIX_TEST(test_revoke_once),
	STOREFIX_TEST(test_revoked_stays_revoked_when_another_is_used),
	STOREFIX_TEST(test_use_retires_stale_renewals),
	STOREFIX_TEST(test_revoked_attests_nothing),
	STOREFIX_TEST(test_revocation_list),
	STOREFIX_TEST(test_lists),
	STOREFIX_TEST(test_first_use_happens_once),
};

STOREFIX_MAIN(tests)
