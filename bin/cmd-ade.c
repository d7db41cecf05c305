#include "admin/admin_ade.h"
#include "base/log.h"
#include "bin/cmd-ade-account.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "ca/file.h"
#include "store/ade_devices.h"

static int
import(struct cli *cli)
{
	bool skip_bad = cli_flag(cli, "skip-bad");
	struct admin_ade_result done = { 0 };
	struct buf text;
	int r;

	buf_init(&text, ADMIN_ADE_LIST_MAX);
	if ((r = file_read_input(cli->arguments[0], &text)) == OK)
		r = admin_ade_import(&cli->admin, &text, skip_bad, &done);
	buf_release(&text);
	if (r != OK && done.refused != 0)
		return fail(r, "%s (--skip-bad takes the rest)", log_reason());
	if (r != OK)
		return r;
	out_json_int(&cli->out, "assigned", done.assigned);
	out_json_int(&cli->out, "removed", done.removed);
	out_json_int(&cli->out, "skipped", done.skipped);
	cli_say(cli, "%d devices assigned, %d removed, %d lines skipped.",
	    done.assigned, done.removed, done.skipped);
	return OK;
}

static const struct view_column columns[] = {
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "account", "ACCOUNT", VIEW_TEXT },
	{ "model", "MODEL", VIEW_TEXT },
	{ "description", "DESCRIPTION", VIEW_TEXT },
	{ "color", NULL, VIEW_TEXT },
	{ "device_family", "FAMILY", VIEW_TEXT },
	{ "profile_status", "PROFILE", VIEW_TEXT },
	{ "profile_uuid", NULL, VIEW_TEXT },
	{ "assign_result", "RESULT", VIEW_TEXT },
	{ "added_at", "ADDED", VIEW_TIME },
	{ "gone_at", NULL, VIEW_TIME },
	{ "removed_at", "REMOVED", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *context)
{
	struct ade_device_filter filter = { .account =
						cli_option(cli, "account"),
		.search = cli_option(cli, "search"),
		.cursor = p->after,
		.limit = p->limit };
	struct ade_device_list list;
	int r = ade_devices_list(cli->db, &filter, &list);

	(void)context;
	if (r != OK)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		view_text(v, list.rows[i].serial);
		view_text(v, list.rows[i].account);
		view_text(v, list.rows[i].model);
		view_text(v, list.rows[i].description);
		view_text(v, list.rows[i].color);
		view_text(v, list.rows[i].device_family);
		view_text(v, list.rows[i].profile_status);
		view_text(v, list.rows[i].profile_uuid);
		view_text(v, list.rows[i].assign_result);
		view_time(v, list.rows[i].added_at);
		view_time(v, list.rows[i].gone_at);
		view_time(v, list.rows[i].removed_at);
	}
	paging_took(p, list.n, list.next);
	ade_devices_list_release(&list);
	return OK;
}

static int
ade_list(struct cli *cli)
{
	return paging_show(cli, columns, list_part, NULL, "devices",
	    paging_is_filtered(cli)
		? "No device matches."
		: "No device is assigned. attestmdm ade token new connects "
		  "Apple Business; attestmdm ade import takes a file with "
		  "serial numbers instead.");
}

static int
ade_remove(struct cli *cli)
{
	int r = admin_ade_remove(&cli->admin, cli->arguments, cli->count);

	if (r != OK)
		return r;
	out_json_int(&cli->out, "removed", cli->count);
	cli_say(cli, "%d removed.", cli->count);
	return OK;
}

static const struct cli_option import_options[] = {
	{ "skip-bad", NULL, "leave out lines without a serial number", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option list_options[] = {
	{ "account", "NAME", "of this account only", 0 },
	{ "search", "TEXT", "what a serial number begins with", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option token_options[] = {
	{ "account", "NAME", "of this account instead of \"business\"", 0 },
	{ "force", NULL, "new: a new key; import: the token of another service",
	    0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option account_options[] = {
	{ "account", "NAME", "of this account instead of \"business\"", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option assign_options[] = {
	{ "account", "NAME", "of this account instead of \"business\"", 0 },
	{ "yes", NULL, "do it, and what comes later by itself", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "token",
	    .arguments = "new | import FILE | show",
	    .help =
		"the server token: a certificate for it, the token, its end",
	    .options = token_options,
	    .least = 1,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_token },
	{ .name = "sync",
	    .help = "fetches the device lists now",
	    .needs = CLI_WRITE,
	    .run = cmd_ade_sync },
	{ .name = "devices",
	    .help = "lists the devices and their enrollment profiles",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = ade_list },
	{ .name = "profile",
	    .arguments = "show | set NAME=VALUE ...",
	    .help = "the enrollment profile that devices are assigned",
	    .options = account_options,
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_profile },
	{ .name = "assign",
	    .help = "shows what assigning the profile will do, and does it",
	    .options = assign_options,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_assign },
	{ .name = "confirm",
	    .arguments = "ACCOUNT",
	    .help = "removes many devices that are not listed any more",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = cmd_ade_confirm },
	{ .name = "import",
	    .arguments = "FILE",
	    .help =
		"imports the devices of a CSV or JSON file as assigned to us",
	    .options = import_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = import },
	{ .name = "list",
	    .help = "the same as devices",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = ade_list },
	{ .name = "remove",
	    .arguments = "SERIAL ...",
	    .help = "removes devices that were imported from a file",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = ade_remove },
	{ .run = NULL },
};

const struct cli_noun cmd_ade = {
	"ade",
	"Apple Business: which devices are ours, and their enrollment profile",
	verbs,
};
