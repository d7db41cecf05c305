#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/layout.h"
#include "bin/upgrade.h"
#include "store/db.h"

#define PATH_SIZE 4096

/* The user who owned both CA keys in earlier versions. */
#define CA_USER_BEFORE "attestmdm-ca"

static bool
is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int
move_file(const char *from, const char *to)
{
	if (rename(from, to) != 0)
		return fail(ERR_IO, "cannot move %s to %s: %s", from, to,
		    strerror(errno));
	return OK;
}

/*
 * The database of a version that kept it right in the state folder, unless the
 * configuration still names it there. False when there is none.
 */
static bool
old_database(const struct conf *conf, char out[PATH_SIZE])
{
	char expected[PATH_SIZE];

	snprintf(out, PATH_SIZE, "%s/attestmdm.db", conf->state);
	snprintf(expected, sizeof expected, "%s/db/attestmdm.db", conf->state);
	return strcmp(conf->database, expected) == 0 && is_file(out) &&
	    !is_file(conf->database);
}

int
upgrade_owners(const struct conf *conf, struct owners *out)
{
	char old[PATH_SIZE];
	int r;

	r = owners_find(old_database(conf, old) ? old : conf->database, out);
	return r == ERR_NOT_FOUND
	    ? fail(ERR_FIELD, "%s: run systemd-sysusers first", log_reason())
	    : r;
}

/* What the write-ahead log holds must be in the file before it moves. */
static int
move_database(struct cli *cli)
{
	const struct conf *conf = &cli->conf;
	char old[PATH_SIZE], beside[PATH_SIZE + 8];
	int r;

	if (!old_database(conf, old))
		return OK;
	if ((r = db_settle(old)) != OK ||
	    (r = move_file(old, conf->database)) != OK)
		return r;
	snprintf(beside, sizeof beside, "%s.lock", old);
	unlink(beside);
	cli_say(cli, "The database moved to %s.", conf->database);
	return OK;
}

static int
list(const struct authorities_one *one, const struct conf *conf,
    const struct owners *owners)
{
	char old[PATH_SIZE], path[AUTHORITIES_PATH];
	int r;

	snprintf(old, sizeof old, "%s/public/%s", conf->state, one->crl_file);
	authorities_crl_path(one, conf, path);
	if (is_file(old) && (r = move_file(old, path)) != OK)
		return r;
	return is_file(path) ? owners_give(owners, path, one->owner, 0644) : OK;
}

static void
tell(const struct cli *cli, const struct owners *owners)
{
	const struct conf *conf = &cli->conf;

	if (layout_shares_state(conf))
		cli_say(cli,
		    "[paths] database puts the database right into %s, so the "
		    "programs must\nbe able to write there, and one that is "
		    "taken over could replace keys.\nMove it to a folder of "
		    "its own.",
		    conf->state);
	if (owners->single_user || getpwnam(CA_USER_BEFORE) == NULL)
		return;
	cli_say(cli,
	    "Keys and lists now belong to %s and %s. Nothing uses %s any "
	    "more:\nwhen no other file, such as a token's PIN, is its own, "
	    "userdel %s.",
	    owners_name(OWNER_ACME), owners_name(OWNER_SCEP), CA_USER_BEFORE,
	    CA_USER_BEFORE);
}

/* What is given to another user must not be open in the old one's hands. */
static int
stopped(const struct conf *conf)
{
	bool in_use;
	int r;

	if ((r = db_in_use(conf->database, &in_use)) != OK || !in_use)
		return r;
	return fail(ERR_BUSY,
	    "%s is in use: systemctl stop attestmdm.target 'attestmdm@*'",
	    conf->database);
}

int
upgrade_files(struct cli *cli, const struct owners *owners)
{
	struct authorities_one all[AUTHORITIES];
	size_t i;
	int r;

	if (!owners->single_user && geteuid() != 0)
		return fail(ERR_USAGE, "run attestmdm migrate as root");
	if (!owners->single_user && (r = stopped(&cli->conf)) != OK)
		return r;
	authorities_of(&cli->conf, all);
	/*
	 * First make sure that nobody else can rename anything here any more.
	 */
	if ((r = layout_make(owners, cli->conf.state)) != OK ||
	    (!owners->single_user &&
		(r = layout_settle_folders(owners, &cli->conf)) != OK) ||
	    (r = move_database(cli)) != OK)
		return r;
	for (i = 0; i < AUTHORITIES; i++)
		if ((r = list(&all[i], &cli->conf, owners)) != OK)
			return r;
	if (!owners->single_user &&
	    (r = layout_settle_files(owners, &cli->conf)) != OK)
		return r;
	tell(cli, owners);
	return OK;
}
