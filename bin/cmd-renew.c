#include "admin/admin_host.h"
#include "admin/admin_renewal.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"

/* Hosts after which a long run says how far it is. */
#define PROGRESS 100

static const struct view_column columns[] = {
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "method", "METHOD", VIEW_TEXT },
	{ "not_after", "EXPIRES", VIEW_TIME },
	{ "reason", "WHY", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static void
row(void *view, const struct renewal_run *run,
    const struct renewal_candidate *host, const struct decision *d)
{
	view_text(view, host->serial);
	view_text(view, decision_method_name(d->method));
	view_time(view, host->not_after);
	view_text(view, d->reason);
}

static void
progress(void *cli, const struct renewal_run *run,
    const struct renewal_candidate *host, const struct decision *d)
{
	if (run->looked_at % PROGRESS == 0)
		cli_say(cli, "%d hosts looked at, %d to renew.", run->looked_at,
		    run->opened);
}

static int
renew_read(struct cli *cli, struct renewal_run *run)
{
	bool due = cli_flag(cli, "due"), all = cli_flag(cli, "all-to-acme");
	bool one = cli_flag(cli, "host");

	if (due + all + one != 1)
		return fail(
		    ERR_USAGE, "give one of --due, --host and --all-to-acme");
	run->dry_run = cli_flag(cli, "dry-run");
	run->option = all ? RENEWER_TO_ACME : one ? RENEWER_NOW : RENEWER_ANY;
	return cli_number(cli, "limit", 1, RENEWAL_RUN_LIMIT_MAX,
	    all ? RENEWAL_RUN_LIMIT_MAX : cli->conf.per_run, &run->limit);
}

static int
report(struct cli *cli, const struct renewal_run *run, struct view *view)
{
	int r = OK;

	if (run->option == RENEWER_ANY && !run->dry_run) {
		out_json_int(&cli->out, "unanswered", run->unanswered);
		out_json_int(&cli->out, "ending", run->expiring);
	}
	if (run->unanswered > 0)
		cli_say(cli, "%d renewals were not answered in time.",
		    run->unanswered);
	if (run->expiring > 0)
		cli_say(cli,
		    "%d hosts have a certificate that expires soon: see "
		    "attestmdm alarms.",
		    run->expiring);
	if (view != NULL)
		r = view_table(cli, view, "hosts",
		    run->option == RENEWER_TO_ACME ? "No host is to move."
						 : "No host is due.");
	out_json_bool(&cli->out, "dry_run", run->dry_run);
	out_json_int(&cli->out, "opened", run->opened);
	out_json_int(&cli->out, "refused", run->refused);
	out_json_int(&cli->out, "faults", run->faults);
	cli_say(cli, "%s: %d. Cannot be renewed: %d.",
	    run->dry_run ? "Would be renewed" : "Wait for their devices",
	    run->opened, run->refused);
	if (run->faults > 0)
		cli_say(
		    cli, "Something failed at %d: see the log.", run->faults);
	return r;
}

static int
renew_run(struct cli *cli)
{
	const char *name = cli_option(cli, "host");
	struct renewal_run run = { .on_host = progress, .arg = cli };
	struct view *view = NULL;
	struct host host;
	int r, reported;

	if ((r = renew_read(cli, &run)) != OK ||
	    (name != NULL && (r = admin_host_find(cli->db, name, &host)) != OK))
		return r;
	if (run.dry_run || name != NULL) {
		view = view_new(columns);
		run.on_host = row;
		run.arg = view;
	}
	r = admin_renewal_run(&cli->admin, &run, name != NULL ? &host : NULL);
	/* what was done before something failed is to be known */
	cli->answered = run.faults > 0;
	if (r == OK || cli->answered) {
		reported = report(cli, &run, view);
		r = r != OK ? r : reported;
	}
	view_free(view);
	return r;
}

static const struct cli_option options[] = {
	{ "due", NULL, "hosts whose certificate expires soon", 0 },
	{ "host", "HOST", "this host, whenever its certificate expires", 0 },
	{ "all-to-acme", NULL, "every host that can attest and does not", 0 },
	{ "limit", "N", "open at most N", 0 },
	{ "dry-run", NULL, "change nothing, print what would happen", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "asks devices to replace their identity certificates",
	    .options = options,
	    .needs = CLI_WRITE,
	    .run = renew_run },
	{ .run = NULL },
};

const struct cli_noun cmd_renew = {
	"renew",
	"Renew identity certificates",
	verbs,
};
