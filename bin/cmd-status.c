#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "store/alarms.h"
#include "store/jobs.h"

static const struct view_column columns[] = {
	{ "name", "JOB", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "started_at", "LAST RUN", VIEW_TIME },
	{ "ended_at", NULL, VIEW_TIME },
	{ "duration_ms", "MS", VIEW_INT },
	{ "next_run_at", "NEXT RUN", VIEW_TIME },
	{ "text", "WHAT", VIEW_TEXT },
	{ "failures", NULL, VIEW_INT },
	{ "last_error", NULL, VIEW_TEXT },
	{ "last_error_at", NULL, VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
show_jobs(struct cli *cli, const struct job_list *list)
{
	struct view *v = view_new(columns);
	int64_t now = clock_now();
	int r;

	for (size_t i = 0; i < list->n; i++) {
		const struct job_row *job = &list->rows[i];

		view_text(v, job->name);
		view_text(v, jobs_state_name(job, now));
		view_time(v, job->started_at);
		view_time(v, job->ended_at);
		view_int(v, job->duration_ms);
		view_time(v, job->next_run_at);
		view_text(v, job->text);
		view_int(v, job->failures);
		view_text(v, job->last_error);
		view_time(v, job->last_error_at);
	}
	r = view_table(cli, v, "jobs", "There are no jobs yet.");
	view_free(v);
	return r;
}

static void
say_last_errors(const struct cli *cli, const struct job_list *list)
{
	char at[CLOCK_TEXT];

	for (size_t i = 0; i < list->n; i++) {
		if (list->rows[i].last_error_at == 0)
			continue;
		clock_people(list->rows[i].last_error_at, at);
		cli_say(cli, "Last error of %s, at %s: %s", list->rows[i].name,
		    at, list->rows[i].last_error);
	}
}

/* The exit status tells whatever watches this host. */
static int
judge(const struct job_list *list, const char *silent)
{
	for (size_t i = 0; i < list->n && *silent == '\0'; i++)
		if (list->rows[i].result == JOB_FAILED)
			return fail(ERR_JOB, "the job %s fails: %s",
			    list->rows[i].name, list->rows[i].text);
	return *silent == '\0'
	    ? OK
	    : fail(ERR_JOB, "%s: systemctl status attestmdm-worker", silent);
}

static int
status_run(struct cli *cli)
{
	char silent[JOBS_TEXT] = "";
	struct job_list list;
	int64_t alarms;
	int r;

	if ((r = jobs_list(cli->db, &list)) != OK ||
	    (r = alarms_count_open(cli->db, &alarms)) != OK ||
	    (r = show_jobs(cli, &list)) != OK)
		goto done;
	say_last_errors(cli, &list);
	jobs_are_silent(&list, clock_now(), silent, sizeof silent);
	out_json_bool(&cli->out, "worker_silent", *silent != '\0');
	out_json_int(&cli->out, "alarms", alarms);
	if (alarms > 0)
		cli_say(cli, "Open alarms: %lld; attestmdm alarms shows them.",
		    (long long)alarms);
	cli->answered = true;
	r = judge(&list, silent);
done:
	jobs_list_release(&list);
	return r;
}

static const struct cli_verb verbs[] = {
	{ .help = "shows the worker's jobs; fails when one of them fails",
	    .needs = CLI_READ,
	    .run = status_run },
	{ .run = NULL },
};

const struct cli_noun cmd_status = {
	"status",
	"What the worker does, and whether it works",
	verbs,
};
