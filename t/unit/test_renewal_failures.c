/* Renewals: whatever fails, a host keeps what it has, and the run says so. */
#include "failures.h"
#include "mdmfix.h"
#include "renewalsfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca/authority.h"
#include "enroll/renewal_run.h"
#include "store/ade_devices.h"
#include "store/settings.h"

/* Hosts that are due, and who renews them. */
struct fixture {
	struct db *db;
	struct conf conf;
	struct renewer rn;
	struct renewal_candidate candidate;
	char key[128];
	char ca[128];
};

/* An Intel Mac, assigned to us, whose certificate ends in so many days. */
static void
add_host(struct fixture *f, const char *serial, int tag, int days)
{
	struct ade_device d = { .account = ADE_DEVICES_FILE };
	struct host_vitals vitals = { .device = { .os_version = "15.1",
					  .product = "MacBookPro16,1" },
		.topic = MDMFIX_TOPIC };
	struct host host;

	snprintf(d.serial, sizeof d.serial, "%s", serial);
	WRITE(f->db, ade_devices_put(f->db, &d));
	renewalsfix_enroll_year(f->db, serial, tag, days, &host);
	WRITE(f->db, hosts_update_vitals(f->db, host.id, &vitals));
	storefix_change(f->db,
	    "UPDATE hosts SET hardware_attested = 0, ever_attested_at = NULL");
	assert_int_equal(
	    renewal_candidates_load(f->db, host.id, &f->candidate), OK);
}

static void
begin(void **state, int days, struct fixture *f)
{
	struct storefix *fix = *state;

	*f = (struct fixture){ .db = fix->db, .conf = mdmfix_conf };
	snprintf(f->key, sizeof f->key, "%s/scep-ca.key", fix->folder);
	snprintf(f->ca, sizeof f->ca, "%s/scep-ca.pem", fix->folder);
	assert_int_equal(
	    authority_create(f->key, f->ca, "CA", "Example", KEY_P256, 10), OK);
	f->conf.scep_ca_key = f->key;
	f->conf.scep_ca_certificate = f->ca;
	f->conf.server_ca = f->ca;
	f->rn.context = (struct context){
		.conf = &f->conf, .db = f->db, .step = "renewal"
	};
	add_host(f, "C02RENEWAL01", 1, days);
}

static int
send(void *arg)
{
	struct fixture *f = arg;
	struct decision d;

	return renewer_send(&f->rn, &f->candidate, RENEWER_NOW, &d);
}

static int
open_renewals(struct fixture *f)
{
	return storefix_sql(f->db,
	    "SELECT count(*) FROM renewals r"
	    " JOIN enrollments e ON e.id = r.enrollment_id"
	    " AND e.state = 'open'"
	    " JOIN commands c ON c.uuid = r.command_uuid"
	    " AND c.state = 'queued'");
}

static void
a_renewal_is_opened_and_takes_the_place_of_another(void **state)
{
	struct fixture f;

	begin(state, 100, &f);
	assert_true(failures_each(f.db, send, &f) > 50);
	assert_int_equal(open_renewals(&f), 1);
	assert_true(failures_each(f.db, send, &f) > 50);
	assert_int_equal(open_renewals(&f), 1);
}

static void
a_renewal_is_put_off(void **state)
{
	struct fixture f;

	begin(state, 100, &f);
	WRITE(f.db,
	    settings_set(f.db, &f.conf, SETTINGS_BY_ADMIN,
		SETTINGS_BUSINESS_ONLY, "true", "test"));
	WRITE(f.db,
	    ade_devices_remove(f.db, ADE_DEVICES_FILE, f.candidate.serial));
	/* with its refusal in the event log, and without */
	assert_true(failures_each(f.db, send, &f) > 20);
	assert_true(failures_each(f.db, send, &f) > 20);
	assert_int_equal(storefix_sql(f.db, "SELECT count(*) FROM events"), 1);
}

/* What is to be done to the one host that is on a list. */
static int
handle(struct fixture *f, int r, struct renewal_candidate_list *list,
    int (*handler)(struct renewer *, const struct renewal_candidate *))
{
	if (r == OK) {
		assert_int_equal(list->n, 1);
		r = handler(&f->rn, &list->rows[0]);
	}
	renewal_candidates_list_release(list);
	return r;
}

static int
close_unanswered(void *arg)
{
	struct fixture *f = arg;
	struct renewal_candidate_list list;

	return handle(f,
	    renewal_candidates_unanswered(f->db, clock_now(), 10, &list), &list,
	    renewer_close);
}

/* The third in a row raises an alarm, too. */
static void
an_unanswered_renewal_is_closed(void **state)
{
	struct fixture f;

	begin(state, 100, &f);
	for (int i = 0; i < 3; i++) {
		clock_set_offset(10 * i * DAY);
		assert_int_equal(send(&f), OK);
		clock_set_offset((10 * i + 8) * DAY);
		assert_true(failures_each(f.db, close_unanswered, &f) > 20);
	}
	clock_set_offset(0);
	assert_int_equal(
	    storefix_sql(f.db, "SELECT failures FROM renewals"), 3);
	assert_int_equal(storefix_sql(f.db, "SELECT count(*) FROM alarms"), 1);
}

static int
raise_alarm(void *arg)
{
	struct fixture *f = arg;
	struct renewal_candidate_list list;

	return handle(
	    f, renewer_expiring(&f->rn, 10, &list), &list, renewer_alarm);
}

static void
an_alarm_is_raised_for_a_certificate_that_ends(void **state)
{
	struct fixture f;

	begin(state, 20, &f);
	assert_true(failures_each(f.db, raise_alarm, &f) > 20);
	assert_int_equal(storefix_sql(f.db, "SELECT count(*) FROM alarms"), 1);
}

static int
run_all(void *arg)
{
	struct fixture *f = arg;
	struct renewal_run run = { .conf = &f->conf, .db = f->db, .limit = 10 };
	int r = renewal_run_all(&run);

	failures_disarm();
	assert_int_equal(run.opened, open_renewals(f));
	assert_true(run.opened == 1 || r != OK);
	/* what comes after a failure has to fail, too */
	if (r != OK && run.opened > 0)
		WRITE(f->db,
		    renewals_withdraw(f->db, f->candidate.host_id, "test"));
	return r;
}

static int
run_one(void *arg)
{
	struct fixture *f = arg;
	struct renewal_run run = {
		.conf = &f->conf, .db = f->db, .option = RENEWER_NOW, .limit = 1
	};
	struct host host;
	int r = hosts_load_by_serial(f->db, f->candidate.serial, &host);

	return r == OK ? renewal_run_host(&run, &host) : r;
}

static void
a_run_says_what_failed(void **state)
{
	struct fixture f;

	/* with an alarm, too */
	begin(state, 20, &f);
	assert_true(failures_each(f.db, run_one, &f) > 50);
	WRITE(f.db, renewals_withdraw(f.db, f.candidate.host_id, "test"));
	assert_true(failures_each(f.db, run_all, &f) > 50);
}

/* Faults of the database at all hosts but the last one. */
static void
break_for_all_but(struct fixture *f, const char *event, const char *host_id)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "CREATE TRIGGER broken BEFORE %s WHEN new.host_id <> '%s'"
	    " BEGIN SELECT RAISE(ABORT, 'broken'); END",
	    event, host_id);
	storefix_sql(f->db, sql);
}

static void
a_run_gives_up_after_some_faults(void **state)
{
	struct renewal_run run;
	struct fixture f;
	char serial[16];

	begin(state, 100, &f);
	for (int i = 1; i <= RENEWER_FAULTS_MAX; i++) {
		snprintf(serial, sizeof serial, "C02OTHER%04d", i);
		add_host(&f, serial, 1 + i, 100 + i);
	}
	run = (struct renewal_run){ .conf = &f.conf, .db = f.db, .limit = 20 };
	break_for_all_but(&f, "INSERT ON commands", f.candidate.host_id);
	assert_int_equal(renewal_run_all(&run), ERR_DB);
	assert_int_equal(run.faults, RENEWER_FAULTS_MAX);
	assert_int_equal(run.opened, 0);
	storefix_sql(f.db, "DROP TRIGGER broken");
	run = (struct renewal_run){ .conf = &f.conf, .db = f.db, .limit = 20 };
	assert_int_equal(renewal_run_all(&run), OK);
	assert_int_equal(run.opened, 1 + RENEWER_FAULTS_MAX);
	storefix_change(f.db,
	    "UPDATE renewals SET opened_at = opened_at + (SELECT not_after"
	    " FROM certificates c JOIN hosts h"
	    " ON h.certificate_sha256 = c.sha256 WHERE h.id = host_id)");
	break_for_all_but(&f, "UPDATE ON renewals", f.candidate.host_id);
	run = (struct renewal_run){ .conf = &f.conf, .db = f.db, .limit = 20 };
	clock_set_offset(8 * DAY);
	assert_int_equal(renewal_run_all(&run), ERR_DB);
	clock_set_offset(0);
	assert_int_equal(run.faults, RENEWER_FAULTS_MAX);
	assert_int_equal(run.unanswered, 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(a_renewal_is_opened_and_takes_the_place_of_another),
	STOREFIX_TEST(a_renewal_is_put_off),
	STOREFIX_TEST(an_unanswered_renewal_is_closed),
	STOREFIX_TEST(an_alarm_is_raised_for_a_certificate_that_ends),
	STOREFIX_TEST(a_run_says_what_failed),
	STOREFIX_TEST(a_run_gives_up_after_some_faults),
};

STOREFIX_MAIN(tests)
