/* What becomes of a renewal, and what it leaves. */
#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/store.h"
#include "unit/renewalsfix.h"

static enum enrollment_state
enrollment_state(struct db *db, const struct enrollment *e)
{
	struct enrollment out;

	assert_int_equal(enrollments_load(db, e->id, &out), OK);
	return out.state;
}

static size_t
command_bytes(struct db *db, const struct host *host, const char *uuid)
{
	struct command c;
	size_t n;

	assert_int_equal(commands_load(db, host->id, uuid, &c), OK);
	n = c.plist.n;
	commands_release(&c);
	return n;
}

static enum command_state
command_state(struct db *db, const struct host *host, const char *uuid)
{
	enum command_state state;
	struct command c;

	assert_int_equal(commands_load(db, host->id, uuid, &c), OK);
	state = c.state;
	commands_release(&c);
	return state;
}

#define OPEN_ALARMS                                                            \
	"SELECT count(*) FROM alarms WHERE kind = 'renewal-failing'"           \
	" AND serial = 'S1' AND closed_at IS NULL"

/* fleet-114, mdm-105: again after one, three, then seven days. */
static void
test_fail_backs_off(void **state)
{
	static const int days[] = { 1, 3, 7, 7 };
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;
	int64_t at = 0;

	renewalsfix_enroll_year(db, "S1", 1, 150, &h);
	REFUSE(db, ERR_CONFLICT, renewals_fail(db, h.id, false, "no"));
	for (int i = 0; i < 4; i++) {
		renewalsfix_open_it(db, &h, &e, uuid);
		assert_int_not_equal(command_bytes(db, &h, uuid), 0);
		WRITE(db, renewals_fail(db, h.id, false, "no key"));
		assert_int_equal(command_bytes(db, &h, uuid), 0);
		assert_int_equal(enrollment_state(db, &e), ENROLLMENT_REVOKED);
		assert_int_equal(
		    command_state(db, &h, uuid), COMMAND_CANCELLED);
		assert_int_equal(renewals_load(db, h.id, &r), OK);
		assert_int_equal(r.failures, i + 1);
		assert_int_equal(storefix_sql(db, OPEN_ALARMS), i >= 2);
		assert_string_equal(r.last_error, "no key");
		assert_string_equal(r.enrollment_id, "");
		/* so that a command already sent is known for what it was */
		assert_string_equal(r.command_uuid, uuid);
		at += days[i] * DAY;
		clock_set_offset(at - 1);
		renewalsfix_assert_due(db, "");
		clock_set_offset(at);
		renewalsfix_assert_due(db, "S1");
	}
	WRITE(db, renewals_finish(db, h.id));
	assert_int_equal(storefix_sql(db, OPEN_ALARMS), 0);
	clock_set_offset(0);
}

/* With little left, a third of that, but not less than an hour. */
static void
test_backs_off_less_near_the_end(void **state)
{
	static const struct {
		int64_t left, wait;
	} steps[] = { { 30 * DAY, DAY }, { 30 * DAY, 3 * DAY },
		{ 15 * DAY, 5 * DAY }, { 3600, 3600 }, { -DAY, 3600 } };
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;
	size_t i;

	renewalsfix_enroll_year(db, "S1", 1, 30, &h);
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		clock_set_offset(30 * DAY - steps[i].left);
		renewalsfix_open_it(db, &h, &e, uuid);
		WRITE(db, renewals_fail(db, h.id, false, "no key"));
		assert_int_equal(renewals_load(db, h.id, &r), OK);
		assert_int_equal(r.next_try_at - clock_now(), steps[i].wait);
	}
	clock_set_offset(0);
}

static void
assert_unanswered(struct db *db, const struct host *host, bool expected)
{
	bool got;

	assert_int_equal(
	    renewal_candidates_is_unanswered(db, host->id, clock_now(), &got),
	    OK);
	assert_int_equal(got, expected);
}

/* What a clock noted that was a year ahead loses no host. */
static void
test_wrong_clock(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_candidate_list list;
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct host failed, unanswered, open;

	renewalsfix_enroll_year(db, "FAILED", 1, 25, &failed);
	renewalsfix_enroll_year(db, "LATE", 2, 26, &unanswered);
	renewalsfix_enroll_year(db, "OPEN", 3, 27, &open);
	clock_set_offset(365 * DAY);
	renewalsfix_open_it(db, &failed, &e, uuid);
	WRITE(db, renewals_fail(db, failed.id, false, "no key"));
	WRITE(db, renewals_mark_alarmed(db, failed.id));
	renewalsfix_open_it(db, &unanswered, &e, uuid);
	WRITE(db, renewals_fail(db, unanswered.id, true, "no answer"));
	renewalsfix_open_it(db, &open, &e, uuid);
	clock_set_offset(0);
	renewalsfix_assert_due(db, "FAILED LATE");
	renewalsfix_assert_ending(db, "FAILED LATE OPEN");
	assert_int_equal(
	    renewal_candidates_unanswered(db, clock_now(), 10, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "OPEN");
	renewal_candidates_list_release(&list);
	assert_unanswered(db, &open, true);
	/* another one takes its place meanwhile */
	WRITE(db, renewals_withdraw(db, open.id, "closed"));
	assert_unanswered(db, &open, false);
	renewalsfix_open_it(db, &open, &e, uuid);
	assert_unanswered(db, &open, false);
}

static void
test_withdraw(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	REFUSE(db, ERR_CONFLICT, renewals_withdraw(db, h.id, "no"));
	renewalsfix_open_it(db, &h, &e, uuid);
	WRITE(db, renewals_withdraw(db, h.id, "forbidden"));
	assert_int_equal(renewals_load(db, h.id, &r), OK);
	assert_int_equal(r.failures, 0);
	assert_string_equal(r.last_error, "forbidden");
	assert_int_equal(enrollment_state(db, &e), ENROLLMENT_REVOKED);
	assert_int_equal(command_state(db, &h, uuid), COMMAND_CANCELLED);
	assert_int_equal(command_bytes(db, &h, uuid), 0);
	renewalsfix_assert_due(db, "S1");
}

/* mdm-103: nobody answered; the next try waits until the host is back. */
static void
test_unanswered_waits_for_the_host(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_candidate_list list;
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	renewalsfix_open_it(db, &h, &e, uuid);
	assert_int_equal(
	    renewal_candidates_unanswered(db, e.expires_at - 1, 10, &list), OK);
	assert_int_equal(list.n, 0);
	renewal_candidates_list_release(&list);
	assert_int_equal(
	    renewal_candidates_unanswered(db, e.expires_at, 10, &list), OK);
	assert_int_equal(list.n, 1);
	renewal_candidates_list_release(&list);
	WRITE(db, renewals_fail(db, h.id, true, "no answer"));
	clock_set_offset(30 * DAY);
	renewalsfix_assert_due(db, "");
	WRITE(db, hosts_seen(db, h.id));
	renewalsfix_assert_due(db, "S1");
	clock_set_offset(0);
}

/*
 * A certificate came of it: the device may be using that already, so only one
 * that shows up with its old one is asked again, and nothing is revoked.
 */
static void
test_unanswered_with_a_certificate(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_candidate_list list;
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	renewalsfix_open_it(db, &h, &e, uuid);
	WRITE(db, enrollments_mark_issued(db, e.id));
	assert_int_equal(
	    renewal_candidates_unanswered(db, e.expires_at + DAY, 10, &list),
	    OK);
	assert_int_equal(list.n, 0);
	renewal_candidates_list_release(&list);
	clock_set_offset(2 * DAY);
	WRITE(db, hosts_seen(db, h.id));
	assert_int_equal(
	    renewal_candidates_unanswered(db, clock_now(), 10, &list), OK);
	assert_int_equal(list.n, 1);
	renewal_candidates_list_release(&list);
	WRITE(db, renewals_fail(db, h.id, true, "no answer"));
	assert_int_equal(enrollment_state(db, &e), ENROLLMENT_ISSUED);
	clock_set_offset(0);
}

static void
test_finish_forgets(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT], former[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	WRITE(db, renewals_finish(db, h.id));
	renewalsfix_open_it(db, &h, &e, uuid);
	WRITE(db, renewals_fail(db, h.id, false, "no"));
	renewalsfix_open_it(db, &h, &e, uuid);
	WRITE(db, enrollments_mark_issued(db, e.id));
	WRITE(db, renewals_finish(db, h.id));
	assert_int_equal(renewals_load(db, h.id, &r), OK);
	assert_string_equal(r.enrollment_id, "");
	assert_string_equal(r.last_error, "");
	assert_int_equal(r.failures, 0);
	assert_int_equal(enrollment_state(db, &e), ENROLLMENT_ISSUED);
	/* the answer to the command may come yet */
	assert_int_equal(command_state(db, &h, uuid), COMMAND_QUEUED);
	assert_int_equal(command_bytes(db, &h, uuid), 0);
	renewalsfix_assert_due(db, "S1");
	memcpy(former, uuid, sizeof former);
	renewalsfix_open_it(db, &h, &e, uuid);
	/* but not after the next */
	assert_int_equal(command_state(db, &h, former), COMMAND_CANCELLED);
}

/* fleet-115: a wipe, a check-out or a block ends it. */
static void
test_new_generation_abandons(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	for (int i = 0; i < 3; i++) {
		storefix_host(db, "S1", 1, &h);
		renewalsfix_open_it(db, &h, &e, uuid);
		if (i == 0)
			storefix_host(db, "S1", 1, &h);
		else
			WRITE(db,
			    i == 1 ? hosts_check_out(db, h.id)
				   : hosts_block(db, h.id));
		assert_int_equal(renewals_load(db, h.id, &r), OK);
		assert_string_equal(r.enrollment_id, "");
		assert_int_equal(enrollment_state(db, &e), ENROLLMENT_REVOKED);
		assert_int_equal(
		    command_state(db, &h, uuid), COMMAND_CANCELLED);
	}
}

static void
test_postpone(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	WRITE(
	    db, renewals_postpone(db, h.id, "not assigned", clock_now() + 60));
	renewalsfix_assert_due(db, "");
	clock_set_offset(60);
	renewalsfix_assert_due(db, "S1");
	renewalsfix_open_it(db, &h, &e, uuid);
	WRITE(db, renewals_postpone(db, h.id, "late", clock_now() + 60));
	assert_int_equal(renewals_load(db, h.id, &r), OK);
	assert_int_equal(r.failures, 0);
	/* what was before is past, and nothing is put off that is open */
	assert_string_equal(r.last_error, "");
	clock_set_offset(0);
}

static void
test_not_attested(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_candidate_list list;
	struct host h;
	char serial[2] = "A";

	for (int i = 0; i < 4; i++, serial[0]++) {
		renewalsfix_enroll_year(db, serial, i + 1, 300, &h);
		if (i != 3)
			WRITE(db,
			    hosts_set_certificate(db, h.id,
				&(struct host_identity){
				    .certificate_sha256 = h.certificate_sha256,
				    .enrollment_id = "e" }));
		if (i != 1)
			WRITE(db,
			    ade_devices_put(db,
				&(struct ade_device){
				    .account = ADE_DEVICES_FILE,
				    .serial = { serial[0] } }));
	}
	/* B is not assigned, D is attested */
	assert_int_equal(
	    renewal_candidates_not_attested(db, NULL, 10, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].serial, "A");
	assert_string_equal(list.rows[1].serial, "C");
	renewal_candidates_list_release(&list);
	assert_int_equal(
	    renewal_candidates_not_attested(
		db, &(struct renewal_candidate){ .serial = "A" }, 10, &list),
	    OK);
	assert_int_equal(list.n, 1);
	renewal_candidates_list_release(&list);
}

/* mdm-105: told at 30 days, again at 14, and not for ever. */
static void
test_ending(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	struct host h;

	renewalsfix_enroll_year(db, "LATER", 1, 31, &h);
	renewalsfix_enroll(db, "SHORT6", 3, now - 24 * DAY, now + 6 * DAY, &h);
	renewalsfix_enroll(db, "SHORT4", 4, now - 26 * DAY, now + 4 * DAY, &h);
	renewalsfix_enroll_year(db, "ENDED", 5, -29, &h);
	renewalsfix_enroll_year(db, "GONE", 6, -30, &h);
	renewalsfix_enroll_year(db, "SOON", 2, 29, &h);
	renewalsfix_assert_ending(db, "ENDED SHORT4 SOON");
	WRITE(db, renewals_mark_alarmed(db, h.id));
	renewalsfix_assert_ending(db, "ENDED SHORT4");
	clock_set_offset(15 * DAY - 1);
	renewalsfix_assert_ending(db, "SHORT4 SHORT6 LATER");
	clock_set_offset(15 * DAY);
	renewalsfix_assert_ending(db, "SHORT4 SHORT6 SOON LATER");
	clock_set_offset(0);
}

/* Asking for profiles again and again does not end a renewal. */
static void
test_survives_profile_requests(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e, other;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	renewalsfix_open_it(db, &h, &e, uuid);
	for (int i = 1; i < 4; i++) {
		clock_set_offset(i);
		storefix_enrollment(db, "S1", &other);
		WRITE(db, enrollments_make_room(db, "S1", other.id, 1));
	}
	assert_int_equal(enrollment_state(db, &e), ENROLLMENT_OPEN);
	clock_set_offset(0);
}

/* A renewed certificate that waits for its first use. */
static void
certify(struct db *db, const struct enrollment *e)
{
	struct certificate c = { .sha256 = { 99, 1 },
		.der = blob_str("der"),
		.serial_number = { 99 },
		.serial_number_len = 16,
		.spki_sha256 = { 99 },
		.issuer_key_id_len = 20,
		.purpose = ENROLLMENT_RENEW,
		.not_before = clock_now(),
		.not_after = clock_now() + 365 * DAY };

	secret_id(c.id);
	memcpy(c.enrollment_id, e->id, sizeof e->id);
	memcpy(c.serial, e->device.serial, sizeof e->device.serial);
	WRITE(db, certificates_insert(db, &c));
	WRITE(db, enrollments_mark_issued(db, e->id));
}

static void
assert_open(struct db *db, const struct host *host, const struct enrollment *e,
    const char *uuid)
{
	struct renewal r;

	assert_int_equal(renewals_load(db, host->id, &r), OK);
	assert_string_equal(r.enrollment_id, e->id);
	assert_string_equal(r.command_uuid, uuid);
	assert_int_equal(command_state(db, host, uuid), COMMAND_QUEUED);
	assert_int_not_equal(command_bytes(db, host, uuid), 0);
}

/*
 * What is open stays until somebody closes it, and a certificate that waits for
 * its device as long as that is away.
 */
static void
test_survives_the_purge(void **state)
{
	struct db *db = storefix_db(state);
	char asked[SECRET_UUID_TEXT], fetched[SECRET_UUID_TEXT];
	struct enrollment e, waiting;
	struct host h, away;
	int64_t deleted;

	renewalsfix_enroll_year(db, "S1", 1, 300, &h);
	renewalsfix_enroll_year(db, "S2", 2, 300, &away);
	renewalsfix_open_it(db, &h, &e, asked);
	renewalsfix_open_it(db, &away, &waiting, fetched);
	certify(db, &waiting);
	clock_set_offset(10 * DAY);
	assert_int_equal(store_purge(db, &storefix_retention, clock_now(), &deleted), OK);
	assert_int_equal(enrollment_state(db, &e), ENROLLMENT_OPEN);
	assert_open(db, &h, &e, asked);
	clock_set_offset(200 * DAY);
	assert_int_equal(store_purge(db, &storefix_retention, clock_now(), &deleted), OK);
	assert_int_equal(enrollment_state(db, &waiting), ENROLLMENT_ISSUED);
	assert_open(db, &away, &waiting, fetched);
	assert_int_equal(
	    storefix_sql(db,
		"SELECT count(*) FROM certificates WHERE purpose = 'renew'"),
	    1);
	clock_set_offset(0);
}

struct race {
	char host_id[DB_ID_TEXT];
	struct enrollment e[8];
};

static int
race_body(struct db *db, int number, void *arg)
{
	const struct race *race = arg;
	char uuid[SECRET_UUID_TEXT];
	int code;

	secret_uuid(uuid);
	if (db_begin(db) != OK)
		return 2;
	code = renewals_open(db, race->host_id, race->e[number].id, uuid);
	if (code == OK)
		code = db_commit(db);
	db_rollback(db);
	return code == OK ? 0 : code == ERR_CONFLICT ? 1 : 2;
}

static void
test_race(void **state)
{
	struct db *db = storefix_db(state);
	struct race race;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 100, &h);
	memcpy(race.host_id, h.id, sizeof h.id);
	for (int i = 0; i < 8; i++)
		storefix_enrollment(db, "S1", &race.e[i]);
	assert_int_equal(storefix_race(state, 8, race_body, &race), 1);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_fail_backs_off),
	STOREFIX_TEST(test_backs_off_less_near_the_end),
	STOREFIX_TEST(test_wrong_clock),
	STOREFIX_TEST(test_withdraw),
	STOREFIX_TEST(test_unanswered_waits_for_the_host),
	STOREFIX_TEST(test_unanswered_with_a_certificate),
	STOREFIX_TEST(test_finish_forgets),
	STOREFIX_TEST(test_new_generation_abandons),
	STOREFIX_TEST(test_postpone),
	STOREFIX_TEST(test_not_attested),
	STOREFIX_TEST(test_ending),
	STOREFIX_TEST(test_survives_profile_requests),
	STOREFIX_TEST(test_survives_the_purge),
	STOREFIX_TEST(test_race),
};

STOREFIX_MAIN(tests)
