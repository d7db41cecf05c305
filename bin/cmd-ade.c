#include "admin/admin_ade.h"
#include "base/log.h"
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
	{ "account", "ACCOUNT", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "model", "MODEL", VIEW_TEXT },
	{ "description", "DESCRIPTION", VIEW_TEXT },
	{ "color", NULL, VIEW_TEXT },
	{ "device_family", "FAMILY", VIEW_TEXT },
	{ "added_at", "ASSIGNED", VIEW_TIME },
	{ "removed_at", "REMOVED", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
ade_list(struct cli *cli)
{
	struct ade_device_list list;
	struct paging p;
	struct view *v;
	size_t i;
	int r;

	if ((r = paging_read(cli, &p)) != OK ||
	    (r = ade_devices_list(cli->db, NULL, cli_option(cli, "search"),
		 p.offset, p.limit, &list)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; i < list.n; i++) {
		view_text(v, list.rows[i].account);
		view_text(v, list.rows[i].serial);
		view_text(v, list.rows[i].model);
		view_text(v, list.rows[i].description);
		view_text(v, list.rows[i].color);
		view_text(v, list.rows[i].device_family);
		view_time(v, list.rows[i].added_at);
		view_time(v, list.rows[i].removed_at);
	}
	r = view_table(cli, v, "devices",
	    paging_is_filtered(cli)
		? "No device matches."
		: "No device is assigned. Export the serial numbers in Apple "
		  "Business and take them over with attestmdm ade import.");
	paging_end(cli, &p, list.n, list.total);
	view_free(v);
	ade_devices_list_release(&list);
	return r;
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
	{ "search", "TEXT", "in serial number, model and description", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
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
	    .help = "lists the devices that are or were assigned",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = ade_list },
	{ .name = "remove",
	    .arguments = "SERIAL ...",
	    .help = "removes devices that are not assigned to us any more",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = ade_remove },
	{ .run = NULL },
};

const struct cli_noun cmd_ade = {
	"ade",
	"Which devices are assigned to us in Apple Business",
	verbs,
};
