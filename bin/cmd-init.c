#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin_account.h"
#include "base/log.h"
#include "base/secret.h"
#include "bin/adminkey.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/layout.h"
#include "bin/nginx-file.h"
#include "ca/file.h"
#include "store/admins.h"

#define STATE_DEFAULT "/var/lib/attestmdm"
#define NONCE_KEY     32
#define PATH_SIZE     4096

struct init {
	struct cli *cli;
	struct owners owners;
	const char *state;
	const char *admin;
	char fresh[PATH_SIZE]; /* the configuration until all is there */
	char password[CMD_PASSWORD_TEXT];
};

/* Makes the folders that lead to `path`, for everybody to pass. */
static int
folders_above(const char *path)
{
	char up[PATH_SIZE], *slash;

	snprintf(up, sizeof up, "%s", path);
	for (slash = strchr(up + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(up, 0755) == 0 ? chmod(up, 0755) != 0
					 : errno != EEXIST)
			return fail(ERR_IO, "cannot make the folder %s: %s", up,
			    strerror(errno));
		*slash = '/';
	}
	return OK;
}

static int
folders(struct init *in)
{
	int r;

	if ((r = folders_above(in->cli->conf_path)) != OK ||
	    (r = folders_above(in->state)) != OK)
		return r;
	return layout_make(&in->owners, in->state);
}

/* What inih would read back otherwise is refused. */
static int
check_value(const char *what, const char *value)
{
	size_t i, n = strlen(value);

	for (i = 0; i < n; i++) {
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f ||
		    value[i] == ';')
			return fail(ERR_FIELD,
			    "--%s may not hold control characters or ';'",
			    what);
	}
	if (n == 0 || value[0] == ' ' || value[n - 1] == ' ')
		return fail(
		    ERR_FIELD, "--%s is empty or ends in a blank", what);
	return OK;
}

/* mdm.example.com → com.example.mdm.attestmdm */
static void
identifier(const char *url, struct buf *out)
{
	char host[256];
	const char *from = strstr(url, "://");
	char *dot;

	from = from == NULL ? url : from + 3;
	snprintf(host, sizeof host, "%.*s", (int)strcspn(from, ":/"), from);
	while ((dot = strrchr(host, '.')) != NULL) {
		buf_printf(out, "%s.", dot + 1);
		*dot = '\0';
	}
	buf_printf(out, "%s.attestmdm", host);
}

static int
write_conf(struct init *in)
{
	const struct cli *cli = in->cli;
	const char *ca_key = cli_option(cli, "ca-key");
	const char *topic = cli_option(cli, "topic");
	struct buf b;
	int r;

	buf_init(&b, 16384);
	buf_printf(&b,
	    "# attestmdm.conf(5) explains every key. Restart the programs "
	    "after a change.\n\n[server]\nurl = %s\norganization = %s\n\n"
	    "[paths]\nstate = %s\n\n[mdm]\n",
	    cli_option(cli, "url"), cli_option(cli, "organization"), in->state);
	if (topic != NULL)
		buf_printf(&b, "topic = %s\n", topic);
	buf_add_str(&b,
	    "# Never change this: devices know their profile by it.\n"
	    "profile_identifier = ");
	identifier(cli_option(cli, "url"), &b);
	buf_add_str(&b,
	    "\nclient_certificate = required\n\n[license]\ntier = premium\n");
	if (ca_key != NULL)
		buf_printf(&b, "\n[acme]\nca_key = %s\n", ca_key);
	unlink(in->fresh);
	if ((r = buf_status(&b)) == OK)
		r = file_create(in->fresh, buf_blob(&b),
		    in->owners.single_user ? 0600 : 0640);
	buf_release(&b);
	return r;
}

/* Checked by the very reader that the programs use. */
static int
init_conf(struct init *in)
{
	static const char *const names[] = { "url", "organization", "topic" };
	const struct cli *cli = in->cli;
	const char *value;
	size_t i;
	int r;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		value = cli_option(cli, names[i]);
		if (value != NULL && (r = check_value(names[i], value)) != OK)
			return r;
	}
	if (strlen(cli_option(cli, "organization")) > 64)
		return fail(ERR_FIELD,
		    "--organization may have 64 bytes at most, as in "
		    "certificates");
	if ((r = write_conf(in)) != OK ||
	    (r = conf_load(in->fresh, &in->cli->conf)) != OK)
		return r == ERR_CONFIG ? ERR_FIELD : r;
	return owners_give(&in->owners, in->fresh, OWNER_ROOT,
	    in->owners.single_user ? 0600 : 0640);
}

static int
init_database(struct init *in)
{
	struct cli *cli = in->cli;
	int r;

	if ((r = db_migrate(cli->conf.database)) != OK ||
	    (r = db_open(cli->conf.database, DB_DURABLE, &cli->db)) != OK)
		return r;
	cli->admin.db = cli->db;
	return layout_settle_database(&in->owners, in->cli->conf.database);
}

static int
keys(struct init *in)
{
	const struct conf *c = &in->cli->conf;
	struct authorities_one all[AUTHORITIES];
	size_t i;
	int r;

	r = file_create_random(c->nonce_key, NONCE_KEY);
	if (r == ERR_EXISTS)
		cli_say(in->cli, "%s is there: kept.", c->nonce_key);
	else if (r != OK ||
	    (r = owners_give(&in->owners, c->nonce_key, OWNER_ROOT,
		 in->owners.single_user ? 0600 : 0640)) != OK)
		return r;
	if ((r = nginx_file_create(c, &in->owners)) != OK)
		return r;
	authorities_of(c, all);
	for (i = 0; i < AUTHORITIES; i++) {
		if (access(all[i].certificate, F_OK) == 0)
			cli_say(
			    in->cli, "%s is there: kept.", all[i].certificate);
		else if ((r = authorities_create(
			      &all[i], &in->owners, c->organization)) != OK)
			return r;
	}
	return OK;
}

static int
init_admin(struct init *in)
{
	struct cli *cli = in->cli;
	struct buf hash;
	bool made;
	int r;

	buf_init(&hash, ADMINS_HASH_TEXT);
	if ((r = adminkey_prepare(
		 &cli->conf, &in->owners, cli->db, false, &made)) == OK &&
	    (r = cmd_admin_password(in->password, &hash)) == OK)
		r = admin_account_create(
		    &cli->admin, in->admin, ADMIN_ROLE_ADMIN, buf_str(&hash));
	if (r == ERR_EXISTS) {
		in->password[0] = '\0';
		r = OK;
	}
	buf_wipe(&hash);
	return r;
}

static int
crl(struct init *in)
{
	const struct conf *c = &in->cli->conf;
	struct authorities_one all[AUTHORITIES];
	int r = OK;
	size_t i;

	authorities_of(c, all);
	for (i = 0; r == OK && i < AUTHORITIES; i++)
		r = authorities_publish(&all[i], c);
	return r;
}

static void
next(const struct init *in)
{
	const struct cli *cli = in->cli;

	if (in->password[0] != '\0')
		cli_say(cli,
		    "Administrator: %s\nFirst password: %s\n"
		    "It is shown only now; `attestmdm admin password %s` gives "
		    "another.\n",
		    in->admin, in->password, in->admin);
	cli_say(cli, "Written: %s, and keys and database in %s.\n",
	    cli->conf_path, cli->conf.state);
	if (!in->owners.single_user)
		cli_say(cli,
		    "Next:\n"
		    "  1. nginx: include attestmdm-http.conf in http { }, "
		    "attestmdm-devices.conf in\n"
		    "     your server { } and attestmdm-admin.conf in another, "
		    "then:\n"
		    "     systemctl reload nginx\n"
		    "  2. systemctl enable --now attestmdm.target\n"
		    "  3. attestmdm push-cert request FILE: "
		    "attestmdm-push-cert(8) leads you to\n"
		    "     the push certificate, without which no device "
		    "enrolls\n"
		    "  4. attestmdm check\n"
		    "  5. attestmdm ade token new, to connect Apple Business\n"
		    "  6. attestmdm setting set "
		    "apple_require_hardware_attestation true\n"
		    "  7. attestmdm ade assign: then Apple tells devices to "
		    "enroll at\n"
		    "     %s/enroll. README says how.",
		    cli->conf.url);
	else
		cli_say(cli,
		    "All files belong to you alone. Start each program as\n"
		    "  PROGRAM --config %s --listen SOCKET",
		    cli->conf_path);
}

static int
steps(struct init *in)
{
	int r;

	if ((r = folders(in)) != OK || (r = init_conf(in)) != OK ||
	    (r = init_database(in)) != OK || (r = keys(in)) != OK ||
	    (r = init_admin(in)) != OK || (r = crl(in)) != OK)
		return r;
	if (rename(in->fresh, in->cli->conf_path) != 0)
		return fail(ERR_IO, "cannot write %s: %s", in->cli->conf_path,
		    strerror(errno));
	return OK;
}

static int
begin(struct init *in)
{
	struct cli *cli = in->cli;
	int n, r;

	in->state = cli_option(cli, "state");
	in->admin = cli_option(cli, "admin");
	if (in->state == NULL)
		in->state = STATE_DEFAULT;
	if (in->admin == NULL)
		in->admin = "admin";
	if (in->state[0] != '/' || strlen(in->state) > 512)
		return fail(ERR_FIELD, "--state takes an absolute path");
	if ((r = check_value("state", in->state)) != OK)
		return r;
	if (access(cli->conf_path, F_OK) == 0)
		return fail(ERR_EXISTS,
		    "%s exists: this server is set up already; `attestmdm "
		    "check` says how it is",
		    cli->conf_path);
	n = snprintf(in->fresh, sizeof in->fresh, "%s.new", cli->conf_path);
	if (n < 0 || (size_t)n >= sizeof in->fresh)
		return fail(ERR_FIELD, "--config is too long");
	if (!cli_flag(cli, "single-user") && geteuid() != 0)
		return fail(ERR_USAGE,
		    "run this as root, or with --single-user to try the "
		    "server");
	r = owners_load(cli_flag(cli, "single-user"), &in->owners);
	return r == ERR_NOT_FOUND
	    ? fail(ERR_FIELD,
		  "%s: run systemd-sysusers after make install, or try with "
		  "--single-user",
		  log_reason())
	    : r;
}

static int
init_run(struct cli *cli)
{
	struct init in = { .cli = cli };
	int r;

	if ((r = begin(&in)) != OK)
		return r;
	r = steps(&in);
	if (r == OK) {
		out_json_string(&cli->out, "config", cli->conf_path);
		out_json_string(&cli->out, "state", cli->conf.state);
		out_json_string(&cli->out, "url", cli->conf.url);
		out_json_string(&cli->out, "admin", in.admin);
		if (in.password[0] != '\0')
			out_json_string(&cli->out, "password", in.password);
		next(&in);
	}
	unlink(in.fresh);
	secret_wipe(in.password, sizeof in.password);
	conf_release(&cli->conf);
	return r;
}

static const struct cli_option options[] = {
	{ "url", "URL", "https://host[:port] that devices reach", true },
	{ "organization", "NAME", "shown in profiles and pages", true },
	{ "topic", "TOPIC", "of a push certificate that is imported later",
	    false },
	{ "state", "FOLDER", "database and keys (" STATE_DEFAULT ")", false },
	{ "admin", "NAME", "the first administrator (admin)", false },
	{ "ca-key", "URL", "pkcs11: URL of a key that is there already",
	    false },
	{ "single-user", NULL, "no system users: to try the server", false },
	{ NULL, NULL, NULL, false },
};

static const struct cli_verb verbs[] = {
	{ .help = "sets a server up from nothing; what is there is kept",
	    .options = options,
	    .needs = CLI_NOTHING,
	    .run = init_run },
	{ .run = NULL },
};

const struct cli_noun cmd_init = {
	"init",
	"Set the server up: configuration, database, keys, administrator",
	verbs,
};
