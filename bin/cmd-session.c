#include "admin/admin_session.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "web/session.h"

static const struct view_column columns[] = {
	{ "id", "ID", VIEW_TEXT },
	{ "admin", "ADMINISTRATOR", VIEW_TEXT },
	{ "created_at", "SIGNED IN", VIEW_TIME },
	{ "last_seen_at", "LAST USED", VIEW_TIME },
	{ "expires_at", "EXPIRES", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static int
list(struct cli *cli)
{
	struct session_list sessions;
	struct view *v;
	size_t i;
	int r;

	if ((r = sessions_list(cli->db, clock_now(), &sessions)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; i < sessions.n; i++) {
		if (!session_is_open(&sessions.rows[i]))
			continue;
		view_text(v, sessions.rows[i].id);
		view_text(v, sessions.rows[i].admin);
		view_time(v, sessions.rows[i].created_at);
		view_time(v, sessions.rows[i].last_seen_at);
		view_time(v, sessions.rows[i].expires_at);
	}
	r = view_table(cli, v, "sessions", "Nobody is signed in.");
	view_free(v);
	sessions_list_release(&sessions);
	return r;
}

static int
revoke_all(struct cli *cli, const char *name)
{
	int ended, r;

	r = admin_session_end_all(&cli->admin, name, &ended);
	if (r == OK) {
		out_json_int(&cli->out, "revoked", ended);
		cli_say(cli, "%d sessions of %s have ended.", ended, name);
	}
	return r;
}

static int
revoke(struct cli *cli)
{
	const char *name = cli_option(cli, "admin");
	int r;

	if ((name != NULL) == (cli->count > 0))
		return fail(ERR_USAGE, "give ids, or --admin NAME");
	if (name != NULL)
		return revoke_all(cli, name);
	r = admin_session_end(&cli->admin, cli->arguments, cli->count);
	if (r == OK) {
		out_json_int(&cli->out, "revoked", cli->count);
		cli_say(cli, "%d sessions have ended.", cli->count);
	}
	return r;
}

static const struct cli_option revoke_options[] = {
	{ "admin", "NAME", "all sessions of this administrator", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "lists who is signed in to the admin pages",
	    .needs = CLI_READ,
	    .run = list },
	{ .name = "revoke",
	    .arguments = "[ID...]",
	    .help = "ends sessions at once",
	    .options = revoke_options,
	    .least = 0,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = revoke },
	{ .run = NULL },
};

const struct cli_noun cmd_session = {
	"session",
	"Who is signed in to the admin pages",
	verbs,
};
