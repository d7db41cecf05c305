#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_business.h"
#include "admin/admin_preview.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/consequences.h"
#include "bin/view.h"

static const struct view_column columns[] = {
	{ "name", "NAME", VIEW_TEXT },
	{ "value", "VALUE", VIEW_TEXT },
	{ "default", "DEFAULT", VIEW_TEXT },
	{ "premium", NULL, VIEW_BOOL },
	{ "gitops", NULL, VIEW_BOOL },
	{ NULL, NULL, VIEW_TEXT },
};

static int
list(struct cli *cli)
{
	const struct settings_entry *e;
	char value[SETTINGS_VALUE_TEXT];
	struct view *v = view_new(columns);
	size_t i;
	int r = OK;

	for (i = 0; r == OK && (e = settings_entry(i)) != NULL; i++) {
		if (settings_find(&cli->conf, e->name) == NULL)
			continue;
		r = settings_get_text(cli->db, &cli->conf, e->name, value);
		view_text(v, e->name);
		view_text(v, value);
		view_text(v, e->initial);
		view_bool(v, e->premium);
		view_bool(v, e->gitops && cli->conf.gitops_mode_enabled);
	}
	if (r == OK)
		r = view_table(cli, v, "settings", "There are no settings.");
	view_free(v);
	return r;
}

static int
get(struct cli *cli)
{
	const char *name;
	char value[SETTINGS_VALUE_TEXT];
	int r;

	if (cli->count == 0)
		return list(cli);
	name = cli->arguments[0];
	if (settings_find(&cli->conf, name) == NULL)
		return fail(ERR_NOT_FOUND, "there is no setting %s", name);
	if ((r = settings_get_text(cli->db, &cli->conf, name, value)) != OK)
		return r;
	out_json_string(&cli->out, "name", name);
	out_json_string(&cli->out, "value", value);
	cli_say(cli, "%s", value);
	return OK;
}

/*
 * The profile that Apple Business holds for a device decides whether it is led
 * to the sign-in: says how many devices have the present one.
 */
static int
show_profiles(struct cli *cli)
{
	struct ade_account_list list;
	struct ade_device_counts c;
	bool defined;
	int r = ade_accounts_list(cli->db, &list);

	out_json_open_array(&cli->out, "accounts");
	for (size_t i = 0; i < list.n && r == OK; i++) {
		r = admin_business_count(
		    cli->db, &cli->conf, &list.rows[i], &defined, &c);
		if (r != OK)
			break;
		out_json_open_object(&cli->out, NULL);
		out_json_string(&cli->out, "account", list.rows[i].name);
		out_json_int(&cli->out, "devices", c.devices);
		out_json_int(&cli->out, "assigned", c.wanted);
		out_json_close_object(&cli->out);
		cli_say(cli,
		    "%" PRId64 " of %" PRId64 " devices of account %s have the "
		    "profile for it in Apple Business; attestmdm ade profile "
		    "show --account %s tells when the others have it.",
		    c.wanted, c.devices, list.rows[i].name, list.rows[i].name);
	}
	out_json_close_array(&cli->out);
	ade_accounts_list_release(&list);
	return r;
}

static int
list_group(struct cli *cli, const struct admin_setting *set)
{
	const char *after = cli_option(cli, "after");
	struct admin_preview_hosts hosts;
	size_t i;
	int r;

	r = admin_preview_list(&cli->admin, set, 1, cli_option(cli, "group"),
	    after == NULL ? "" : after, &hosts);
	if (r != OK)
		return r;
	out_json_open_array(&cli->out, "serials");
	for (i = 0; i < hosts.n; i++) {
		out_json_string(&cli->out, NULL, hosts.serials[i]);
		cli_say(cli, "%s", hosts.serials[i]);
	}
	out_json_close_array(&cli->out);
	out_json_string(&cli->out, "next", hosts.next);
	if (hosts.next[0] != '\0')
		cli_say(cli, "More: --after %s", hosts.next);
	return OK;
}

static int
dry_run(struct cli *cli, const struct admin_setting *set)
{
	struct admin_preview preview;
	int r;

	if (cli_option(cli, "group") != NULL)
		return list_group(cli, set);
	r = admin_preview(&cli->admin, set, 1, &preview);
	return r == OK ? consequences_show(cli, &preview) : r;
}

static bool
asked(const struct cli *cli, const char *name)
{
	char answer[8] = "";

	if (cli->json || !isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "Set %s all the same? Type yes: ", name);
	return fgets(answer, sizeof answer, stdin) != NULL &&
	    strcmp(answer, "yes\n") == 0;
}

/* Nothing that leaves hosts without renewal is done unseen. */
static int
confirm(struct cli *cli, const struct admin_setting *set)
{
	char value[SETTINGS_VALUE_TEXT];
	struct admin_preview preview;
	int r;

	if (cli_flag(cli, "yes") || !admin_preview_concerns(set->name) ||
	    settings_find(&cli->conf, set->name) == NULL)
		return OK;
	r = settings_get_text(cli->db, &cli->conf, set->name, value);
	if (r != OK || strcmp(value, set->value) == 0 ||
	    (r = admin_preview(&cli->admin, set, 1, &preview)) != OK ||
	    preview.newly_refused == 0)
		return r;
	if ((r = consequences_show(cli, &preview)) != OK || asked(cli, set->name))
		return r;
	cli->answered = true;
	return fail(ERR_UNCONFIRMED,
	    "with %s = %s, %lld hosts are not renewed any more; repeat it with "
	    "--yes to set it all the same",
	    set->name, set->value, (long long)preview.newly_refused);
}

static int
change(struct cli *cli, const struct admin_setting *set, bool override)
{
	int r = admin_setting_check(&cli->admin, set, 1, override);

	if (r == OK)
		r = confirm(cli, set);
	return r == OK ? admin_setting_set(&cli->admin, set, 1, override) : r;
}

static int
setting_set(struct cli *cli)
{
	const struct admin_setting set = { cli->arguments[0],
		cli->arguments[1] };
	bool override = cli_flag(cli, "override-gitops");
	int r = cli_flag(cli, "dry-run") ? dry_run(cli, &set)
					 : change(cli, &set, override);

	if (r == ERR_NOT_FOUND)
		return fail(
		    r, "%s; attestmdm setting get lists them", log_reason());
	if (r == ERR_GITOPS)
		return fail(r, "%s, or set it here with --override-gitops",
		    log_reason());
	if (r != OK || cli_flag(cli, "dry-run"))
		return r;
	out_json_string(&cli->out, "name", set.name);
	out_json_string(&cli->out, "value", set.value);
	cli_say(cli, "%s is now %s.", set.name,
	    *set.value ? set.value : "empty");
	if (override && cli->conf.gitops_mode_enabled)
		fprintf(stderr,
		    "attestmdm: warning: GitOps mode is on, and the next run "
		    "of GitOps sets %s as the repository has it\n",
		    set.name);
	return strcmp(set.name, SETTINGS_SIGN_IN) == 0 ? show_profiles(cli)
						       : OK;
}

static const struct cli_option set_options[] = {
	{ "dry-run", NULL, "prints what it would mean, and changes nothing",
	    0 },
	{ "group", "GROUP", "with --dry-run: the hosts of that group", 0 },
	{ "after", "SERIAL", "with --group: those after it", 0 },
	{ "yes", NULL, "although hosts are not renewed any more then", 0 },
	{ "override-gitops", NULL,
	    "although GitOps manages the setting; the activity log tells", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "get",
	    .arguments = "[NAME]",
	    .help = "prints one value, or all settings",
	    .most = 1,
	    .needs = CLI_READ,
	    .run = get },
	{ .name = "set",
	    .arguments = "NAME VALUE",
	    .help = "changes a setting, as licence and GitOps mode allow",
	    .options = set_options,
	    .least = 2,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = setting_set },
	{ .run = NULL },
};

const struct cli_noun cmd_setting = {
	"setting",
	"Read and change settings",
	verbs,
};
