#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/hook.h"
#include "bin/job.h"
#include "bin/watch.h"
#include "store/alarms.h"
#include "wire/out_json.h"

#define DAY INT64_C(86400)
/* How often a running command is looked at. */
#define LOOK_MS 20
/* After this many failures in a run the rest waits for the next one. */
#define FAILURES_MAX 3
/* Those that the command did not take let others pass for this many seconds. */
#define PUT_OFF 60
/* Closed alarms that are forgotten in one transaction, without a command. */
#define BATCH 100
/* Of the answer to the request that shows our own TLS certificate. */
#define URL_PATH    "/acme/attestmdm-check/directory"
#define URL_SECONDS 10
#define URL_MAX     ((size_t)64 * 1024)
#define DOCUMENT    16384

struct run {
	size_t watched; /* see watch_next() */
	bool asking;    /* our own URL */
	bool with_ca;   /* [profile] server_ca stands for the system's store */
	struct alarm alarm; /* what the hook is about */
	struct hook hook;
	int told;
	int failed;
	int fault; /* the first one, and why */
	char why[JOBS_TEXT];
};

static void
note(struct run *run, int r)
{
	if (r == OK)
		return;
	if (run->fault == OK)
		run->fault = r;
	snprintf(run->why, sizeof run->why, "%s", log_reason());
	log_forget_reason();
}

static void ask_url(struct job *job, bool with_ca);

/*
 * That the URL cannot be reached from this host says nothing of the
 * certificate. It is good when it is by server_ca or the system's store.
 */
static void
url_answered(void *arg, const struct net_answer *answer)
{
	struct job *job = arg;
	struct run *run = job->state;
	const struct worker *w = job->worker;
	int64_t not_after;

	run->asking = false;
	if (answer->code == ERR_NET_TRUST && run->with_ca)
		ask_url(job, false);
	else if (answer->code == ERR_NET_TRUST)
		note(run, watch_tls(w->db, w->conf, 0, answer->reason));
	else if (answer->code == OK &&
	    (not_after = net_certificate_end(answer)) != 0)
		note(run, watch_tls(w->db, w->conf, not_after, ""));
}

static void
ask_url(struct job *job, bool with_ca)
{
	struct run *run = job->state;
	const struct conf *conf = job->worker->conf;
	char url[1024];
	struct net_request request = { .method = "GET",
		.url = url,
		.ca_file = with_ca ? conf->server_ca : NULL,
		.shows_certificate = true,
		.answer_max = URL_MAX,
		.seconds = URL_SECONDS };

	snprintf(url, sizeof url, "%s" URL_PATH, conf->url);
	run->with_ca = with_ca;
	run->asking =
	    net_start(job->worker->net, &request, url_answered, job) == OK;
}

static int
write_document(
    const struct conf *conf, const struct alarm *alarm, struct buf *out)
{
	char url[1024];
	struct out_json w;

	snprintf(url, sizeof url, "%s/admin/alarms", conf->url);
	out_json_init(&w, out);
	out_json_open_object(&w, NULL);
	out_json_int(&w, "id", alarm->id);
	out_json_string(&w, "event",
	    alarm->closed_at != 0     ? "close"
		: alarm->told_at != 0 ? "repeat"
				      : "raise");
	out_json_string(&w, "kind", alarm->kind);
	out_json_string(&w, "severity", alarms_severity_name(alarm->severity));
	out_json_string(&w, "subject", alarm->subject);
	out_json_string(&w, "serial", alarm->serial);
	out_json_string(&w, "text", alarm->text);
	out_json_int(&w, "raised_at", alarm->raised_at);
	if (alarm->closed_at != 0)
		out_json_int(&w, "closed_at", alarm->closed_at);
	else
		out_json_null(&w, "closed_at");
	out_json_string(&w, "url", url);
	out_json_close_object(&w);
	return out_json_end(&w);
}

/* The command took it, or did not: into the row. */
static void
record(struct job *job, int told)
{
	struct run *run = job->state;
	struct worker *w = job->worker;
	int days = w->conf->alarm_repeat_days;
	int64_t now = clock_now();

	note(run, told);
	if (told == OK)
		run->told++;
	else
		run->failed++;
	note(run,
	    told == OK ? alarms_told(w->db, &run->alarm,
			     days > 0 ? now + days * DAY : 0)
		       : alarms_put_off(w->db, &run->alarm, now + PUT_OFF));
}

/* Starts the command for the next alarm; false: there is nothing to tell. */
static bool
tell_next(struct job *job)
{
	struct run *run = job->state;
	const struct worker *w = job->worker;
	struct buf document;
	int r;

	if (run->failed >= FAILURES_MAX ||
	    (r = alarms_next(w->db, clock_now(), &run->alarm)) == ERR_NOT_FOUND)
		return false;
	if (r != OK) {
		run->failed = FAILURES_MAX;
		note(run, r);
		return false;
	}
	buf_init(&document, DOCUMENT);
	if ((r = write_document(w->conf, &run->alarm, &document)) != OK ||
	    (r = hook_start(&run->hook, w->conf->alarm_command,
		 buf_blob(&document))) != OK)
		record(job, r);
	buf_release(&document);
	return true;
}

/* Goes on with telling; false: there is nothing to tell. */
static bool
tell(struct job *job)
{
	struct run *run = job->state;
	bool ended;
	int r;

	if (run->hook.pid == 0)
		return tell_next(job);
	r = hook_look(&run->hook, &ended);
	if (ended)
		record(job, r);
	return true;
}

/* Nobody is told; false: there is nothing to forget. */
static bool
forget(struct job *job)
{
	struct run *run = job->state;
	int n, r = alarms_forget_closed(job->worker->db, BATCH, &n);

	note(run, r);
	return r == OK && n == BATCH;
}

static void
finish(struct job *job)
{
	struct run run = *(struct run *)job->state;

	free(job->state);
	job->state = NULL;
	if (run.failed > 0)
		job_finish(job, run.fault,
		    "%d alarms told, %d not, which is tried again: %s",
		    run.told, run.failed, run.why);
	else if (run.fault != OK)
		job_finish(job, run.fault, "%s", run.why);
	else
		job_finish(job, OK, "%d alarms told", run.told);
}

static void
step(struct job *job)
{
	struct run *run = job->state;
	const struct worker *w = job->worker;
	bool more = true;
	int r;

	while (more && job_has_time(job)) {
		more = watch_next(w->db, w->conf, &run->watched, &r);
		note(run, r);
	}
	if (!more)
		more =
		    *w->conf->alarm_command != '\0' ? tell(job) : forget(job);
	if (more || run->asking)
		job_again(job, LOOK_MS);
	else
		finish(job);
}

static void
start(struct job *job)
{
	if ((job->state = calloc(1, sizeof(struct run))) == NULL) {
		job_finish(job, ERR_NOMEM, "no memory to look for alarms");
		return;
	}
	ask_url(job, *job->worker->conf->server_ca != '\0');
	step(job);
}

/* Without a command only the timetable counts. */
static int
due(const struct worker *w, int64_t *at)
{
	*at = 0;
	return *w->conf->alarm_command != '\0' ? alarms_tell_at(w->db, at) : OK;
}

static void
stop(struct job *job)
{
	struct run *run = job->state;

	hook_stop(&run->hook);
	free(run);
	job->state = NULL;
}

const struct job_kind job_alarms = {
	.name = "alarms",
	.seconds = 3600,
	.start = start,
	.step = step,
	.due = due,
	.stop = stop,
};
