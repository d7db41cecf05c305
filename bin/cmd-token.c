#include "admin/admin_token.h"
#include "base/clock.h"
#include "bin/adminkey.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "store/rowmac.h"

static const struct view_column columns[] = {
	{ "name", "NAME", VIEW_TEXT },
	{ "role", "ROLE", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "created_by", "BY", VIEW_TEXT },
	{ "expires_at", "EXPIRES", VIEW_TIME },
	{ "last_used_at", "LAST USED", VIEW_TIME },
	{ "authentic", "AUTHENTIC", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
add(struct cli *cli)
{
	const char *name = cli->arguments[0];
	char text[API_TOKENS_TEXT] = "";
	enum admin_role role;
	int days, r;

	if ((r = admin_role_find(cli_option(cli, "role"), &role)) != OK ||
	    (r = cli_number(cli, "days", 1, ADMIN_TOKEN_DAYS_MAX,
		 ADMIN_TOKEN_DAYS, &days)) != OK ||
	    (r = rowmac_load(cli->db, cli->conf.admin_key)) != OK)
		return r;
	r = admin_token_create(&cli->admin, name, role, days, text);
	if (r == OK) {
		out_json_string(&cli->out, "name", name);
		out_json_string(&cli->out, "role", admin_role_name(role));
		out_json_string(&cli->out, "token", text);
		cli_say(cli,
		    "Token %s has the role %s for %d days. It is shown only "
		    "now:",
		    name, admin_role_name(role), days);
		cli_say(cli, "%s", text);
	}
	secret_wipe(text, sizeof text);
	return r;
}

static int
revoke(struct cli *cli)
{
	int i, r;

	if ((r = rowmac_load(cli->db, cli->conf.admin_key)) == OK)
		r = admin_token_revoke(&cli->admin, cli->arguments, cli->count);
	for (i = 0; i < cli->count && r == OK; i++)
		cli_say(cli, "Token %s is revoked.", cli->arguments[i]);
	return r;
}

static int
list(struct cli *cli)
{
	struct api_token_list tokens;
	const struct api_token *t;
	struct view *v;
	bool readable;
	size_t i;
	int r;

	if ((r = adminkey_try(&cli->conf, cli->db, &readable)) != OK ||
	    (r = api_tokens_list(cli->db, &tokens)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; i < tokens.n; i++) {
		t = &tokens.rows[i];
		view_text(v, t->name);
		view_text(v, admin_role_name(t->role));
		view_text(v, api_tokens_state_name(t, clock_now()));
		view_time(v, t->created_at);
		view_text(v, t->created_by);
		view_time(v, t->expires_at);
		view_time(v, t->last_used_at);
		view_text(v, adminkey_word(readable, t->authentic));
	}
	r = view_table(cli, v, "tokens", "There are no API tokens.");
	view_free(v);
	api_tokens_list_release(&tokens);
	return r;
}

static const struct cli_option add_options[] = {
	{ "role", "ROLE", "observer, maintainer, admin or gitops", true },
	{ "days", "N", "how long it lives, 365 days when not given", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "add",
	    .arguments = "NAME",
	    .help = "makes a token for the REST API and prints it once",
	    .options = add_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = add },
	{ .name = "revoke",
	    .arguments = "NAME...",
	    .help = "ends tokens for good",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = revoke },
	{ .name = "list",
	    .help = "lists tokens, without their secrets",
	    .needs = CLI_READ,
	    .run = list },
	{ .run = NULL },
};

const struct cli_noun cmd_token = {
	"token",
	"Tokens for the REST API",
	verbs,
};
