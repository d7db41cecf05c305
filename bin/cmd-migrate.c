#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/nginx-file.h"
#include "store/enrollments.h"

/* As init left it: two system users, or one for all. */
static int
cmd_migrate_owners(const struct conf *conf, struct owners *out)
{
	struct stat st;

	if (stat(conf->state, &st) != 0 || owners_load(false, out) != OK ||
	    st.st_uid != out->programs)
		return owners_load(true, out);
	return OK;
}

/* Installations from before nginx had to name a secret. */
static int
cmd_migrate_nginx(struct cli *cli)
{
	bool missing = access(cli->conf.nginx_secret, F_OK) != 0;
	struct owners owners;
	int r;

	if ((r = cmd_migrate_owners(&cli->conf, &owners)) != OK ||
	    (r = nginx_file_create(&cli->conf, &owners)) != OK)
		return r;
	if (missing)
		cli_say(cli,
		    "nginx's secret was missing and is now %s: reload nginx.",
		    cli->conf.nginx_secret);
	return OK;
}

/* A run that was cut short may have left the key with root. */
static int
cmd_migrate_key(const struct conf *conf, const struct authorities_one *one)
{
	struct owners owners;
	struct stat st;
	int r;

	if (geteuid() != 0 || key_is_url(one->key) ||
	    lstat(one->key, &st) != 0 || st.st_uid != 0)
		return OK;
	r = cmd_migrate_owners(conf, &owners);
	if (r != OK || owners.single_user)
		return r;
	return owners_give(&owners, one->key, owners.ca, 0600);
}

/* Installations from before SCEP have the ACME CA alone. */
static int
cmd_migrate_authority(struct cli *cli, const struct authorities_one *one)
{
	struct owners owners;
	struct db *db = NULL;
	int r;

	if (access(one->certificate, F_OK) == 0)
		return cmd_migrate_key(&cli->conf, one);
	if (!key_is_url(one->key) && access(one->key, F_OK) == 0)
		return fail(ERR_EXISTS,
		    "%s has no certificate %s: remove it, and run migrate "
		    "again",
		    one->key, one->certificate);
	if ((r = cmd_migrate_owners(&cli->conf, &owners)) == OK &&
	    !owners.single_user && geteuid() != 0)
		r = fail(ERR_USAGE,
		    "the SCEP CA is missing: run attestmdm migrate as root");
	if (r == OK &&
	    (r = authorities_create(one, &owners, cli->conf.organization)) ==
		OK &&
	    (r = db_open(cli->conf.database, DB_DURABLE, &db)) == OK)
		r = authorities_publish(one, db, cli->conf.state);
	db_close(db);
	if (r == OK)
		cli_say(cli, "The SCEP CA was missing and is now %s.",
		    one->certificate);
	return r;
}

/* Profiles from before the database noted what they say. */
static int
cmd_migrate_profiles(const struct conf *conf)
{
	struct db *db = NULL;
	int r;

	if ((r = db_open(conf->database, DB_DURABLE, &db)) == OK &&
	    (r = db_begin(db)) == OK) {
		if ((r = enrollments_note_profiles(db, conf->url, conf->topic,
			 conf->profile_identifier)) == OK)
			r = db_commit(db);
		db_rollback(db);
	}
	db_close(db);
	return r;
}

static int
cmd_migrate_run(struct cli *cli)
{
	struct authorities_one all[AUTHORITIES];
	int before, after = db_schema_number();
	int r;

	if ((r = db_file_schema_number(cli->conf.database, &before)) != OK ||
	    (r = db_migrate(cli->conf.database)) != OK)
		return r;
	authorities_of(&cli->conf, all);
	if ((r = cmd_migrate_profiles(&cli->conf)) != OK ||
	    (r = cmd_migrate_authority(cli, &all[1])) != OK ||
	    (r = cmd_migrate_nginx(cli)) != OK)
		return r;
	out_json_int(&cli->out, "schema_before", before);
	out_json_int(&cli->out, "schema", after);
	if (before == after)
		cli_say(
		    cli, "The database has schema %d: nothing to do.", after);
	else
		cli_say(cli,
		    "The database went from schema %d to %d; a copy of it as "
		    "it was is %s.schema-%d.",
		    before, after, cli->conf.database, before);
	return OK;
}

static const struct cli_verb verbs[] = {
	{ .help = "brings the database to this version's schema, after a copy",
	    .needs = CLI_CONF,
	    .run = cmd_migrate_run },
	{ .run = NULL },
};

const struct cli_noun cmd_migrate = {
	"migrate",
	"Bring the database to this version",
	verbs,
};
