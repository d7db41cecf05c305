#include <stdio.h>
#include <string.h>

#include "admin/admin_account.h"
#include "base/log.h"
#include "base/secret.h"
#include "bin/adminkey.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "ca/file.h"
#include "store/admins.h"
#include "store/api_tokens.h"
#include "store/rowmac.h"
#include "web/session.h"

static const struct view_column columns[] = {
	{ "name", "NAME", VIEW_TEXT },
	{ "role", "ROLE", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "disabled_at", "DISABLED", VIEW_TIME },
	{ "authentic", "AUTHENTIC", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
admin_hash(const char *password, struct buf *hash)
{
	char text[ADMINS_HASH_TEXT];
	int r;

	if ((r = session_hash_password(password, text)) == OK)
		r = buf_add_str(hash, text);
	secret_wipe(text, sizeof text);
	return r;
}

/* 120 random bits in letters and digits that nobody takes for another. */
int
cmd_admin_password(char password[CMD_PASSWORD_TEXT], struct buf *hash)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t random[CMD_PASSWORD_TEXT - 1];
	size_t i;

	secret_random(random, sizeof random);
	for (i = 0; i < sizeof random; i++)
		password[i] = letters[random[i] & 31];
	password[i] = '\0';
	secret_wipe(random, sizeof random);
	return admin_hash(password, hash);
}

/* The first line of the file that --password-file names. */
static int
admin_read(const char *path, struct buf *hash)
{
	struct buf text;
	int r;

	buf_init(&text, SESSION_PASSWORD_MAX + 2);
	if ((r = file_read_input(path, &text)) == OK) {
		if (text.n > 0)
			text.p[strcspn((const char *)text.p, "\r\n")] = '\0';
		r = admin_hash(buf_str(&text), hash);
	}
	buf_wipe(&text);
	return r;
}

static int
admin_set(struct cli *cli,
    int (*set)(const struct admin_actor *actor, const char *name,
	const enum admin_role *role, const char *hash))
{
	const char *file = cli_option(cli, "password-file");
	const char *word = cli_option(cli, "role");
	enum admin_role role = ADMIN_ROLE_ADMIN;
	char password[CMD_PASSWORD_TEXT] = "";
	struct buf hash;
	int r;

	if (word != NULL && (r = admin_role_find(word, &role)) != OK)
		return r;
	buf_init(&hash, ADMINS_HASH_TEXT);
	r = file != NULL ? admin_read(file, &hash)
			 : cmd_admin_password(password, &hash);
	if (r == OK && (r = rowmac_load(cli->db, cli->conf.admin_key)) == OK)
		r = set(&cli->admin, cli->arguments[0],
		    word != NULL ? &role : NULL, buf_str(&hash));
	if (r == OK) {
		out_json_string(&cli->out, "name", cli->arguments[0]);
		if (file == NULL)
			out_json_string(&cli->out, "password", password);
		cli_say(cli,
		    file == NULL ? "%s has the password: %s"
				 : "%s has the password of the file%s",
		    cli->arguments[0], password);
	}
	buf_wipe(&hash);
	secret_wipe(password, sizeof password);
	return r;
}

static int
create(const struct admin_actor *actor, const char *name,
    const enum admin_role *role, const char *hash)
{
	return admin_account_create(
	    actor, name, role != NULL ? *role : ADMIN_ROLE_ADMIN, hash);
}

static int
add(struct cli *cli)
{
	return admin_set(cli, create);
}

static int
admin_change(struct cli *cli)
{
	return admin_set(cli, admin_account_set_password);
}

static int
set_role(struct cli *cli)
{
	const char *name = cli->arguments[0];
	enum admin_role role;
	int r;

	if ((r = admin_role_find(cli->arguments[1], &role)) != OK ||
	    (r = rowmac_load(cli->db, cli->conf.admin_key)) != OK ||
	    (r = admin_account_set_role(&cli->admin, name, role)) != OK)
		return r;
	out_json_string(&cli->out, "name", name);
	out_json_string(&cli->out, "role", admin_role_name(role));
	cli_say(cli, "%s has the role %s.", name, admin_role_name(role));
	return OK;
}

static int
admin_switch(struct cli *cli,
    int (*change)(
	const struct admin_actor *actor, const char *const *names, int n),
    const char *said)
{
	int i, r;

	if ((r = rowmac_load(cli->db, cli->conf.admin_key)) == OK)
		r = change(&cli->admin, cli->arguments, cli->count);
	for (i = 0; i < cli->count && r == OK; i++)
		cli_say(cli, "%s %s", cli->arguments[i], said);
	return r;
}

static int
say_tokens(const struct cli *cli, const char *name)
{
	int64_t n;
	int r = api_tokens_count_by(cli->db, name, &n);

	if (r == OK && n > 0)
		cli_say(cli,
		    "API tokens that %s made go on working: %lld; attestmdm "
		    "token list has them.",
		    name, (long long)n);
	return r;
}

static int
disable(struct cli *cli)
{
	int i, r;

	r = admin_switch(
	    cli, admin_account_disable, "cannot sign in any more.");
	for (i = 0; i < cli->count && r == OK; i++)
		r = say_tokens(cli, cli->arguments[i]);
	return r;
}

static int
enable(struct cli *cli)
{
	return admin_switch(cli, admin_account_enable, "can sign in again.");
}

static int
admin_list(struct cli *cli)
{
	struct admin_list list;
	struct view *v;
	bool readable;
	size_t i;
	int r;

	if ((r = adminkey_try(&cli->conf, cli->db, &readable)) != OK ||
	    (r = admins_list(cli->db, &list)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; i < list.n; i++) {
		view_text(v, list.rows[i].name);
		view_text(v, admin_role_name(list.rows[i].role));
		view_time(v, list.rows[i].created_at);
		view_time(v, list.rows[i].disabled_at);
		view_text(v, adminkey_word(readable, list.rows[i].authentic));
	}
	r = view_table(cli, v, "admins", "There are no administrators.");
	view_free(v);
	admins_list_release(&list);
	return r;
}

static const struct cli_option password_options[] = {
	{ "password-file", "FILE", "take its first line; else a random one",
	    0 },
	{ "role", "ROLE",
	    "observer, maintainer, admin or gitops; a new one has admin", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "add",
	    .arguments = "NAME",
	    .help = "makes an administrator and prints the password once",
	    .options = password_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = add },
	{ .name = "password",
	    .arguments = "NAME",
	    .help = "gives a new password and ends all sessions",
	    .options = password_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = admin_change },
	{ .name = "set-role",
	    .arguments = "NAME ROLE",
	    .help = "gives a role and ends all sessions",
	    .least = 2,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = set_role },
	{ .name = "disable",
	    .arguments = "NAME...",
	    .help = "ends all sessions and refuses further sign-ins",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = disable },
	{ .name = "enable",
	    .arguments = "NAME...",
	    .help = "undoes disable",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = enable },
	{ .name = "list",
	    .help = "lists who may use the admin pages",
	    .needs = CLI_READ,
	    .run = admin_list },
	{ .run = NULL },
};

const struct cli_noun cmd_admin = {
	"admin",
	"Who may use the admin pages",
	verbs,
};
