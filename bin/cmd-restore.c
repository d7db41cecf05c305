#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin_server.h"
#include "base/aside.h"
#include "base/log.h"
#include "bin/bundle.h"
#include "bin/cmd.h"
#include "bin/layout.h"
#include "bin/manifest.h"
#include "bin/place.h"
#include "ca/crl.h"

#define RESTORE_STAGED   ".restore.new"
#define RESTORE_REPLACED ".replaced"
/* of a file in its folder, with any of these at the end */
#define RESTORE_NAME (NAME_MAX + 32)

struct restore {
	struct cli *cli;
	const char *archive;
	struct manifest manifest;
	/* of its text: the archive is read twice */
	uint8_t manifest_sha256[SECRET_SHA256];
	bool force;
};

static bool
is_database(const struct restore *rs, const char *path)
{
	return strcmp(path, rs->manifest.database) == 0;
}

static int
restore_owner(const struct manifest_entry *e, uid_t *user, gid_t *group)
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
give(int fd, const struct manifest_entry *e)
{
	uid_t user;
	gid_t group;
	int r;

	if (geteuid() == 0) {
		if ((r = restore_owner(e, &user, &group)) != OK)
			return r;
		if (fchown(fd, user, group) != 0)
			return fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	}
	return fchmod(fd, e->mode) == 0
	    ? OK
	    : fail(ERR_IO, "%s: %s", e->path, strerror(errno));
}

/*
 * May this be in a folder that a program writes? The lock of a list is in
 * backups of older versions.
 */
static bool
is_known(const struct restore *rs, const char *path)
{
	static const char *const ends[] = { "/public/acme/.lock",
		"/public/scep/.lock", "/public/acme/acme.crl",
		"/public/scep/scep.crl", "/public/acme/acme-?.crl",
		"/public/scep/scep-?.crl" };
	size_t n = strlen(path), k, i;

	for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		k = strlen(ends[i]);
		if (n > k && fnmatch(ends[i], path + n - k, FNM_PATHNAME) == 0)
			return true;
	}
	return is_database(rs, path);
}

/*
 * Every step goes through the folder's descriptor, which no link led to: a
 * program may change what is in its folder at any time. ERR_NOT_FOUND,
 * unlogged.
 */
static int
restore_open(const struct restore *rs, const struct manifest_entry *e,
    unsigned flags, struct place *out)
{
	int r = place_open(e->path, flags, out);

	if (r == OK && !out->trusted && (e->folder || !is_known(rs, e->path)))
		r = fail(ERR_FIELD,
		    "%s is refused: its folder does not belong to root",
		    e->path);
	return r;
}

static void
staged_name(const struct place *p, char out[RESTORE_NAME])
{
	snprintf(out, RESTORE_NAME, "%s" RESTORE_STAGED, p->name);
}

static int
restore_stage(const struct restore *rs, const struct manifest_entry *e, int *fd)
{
	char name[RESTORE_NAME];
	struct place place;
	int r;

	if ((r = restore_open(rs, e, 0, &place)) == OK) {
		staged_name(&place, name);
		unlinkat(place.fd, name, 0);
		*fd = openat(place.fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (*fd < 0)
			r = fail(ERR_IO, "%s" RESTORE_STAGED ": %s", e->path,
			    strerror(errno));
	} else if (r == ERR_NOT_FOUND) {
		r = fail(ERR_IO, "%s: its folder is gone", e->path);
	}
	place_close(&place);
	return r;
}

static int
member(struct restore *rs, struct bundle *b, const char *name, bool stage)
{
	struct manifest_entry *e = manifest_find(&rs->manifest, name);
	uint8_t sha256[SECRET_SHA256];
	int64_t size;
	int fd = -1, r;

	if (e == NULL || e->folder || e->seen)
		return fail(ERR_FIELD, "%s is not in the manifest", name);
	if (stage && (r = restore_stage(rs, e, &fd)) != OK)
		return r;
	r = bundle_read(b, fd, &size, sha256);
	if (r == OK &&
	    (size != e->size || memcmp(sha256, e->sha256, sizeof sha256) != 0))
		r = fail(
		    ERR_FIELD, "%s is damaged: its checksum is wrong", name);
	if (r == OK && stage && (r = give(fd, e)) == OK && fsync(fd) != 0)
		r = fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	e->seen = r == OK;
	return r;
}

/* What was checked is what is written. */
static int
same(const struct restore *rs, const uint8_t sha256[SECRET_SHA256])
{
	return memcmp(sha256, rs->manifest_sha256, SECRET_SHA256) == 0
	    ? OK
	    : fail(ERR_FIELD, "the archive changed while it was read");
}

static int
restore_manifest(struct restore *rs, struct bundle *b, bool again)
{
	uint8_t sha256[SECRET_SHA256];
	struct buf text;
	const char *name;
	int r;

	buf_init(&text, MANIFEST_BYTES_MAX);
	if ((r = bundle_next(b, &name)) == OK &&
	    strcmp(name, MANIFEST_NAME) != 0)
		r = fail(ERR_FIELD, "this is not a backup of attestmdm");
	if (r == OK && (r = bundle_read_bytes(b, &text)) == OK) {
		secret_sha256(buf_blob(&text), sha256);
		if (again) {
			r = same(rs, sha256);
		} else {
			memcpy(rs->manifest_sha256, sha256, sizeof sha256);
			r = manifest_read(&text, &rs->manifest);
		}
	}
	buf_release(&text);
	return r;
}

/* Reads the whole archive: to verify it, and again to write its files. */
static int
pass(struct restore *rs, bool stage)
{
	struct bundle *b;
	struct manifest_entry *e;
	const char *name;
	size_t i;
	int r;

	if ((r = bundle_open(rs->archive, &b)) != OK)
		return r;
	r = restore_manifest(rs, b, stage);
	while (r == OK && (r = bundle_next(b, &name)) == OK)
		r = member(rs, b, name, stage);
	bundle_close(b);
	if (r != ERR_NOT_FOUND)
		return r;
	for (i = 0; i < rs->manifest.n; i++) {
		e = &rs->manifest.rows[i];
		if (!e->folder && !e->seen)
			return fail(
			    ERR_FIELD, "%s is missing in the archive", e->path);
		e->seen = false; /* for the next pass */
	}
	return OK;
}

/*
 * Is there anything already that is not the file in the archive? Nothing is
 * read that has another size.
 */
static int
restore_differs(
    const struct place *p, const struct manifest_entry *e, bool *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct stat st;
	int64_t size;
	int fd, r;

	*out = false;
	if (e->folder || (r = place_read(p, 0, &fd, &st)) == ERR_NOT_FOUND)
		return OK;
	*out = true;
	if (r != OK)
		return r == ERR_FIELD ? OK : r;
	if (S_ISREG(st.st_mode) && st.st_size == e->size &&
	    (r = bundle_digest(fd, &size, sha256)) == OK)
		*out = size != e->size ||
		    memcmp(sha256, e->sha256, sizeof sha256) != 0;
	close(fd);
	return r;
}

/* Is it in a folder that, once restored, a program may write? */
static int
check_folder(const struct restore *rs, const struct manifest_entry *e)
{
	const struct manifest_entry *f;
	size_t i, n;

	if (geteuid() != 0 || (!e->folder && is_known(rs, e->path)))
		return OK;
	for (i = 0; i < rs->manifest.n; i++) {
		f = &rs->manifest.rows[i];
		n = strlen(f->path);
		if (f->folder && strcmp(f->owner, "root") != 0 &&
		    strncmp(e->path, f->path, n) == 0 && e->path[n] == '/')
			return fail(ERR_FIELD,
			    "%s is refused: its folder does not belong to root",
			    e->path);
	}
	return OK;
}

static int
check_one(const struct restore *rs, const struct manifest_entry *e)
{
	struct place place;
	bool differs = false;
	uid_t user;
	gid_t group;
	int r;

	if (geteuid() == 0 && (r = restore_owner(e, &user, &group)) != OK)
		return r;
	if ((r = check_folder(rs, e)) != OK)
		return r;
	if ((r = restore_open(rs, e, 0, &place)) == OK)
		r = restore_differs(&place, e, &differs);
	place_close(&place);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return differs && !rs->force
	    ? fail(ERR_EXISTS,
		  "there is another %s already; --force puts it aside", e->path)
	    : OK;
}

/* All that may be wrong, before anything is written. */
static int
check(const struct restore *rs)
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
		if ((r = check_one(rs, &rs->manifest.rows[i])) != OK)
			return r;
	return OK;
}

/* A folder that is there stays as it is. */
static int
restore_folder(const struct place *p, const struct manifest_entry *e)
{
	struct stat st;
	int fd, r;

	if (mkdirat(p->fd, p->name, 0700) != 0) {
		if (errno == EEXIST &&
		    fstatat(p->fd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			return OK;
		return fail(ERR_IO, "cannot make the folder %s", e->path);
	}
	fd = openat(
	    p->fd, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", e->path, strerror(errno));
	r = give(fd, e);
	close(fd);
	return r;
}

/* Also those that no entry says how to make, such as /etc/attestmdm. */
static int
folders(const struct restore *rs)
{
	const struct manifest_entry *e;
	struct place place;
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < rs->manifest.n; i++) {
		e = &rs->manifest.rows[i];
		r = restore_open(rs, e, PLACE_MAKE, &place);
		if (r == OK && e->folder)
			r = restore_folder(&place, e);
		else if (r == ERR_NOT_FOUND)
			r = fail(ERR_IO, "%s: its folder is gone", e->path);
		place_close(&place);
	}
	return r;
}

/*
 * What SQLite left beside an older database must not meet the new one: SQLite
 * would play it back.
 */
static int
clear(const struct place *p)
{
	static const char *const ends[] = { "-journal", "-wal", "-shm" };
	char name[RESTORE_NAME];
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < sizeof ends / sizeof ends[0]; i++) {
		snprintf(name, sizeof name, "%s%s", p->name, ends[i]);
		r = aside_put(p->fd, name, RESTORE_REPLACED);
	}
	return r;
}

static int
restore_place(const struct restore *rs, const struct manifest_entry *e,
    const struct place *p)
{
	char staged[RESTORE_NAME];
	bool differs;
	int r;

	staged_name(p, staged);
	if ((r = restore_differs(p, e, &differs)) != OK)
		return r;
	if (differs && (r = aside_put(p->fd, p->name, RESTORE_REPLACED)) != OK)
		return r;
	if (is_database(rs, e->path) && (r = clear(p)) != OK)
		return r;
	return renameat(p->fd, staged, p->fd, p->name) == 0
	    ? OK
	    : fail(ERR_IO, "%s: %s", e->path, strerror(errno));
}

/* In the order of the manifest, so that the database comes last. */
static int
swap(const struct restore *rs)
{
	const struct manifest_entry *e;
	struct place place;
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < rs->manifest.n; i++) {
		e = &rs->manifest.rows[i];
		if (e->folder)
			continue;
		if ((r = restore_open(rs, e, 0, &place)) == OK)
			r = restore_place(rs, e, &place);
		else if (r == ERR_NOT_FOUND)
			r = fail(ERR_IO, "%s: its folder is gone", e->path);
		place_close(&place);
	}
	return r;
}

static void
unstage(const struct restore *rs)
{
	char name[RESTORE_NAME];
	struct place place;
	size_t i;

	for (i = 0; i < rs->manifest.n; i++) {
		if (place_open(rs->manifest.rows[i].path, 0, &place) == OK) {
			staged_name(&place, name);
			unlinkat(place.fd, name, 0);
		}
		place_close(&place);
	}
}

/*
 * An older database gets this version's schema at once, so that nothing of
 * before is valid even for a moment.
 */
static int
note(struct restore *rs)
{
	const char *database = rs->manifest.database;
	struct admin_actor *actor = &rs->cli->admin;
	struct owners owners;
	int r;

	if ((r = db_migrate(database)) == OK &&
	    (r = db_open(database, DB_DURABLE, &actor->db)) == OK)
		r = admin_server_restored(actor, rs->archive);
	db_close(actor->db);
	if (r != OK || (r = owners_find(database, &owners)) != OK)
		return r;
	return layout_settle_database(&owners, database);
}

static int
restore_run(struct cli *cli)
{
	struct restore rs = { .cli = cli,
		.archive = cli->arguments[0],
		.force = cli_flag(cli, "force") };
	int r;

	if ((r = pass(&rs, false)) == OK && (r = check(&rs)) == OK &&
	    (r = folders(&rs)) == OK) {
		if ((r = pass(&rs, true)) == OK)
			r = swap(&rs);
		if (r != OK)
			unstage(&rs);
	}
	if (r == OK && (r = note(&rs)) == OK) {
		out_json_string(&cli->out, "configuration", rs.manifest.conf);
		out_json_string(&cli->out, "database", rs.manifest.database);
		out_json_int(&cli->out, "schema", rs.manifest.schema);
		cli_say(cli, "%s and what it names are restored.",
		    rs.manifest.conf);
		cli_say(cli,
		    "Next: attestmdm %scheck --stopped, then start it.",
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
	    .run = restore_run },
	{ .run = NULL },
};

const struct cli_noun cmd_restore = {
	"restore",
	"Bring back a backup",
	verbs,
};
