/* bin/job: when jobs run, how they end, and two workers at one database. */
#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "bin/job.h"

/* What the job of these tests does, and what was done to it. */
static struct {
	int started, stepped, stopped, woken;
	int slices;      /* of one run */
	int result;      /* how it ends; ERR_EXISTS: not in start() */
	int64_t rows_at; /* what due() says */
	struct job *job;
} script;

static void
step(struct job *job)
{
	script.stepped++;
	if (script.stepped % (script.slices + 1) < script.slices)
		job_again(job, 0);
	else
		job_finish(job, script.result, NULL);
}

static void
start(struct job *job)
{
	script.started++;
	script.job = job;
	if (script.slices > 0)
		job_again(job, 0);
	else if (script.result != ERR_EXISTS)
		job_finish(job, script.result, "run %d", script.started);
}

static int
due(const struct worker *w, int64_t *at)
{
	(void)w;
	*at = script.rows_at;
	return OK;
}

static void
woken(struct job *job)
{
	(void)job;
	script.woken++;
}

static void
stop(struct job *job)
{
	(void)job;
	script.stopped++;
}

static const struct job_kind kind = { .name = "sample",
	.seconds = 3600,
	.start = start,
	.step = step,
	.due = due,
	.woken = woken,
	.stop = stop };
static const struct job_kind *const kinds[] = { &kind, NULL };

static void
open_worker(struct worker *w, void **state)
{
	memset(&script, 0, sizeof script);
	*w = (struct worker){ .db = storefix_db(state) };
	assert_int_equal(job_open_all(w, kinds), OK);
}

/* Once round the loop, as if the worker had been woken. */
static int
turn(struct worker *w)
{
	int wait, r;

	job_wake_all(w);
	r = job_run_all(w, &wait);
	assert_true(wait >= 0 && wait <= 60000);
	return r;
}

static struct job_row
row(void **state)
{
	struct job_list list;
	struct job_row only;

	assert_int_equal(jobs_list(storefix_db(state), &list), OK);
	assert_int_equal(list.n, 1);
	only = list.rows[0];
	jobs_list_release(&list);
	return only;
}

static void
test_the_timetable(void **state)
{
	struct worker w;

	open_worker(&w, state);
	/* at once, since it never ran */
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 1);
	assert_int_equal(row(state).result, JOB_OK);
	assert_string_equal(row(state).text, "run 1");
	assert_in_range(row(state).next_run_at, clock_now() + 3600,
	    clock_now() + 3600 + 360);
	clock_set_offset(3599);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 1);
	/* the moved clock and a wake are enough */
	clock_set_offset(3600 + 360);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 2);
}

static void
test_another_worker_knows_the_timetable(void **state)
{
	struct worker w;

	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 0);
}

static void
test_the_wait_is_until_something_is_due(void **state)
{
	struct worker w;
	int wait;

	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	script.rows_at = clock_now() + 5;
	job_wake_all(&w);
	assert_int_equal(job_run_all(&w, &wait), OK);
	assert_in_range(wait, 4000, 5000);
	script.rows_at = 0;
	job_wake_all(&w);
	assert_int_equal(job_run_all(&w, &wait), OK);
	assert_in_range(wait, 59000, 60000);
}

static void
test_rows_want_a_run(void **state)
{
	struct worker w;
	int wait;

	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	script.rows_at = clock_now();
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 2);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 3);
	/* rows that stay due do not make it spin */
	assert_int_equal(job_run_all(&w, &wait), OK);
	assert_int_equal(script.started, 3);
	assert_in_range(wait, 1, 1000);
}

static void
test_a_failure_is_tried_again_ever_later(void **state)
{
	static const int waits[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };
	int64_t began = clock_now(), next;
	struct worker w;

	open_worker(&w, state);
	script.result = ERR_NET_TIMEOUT;
	script.rows_at = clock_now();
	for (int i = 0; i < (int)(sizeof waits / sizeof waits[0]); i++) {
		assert_int_equal(turn(&w), OK);
		assert_int_equal(script.started, i + 1);
		assert_int_equal(row(state).failures, i + 1);
		next = row(state).next_run_at;
		assert_in_range(
		    next - clock_now(), waits[i], waits[i] + waits[i] / 10);
		/* not before, whatever the rows say */
		clock_set_offset(next - 1 - began);
		assert_int_equal(turn(&w), OK);
		assert_int_equal(script.started, i + 1);
		clock_set_offset(next - began);
	}
	/* for years */
	storefix_sql(storefix_db(state), "UPDATE jobs SET failures = 100000");
	assert_int_equal(turn(&w), OK);
	assert_in_range(row(state).next_run_at - clock_now(), 3600, 3600 + 360);
}

static void
test_slices(void **state)
{
	struct worker w;
	int wait;

	open_worker(&w, state);
	script.slices = 3;
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 1);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(row(state).result, JOB_RUNNING);
		assert_int_equal(job_run_all(&w, &wait), OK);
		assert_int_equal(script.stepped, i);
	}
	assert_int_equal(row(state).result, JOB_OK);
}

static void
test_a_wake_reaches_a_run(void **state)
{
	struct worker w;

	open_worker(&w, state);
	script.result = ERR_EXISTS;
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.woken, 0);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.woken, 1);
	assert_int_equal(script.started, 1);
	job_finish(script.job, OK, NULL);
	assert_string_equal(row(state).text, "");
}

static void
test_two_workers(void **state)
{
	struct worker one, two;

	open_worker(&one, state);
	open_worker(&two, state);
	script.result = ERR_EXISTS;
	assert_int_equal(turn(&one), OK);
	assert_int_equal(turn(&two), OK);
	assert_int_equal(script.started, 1);
	assert_ptr_equal(script.job->worker, &one);
	/* the first was killed: its lease ends */
	clock_set_offset(JOBS_LEASE - 1);
	assert_int_equal(turn(&two), OK);
	assert_int_equal(script.started, 1);
	clock_set_offset(JOBS_LEASE);
	assert_int_equal(turn(&two), OK);
	assert_int_equal(script.started, 2);
	assert_ptr_equal(script.job->worker, &two);
	/* or it only slept: it notices, and has to end */
	one.jobs[0].keep_at = 0;
	job_again(&one.jobs[0], 0);
	assert_int_equal(turn(&one), ERR_CONFLICT);
	assert_int_equal(script.stepped, 0);
	assert_string_equal(row(state).lease_owner, two.owner);
}

static void
test_who_lost_its_lease_does_not_finish(void **state)
{
	struct worker one, two;
	int wait;

	open_worker(&one, state);
	open_worker(&two, state);
	script.result = ERR_EXISTS;
	assert_int_equal(turn(&one), OK);
	clock_set_offset(JOBS_LEASE);
	assert_int_equal(turn(&two), OK);
	job_finish(&one.jobs[0], OK, "too late");
	assert_int_equal(job_run_all(&one, &wait), ERR_CONFLICT);
	assert_int_equal(row(state).result, JOB_RUNNING);
	assert_string_equal(row(state).lease_owner, two.owner);
}

static void
test_a_long_run_keeps_its_lease(void **state)
{
	struct worker w;

	open_worker(&w, state);
	script.result = ERR_EXISTS;
	assert_int_equal(turn(&w), OK);
	clock_set_offset(20);
	w.jobs[0].keep_at = 0;
	assert_int_equal(turn(&w), OK);
	assert_int_equal(row(state).lease_until, clock_now() + JOBS_LEASE);
}

static void
test_stopped(void **state)
{
	struct worker w;

	open_worker(&w, state);
	script.result = ERR_EXISTS;
	assert_int_equal(turn(&w), OK);
	job_stop_all(&w);
	assert_int_equal(script.stopped, 1);
	assert_int_equal(row(state).result, JOB_STOPPED);
	assert_string_equal(row(state).lease_owner, "");
	/* the next one goes on at once */
	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 1);
	/* what does not run is not stopped */
	script.result = OK;
	job_finish(script.job, OK, NULL);
	job_stop_all(&w);
	assert_int_equal(script.stopped, 0);
}

static void
test_a_clock_that_was_ahead(void **state)
{
	struct worker w;

	clock_set_offset(365 * 86400);
	open_worker(&w, state);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 1);
	clock_set_offset(0);
	assert_int_equal(turn(&w), OK);
	assert_int_equal(script.started, 2);
	assert_in_range(row(state).next_run_at, clock_now() + 3600,
	    clock_now() + 3600 + 360);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_the_timetable),
	STOREFIX_TEST(test_another_worker_knows_the_timetable),
	STOREFIX_TEST(test_the_wait_is_until_something_is_due),
	STOREFIX_TEST(test_rows_want_a_run),
	STOREFIX_TEST(test_a_failure_is_tried_again_ever_later),
	STOREFIX_TEST(test_slices),
	STOREFIX_TEST(test_a_wake_reaches_a_run),
	STOREFIX_TEST(test_two_workers),
	STOREFIX_TEST(test_who_lost_its_lease_does_not_finish),
	STOREFIX_TEST(test_a_long_run_keeps_its_lease),
	STOREFIX_TEST(test_stopped),
	STOREFIX_TEST(test_a_clock_that_was_ahead),
};

STOREFIX_MAIN(tests)
