#include <unistd.h>

#include "admin/admin_server.h"
#include "base/log.h"
#include "bin/adminkey.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/layout.h"
#include "bin/nginx-file.h"
#include "bin/upgrade.h"
#include "store/admins.h"
#include "store/enrollments.h"
#include "store/host_index.h"
#include "store/push_certificate.h"

/* The first schema with the jobs of attestmdm-worker. */
#define WORKER_SCHEMA 27

/* Installations from before nginx had to name a secret. */
static int
nginx(struct cli *cli, const struct owners *owners)
{
	bool missing = access(cli->conf.nginx_secret, F_OK) != 0;
	int r;

	if ((r = nginx_file_create(&cli->conf, owners)) == OK && missing)
		cli_say(cli,
		    "nginx's secret was missing and is now %s: reload nginx.",
		    cli->conf.nginx_secret);
	return r;
}

static int
create(struct cli *cli, const struct authorities_one *one,
    const struct owners *owners)
{
	bool resumed;
	int r;

	if ((r = authorities_resume(one, owners, &resumed)) != OK)
		return r;
	if (!resumed && !key_is_url(one->key) && access(one->key, F_OK) == 0)
		return fail(ERR_EXISTS,
		    "%s has no certificate %s: remove it, and run migrate "
		    "again",
		    one->key, one->certificate);
	if (!resumed)
		r = authorities_create(one, owners, cli->conf.organization);
	if (r == OK)
		cli_say(cli, "The SCEP CA was missing and is now %s.",
		    one->certificate);
	return r;
}

/* Installations from before SCEP have the ACME CA alone. */
static int
authority(struct cli *cli, const struct authorities_one *one,
    const struct owners *owners)
{
	char path[AUTHORITIES_PATH];
	int r;

	if (access(one->certificate, F_OK) != 0 &&
	    (r = create(cli, one, owners)) != OK)
		return r;
	authorities_crl_path(one, &cli->conf, path);
	return access(path, F_OK) == 0 ? OK
				       : authorities_publish(one, &cli->conf);
}

/* Profiles from before the database noted what they say. */
static int
profiles(const struct conf *conf)
{
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];
	struct db *db = NULL;
	int r;

	if ((r = db_open(conf->database, DB_DURABLE, &db)) == OK)
		r = push_certificate_topic(db, conf, topic);
	if (r == OK)
		r = enrollments_note_profiles(
		    db, conf->url, topic, conf->profile_identifier);
	/* then there is no such profile */
	if (r == ERR_NO_TOPIC)
		r = OK;
	db_close(db);
	return r;
}

/*
 * Repairs the index and the counts of hosts, which are wrong when something other
 * than our programs changed the database.
 */
static int
index_hosts(struct cli *cli)
{
	struct db *db = NULL;
	int64_t mended = 0;
	int r;

	if ((r = db_open(cli->conf.database, DB_DURABLE, &db)) == OK)
		r = host_index_mend(db, &mended);
	db_close(db);
	out_json_int(&cli->out, "mended", mended);
	if (r == OK && mended > 0)
		cli_say(cli,
		    "%lld texts to search or counts did not agree with the "
		    "hosts, and do now.",
		    (long long)mended);
	return r;
}

/*
 * Installations from before administrators were authenticated have no key. A
 * key that is missing although this database was authenticated before got
 * lost, and meanwhile any program may have inserted an administrator.
 */
static int
admins(struct cli *cli, const struct owners *owners, int schema_before)
{
	bool believe = schema_before < ADMINS_SCHEMA;
	struct db *db = NULL;
	bool made = false;
	int r;

	if (access(cli->conf.admin_key, F_OK) == 0)
		return OK;
	if ((r = db_open(cli->conf.database, DB_DURABLE, &db)) == OK)
		r = adminkey_prepare(&cli->conf, owners, db, believe, &made);
	db_close(db);
	if (r == OK && made)
		cli_say(cli,
		    "Administrators are authenticated with the new key %s.",
		    cli->conf.admin_key);
	if (r == OK && made && !believe)
		cli_say(cli,
		    "The key was missing, so the administrators in the "
		    "database are not trusted and\ncannot sign in. Look at "
		    "attestmdm admin list, and give each that is genuine a\n"
		    "new password: attestmdm admin password NAME --role ROLE");
	return r;
}

/* Who upgraded it is on record. */
static int
note(const struct cli *cli, int before, int after)
{
	struct admin_actor actor = cli->admin;
	int r;

	if (before == after)
		return OK;
	if ((r = db_open(cli->conf.database, DB_DURABLE, &actor.db)) == OK)
		r = admin_server_note_migrate(&actor, before, after);
	db_close(actor.db);
	return r;
}

/* attestmdm-worker does what two timers did before. */
static void
tell_of_worker(const struct cli *cli, const struct owners *owners, int before)
{
	if (before < WORKER_SCHEMA && !owners->single_user)
		cli_say(cli,
		    "attestmdm-worker does what two timers did. If this host "
		    "has "
		    "them:\nsystemctl disable --now attestmdm-renewal.timer "
		    "attestmdm-maintenance.timer,\nand delete these units and "
		    "their services.");
}

static int
migrate_run(struct cli *cli)
{
	struct authorities_one all[AUTHORITIES];
	int before, after = db_schema_number();
	struct owners owners;
	int r;

	if ((r = upgrade_owners(&cli->conf, &owners)) != OK ||
	    (r = upgrade_files(cli, &owners)) != OK ||
	    (r = db_file_schema_number(cli->conf.database, &before)) != OK ||
	    (r = db_migrate(cli->conf.database)) != OK)
		return r;
	authorities_of(&cli->conf, all);
	/*
	 * First, since the new schema is committed: a run that found it without the
	 * key would take the key for lost, and trust no administrator.
	 */
	if ((r = admins(cli, &owners, before)) != OK ||
	    (r = note(cli, before, after)) != OK ||
	    (r = profiles(&cli->conf)) != OK || (r = index_hosts(cli)) != OK ||
	    (r = authority(cli, &all[1], &owners)) != OK ||
	    (r = nginx(cli, &owners)) != OK ||
	    (r = layout_settle_database(&owners, cli->conf.database)) != OK)
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
	tell_of_worker(cli, &owners, before);
	return OK;
}

static const struct cli_verb verbs[] = {
	{ .help = "brings the database to this version's schema, after a copy",
	    .needs = CLI_CONF,
	    .run = migrate_run },
	{ .run = NULL },
};

const struct cli_noun cmd_migrate = {
	"migrate",
	"Bring the database to this version",
	verbs,
};
