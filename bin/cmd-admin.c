#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "bin/adminkey.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "ca/file.h"
#include "store/admins.h"
#include "store/activities.h"
#include "store/rowmac.h"
#include "web/session.h"

static const struct view_column columns[] = {
	{ "name", "NAME", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "disabled_at", "DISABLED", VIEW_TIME },
	{ "authentic", "AUTHENTIC", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
cmd_admin_hash(const char *password, struct buf *hash)
{
	char text[ADMINS_HASH_TEXT];
	int r;

	if ((r = session_hash_password(password, text)) == OK)
		r = buf_add_str(hash, text);
	secret_wipe(text, sizeof(text));
	return r;
}

/* 120 random bits in letters and digits that nobody takes for another. */
int
cmd_admin_password(char password[CMD_PASSWORD_TEXT], struct buf *hash)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	uint8_t random[CMD_PASSWORD_TEXT - 1];
	size_t i;

	secret_random(random, sizeof(random));
	for (i = 0; i < sizeof(random); i++)
		password[i] = letters[random[i] & 31];
	password[i] = '\0';
	secret_wipe(random, sizeof(random));
	return cmd_admin_hash(password, hash);
}

/* The first line of the file that --password-file names. */
static int
cmd_admin_read(const char *path, struct buf *hash)
{
	struct buf text;
	int r;

	buf_init(&text, SESSION_PASSWORD_MAX + 2);
	if ((r = file_read_input(path, &text)) == OK) {
		if (text.n > 0)
			text.p[strcspn((const char *)text.p, "\r\n")] = '\0';
		r = cmd_admin_hash(buf_str(&text), hash);
	}
	buf_wipe(&text);
	return r;
}

typedef int cmd_admin_write(struct db *db, const char *name, const char *hash);

static int
cmd_admin_store_one(struct cli *cli, const char *name, cmd_admin_write *write,
    const char *hash, const char *action)
{
	int r = write(cli->db, name, hash);

	if (r == OK)
		return activities_add(cli->db, cli->actor, action, name);
	if (r == ERR_EXISTS)
		return fail(r, "there is an administrator %s already", name);
	if (r == ERR_NOT_FOUND)
		return fail(r, "there is no administrator %s", name);
	if (r == ERR_FIELD)
		return fail(r, "\"%s\" cannot be a name", name);
	return r;
}

/* All that are named, or none. */
static int
cmd_admin_store(struct cli *cli, cmd_admin_write *write, const char *hash,
    const char *action)
{
	int i, r;

	if ((r = rowmac_load(cli->db, cli->conf.admin_key)) != OK ||
	    (r = db_begin(cli->db)) != OK)
		return r;
	for (i = 0; i < cli->count && r == OK; i++)
		r = cmd_admin_store_one(
		    cli, cli->arguments[i], write, hash, action);
	if (r == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	return r;
}

static int
cmd_admin_set(struct cli *cli, cmd_admin_write *write, const char *action)
{
	const char *file = cli_option(cli, "password-file");
	char password[CMD_PASSWORD_TEXT] = "";
	struct buf hash;
	int r;

	buf_init(&hash, ADMINS_HASH_TEXT);
	r = file != NULL ? cmd_admin_read(file, &hash)
			 : cmd_admin_password(password, &hash);
	if (r == OK)
		r = cmd_admin_store(cli, write, buf_str(&hash), action);
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
	secret_wipe(password, sizeof(password));
	return r;
}

static int
cmd_admin_add(struct cli *cli)
{
	return cmd_admin_set(cli, admins_create, "admin.add");
}

static int
cmd_admin_change(struct cli *cli)
{
	return cmd_admin_set(cli, admins_set_password, "admin.password");
}

static int
cmd_admin_off(struct db *db, const char *name, const char *hash)
{
	return admins_disable(db, name);
}

static int
cmd_admin_on(struct db *db, const char *name, const char *hash)
{
	return admins_enable(db, name);
}

static int
cmd_admin_disable(struct cli *cli)
{
	int i, r = cmd_admin_store(cli, cmd_admin_off, NULL, "admin.disable");

	for (i = 0; i < cli->count && r == OK; i++)
		cli_say(cli, "%s cannot sign in any more.", cli->arguments[i]);
	return r;
}

static int
cmd_admin_enable(struct cli *cli)
{
	int i, r = cmd_admin_store(cli, cmd_admin_on, NULL, "admin.enable");

	for (i = 0; i < cli->count && r == OK; i++)
		cli_say(cli, "%s can sign in again.", cli->arguments[i]);
	return r;
}

static int
cmd_admin_list(struct cli *cli)
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
		view_time(v, list.rows[i].created_at);
		view_time(v, list.rows[i].disabled_at);
		view_text(v,
		    !readable			? "unknown"
			: list.rows[i].authentic ? "yes"
						 : "no");
	}
	r = view_table(cli, v, "admins", "There are no administrators.");
	view_free(v);
	admins_list_release(&list);
	return r;
}

static const struct cli_option password_options[] = {
	{ "password-file", "FILE", "take its first line; else a random one",
	    0 },
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
	    .run = cmd_admin_add },
	{ .name = "password",
	    .arguments = "NAME",
	    .help = "gives a new password and ends all sessions",
	    .options = password_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = cmd_admin_change },
	{ .name = "disable",
	    .arguments = "NAME...",
	    .help = "ends all sessions and lets nobody sign in by that name",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = cmd_admin_disable },
	{ .name = "enable",
	    .arguments = "NAME...",
	    .help = "undoes disable",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = cmd_admin_enable },
	{ .name = "list",
	    .help = "lists who may use the admin pages",
	    .needs = CLI_READ,
	    .run = cmd_admin_list },
	{ .run = NULL },
};

const struct cli_noun cmd_admin = {
	"admin",
	"Who may use the admin pages",
	verbs,
};
