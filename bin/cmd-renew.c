#include <stdio.h>
#include <string.h>

#include "admin/admin_host.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "enroll/renewer.h"
#include "store/activities.h"
#include "store/settings.h"

/* Hosts that are looked up at a time. */
#define PAGE 100

/* Hosts that get an alarm, and renewals that are closed, in one run. */
#define CARE_MAX 10000

#define LIMIT_MAX 1000000

static const struct view_column columns[] = {
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "method", "METHOD", VIEW_TEXT },
	{ "not_after", "ENDS", VIEW_TIME },
	{ "reason", "WHY", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

struct run {
	struct cli *cli;
	struct renewer renewer;
	enum renewer_wish wish;
	bool dry;
	int limit;
	/* of a dry run or a single host; else NULL */
	struct view *view;
	int looked_at;
	int opened;
	int refused;
	/* hosts at which something failed, and the first code */
	int faults;
	int fault;
	/* of the last host */
	struct decision decision;
};

static int
cmd_renew_host(struct run *run, const struct renewal_candidate *host)
{
	struct decision *d = &run->decision;
	int r;

	r = run->dry ? renewer_decide(&run->renewer, host, run->wish, d)
		     : renewer_send(&run->renewer, host, run->wish, d);
	if (r != OK)
		return r;
	run->looked_at++;
	if (d->method == DECISION_REFUSE)
		run->refused++;
	else
		run->opened++;
	if (run->view == NULL)
		return OK;
	view_text(run->view, host->serial);
	view_text(run->view, decision_method_name(d->method));
	view_time(run->view, host->not_after);
	view_text(run->view, d->reason);
	return OK;
}

/* The next hosts behind `after`, in the order of the run. */
static int
cmd_renew_page(struct run *run, const struct renewal_candidate *after, int n,
    struct renewal_candidate_list *out)
{
	const struct conf *conf = &run->cli->conf;
	struct renewal_query query = { .now = clock_now(),
		.window = INT64_C(86400) * conf->days_before,
		.grace = INT64_C(86400) * conf->expired_grace_days,
		.limit = n };

	if (run->wish == RENEWER_TO_ACME)
		return renewal_candidates_not_attested(run->cli->db, after, n, out);
	return renewal_candidates_due(run->cli->db, &query, after, out);
}

/* One host that changed meanwhile, or has a fault, does not stop a run. */
static int
cmd_renew_pass(struct run *run, int code)
{
	if (code == OK || code == ERR_CONFLICT)
		return OK;
	if (run->faults++ == 0)
		run->fault = code;
	return run->faults < RENEWER_FAULTS_MAX ? OK : code;
}

/* Page after page, so that memory stays the same for any number of hosts. */
static int
cmd_renew_all(struct run *run)
{
	struct renewal_candidate_list page;
	struct renewal_candidate last;
	bool started = false;
	int left, r = OK;
	size_t i, n;

	do {
		left = run->limit - run->opened;
		if (left > PAGE)
			left = PAGE;
		if ((r = cmd_renew_page(
			 run, started ? &last : NULL, left, &page)) != OK)
			return r;
		n = page.n;
		for (i = 0; i < n && r == OK; i++) {
			last = page.rows[i];
			r = cmd_renew_pass(run, cmd_renew_host(run, &last));
			if (!run->dry)
				db_give_way(run->cli->db);
		}
		started = true;
		renewal_candidates_release(&page);
		if (n == PAGE && run->view == NULL)
			cli_say(run->cli, "%d hosts looked at, %d to renew.",
			    run->looked_at, run->opened);
	} while (r == OK && n > 0 && run->opened < run->limit);
	return r != OK ? r : run->fault;
}

static int
cmd_renew_one(struct run *run, const char *name)
{
	struct renewal_candidate candidate;
	struct host host;
	int r;

	if ((r = admin_host_find(run->cli->db, name, &host)) != OK)
		return r;
	r = renewal_candidates_load(run->cli->db, host.id, &candidate);
	if (r == ERR_NOT_FOUND)
		return fail(ERR_CONFLICT, "%s is not enrolled: it is %s",
		    host.device.serial, hosts_state_name(host.state));
	if (r != OK)
		return r;
	r = cmd_renew_host(run, &candidate);
	if (r == ERR_CONFLICT)
		return fail(r,
		    "%s changed meanwhile, or has a new certificate already, "
		    "which waits for its first use",
		    host.device.serial);
	if (r == OK && run->refused > 0 && !run->dry)
		return fail(run->decision.code, "%s cannot be renewed: %s",
		    host.device.serial, run->decision.reason);
	return r;
}

/* What every run looks after besides opening renewals. */
static int
cmd_renew_care(struct run *run)
{
	int closed = 0, told = 0, alarm, r;

	if (run->dry)
		return OK;
	r = renewer_close_unanswered(&run->renewer, CARE_MAX, &closed);
	alarm = renewer_alarm(&run->renewer, CARE_MAX, &told);
	out_json_int(&run->cli->out, "unanswered", closed);
	out_json_int(&run->cli->out, "ending", told);
	if (closed > 0)
		cli_say(
		    run->cli, "%d renewals were not answered in time.", closed);
	if (told > 0)
		cli_say(run->cli,
		    "%d hosts have a certificate that ends soon: see "
		    "`attestmdm enrollment list --refused`.",
		    told);
	return r != OK ? r : alarm;
}

static int
cmd_renew_prepare(struct run *run)
{
	struct cli *cli = run->cli;
	bool due = cli_flag(cli, "due"), all = cli_flag(cli, "all-to-acme");
	bool one = cli_option(cli, "host") != NULL, require;
	int r;

	if (due + all + one != 1)
		return fail(
		    ERR_USAGE, "give one of --due, --host and --all-to-acme");
	run->dry = cli_flag(cli, "dry-run");
	run->wish = all ? RENEWER_TO_ACME : one ? RENEWER_NOW : RENEWER_ANY;
	if ((r = cli_number(cli, "limit", 1, LIMIT_MAX,
		 all ? LIMIT_MAX : cli->conf.per_run, &run->limit)) != OK)
		return r;
	if (run->dry || one)
		run->view = view_new(columns);
	if (!all)
		return OK;
	if ((r = settings_get_bool(cli->db, &cli->conf,
		 SETTINGS_REQUIRE_ATTESTATION, &require)) != OK)
		return r;
	return require
	    ? OK
	    : fail(ERR_FIELD, "turn \"Require hardware attestation\" on first");
}

static int
cmd_renew_work(struct run *run)
{
	const char *host = cli_option(run->cli, "host");
	int care = OK, r;

	if (host != NULL)
		return cmd_renew_one(run, host);
	if (run->wish == RENEWER_ANY)
		care = cmd_renew_care(run);
	/* What is due is renewed, whatever went wrong before. */
	r = cmd_renew_all(run);
	return r != OK ? r : care;
}

static int
cmd_renew_report(struct run *run)
{
	struct cli *cli = run->cli;
	int r = OK;

	if (run->view != NULL)
		r = view_table(cli, run->view, "hosts",
		    run->wish == RENEWER_TO_ACME ? "No host is to move."
						 : "No host is due.");
	out_json_bool(&cli->out, "dry_run", run->dry);
	out_json_int(&cli->out, "opened", run->opened);
	out_json_int(&cli->out, "refused", run->refused);
	out_json_int(&cli->out, "faults", run->faults);
	cli_say(cli, "%s: %d. Cannot be renewed: %d.",
	    run->dry ? "Would be renewed" : "Wait for their devices",
	    run->opened, run->refused);
	if (run->faults > 0)
		cli_say(
		    cli, "Something failed at %d: see the log.", run->faults);
	return r;
}

/* An hourly run with nothing to do leaves no row. */
static int
cmd_renew_note(struct run *run)
{
	struct cli *cli = run->cli;
	const char *host = cli_option(cli, "host");
	char detail[256];
	int r;

	if (run->dry || (run->opened == 0 && run->wish == RENEWER_ANY))
		return OK;
	snprintf(detail, sizeof(detail),
	    "%s%.64s: %d opened, %d cannot be renewed, %d failed",
	    run->wish == RENEWER_TO_ACME   ? "all to ACME"
		: run->wish == RENEWER_NOW ? "host "
					   : "due",
	    host == NULL ? "" : host, run->opened, run->refused, run->faults);
	if ((r = db_begin(cli->db)) != OK)
		return r;
	if ((r = activities_add(cli->db, cli->actor, "renew", detail)) == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	return r;
}

static int
cmd_renew_run(struct cli *cli)
{
	struct run run = { .cli = cli };
	int r, told;

	if ((r = cmd_renew_prepare(&run)) == OK &&
	    (r = renewer_init(&run.renewer, &cli->conf, cli->db)) == OK) {
		r = cmd_renew_work(&run);
		told = cmd_renew_note(&run);
		r = r != OK ? r : told;
		/* what was done before something failed is to be known */
		cli->answered = run.faults > 0;
		if (r == OK || cli->answered) {
			told = cmd_renew_report(&run);
			r = r != OK ? r : told;
		}
	}
	renewer_release(&run.renewer);
	view_free(run.view);
	return r;
}

static const struct cli_option options[] = {
	{ "due", NULL, "hosts whose certificate ends soon", 0 },
	{ "host", "HOST", "this host, whenever its certificate ends", 0 },
	{ "all-to-acme", NULL, "every host that can attest and does not", 0 },
	{ "limit", "N", "open at most N", 0 },
	{ "dry-run", NULL, "change nothing, print what would happen", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "asks devices to replace their identity certificates",
	    .options = options,
	    .needs = CLI_WRITE,
	    .run = cmd_renew_run },
	{ .run = NULL },
};

const struct cli_noun cmd_renew = {
	"renew",
	"Renew identity certificates",
	verbs,
};
