#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/bundle.h"
#include "bin/cmd.h"
#include "bin/layout.h"
#include "bin/manifest.h"
#include "store/audits.h"

#define RESTORE_STAGED   ".restore.new"
#define RESTORE_REPLACED ".replaced"
#define RESTORE_MAX      999

struct restore {
	struct cli *cli;
	const char *archive;
	struct manifest manifest;
	bool force;
};

static bool
cmd_restore_is_database(const struct restore *rs, const char *path)
{
	return strcmp(path, rs->manifest.database) == 0;
}

static int
cmd_restore_owner(
    const struct manifest_entry *e, uid_t *user, gid_t *group)
{
	const struct passwd *pw = getpwnam(e->owner);
	const struct group *gr = getgrnam(e->group);

	if (pw == NULL)
		return fail(ERR_NOT_FOUND,
		    "there is no user %s here: install attestmdm first",
		    e->owner);
	if (gr == NULL)
		return fail(ERR_NOT_FOUND,
		    "there is no group %s here: install attestmdm first",
		    e->group);
	*user = pw->pw_uid;
	*group = gr->gr_gid;
	return OK;
}

/* The caller's own unless root restores. */
static int
cmd_restore_give(int fd, const struct manifest_entry *e)
{
	uid_t user;
	gid_t group;
	int r;

	if (geteuid() == 0) {
		if ((r = cmd_restore_owner(e, &user, &group)) != OK)
			return r;
		if (fchown(fd, user, group) != 0)
			return fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	}
	return fchmod(fd, e->mode) == 0
	    ? OK
	    : fail(ERR_IO, "%s: %s", e->path, strerror(errno));
}

static int
cmd_restore_member(struct restore *rs, struct bundle *b, const char *name,
    bool stage)
{
	struct manifest_entry *e = manifest_find(&rs->manifest, name);
	uint8_t sha256[SECRET_SHA256];
	char path[PATH_MAX];
	int64_t size;
	int fd = -1, r;

	if (e == NULL || e->folder || e->seen)
		return fail(ERR_FIELD, "%s is not in the manifest", name);
	if (stage) {
		snprintf(path, sizeof(path), "%s" RESTORE_STAGED, e->path);
		unlink(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return fail(ERR_IO, "%s: %s", path, strerror(errno));
	}
	r = bundle_read(b, fd, &size, sha256);
	if (r == OK &&
	    (size != e->size || memcmp(sha256, e->sha256, sizeof(sha256)) != 0))
		r = fail(ERR_FIELD, "%s is damaged: its checksum is wrong", name);
	if (r == OK && stage && (r = cmd_restore_give(fd, e)) == OK &&
	    fsync(fd) != 0)
		r = fail(ERR_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	e->seen = r == OK;
	return r;
}

static int
cmd_restore_manifest(struct restore *rs, struct bundle *b)
{
	struct buf text;
	const char *name;
	int r;

	buf_init(&text, MANIFEST_BYTES_MAX);
	if ((r = bundle_next(b, &name)) == OK &&
	    strcmp(name, MANIFEST_NAME) != 0)
		r = fail(ERR_FIELD, "this is no backup of attestmdm");
	if (r == OK && (r = bundle_read_bytes(b, &text)) == OK) {
		manifest_release(&rs->manifest);
		r = manifest_read(&text, &rs->manifest);
	}
	buf_release(&text);
	return r;
}

/* Reads the whole archive: to verify it, and again to write its files. */
static int
cmd_restore_pass(struct restore *rs, bool stage)
{
	struct bundle *b;
	const char *name;
	size_t i;
	int r;

	if ((r = bundle_open(rs->archive, &b)) != OK)
		return r;
	r = cmd_restore_manifest(rs, b);
	while (r == OK && (r = bundle_next(b, &name)) == OK)
		r = cmd_restore_member(rs, b, name, stage);
	bundle_close(b);
	if (r != ERR_NOT_FOUND)
		return r;
	for (i = 0; i < rs->manifest.n; i++)
		if (!rs->manifest.rows[i].folder && !rs->manifest.rows[i].seen)
			return fail(ERR_FIELD, "%s is missing in the archive",
			    rs->manifest.rows[i].path);
	return OK;
}

/* Is there a file already that is not the one in the archive? */
static int
cmd_restore_differs(const struct manifest_entry *e, bool *out)
{
	uint8_t sha256[SECRET_SHA256];
	int64_t size;
	int r;

	*out = false;
	if (e->folder || access(e->path, F_OK) != 0)
		return OK;
	if ((r = bundle_digest(e->path, &size, sha256)) != OK)
		return r;
	*out = memcmp(sha256, e->sha256, sizeof(sha256)) != 0;
	return OK;
}

static int
cmd_restore_check_one(
    const struct restore *rs, const struct manifest_entry *e)
{
	bool differs;
	uid_t user;
	gid_t group;
	int r;

	if (geteuid() == 0 && (r = cmd_restore_owner(e, &user, &group)) != OK)
		return r;
	if ((r = cmd_restore_differs(e, &differs)) != OK)
		return r;
	return differs && !rs->force
	    ? fail(ERR_EXISTS,
		  "there is another %s already; --force puts it aside", e->path)
	    : OK;
}

/* All that may be wrong, before anything is written. */
static int
cmd_restore_check(const struct restore *rs)
{
	bool in_use;
	size_t i;
	int r;

	if (rs->manifest.schema > db_schema_number())
		return fail(ERR_SCHEMA,
		    "the backup has schema %d, newer than %d of this version",
		    rs->manifest.schema, db_schema_number());
	if ((r = db_in_use(rs->manifest.database, &in_use)) != OK)
		return r;
	if (in_use)
		return fail(ERR_BUSY,
		    "the programs are running: systemctl stop attestmdm.target "
		    "'attestmdm@*'");
	for (i = 0; i < rs->manifest.n; i++)
		if ((r = cmd_restore_check_one(rs, &rs->manifest.rows[i])) !=
		    OK)
			return r;
	return OK;
}

/* A folder that is there stays as it is. */
static int
cmd_restore_folder(const struct manifest_entry *e)
{
	int fd, r;

	if (mkdir(e->path, 0700) != 0)
		return errno == EEXIST
		    ? OK
		    : fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	fd = open(e->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	r = cmd_restore_give(fd, e);
	close(fd);
	return r;
}

/* Those that no entry says how to make, such as /etc/attestmdm. */
static int
cmd_restore_parents(const char *path)
{
	char part[PATH_MAX];
	char *slash;

	snprintf(part, sizeof(part), "%s", path);
	for (slash = strchr(part + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		/* whatever the umask: the programs pass through it */
		if ((mkdir(part, 0700) != 0 || chmod(part, 0755) != 0) &&
		    errno != EEXIST)
			return fail(ERR_IO, "%s: %s", part, strerror(errno));
		*slash = '/';
	}
	return OK;
}

static int
cmd_restore_folders(const struct restore *rs)
{
	const struct manifest_entry *e;
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < rs->manifest.n; i++) {
		e = &rs->manifest.rows[i];
		r = cmd_restore_parents(e->path);
		if (r == OK && e->folder)
			r = cmd_restore_folder(e);
	}
	return r;
}

/* PATH → PATH.replaced, or with the next free number. */
static int
cmd_restore_put_aside(const char *path)
{
	char aside[PATH_MAX];
	int i;

	for (i = 0; i < RESTORE_MAX; i++) {
		snprintf(aside, sizeof(aside),
		    i == 0 ? "%.4000s" RESTORE_REPLACED
			   : "%.4000s" RESTORE_REPLACED ".%d",
		    path, i);
		if (renameat2(AT_FDCWD, path, AT_FDCWD, aside,
			RENAME_NOREPLACE) == 0)
			return OK;
		if (errno == ENOENT)
			return OK;
		if (errno != EEXIST)
			return fail(ERR_IO, "%s: %s", aside, strerror(errno));
	}
	return fail(ERR_EXISTS, "too many files like %s", aside);
}

/* What SQLite left beside an older database must not meet the new one. */
static int
cmd_restore_clear(const char *database)
{
	static const char *const ends[] = { "-wal", "-shm" };
	char path[PATH_MAX];
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%.4000s%s", database, ends[i]);
		r = cmd_restore_put_aside(path);
	}
	return r;
}

static int
cmd_restore_place(const struct restore *rs, const struct manifest_entry *e)
{
	char staged[PATH_MAX];
	bool differs;
	int r;

	snprintf(staged, sizeof(staged), "%s" RESTORE_STAGED, e->path);
	if ((r = cmd_restore_differs(e, &differs)) != OK)
		return r;
	if (differs && (r = cmd_restore_put_aside(e->path)) != OK)
		return r;
	if (cmd_restore_is_database(rs, e->path) &&
	    (r = cmd_restore_clear(e->path)) != OK)
		return r;
	return rename(staged, e->path) == 0
	    ? OK
	    : fail(ERR_IO, "%s: %s", e->path, strerror(errno));
}

/* In the order of the manifest, so that the database comes last. */
static int
cmd_restore_swap(const struct restore *rs)
{
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < rs->manifest.n; i++)
		if (!rs->manifest.rows[i].folder)
			r = cmd_restore_place(rs, &rs->manifest.rows[i]);
	return r;
}

static void
cmd_restore_unstage(const struct restore *rs)
{
	char path[PATH_MAX];
	size_t i;

	for (i = 0; i < rs->manifest.n; i++) {
		snprintf(path, sizeof(path), "%s" RESTORE_STAGED,
		    rs->manifest.rows[i].path);
		unlink(path);
	}
}

/* An older database is migrated first. */
static int
cmd_restore_note(struct restore *rs)
{
	const char *database = rs->manifest.database;
	struct owners owners;
	struct db *db = NULL;
	int r;

	if (rs->manifest.schema == db_schema_number()) {
		if ((r = db_open(database, DB_DURABLE, &db)) == OK &&
		    (r = db_begin(db)) == OK &&
		    (r = audits_add(db, rs->cli->actor, "restore",
			 rs->archive)) == OK)
			r = db_commit(db);
		db_close(db);
		if (r != OK)
			return r;
	}
	if ((r = owners_find(database, &owners)) != OK)
		return r;
	return layout_settle_database(&owners, database);
}

static int
cmd_restore_run(struct cli *cli)
{
	struct restore rs = { .cli = cli,
		.archive = cli->arguments[0],
		.force = cli_flag(cli, "force") };
	int r;

	if ((r = cmd_restore_pass(&rs, false)) == OK &&
	    (r = cmd_restore_check(&rs)) == OK &&
	    (r = cmd_restore_folders(&rs)) == OK) {
		if ((r = cmd_restore_pass(&rs, true)) == OK)
			r = cmd_restore_swap(&rs);
		if (r != OK)
			cmd_restore_unstage(&rs);
	}
	if (r == OK && (r = cmd_restore_note(&rs)) == OK) {
		out_json_string(&cli->out, "configuration", rs.manifest.conf);
		out_json_string(&cli->out, "database", rs.manifest.database);
		out_json_int(&cli->out, "schema", rs.manifest.schema);
		cli_say(cli, "%s and what it names are restored.",
		    rs.manifest.conf);
		cli_say(cli, "Next: attestmdm %scheck --stopped, then start it.",
		    rs.manifest.schema < db_schema_number()
			? "migrate, attestmdm "
			: "");
	}
	manifest_release(&rs.manifest);
	return r;
}

static const struct cli_option options[] = {
	{ "force", NULL, "put aside what is there", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .arguments = "FILE",
	    .help = "brings back what `backup` wrote, on this or another host",
	    .options = options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_NOTHING,
	    .run = cmd_restore_run },
	{ .run = NULL },
};

const struct cli_noun cmd_restore = {
	"restore",
	"Bring back a backup",
	verbs,
};
