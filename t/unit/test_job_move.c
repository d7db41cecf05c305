/* The job that moves hosts to attested certificates, at its pace and to its
 * end. */
#include "unit/renewalsfix.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_move.h"
#include "base/clock.h"
#include "bin/job.h"
#include "store/ade_devices.h"
#include "store/moves.h"
#include "store/settings.h"
#include "unit/mdmfix.h"
#include "unit/serverfix.h"
#include "wire/x509.h"

static struct conf conf;
static const struct job_kind *const kinds[] = { &job_move, NULL };

/* The authority whose certificate goes into profiles. */
static void
write_authority(const struct storefix *fix)
{
	static char path[128], key[128];
	struct mdmfix_cert ca;
	struct buf pem;

	mdmfix_cert_make(&ca, "SCEP CA", true, false, NULL);
	buf_init(&pem, 8192);
	assert_int_equal(x509_write_pem(buf_blob(&ca.der), &pem), OK);
	serverfix_write(fix, "scep-ca.pem", pem.p, pem.n);
	buf_release(&pem);
	mdmfix_cert_release(&ca);
	snprintf(path, sizeof path, "%s/scep-ca.pem", fix->folder);
	snprintf(key, sizeof key, "%s/scep-ca.key", fix->folder);
	conf.scep_ca_certificate = path;
	conf.scep_ca_key = key;
}

/* A worker with three Macs that could attest and have not. */
static struct worker
open_worker(void **state)
{
	struct worker w = { .conf = &conf, .db = storefix_db(state) };
	const char *const serials[] = { "S1", "S2", "S3" };
	struct host host;

	conf = mdmfix_conf;
	conf.mdm_enabled = true;
	conf.per_run = 2;
	write_authority(*state);
	for (int i = 0; i < 3; i++) {
		struct ade_device d = { .account = ADE_DEVICES_FILE };

		renewalsfix_enroll_year(w.db, serials[i], i + 1, 300, &host);
		snprintf(d.serial, sizeof d.serial, "%s", serials[i]);
		WRITE(w.db, ade_devices_put(w.db, &d));
	}
	storefix_change(w.db,
	    "UPDATE hosts SET product_name = 'Mac15,3', os_version = '15.1',"
	    " hardware_attested = 0, ever_attested_at = NULL");
	return w;
}

static void
require(struct worker *w, const char *value)
{
	WRITE(w->db,
	    settings_set(w->db, &conf, SETTINGS_BY_ADMIN,
		SETTINGS_REQUIRE_ATTESTATION, value, "zoe"));
}

/* A run if one is due; what it says. */
static const char *
turn(struct worker *w)
{
	static struct job_row row;
	struct job_list list;
	int wait;

	job_wake_all(w);
	do
		assert_int_equal(job_run_all(w, &wait), OK);
	while (w->jobs[0].running);
	assert_int_equal(jobs_list(w->db, &list), OK);
	row = list.rows[0];
	jobs_list_release(&list);
	return row.text;
}

static struct move
load(struct worker *w)
{
	struct move m;

	assert_int_equal(moves_load(w->db, &m), OK);
	return m;
}

static int
renewals(struct worker *w)
{
	return storefix_sql(w->db, "SELECT count(*) FROM renewals");
}

static void
test_nothing_to_move(void **state)
{
	struct worker w = open_worker(state);

	assert_int_equal(job_open_all(&w, kinds), OK);
	assert_string_equal(turn(&w), "nothing to move");
}

static void
test_at_its_pace(void **state)
{
	struct worker w = open_worker(state);

	require(&w, "true");
	WRITE(w.db, moves_begin(w.db, "zoe", 3));
	assert_int_equal(job_open_all(&w, kinds), OK);
	assert_string_equal(turn(&w), "2 renewals opened so far");
	assert_int_equal(renewals(&w), 2);
	assert_string_equal(load(&w).after, "S2");
	/* not before a minute has passed */
	assert_string_equal(turn(&w), "2 renewals opened so far");
	clock_set_offset(60);
	assert_string_equal(turn(&w), "3 renewals opened, all of them");
	assert_int_equal(renewals(&w), 3);
	assert_int_equal(load(&w).opened, 3);
	assert_int_equal(load(&w).failed, 0);
	assert_int_not_equal(load(&w).ended_at, 0);
	clock_set_offset(2 * 3600);
	assert_string_equal(turn(&w), "nothing to move");
}

static void
test_given_up(void **state)
{
	struct worker w = open_worker(state);

	require(&w, "true");
	WRITE(w.db, moves_begin(w.db, "zoe", 3));
	assert_int_equal(job_open_all(&w, kinds), OK);
	assert_string_equal(turn(&w), "2 renewals opened so far");
	require(&w, "false");
	clock_set_offset(60);
	assert_ptr_equal(strstr(turn(&w), "given up: "), turn(&w));
	assert_int_equal(renewals(&w), 2);
	assert_int_not_equal(load(&w).ended_at, 0);
	assert_string_equal(load(&w).cancelled_by, "worker");
}

static void
test_stopped(void **state)
{
	struct worker w = open_worker(state);
	const struct admin_actor actor = { .conf = &conf,
		.db = w.db,
		.name = "zoe",
		.role = ADMIN_ROLE_ADMIN };

	require(&w, "true");
	WRITE(w.db, moves_begin(w.db, "zoe", 3));
	assert_int_equal(job_open_all(&w, kinds), OK);
	assert_string_equal(turn(&w), "2 renewals opened so far");
	assert_int_equal(admin_move_cancel(&actor), OK);
	clock_set_offset(2 * 3600);
	assert_string_equal(turn(&w), "nothing to move");
	assert_int_equal(renewals(&w), 2);
	assert_string_equal(load(&w).cancelled_by, "zoe");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_nothing_to_move),
	STOREFIX_TEST(test_at_its_pace),
	STOREFIX_TEST(test_given_up),
	STOREFIX_TEST(test_stopped),
};

STOREFIX_MAIN(tests)
