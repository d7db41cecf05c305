#include "admin/admin_host.h"
#include "admin/admin_move.h"
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

static const struct view_column move_columns[] = {
	{ "started_at", "Started", VIEW_TIME },
	{ "started_by", "By", VIEW_TEXT },
	{ "planned", "Hosts", VIEW_INT },
	{ "opened", "Renewals opened", VIEW_INT },
	{ "failed", "Failed", VIEW_INT },
	{ "last_error", "Last failure", VIEW_TEXT },
	{ "ended_at", "Ended", VIEW_TIME },
	{ "cancelled_by", "Stopped by", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
show_move(struct cli *cli)
{
	struct move m;
	struct view *v;
	int r = moves_load(cli->db, &m);

	if (r != OK)
		return r == ERR_NOT_FOUND
		    ? fail(r, "no hosts were moved in the background")
		    : r;
	v = view_new(move_columns);
	view_time(v, m.started_at);
	view_text(v, m.started_by);
	view_int(v, m.planned);
	view_int(v, m.opened);
	view_int(v, m.failed);
	view_text(v, m.last_error);
	view_time(v, m.ended_at);
	view_text(v, m.cancelled_by);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
start_move(struct cli *cli)
{
	int64_t planned;
	int r = admin_move_start(&cli->admin, &planned);

	if (r != OK)
		return r;
	out_json_int(&cli->out, "planned", planned);
	cli_say(cli,
	    "%lld hosts are moved in the background; attestmdm renew "
	    "--progress says how far it is.",
	    (long long)planned);
	return OK;
}

static int
stop_move(struct cli *cli)
{
	int r = admin_move_cancel(&cli->admin);

	if (r == OK)
		cli_say(cli, "Stopped. Renewals that were opened go on.");
	return r;
}

/* What the worker does, or is to do. */
static int
renew_later(struct cli *cli)
{
	bool background = cli_flag(cli, "background");
	bool progress = cli_flag(cli, "progress");
	bool stop = cli_flag(cli, "stop");

	if (background + progress + stop != 1 ||
	    background != cli_flag(cli, "all-to-acme") ||
	    cli_flag(cli, "due") || cli_flag(cli, "host") ||
	    cli_flag(cli, "limit") || cli_flag(cli, "dry-run"))
		return fail(ERR_USAGE,
		    "give --all-to-acme --background, --progress or --stop "
		    "alone");
	return background ? start_move(cli)
	    : progress    ? show_move(cli)
			  : stop_move(cli);
}

static int
renew_now(struct cli *cli)
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

static int
renew_run(struct cli *cli)
{
	return cli_flag(cli, "background") || cli_flag(cli, "progress") ||
		cli_flag(cli, "stop")
	    ? renew_later(cli)
	    : renew_now(cli);
}

static const struct cli_option options[] = {
	{ "due", NULL, "hosts whose certificate expires soon", 0 },
	{ "host", "HOST", "this host, whenever its certificate expires", 0 },
	{ "all-to-acme", NULL, "every host that can attest and does not", 0 },
	{ "background", NULL, "with --all-to-acme: the worker does it", 0 },
	{ "progress", NULL, "how far the worker is with that", 0 },
	{ "stop", NULL, "stops it", 0 },
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
