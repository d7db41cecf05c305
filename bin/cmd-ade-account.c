#include "bin/cmd-ade-account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_business.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/owners.h"
#include "bin/view.h"
#include "ca/ade_identity.h"
#include "ca/file.h"
#include "policy/ade_definition.h"
#include "store/jobs.h"
#include "wire/ade_token.h"

/* A worker that did not begin what is due after this long is not there. */
#define BEGIN_SECONDS 15
/* The longest that a run is followed. */
#define FOLLOW_SECONDS 3600
#define LOOK_NS        200000000L

#define CERTIFICATE_MAX 65536

static const char *
account_of(const struct cli *cli)
{
	const char *name = cli_option(cli, "account");

	return name != NULL ? name : CMD_ADE_ACCOUNT;
}

static int
load(const struct cli *cli, struct ade_account *out)
{
	int r = ade_accounts_load(cli->db, account_of(cli), out);

	if (r == ERR_NOT_FOUND)
		return fail(r,
		    "there is no account %s; attestmdm ade token new makes it",
		    account_of(cli));
	return r;
}

static int
token_new(struct cli *cli)
{
	struct buf pem;
	int r;

	buf_init(&pem, CERTIFICATE_MAX);
	r = admin_business_certificate(
	    &cli->admin, account_of(cli), cli_flag(cli, "force"), &pem);
	if (r == OK) {
		out_json_string(&cli->out, "account", account_of(cli));
		out_json_string(&cli->out, "certificate", buf_str(&pem));
		if (!cli->json)
			fputs(buf_str(&pem), stdout);
	}
	buf_release(&pem);
	return r;
}

static int
token_import(struct cli *cli)
{
	struct ade_account account;
	char end[CLOCK_TEXT];
	struct owners o;
	struct buf file;
	bool over;
	int r;

	if (cli->count != 2)
		return fail(ERR_USAGE,
		    "attestmdm ade token import takes the "
		    "file from Apple Business");
	if ((r = owners_find(cli->conf.database, &o)) != OK)
		return r;
	buf_init(&file, ADE_TOKEN_FILE_MAX);
	/* The worker alone speaks to Apple and reads the token. */
	if ((r = file_read_input(cli->arguments[1], &file)) == OK)
		r = admin_business_token(&cli->admin, account_of(cli),
		    buf_blob(&file), cli_flag(cli, "force"),
		    o.single_user ? (uid_t)-1 : o.user[OWNER_WORKER],
		    o.single_user ? (gid_t)-1 : o.group, &account);
	buf_release(&file);
	if (r == ERR_ADE_OTHER_SERVICE)
		return fail(r, "%s (--force moves it)", log_reason());
	if (r != OK)
		return r;
	over = account.token_expires_at <= clock_now();
	clock_people(account.token_expires_at, end);
	out_json_string(&cli->out, "account", account.name);
	out_json_int(&cli->out, "token_expires_at", account.token_expires_at);
	out_json_bool(&cli->out, "expired", over);
	cli_say(cli, "Server token of account %s imported; it %s %s.",
	    account.name, over ? "expired" : "expires", end);
	cli_say(cli,
	    "After \"attestmdm ade sync\", compare organization and service in "
	    "\"attestmdm ade token show\" before \"attestmdm ade assign\".");
	return OK;
}

static const struct view_column account_columns[] = {
	{ "account", "Account", VIEW_TEXT },
	{ "token_expires_at", "Token expires", VIEW_TIME },
	{ "server_name", "Service", VIEW_TEXT },
	{ "server_uuid", "Service id", VIEW_TEXT },
	{ "organization", "Organization", VIEW_TEXT },
	{ "devices", "Devices", VIEW_INT },
	{ "held_removals", "Removals that wait", VIEW_INT },
	{ "synced_at", "Last synchronized", VIEW_TIME },
	{ "fetched_at", "Last full list", VIEW_TIME },
	{ "sync_error", "Fails", VIEW_TEXT },
	{ "sync_next_at", "Next try", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
add_account(struct view *v, struct db *db, const struct ade_account *a)
{
	int64_t ours, gone;
	int r = ade_devices_count(db, a->name, &ours, &gone);

	view_text(v, a->name);
	view_time(v, a->token_expires_at);
	view_text(v, a->server_name);
	view_text(v, a->server_uuid);
	view_text(v, a->organization);
	view_int(v, ours);
	view_int(v, gone);
	view_time(v, a->synced_at);
	view_time(v, a->fetched_at);
	view_text(v, a->sync_error);
	view_time(v, a->sync_next_at);
	return r;
}

static int
token_show(struct cli *cli)
{
	struct ade_account a;
	struct view *v;
	int r;

	if ((r = load(cli, &a)) != OK)
		return r;
	v = view_new(account_columns);
	if ((r = add_account(v, cli->db, &a)) == OK)
		r = view_record(cli, v);
	view_free(v);
	return r;
}

int
cmd_ade_token(struct cli *cli)
{
	if (strcmp(cli->arguments[0], "new") == 0 && cli->count == 1)
		return token_new(cli);
	if (strcmp(cli->arguments[0], "import") == 0)
		return token_import(cli);
	if (strcmp(cli->arguments[0], "show") == 0 && cli->count == 1)
		return token_show(cli);
	return fail(ERR_USAGE, "attestmdm ade token new | import FILE | show");
}

static int
find_job(struct db *db, const char *name, struct job_row *out)
{
	struct job_list list;
	int r = jobs_list(db, &list);

	*out = (struct job_row){ .result = JOB_NEVER };
	for (size_t i = 0; r == OK && i < list.n; i++) {
		if (strcmp(list.rows[i].name, name) == 0)
			*out = list.rows[i];
	}
	jobs_list_release(&list);
	return r;
}

/* To people who wait: how many devices have come so far. */
static int
show_progress(const struct cli *cli, int64_t *shown)
{
	struct ade_account_list list;
	int64_t devices = 0;
	int r = ade_accounts_list(cli->db, &list);

	for (size_t i = 0; r == OK && i < list.n; i++)
		devices += list.rows[i].sync_devices;
	ade_accounts_list_release(&list);
	if (r == OK && devices != *shown && !cli->json)
		fprintf(stderr, "%" PRId64 " records\n", devices);
	*shown = devices;
	return r;
}

/*
 * Waits until the worker ran a job that is due since `asked_at`: then its next
 * run is later. ERR_BUSY: no worker begins it.
 */
static int
follow(const struct cli *cli, const char *name, bool shows, int64_t asked_at)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int64_t shown = 0, looks;
	struct job_row job;
	int r;

	for (looks = 0; looks < FOLLOW_SECONDS * 5; looks++) {
		clock_refresh();
		if ((r = find_job(cli->db, name, &job)) != OK)
			return r;
		if (job.result != JOB_RUNNING && job.next_run_at > asked_at)
			return OK;
		if (job.result != JOB_RUNNING && looks >= BEGIN_SECONDS * 5)
			return fail(ERR_BUSY,
			    "attestmdm-worker does not begin it; it will when "
			    "it runs");
		if (shows && (r = show_progress(cli, &shown)) != OK)
			return r;
		nanosleep(&pause, NULL);
	}
	return fail(ERR_BUSY, "it still goes on after an hour");
}

int
cmd_ade_sync(struct cli *cli)
{
	struct ade_account_list list;
	const char *failing = NULL;
	char text[ADE_ERROR_TEXT + ADE_ACCOUNT_TEXT + 2];
	int64_t asked_at;
	struct view *v;
	int r;

	if ((r = admin_business_sync_now(&cli->admin, &asked_at)) != OK ||
	    (r = follow(cli, "sync", true, asked_at)) != OK ||
	    (r = ade_accounts_list(cli->db, &list)) != OK)
		return r;
	v = view_new(account_columns);
	for (size_t i = 0; i < list.n && r == OK; i++) {
		if (list.rows[i].sync_error[0] != '\0' && failing == NULL) {
			snprintf(text, sizeof text, "%s: %s", list.rows[i].name,
			    list.rows[i].sync_error);
			failing = text;
		}
		r = add_account(v, cli->db, &list.rows[i]);
	}
	if (r == OK)
		r = view_table(cli, v, "accounts", "No account.");
	view_free(v);
	ade_accounts_list_release(&list);
	if (r == OK && failing != NULL) {
		cli->answered = true;
		return fail(ERR_ADE_UNAVAILABLE, "%s", failing);
	}
	return r;
}

static int
profile_show(struct cli *cli)
{
	uint8_t sha256[SECRET_SHA256];
	struct ade_device_counts counts;
	struct ade_account a;
	struct buf json;
	bool defined;
	int r;

	buf_init(&json, ADE_DEFINITION_MAX);
	if ((r = load(cli, &a)) != OK ||
	    (r = ade_definition_of(cli->db, &cli->conf, &a, &json, sha256)) !=
		OK ||
	    (r = admin_business_count(
		 cli->db, &cli->conf, &a, &defined, &counts)) != OK)
		goto done;
	out_json_string(&cli->out, "account", a.name);
	out_json_raw(&cli->out, "profile", buf_blob(&json));
	out_json_bool(&cli->out, "defined", defined);
	out_json_string(&cli->out, "profile_uuid", a.profile_uuid);
	out_json_int(&cli->out, "devices", counts.devices);
	out_json_int(&cli->out, "assigned", counts.wanted);
	cli_say(cli, "%s", buf_str(&json));
	cli_say(cli, "%s; %" PRId64 " of %" PRId64 " devices have it.",
	    defined ? "Defined at Apple Business"
		    : "Not defined at Apple Business in this form",
	    counts.wanted, counts.devices);
done:
	buf_release(&json);
	return r;
}

int
cmd_ade_profile(struct cli *cli)
{
	int r;

	if (strcmp(cli->arguments[0], "show") == 0 && cli->count == 1)
		return profile_show(cli);
	if (strcmp(cli->arguments[0], "set") != 0 || cli->count < 2)
		return fail(ERR_USAGE,
		    "attestmdm ade profile show | set NAME=VALUE ...");
	r = admin_business_set_options(
	    &cli->admin, account_of(cli), cli->arguments + 1, cli->count - 1);
	return r == OK ? profile_show(cli) : r;
}

/*
 * What assigning will do, or what it has done. With `renew` the profile has to be
 * defined again first, so no device counts as having it.
 */
static int
show_assignment(
    struct cli *cli, const struct ade_account *a, bool will, bool renew)
{
	struct ade_device_counts c;
	int64_t todo;
	int r = ade_devices_count_profiles(
	    cli->db, a->name, renew ? "" : a->profile_uuid, &c);

	if (r != OK)
		return r;
	todo = c.devices - c.wanted - c.not_accessible;
	out_json_string(&cli->out, "account", a->name);
	out_json_int(&cli->out, "devices", c.devices);
	out_json_int(&cli->out, "assigned", c.wanted);
	out_json_int(&cli->out, "other_profile", c.other);
	out_json_int(&cli->out, "no_profile", c.none);
	out_json_int(&cli->out, "not_accessible", c.not_accessible);
	out_json_int(&cli->out, "waiting", c.waiting);
	out_json_int(&cli->out, "to_assign", todo);
	if (will)
		cli_say(cli,
		    "%" PRId64 " of %" PRId64 " devices of account %s will be "
		    "assigned the profile that \"attestmdm ade profile show\" "
		    "shows; %" PRId64 " of them have another one now. Later "
		    "ones get it by themselves. Nothing is done yet: say "
		    "--yes.",
		    todo, c.devices, a->name, c.other);
	else
		cli_say(cli,
		    "%" PRId64 " of %" PRId64
		    " devices have the profile, %" PRId64
		    " are tried again later, %" PRId64 " are not accessible.",
		    c.wanted, c.devices, c.waiting, c.not_accessible);
	return OK;
}

static bool
must_be_renewed(const struct cli *cli, const struct ade_account *a)
{
	struct ade_device_counts counts;
	bool defined;

	return admin_business_count(
		   cli->db, &cli->conf, a, &defined, &counts) != OK ||
	    !defined;
}

int
cmd_ade_assign(struct cli *cli)
{
	struct ade_account a;
	int64_t asked_at;
	int r;

	if ((r = load(cli, &a)) != OK)
		return r;
	if (a.assign_approved_at == 0 && !cli_flag(cli, "yes"))
		return show_assignment(cli, &a, true, must_be_renewed(cli, &a));
	asked_at = clock_now();
	if ((r = admin_business_approve(&cli->admin, a.name)) != OK ||
	    (r = follow(cli, "assign", false, asked_at)) != OK ||
	    (r = load(cli, &a)) != OK ||
	    (r = show_assignment(cli, &a, false, false)) != OK)
		return r;
	if (a.assign_error[0] == '\0')
		return OK;
	cli->answered = true;
	return fail(ERR_ADE_UNAVAILABLE, "%s: %s", a.name, a.assign_error);
}

int
cmd_ade_confirm(struct cli *cli)
{
	int removed;
	int r =
	    admin_business_confirm(&cli->admin, cli->arguments[0], &removed);

	if (r != OK)
		return r;
	out_json_int(&cli->out, "removed", removed);
	cli_say(cli, "%d devices removed.", removed);
	return OK;
}
