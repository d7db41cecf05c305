#include <stdio.h>

#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "store/settings.h"

static const struct view_column columns[] = {
	{ "name", "NAME", VIEW_TEXT },
	{ "value", "VALUE", VIEW_TEXT },
	{ "default", "DEFAULT", VIEW_TEXT },
	{ "premium", NULL, VIEW_BOOL },
	{ "gitops", NULL, VIEW_BOOL },
	{ NULL, NULL, VIEW_TEXT },
};

static int
cmd_setting_list(struct cli *cli)
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
cmd_setting_get(struct cli *cli)
{
	const char *name;
	char value[SETTINGS_VALUE_TEXT];
	int r;

	if (cli->count == 0)
		return cmd_setting_list(cli);
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

/* The store answers with a code; here it becomes a sentence. */
static int
cmd_setting_refuse(const struct cli *cli, const char *name, int code)
{
	switch (code) {
	case ERR_NOT_FOUND:
		return fail(code,
		    "there is no setting %s; attestmdm setting get lists them",
		    name);
	case ERR_LICENSE:
		return fail(code,
		    "setting %s needs tier = premium in [license] of the "
		    "configuration",
		    name);
	case ERR_GITOPS:
		return fail(code,
		    "setting %s is managed by GitOps in %s; change it there, "
		    "or set it here with --override-gitops",
		    name, cli->conf.repository_url);
	case ERR_FIELD:
		return fail(code, "setting %s cannot be \"%s\"", name,
		    cli->arguments[1]);
	default:
		return code;
	}
}

static int
cmd_setting_set(struct cli *cli)
{
	const char *name = cli->arguments[0], *value = cli->arguments[1];
	enum settings_origin origin = cli_flag(cli, "override-gitops")
	    ? SETTINGS_BY_OVERRIDE
	    : SETTINGS_BY_ADMIN;
	int r;

	if ((r = settings_check(&cli->conf, origin, name, value)) != OK)
		return cmd_setting_refuse(cli, name, r);
	if ((r = db_begin(cli->db)) != OK)
		return r;
	r = settings_set(cli->db, &cli->conf, origin, name, value, cli->actor);
	if (r == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	if (r != OK)
		return cmd_setting_refuse(cli, name, r);
	out_json_string(&cli->out, "name", name);
	out_json_string(&cli->out, "value", value);
	cli_say(cli, "%s is now %s.", name, *value ? value : "empty");
	if (origin == SETTINGS_BY_OVERRIDE && cli->conf.gitops_mode_enabled)
		fprintf(stderr,
		    "attestmdm: warning: GitOps mode is on, and the next run "
		    "of GitOps sets %s as the repository has it\n",
		    name);
	return OK;
}

static const struct cli_option set_options[] = {
	{ "override-gitops", NULL,
	    "although GitOps manages the setting; the activity list tells", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "get",
	    .arguments = "[NAME]",
	    .help = "prints one value, or all settings",
	    .most = 1,
	    .needs = CLI_READ,
	    .run = cmd_setting_get },
	{ .name = "set",
	    .arguments = "NAME VALUE",
	    .help = "changes a setting, as licence and GitOps mode allow",
	    .options = set_options,
	    .least = 2,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = cmd_setting_set },
	{ .run = NULL },
};

const struct cli_noun cmd_setting = {
	"setting",
	"Read and change settings",
	verbs,
};
