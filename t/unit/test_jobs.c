/* lib/store/jobs, and waking the worker after a commit. */
#include "storefix.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wake.h"
#include "store/alarms.h"
#include "store/jobs.h"

#define MINUTE 60

static struct job_row
load(struct db *db, const char *name)
{
	struct job_row found = { .name = "" };
	struct job_list list;

	assert_int_equal(jobs_list(db, &list), OK);
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.rows[i].name, name) == 0)
			found = list.rows[i];
	jobs_list_release(&list);
	assert_string_equal(found.name, name);
	return found;
}

static int
claim(struct db *db, const char *name, const char *owner)
{
	struct job_row seen = load(db, name);

	return jobs_claim(db, &seen, owner);
}

static int
finish(
    struct db *db, const char *owner, enum job_result result, const char *text)
{
	struct job_end end = { .result = result,
		.text = text,
		.duration_ms = 12,
		.next_run_at = clock_now() + MINUTE };

	return jobs_finish(db, "purge", owner, &end);
}

/* It hides no other, and not the silence of the worker. */
static void
test_a_damaged_row(void **state)
{
	struct db *db = storefix_db(state);
	struct job_list list;

	assert_int_equal(jobs_add(db, "purge", 1), OK);
	assert_int_equal(jobs_add(db, "bad", 1), OK);
	storefix_change(db,
	    "UPDATE jobs SET text = printf('%.600c', 'x') WHERE name = 'bad'");
	assert_int_equal(jobs_list(db, &list), OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.damaged, 1);
	assert_string_equal(list.rows[0].name, "purge");
	jobs_list_release(&list);
	assert_int_equal(jobs_watch(db), OK);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM alarms WHERE kind ="
			     " 'worker-silent' AND closed_at IS NULL"),
	    1);
}

static void
test_a_run_is_recorded(void **state)
{
	struct db *db = storefix_db(state);
	struct job_row job;

	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	assert_int_equal(jobs_add(db, "purge", clock_now() + 99), OK);
	job = load(db, "purge");
	assert_int_equal(job.result, JOB_NEVER);
	assert_int_equal(job.next_run_at, clock_now());
	assert_int_equal(claim(db, "purge", "one"), OK);
	job = load(db, "purge");
	assert_int_equal(job.result, JOB_RUNNING);
	assert_int_equal(job.started_at, clock_now());
	assert_int_equal(job.ended_at, 0);
	assert_int_equal(job.lease_until, clock_now() + JOBS_LEASE);
	clock_set_offset(5);
	assert_int_equal(finish(db, "one", JOB_OK, "7 rows deleted"), OK);
	job = load(db, "purge");
	assert_int_equal(job.result, JOB_OK);
	assert_int_equal(job.ended_at, clock_now());
	assert_int_equal(job.started_at, clock_now() - 5);
	assert_int_equal(job.duration_ms, 12);
	assert_int_equal(job.next_run_at, clock_now() + MINUTE);
	assert_string_equal(job.text, "7 rows deleted");
	assert_string_equal(job.lease_owner, "");
	assert_int_equal(job.lease_until, 0);
}

static void
test_one_worker_has_the_lease(void **state)
{
	struct db *db = storefix_db(state);
	struct job_row seen;

	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	seen = load(db, "purge");
	assert_int_equal(jobs_claim(db, &seen, "one"), OK);
	assert_int_equal(jobs_claim(db, &seen, "two"), ERR_CONFLICT);
	assert_int_equal(jobs_keep(db, "purge", "two"), ERR_CONFLICT);
	assert_int_equal(finish(db, "two", JOB_OK, ""), ERR_CONFLICT);
	/* it is kept, and so it lasts */
	clock_set_offset(JOBS_LEASE - 1);
	assert_int_equal(jobs_keep(db, "purge", "one"), OK);
	clock_set_offset(2 * JOBS_LEASE - 2);
	assert_int_equal(claim(db, "purge", "two"), ERR_CONFLICT);
	assert_int_equal(finish(db, "one", JOB_OK, ""), OK);
	/* it saw the job before that run: the run is not done again */
	assert_int_equal(jobs_claim(db, &seen, "two"), ERR_CONFLICT);
	assert_int_equal(claim(db, "purge", "two"), OK);
}

static void
test_the_lease_of_a_killed_worker_ends(void **state)
{
	struct db *db = storefix_db(state);
	struct job_row job;

	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	assert_int_equal(claim(db, "purge", "killed"), OK);
	clock_set_offset(JOBS_LEASE - 1);
	job = load(db, "purge");
	assert_true(jobs_is_running(&job, clock_now()));
	assert_int_equal(claim(db, "purge", "two"), ERR_CONFLICT);
	clock_set_offset(JOBS_LEASE);
	assert_false(jobs_is_running(&job, clock_now()));
	assert_int_equal(claim(db, "purge", "two"), OK);
	/* the dead one comes back */
	assert_int_equal(jobs_keep(db, "purge", "killed"), ERR_CONFLICT);
	assert_int_equal(finish(db, "killed", JOB_OK, ""), ERR_CONFLICT);
	assert_int_equal(finish(db, "two", JOB_OK, ""), OK);
}

static void
test_a_lease_from_the_future_counts_for_nothing(void **state)
{
	struct db *db = storefix_db(state);
	struct job_row job;

	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	clock_set_offset(86400);
	assert_int_equal(claim(db, "purge", "killed"), OK);
	clock_set_offset(0);
	job = load(db, "purge");
	assert_false(jobs_is_running(&job, clock_now()));
	assert_int_equal(claim(db, "purge", "two"), OK);
}

static int
open_alarms(struct db *db, const char *kind, char text[ALARM_TEXT])
{
	struct alarm_list list;
	int n = 0;

	assert_int_equal(alarms_list(db, false, 0, 10, &list), OK);
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.rows[i].kind, kind) == 0) {
			n++;
			snprintf(text, ALARM_TEXT, "%s", list.rows[i].text);
		}
	alarms_list_release(&list);
	return n;
}

static void
test_failures_raise_an_alarm(void **state)
{
	struct db *db = storefix_db(state);
	char text[ALARM_TEXT] = "";
	struct job_row job;

	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	for (int i = 1; i <= JOBS_ALARM_FAILURES; i++) {
		assert_int_equal(open_alarms(db, "job-failing", text), 0);
		assert_int_equal(claim(db, "purge", "one"), OK);
		assert_int_equal(finish(db, "one", JOB_FAILED, "disk"), OK);
		job = load(db, "purge");
		assert_int_equal(job.failures, i);
		assert_int_equal(job.last_error_at, clock_now());
	}
	assert_int_equal(open_alarms(db, "job-failing", text), 1);
	assert_string_equal(
	    text, "The job purge failed 3 times in a row, the last time: disk.");
	/* to be stopped is neither good nor bad */
	assert_int_equal(claim(db, "purge", "one"), OK);
	assert_int_equal(finish(db, "one", JOB_STOPPED, "told to"), OK);
	assert_int_equal(load(db, "purge").failures, JOBS_ALARM_FAILURES);
	assert_int_equal(open_alarms(db, "job-failing", text), 1);
	assert_non_null(strstr(text, ": disk"));
	assert_int_equal(claim(db, "purge", "one"), OK);
	assert_int_equal(finish(db, "one", JOB_OK, "fine"), OK);
	assert_int_equal(open_alarms(db, "job-failing", text), 0);
	job = load(db, "purge");
	assert_int_equal(job.failures, 0);
	assert_string_equal(job.text, "fine");
	assert_string_equal(job.last_error, "disk");
}

static void
test_silence_raises_an_alarm(void **state)
{
	struct db *db = storefix_db(state);
	char text[ALARM_TEXT] = "";

	assert_int_equal(jobs_watch(db), OK);
	assert_int_equal(open_alarms(db, "worker-silent", text), 1);
	assert_string_equal(text, "attestmdm-worker has never run");
	assert_int_equal(jobs_add(db, "purge", clock_now()), OK);
	clock_set_offset(JOBS_SILENT - 1);
	assert_int_equal(jobs_watch(db), OK);
	assert_int_equal(open_alarms(db, "worker-silent", text), 0);
	clock_set_offset(JOBS_SILENT);
	assert_int_equal(jobs_watch(db), OK);
	assert_int_equal(open_alarms(db, "worker-silent", text), 1);
	assert_non_null(strstr(text, "the job purge waits since "));
	/* a long run is not silence */
	assert_int_equal(claim(db, "purge", "one"), OK);
	assert_int_equal(jobs_watch(db), OK);
	assert_int_equal(open_alarms(db, "worker-silent", text), 0);
}

static bool
came(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static void
test_a_commit_wakes_the_worker(void **state)
{
	struct storefix *fix = *state;
	struct stat st;
	char path[140];
	int fd;

	snprintf(path, sizeof path, "%s/w", fix->folder);
	wake_use(path);
	/* nobody is there */
	WRITE(fix->db, (db_wake(fix->db), OK));
	assert_int_equal(wake_listen(path, &fd), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	WRITE(fix->db, OK);
	assert_false(came(fd));
	assert_int_equal(db_begin(fix->db), OK);
	db_wake(fix->db);
	assert_false(came(fd));
	db_rollback(fix->db);
	assert_false(came(fd));
	WRITE(fix->db, OK);
	assert_false(came(fd));
	WRITE(fix->db, (db_wake(fix->db), OK));
	assert_true(came(fd));
	assert_false(came(fd));
	/* it is too busy to read them: nobody waits for it */
	for (int i = 0; i < 1000; i++)
		wake_worker();
	wake_drain(fd);
	assert_false(came(fd));
	close(fd);
	/* its socket is left over after kill -9, and made anew */
	assert_int_equal(wake_listen(path, &fd), OK);
	wake_worker();
	assert_true(came(fd));
	close(fd);
	wake_use(NULL);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_a_run_is_recorded),
	STOREFIX_TEST(test_a_damaged_row),
	STOREFIX_TEST(test_one_worker_has_the_lease),
	STOREFIX_TEST(test_the_lease_of_a_killed_worker_ends),
	STOREFIX_TEST(test_a_lease_from_the_future_counts_for_nothing),
	STOREFIX_TEST(test_failures_raise_an_alarm),
	STOREFIX_TEST(test_silence_raises_an_alarm),
	STOREFIX_TEST(test_a_commit_wakes_the_worker),
};

STOREFIX_MAIN(tests)
