/* From a host that is due to a queued profile (enroll/renewer.h). */
#include "mdmfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "enroll/new_enrollment.h"
#include "enroll/renewer.h"
#include "store/ade_devices.h"
#include "store/commands.h"
#include "store/settings.h"
#include "store/events.h"

#define SERIAL "C02RENEWAL01"
#define DAY    INT64_C(86400)

/* A host with a certificate of a year that ends in so many days. */
struct fixture {
	struct db *db;
	struct renewer rn;
	struct host host;
	struct renewal_candidate candidate;
};

static void
prepare(void **state, const char *product, int days, struct fixture *f)
{
	struct ade_device d = { .account = ADE_DEVICES_FILE, .serial = SERIAL };
	struct host_vitals vitals = { .device.os_version = "15.1",
		.topic = MDMFIX_TOPIC };
	int64_t end = clock_now() + days * DAY;
	struct certificate c = { .sha256 = { 1, 1 },
		.der = blob_str("der"),
		.serial_number = { 1 },
		.serial_number_len = 16,
		.issuer_key_id_len = 20,
		.not_before = end - 365 * DAY,
		.not_after = end };
	struct enrollment e;

	*f = (struct fixture){ .db = storefix_db(state) };
	f->rn = (struct renewer){ .context = { .conf = &mdmfix_conf,
				      .db = f->db,
				      .step = "renewal" } };
	WRITE(f->db, ade_devices_put(f->db, &d));
	storefix_enrollment(f->db, SERIAL, &e);
	secret_id(c.id);
	memcpy(c.enrollment_id, e.id, sizeof e.id);
	memcpy(c.serial, e.device.serial, sizeof e.device.serial);
	WRITE(f->db, certificates_insert(f->db, &c));
	WRITE(f->db, certificates_make_current(f->db, c.sha256));
	storefix_host(f->db, SERIAL, 1, &f->host);
	snprintf(
	    vitals.device.product, sizeof vitals.device.product, "%s", product);
	WRITE(f->db, hosts_update_vitals(f->db, f->host.id, &vitals));
	storefix_sql(f->db,
	    "UPDATE hosts SET hardware_attested = 0, ever_attested_at = NULL");
	assert_int_equal(
	    renewal_candidates_load(f->db, f->host.id, &f->candidate), OK);
}

static void
set(struct fixture *f, const char *name, const char *value)
{
	WRITE(f->db,
	    settings_set(
		f->db, &mdmfix_conf, SETTINGS_BY_ADMIN, name, value, "test"));
}

/* The newest row of the event log of step "renewal" has this outcome and code.
 */
static void
assert_events(struct fixture *f, const char *outcome, int code)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "SELECT step = 'renewal' AND outcome = '%s' AND code = '%s'"
	    " AND serial = '" SERIAL "' FROM events ORDER BY id DESC LIMIT 1",
	    outcome, code == OK ? "" : err_name(code));
	assert_int_equal(storefix_sql(f->db, sql), 1);
}

static int
count(struct fixture *f, const char *what)
{
	char sql[256];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
	return storefix_sql(f->db, sql);
}

static int
send(struct fixture *f, enum renewer_option option, enum decision_method method)
{
	struct decision d;
	int r = renewer_send(&f->rn, &f->candidate, option, &d);

	if (r == OK)
		assert_int_equal(d.method, method);
	return r;
}

static void
test_scep(void **state)
{
	struct command command;
	struct fixture f;

	prepare(state, "MacBookPro16,1", 100, &f);
	set(&f, SETTINGS_REQUIRE_ATTESTATION, "true");
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), OK);
	assert_events(&f, "ok", OK);
	assert_int_equal(count(&f, "scep_challenges"), 1);
	assert_int_equal(
	    count(&f,
		"enrollments WHERE purpose = 'renew' AND source = 'command'"
		" AND method = 'scep' AND udid = 'UDID-1'"
		" AND product = 'MacBookPro16,1' AND serial = '" SERIAL "'"),
	    1);
	assert_int_equal(commands_next(f.db, f.host.id, &command), OK);
	assert_string_equal(command.request_type, "InstallProfile");
	commands_release(&command);
	/* mdm-102: one open renewal for each device */
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), ERR_CONFLICT);
	assert_int_equal(count(&f, "commands"), 1);
	assert_int_equal(count(&f, "scep_challenges"), 1);
}

static void
test_acme(void **state)
{
	struct fixture f;

	prepare(state, "Mac15,3", 100, &f);
	set(&f, SETTINGS_REQUIRE_ATTESTATION, "true");
	assert_int_equal(send(&f, RENEWER_TO_ACME, DECISION_ACME), OK);
	assert_int_equal(count(&f,
			     "enrollments WHERE purpose = 'renew'"
			     " AND method = 'acme'"),
	    1);
	assert_int_equal(count(&f, "scep_challenges"), 0);
}

/* What was found due may have changed until it is written. */
static void
test_changed_meanwhile(void **state)
{
	static const char *const changes[] = {
		"UPDATE hosts SET state = 'unenrolled'",
		"UPDATE hosts SET state = 'blocked'",
		"UPDATE hosts SET state = 'enrolled',"
		" certificate_sha256 = zeroblob(32)",
		"UPDATE hosts SET certificate_sha256 = NULL",
	};
	struct fixture f;
	size_t i;

	prepare(state, "MacBookPro16,1", 100, &f);
	for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		storefix_sql(f.db, changes[i]);
		assert_int_equal(
		    send(&f, RENEWER_ANY, DECISION_SCEP), ERR_CONFLICT);
	}
	assert_int_equal(count(&f, "commands"), 0);
	assert_int_equal(count(&f, "enrollments WHERE purpose = 'renew'"), 0);
}

/* Said once, and looked at again after a day. */
static void
test_refused(void **state)
{
	struct renewal renewal;
	struct fixture f;

	prepare(state, "MacBookPro16,1", 100, &f);
	set(&f, SETTINGS_BUSINESS_ONLY, "true");
	WRITE(f.db, ade_devices_remove(f.db, ADE_DEVICES_FILE, SERIAL));
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_REFUSE), OK);
	assert_events(&f, "refused", ERR_ENROLL_BUSINESS);
	assert_int_equal(renewals_load(f.db, f.host.id, &renewal), OK);
	assert_int_equal(renewal.next_try_at, clock_now() + RENEWER_PUT_OFF);
	assert_int_equal(renewal.failures, 0);
	assert_true(renewal.last_error[0] != '\0');
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_REFUSE), OK);
	assert_int_equal(count(&f, "events WHERE step = 'renewal'"), 1);
	assert_int_equal(count(&f, "commands"), 0);
}

/* Moving to ACME leaves alone what cannot. */
static void
test_to_acme_only(void **state)
{
	struct fixture f;

	prepare(state, "MacBookPro16,1", 100, &f);
	set(&f, SETTINGS_REQUIRE_ATTESTATION, "true");
	assert_int_equal(send(&f, RENEWER_TO_ACME, DECISION_REFUSE), OK);
	assert_int_equal(count(&f, "events WHERE step = 'renewal'"), 0);
	assert_int_equal(count(&f, "renewals"), 0);
	assert_int_equal(count(&f, "commands"), 0);
}

/* One host after the other, those that changed meanwhile passed over. */
static int
each(struct fixture *f, struct renewal_candidate_list *list,
    int (*one)(struct renewer *, const struct renewal_candidate *), int *n)
{
	int r = OK;

	*n = 0;
	for (size_t i = 0; r == OK && i < list->n; i++) {
		r = one(&f->rn, &list->rows[i]);
		*n += r == OK;
		if (r == ERR_CONFLICT)
			r = OK;
	}
	renewal_candidates_list_release(list);
	return r;
}

static int
close_unanswered(struct fixture *f, int *n)
{
	struct renewal_candidate_list list;

	assert_int_equal(
	    renewal_candidates_unanswered(f->db, clock_now(), 10, &list), OK);
	return each(f, &list, renewer_close, n);
}

static int
raise_alarms(struct fixture *f, int *n)
{
	struct renewal_candidate_list list;

	assert_int_equal(renewer_expiring(&f->rn, 10, &list), OK);
	return each(f, &list, renewer_alarm, n);
}

static void
test_unanswered(void **state)
{
	struct fixture f;
	int n;

	prepare(state, "MacBookPro16,1", 100, &f);
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), OK);
	assert_int_equal(close_unanswered(&f, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(6 * DAY);
	assert_int_equal(close_unanswered(&f, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(8 * DAY);
	assert_int_equal(close_unanswered(&f, &n), OK);
	assert_int_equal(n, 1);
	assert_events(&f, "failed", ERR_RENEWAL_UNANSWERED);
	assert_int_equal(close_unanswered(&f, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(0);
	assert_int_equal(count(&f, "commands WHERE state = 'cancelled'"), 1);
	assert_int_equal(count(&f,
			     "enrollments WHERE purpose = 'renew'"
			     " AND state = 'revoked'"),
	    1);
}

/* Whoever opened another one, or gave this one more time, meant it. */
static void
test_answered_meanwhile(void **state)
{
	struct fixture f;
	int n;

	prepare(state, "MacBookPro16,1", 100, &f);
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), OK);
	clock_set_offset(8 * DAY);
	storefix_meanwhile(state,
	    "UPDATE enrollments SET expires_at = expires_at + 864000"
	    " WHERE purpose = 'renew'");
	assert_int_equal(close_unanswered(&f, &n), OK);
	storefix_meanwhile_end(state);
	assert_int_equal(n, 0);
	clock_set_offset(0);
	assert_int_equal(
	    count(&f, "renewals WHERE enrollment_id IS NOT NULL"), 1);
	assert_int_equal(count(&f, "commands WHERE state = 'queued'"), 1);
	assert_int_equal(count(&f, "events WHERE outcome = 'failed'"), 0);
}

/* The last renewal's enrollment lives so many hours. */
static void
assert_hours(struct fixture *f, int hours)
{
	assert_int_equal(
	    storefix_sql(f->db,
		"SELECT (expires_at - created_at) / 3600 FROM enrollments"
		" WHERE purpose = 'renew' AND state = 'open'"),
	    hours);
}

/* A certificate that ends soon is not lost by waiting for one answer. */
static void
test_hours(void **state)
{
	static const struct {
		int left, hours;
	} steps[] = { { 100, 168 }, { 12, 96 }, { 1, 8 } };
	struct fixture f;
	size_t i;

	prepare(state, "MacBookPro16,1", 100, &f);
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		f.candidate.not_after = clock_now() + steps[i].left * DAY;
		assert_int_equal(send(&f, RENEWER_NOW, DECISION_SCEP), OK);
		assert_hours(&f, steps[i].hours);
	}
	f.candidate.not_after = clock_now() + 3600;
	assert_int_equal(send(&f, RENEWER_NOW, DECISION_SCEP), OK);
	assert_hours(&f, RENEWER_HOURS_LEAST);
	f.candidate.not_after = clock_now() - 1;
	assert_int_equal(send(&f, RENEWER_NOW, DECISION_SCEP), OK);
	assert_hours(&f, RENEWER_HOURS);
}

/* An open one makes way for what an administrator wants. */
static void
test_in_place_of_an_open_one(void **state)
{
	struct fixture f;

	prepare(state, "Mac15,3", 100, &f);
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), OK);
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), ERR_CONFLICT);
	assert_int_equal(send(&f, RENEWER_NOW, DECISION_SCEP), OK);
	assert_int_equal(count(&f, "commands WHERE state = 'queued'"), 1);
	assert_int_equal(count(&f, "commands WHERE state = 'cancelled'"), 1);
	set(&f, SETTINGS_REQUIRE_ATTESTATION, "true");
	assert_int_equal(send(&f, RENEWER_TO_ACME, DECISION_ACME), OK);
	assert_int_equal(count(&f, "commands WHERE state = 'queued'"), 1);
	assert_int_equal(
	    send(&f, RENEWER_TO_ACME, DECISION_ACME), ERR_CONFLICT);
	assert_int_equal(send(&f, RENEWER_NOW, DECISION_ACME), OK);
	storefix_sql(f.db,
	    "UPDATE enrollments SET state = 'issued'"
	    " WHERE purpose = 'renew' AND state = 'open'");
	/* a certificate waits for its first use */
	assert_int_equal(send(&f, RENEWER_NOW, DECISION_ACME), ERR_CONFLICT);
	assert_int_equal(count(&f, "enrollments WHERE purpose = 'renew'"), 4);
}

/* No alarm of what is not due yet. */
static void
test_alarm_behind_the_due_date(void **state)
{
	struct conf conf = mdmfix_conf;
	struct fixture f;
	int n;

	prepare(state, "MacBookPro16,1", 25, &f);
	conf.days_before = 10;
	f.rn.context.conf = &conf;
	assert_int_equal(raise_alarms(&f, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(21 * DAY);
	assert_int_equal(raise_alarms(&f, &n), OK);
	assert_int_equal(n, 1);
	clock_set_offset(0);
}

/* Once at each threshold: 30, 14, 7 and 1 days before the end, and at it. */
static void
test_alarm(void **state)
{
	static const struct {
		int day, told;
	} steps[] = { { 0, 0 }, { 2, 1 }, { 16, 0 }, { 17, 1 }, { 23, 0 },
		{ 24, 1 }, { 29, 0 }, { 30, 1 }, { 31, 1 }, { 40, 0 } };
	struct fixture f;
	size_t i;
	int n;

	prepare(state, "MacBookPro16,1", 31, &f);
	for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		clock_set_offset(steps[i].day * DAY);
		assert_int_equal(raise_alarms(&f, &n), OK);
		assert_int_equal(n, steps[i].told);
		assert_int_equal(count(&f, "alarms"), steps[i].day >= 2);
	}
	assert_int_equal(count(&f, "events"), 0);
	assert_int_equal(count(&f,
			     "alarms WHERE kind = 'certificate-ending'"
			     " AND text LIKE '%has expired%is not renewed%'"
			     " AND severity = 'critical'"
			     " AND closed_at IS NULL"),
	    1);
	WRITE(f.db, renewals_finish(f.db, f.host.id));
	assert_int_equal(count(&f, "alarms WHERE closed_at IS NULL"), 0);
	clock_set_offset(0);
}

/* A host that renewed or left since it was found needs no alarm. */
static void
test_no_alarm_meanwhile(void **state)
{
	static const char *const changes[] = {
		"UPDATE certificates SET sha256 = zeroblob(32);"
		" UPDATE hosts SET certificate_sha256 = zeroblob(32)",
		"UPDATE hosts SET state = 'unenrolled'",
	};
	struct fixture f;
	size_t i;
	int n;

	prepare(state, "MacBookPro16,1", 31, &f);
	clock_set_offset(2 * DAY);
	for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		storefix_meanwhile(state, changes[i]);
		assert_int_equal(raise_alarms(&f, &n), OK);
		storefix_meanwhile_end(state);
		assert_int_equal(n, 0);
	}
	clock_set_offset(0);
	assert_int_equal(count(&f, "events WHERE outcome = 'failed'"), 0);
}

/* A look changes nothing. */
static void
test_decide(void **state)
{
	struct decision d;
	struct fixture f;

	prepare(state, "Mac15,3", 100, &f);
	assert_int_equal(
	    renewer_decide(&f.rn, &f.candidate, RENEWER_ANY, &d), OK);
	assert_int_equal(d.method, DECISION_SCEP);
	assert_int_equal(
	    renewer_decide(&f.rn, &f.candidate, RENEWER_TO_ACME, &d), OK);
	assert_int_equal(d.method, DECISION_REFUSE);
	assert_int_equal(count(&f, "events"), 0);
	assert_int_equal(count(&f, "renewals"), 0);
}

static int
create(struct db *db, const struct conf *conf, const struct enrollment *renewed,
    struct new_enrollment *g)
{
	struct context c = { .conf = conf, .db = db };
	int r;

	*g = (struct new_enrollment){ .enrollment = { .device.serial = SERIAL,
					  .method = ENROLLMENT_SCEP } };
	assert_int_equal(db_begin(db), OK);
	if ((r = new_enrollment_create(&c, renewed, 1, g)) == OK)
		r = db_commit(db);
	db_rollback(db);
	return r;
}

/* What cannot be noted, a renewal could not repeat. */
static void
test_too_long_for_a_profile(void **state)
{
	struct db *db = storefix_db(state);
	struct conf conf = mdmfix_conf;
	char **values[] = { &conf.url, &conf.topic, &conf.profile_identifier };
	char text[ENROLLMENTS_PROFILE_TEXT + 1], *kept;
	struct new_enrollment g;
	size_t i;

	memset(text, 'x', sizeof text);
	for (i = 0; i < sizeof values / sizeof values[0]; i++) {
		kept = *values[i];
		*values[i] = text;
		text[ENROLLMENTS_PROFILE_TEXT] = '\0';
		assert_int_equal(create(db, &conf, NULL, &g), ERR_CONFIG);
		assert_int_equal(
		    storefix_sql(db, "SELECT count(*) FROM scep_challenges"),
		    (int)i);
		text[ENROLLMENTS_PROFILE_TEXT - 1] = '\0';
		assert_int_equal(create(db, &conf, NULL, &g), OK);
		text[ENROLLMENTS_PROFILE_TEXT - 1] = 'x';
		*values[i] = kept;
	}
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM enrollments"
			     " WHERE length(server_url) = 255"
			     " OR length(topic) = 255"
			     " OR length(profile_identifier) = 255"),
	    3);
}

static void
assert_noted(struct db *db, const struct new_enrollment *g, const char *url,
    const char *topic, const char *identifier)
{
	struct enrollment e;

	assert_int_equal(enrollments_load(db, g->enrollment.id, &e), OK);
	assert_string_equal(e.server_url, url);
	assert_string_equal(e.topic, topic);
	assert_string_equal(e.profile_identifier, identifier);
}

/* mdm-57: what is noted goes before the configuration, each by itself. */
static void
test_repeats_what_is_noted(void **state)
{
	struct db *db = storefix_db(state);
	const struct conf *conf = &mdmfix_conf;
	struct enrollment old = { .server_url = "https://old.example.com",
		.topic = "com.apple.mgmt.External.old",
		.profile_identifier = "com.example.old" };
	struct new_enrollment g;

	assert_int_equal(create(db, conf, NULL, &g), OK);
	assert_noted(db, &g, conf->url, conf->topic, conf->profile_identifier);
	assert_int_equal(create(db, conf, &old, &g), OK);
	assert_noted(db, &g, old.server_url, old.topic, old.profile_identifier);
	/* enrolled before anything was noted */
	old.topic[0] = '\0';
	assert_int_equal(create(db, conf, &old, &g), OK);
	assert_noted(
	    db, &g, old.server_url, conf->topic, old.profile_identifier);
}

/* mdm-57: it is the enrollment in use that a renewal repeats. */
static void
test_repeats_the_present_profile(void **state)
{
	struct fixture f;

	prepare(state, "MacBookPro16,1", 100, &f);
	storefix_sql(f.db,
	    "UPDATE hosts SET enrollment_id = (SELECT id FROM enrollments)");
	storefix_sql(f.db,
	    "UPDATE enrollments SET topic = 'com.apple.mgmt.External.old',"
	    " server_url = 'https://old.example.com'");
	assert_int_equal(send(&f, RENEWER_ANY, DECISION_SCEP), OK);
	assert_int_equal(count(&f,
			     "enrollments WHERE purpose = 'renew'"
			     " AND topic = 'com.apple.mgmt.External.old'"
			     " AND server_url = 'https://old.example.com'"
			     " AND profile_identifier = "
			     "'com.example.enrollment'"),
	    1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { STOREFIX_TEST(test_scep),
		STOREFIX_TEST(test_acme), STOREFIX_TEST(test_changed_meanwhile),
		STOREFIX_TEST(test_refused), STOREFIX_TEST(test_to_acme_only),
		STOREFIX_TEST(test_unanswered), STOREFIX_TEST(test_hours),
		STOREFIX_TEST(test_in_place_of_an_open_one),
		STOREFIX_TEST(test_alarm_behind_the_due_date),
		STOREFIX_TEST(test_answered_meanwhile),
		STOREFIX_TEST(test_no_alarm_meanwhile),
		STOREFIX_TEST(test_alarm), STOREFIX_TEST(test_decide),
		STOREFIX_TEST(test_too_long_for_a_profile),
		STOREFIX_TEST(test_repeats_what_is_noted),
		STOREFIX_TEST(test_repeats_the_present_profile) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
