#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin_server.h"
#include "base/log.h"
#include "bin/authorities.h"
#include "bin/bundle.h"
#include "bin/cmd.h"
#include "bin/manifest.h"
#include "bin/place.h"
#include "ca/file.h"
#include "ca/key.h"

struct backup {
	const struct conf *conf;
	struct manifest manifest;
	/* the archive, and beside it until they are whole */
	char target[PATH_MAX];
	char archive[PATH_MAX];
	char copy[PATH_MAX];
};

/* The database itself is copied; of its neighbours nothing is needed. */
static bool
skips(const struct conf *conf, const char *path)
{
	size_t n = strlen(conf->database), end = strlen(path);

	return strncmp(path, conf->database, n) == 0 ||
	    (end > 4 && strcmp(path + end - 4, ".new") == 0);
}

/* State and bytes come from one descriptor: whatever the name is by now. */
static int
take(struct backup *b, const char *path, int fd, const struct stat *st)
{
	struct manifest_entry *e;
	int r;

	if (manifest_find(&b->manifest, path + 1) != NULL)
		return OK;
	if ((e = manifest_add(&b->manifest, path, st)) == NULL)
		return ERR_IO;
	if (e->folder)
		return OK;
	if ((r = file_read_open(fd, path, &e->bytes)) != OK) {
		buf_wipe(&e->bytes);
		b->manifest.n--;
		return r;
	}
	e->size = (int64_t)e->bytes.n;
	secret_sha256(buf_blob(&e->bytes), e->sha256);
	return OK;
}

/* A file that is known by name; OK also when it is absent. */
static int
file(struct backup *b, const char *path)
{
	struct place place;
	struct stat st;
	int fd = -1, r;

	if ((r = place_open(path, PLACE_LINKS, &place)) == OK &&
	    (r = place_read(&place, PLACE_LINKS, &fd, &st)) == OK)
		r = S_ISREG(st.st_mode) ? take(b, path, fd, &st) : ERR_FIELD;
	if (r == ERR_FIELD)
		r = fail(ERR_CONFIG,
		    "%s is not a regular file with a single link", path);
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return r == ERR_NOT_FOUND ? OK : r;
}

static int backup_folder(
    struct backup *b, const char *path, const struct place *in, int fd);

/*
 * What lies in a folder that a program may write is taken by name only, see
 * authorities(): anything may be there.
 */
static int
found(struct backup *b, const struct place *at, const char *path)
{
	struct place inside;
	struct stat st;
	int fd, r;

	if (fstatat(at->fd, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return OK;
	if (S_ISREG(st.st_mode) && skips(b->conf, path))
		return OK;
	if ((r = place_read(at, 0, &fd, &st)) != OK)
		return r == ERR_NOT_FOUND || r == ERR_FIELD ? OK : r;
	r = take(b, path, fd, &st);
	if (r == OK && S_ISDIR(st.st_mode) &&
	    place_enter(at, fd, &st, "", &inside) && inside.trusted)
		r = backup_folder(b, path, &inside, fd);
	close(fd);
	return r;
}

static int
backup_folder(
    struct backup *b, const char *path, const struct place *in, int fd)
{
	const struct dirent *d;
	struct place at = *in;
	char below[PATH_MAX];
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r = OK;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	}
	while (r == OK && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof below, "%.2000s/%s", path, d->d_name);
		snprintf(at.name, sizeof at.name, "%s", d->d_name);
		if (manifest_path_ok(below))
			r = found(b, &at, below);
		else
			log_line(LOG_WARN,
			    "\"%s\" is not in the backup: such a name cannot "
			    "be",
			    below);
	}
	closedir(dir);
	return r;
}

static int
backup_state(struct backup *b)
{
	char state[MANIFEST_PATH];
	struct place place, inside;
	struct stat st;
	int fd = -1, r;
	size_t n;

	snprintf(state, sizeof state, "%.1000s", b->conf->state);
	for (n = strlen(state); n > 1 && state[n - 1] == '/'; n--)
		state[n - 1] = '\0';
	if ((r = place_open(state, PLACE_LINKS, &place)) == OK &&
	    (r = place_read(&place, PLACE_LINKS, &fd, &st)) == OK &&
	    (r = take(b, state, fd, &st)) == OK && S_ISDIR(st.st_mode) &&
	    place_enter(&place, fd, &st, "", &inside) && inside.trusted)
		r = backup_folder(b, state, &inside, fd);
	if (r == ERR_NOT_FOUND || r == ERR_FIELD)
		r = fail(ERR_IO, "%s is not a folder", state);
	if (fd >= 0)
		close(fd);
	place_close(&place);
	return r;
}

/* What the configuration names, wherever it lies. */
static int
named(struct backup *b)
{
	const struct conf *c = b->conf;
	const char *const paths[] = { c->nginx_secret, c->nonce_key,
		c->admin_key, c->signing_key, c->signing_certificate,
		c->server_ca, c->sign_in_secret_file, c->sign_in_server_ca,
		c->attestation_root_replaced ? c->attestation_root : "",
		c->device_ca_replaced ? c->device_ca : "" };
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < sizeof paths / sizeof paths[0]; i++)
		if (paths[i][0] == '/')
			r = file(b, paths[i]);
	return r;
}

/*
 * Keys and certificates, wherever they lie, and lists: whoever has taken over a
 * CA's program can put anything in place of these.
 */
static int
authorities(struct backup *b)
{
	struct authorities_one one = { .id = NULL };
	char path[AUTHORITIES_PATH];
	int r = OK;

	while (r == OK && authorities_next(b->conf, &one)) {
		if ((one.key[0] == '/' && (r = file(b, one.key)) != OK) ||
		    (one.certificate[0] == '/' &&
			(r = file(b, one.certificate)) != OK))
			return r;
		authorities_crl_path(&one, b->conf, path);
		r = file(b, path);
		if (r != ERR_CONFIG && r != ERR_TOO_LARGE)
			continue;
		log_line(LOG_WARN,
		    "%s is not in the backup: attestmdm crl --publish writes "
		    "a new one",
		    path);
		r = OK;
	}
	return r;
}

/*
 * Not opened: to close any descriptor of it would drop the locks that SQLite
 * holds for this process.
 */
static int
look(const char *database, struct stat *st)
{
	struct place place;
	int r = place_open(database, PLACE_LINKS, &place);

	if (r == OK &&
	    (fstatat(place.fd, place.name, st,
		 place.closed ? 0 : AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(st->st_mode)))
		r = fail(ERR_IO, "%s is not a regular file", database);
	place_close(&place);
	return r;
}

static int
backup_database(struct backup *b, struct db *db)
{
	struct manifest_entry *e;
	struct stat st;
	int fd, r;

	if ((r = look(b->conf->database, &st)) != OK ||
	    (r = db_copy(db, b->copy)) != OK)
		return r;
	if ((e = manifest_add(&b->manifest, b->conf->database, &st)) == NULL)
		return ERR_IO;
	fd = open(b->copy, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", b->copy, strerror(errno));
	r = bundle_digest(fd, &e->size, e->sha256);
	close(fd);
	return r;
}

static int
collect(struct backup *b, struct db *db)
{
	int r;

	if ((r = file(b, b->manifest.conf)) != OK ||
	    (r = backup_state(b)) != OK || (r = named(b)) != OK ||
	    (r = authorities(b)) != OK)
		return r;
	/* last: once it is back, a restore is complete */
	return backup_database(b, db);
}

static int
members(const struct backup *b, struct bundle *out)
{
	const struct manifest_entry *e;
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < b->manifest.n; i++) {
		e = &b->manifest.rows[i];
		if (e->folder)
			continue;
		r = strcmp(e->path, b->conf->database) == 0
		    ? bundle_add_file(out, e->path + 1, b->copy, e->size)
		    : bundle_add(out, e->path + 1, buf_blob(&e->bytes));
	}
	return r;
}

static int
backup_write(const struct backup *b)
{
	struct bundle *out;
	struct buf text;
	int r;

	buf_init(&text, MANIFEST_BYTES_MAX);
	/* of a run that was killed */
	unlink(b->archive);
	if ((r = manifest_write(&b->manifest, &text)) == OK &&
	    (r = bundle_create(b->archive, &out)) == OK) {
		if ((r = bundle_add(out, MANIFEST_NAME, buf_blob(&text))) ==
			OK &&
		    (r = members(b, out)) == OK)
			r = bundle_finish(out);
		else
			bundle_close(out);
	}
	if (r == OK && link(b->archive, b->target) != 0)
		r = fail(errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s",
		    b->target, strerror(errno));
	buf_release(&text);
	return r;
}

static int
backup_name(struct backup *b, const struct cli *cli)
{
	const char *target = cli->arguments[0];
	char conf[PATH_MAX];

	if (realpath(cli->conf_path, conf) == NULL)
		return fail(ERR_IO, "%s: %s", cli->conf_path, strerror(errno));
	if (strlen(conf) >= MANIFEST_PATH ||
	    strlen(b->conf->database) >= MANIFEST_PATH ||
	    strlen(target) > PATH_MAX - 16)
		return fail(ERR_USAGE, "a path is too long");
	if (access(target, F_OK) == 0)
		return fail(ERR_EXISTS, "%s is there already", target);
	snprintf(b->manifest.conf, MANIFEST_PATH, "%.1000s", conf);
	snprintf(b->manifest.database, MANIFEST_PATH, "%s", b->conf->database);
	b->manifest.schema = db_schema_number();
	snprintf(b->target, PATH_MAX, "%s", target);
	snprintf(b->archive, PATH_MAX, "%.4000s.new", target);
	snprintf(b->copy, PATH_MAX, "%.4000s.db.new", target);
	return OK;
}

static void
report(struct cli *cli, const struct backup *b)
{
	out_json_string(&cli->out, "file", b->target);
	out_json_int(&cli->out, "schema", b->manifest.schema);
	out_json_int(&cli->out, "files", (int64_t)b->manifest.n);
	cli_say(cli,
	    "%s holds the database, the configuration and the keys: keep it as "
	    "safe as the server.",
	    b->target);
	if (key_is_url(b->conf->ca_key) || key_is_url(b->conf->scep_ca_key))
		cli_say(cli, "A key in a PKCS #11 token is not in it.");
}

static int
backup_run(struct cli *cli)
{
	struct backup b = { .conf = &cli->conf };
	mode_t mask = umask(0077);
	int r;

	if ((r = backup_name(&b, cli)) == OK) {
		if ((r = collect(&b, cli->db)) == OK)
			r = backup_write(&b);
		unlink(b.archive);
		unlink(b.copy);
	}
	umask(mask);
	if (r == OK) {
		r = admin_server_note_backup(&cli->admin, b.target);
		if (r == OK)
			report(cli, &b);
		else
			unlink(b.target);
	}
	manifest_release(&b.manifest);
	return r;
}

static const struct cli_verb verbs[] = {
	{ .arguments = "FILE",
	    .help = "writes database, configuration and keys to one archive",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = backup_run },
	{ .run = NULL },
};

const struct cli_noun cmd_backup = {
	"backup",
	"Save everything of this server, while it serves",
	verbs,
};
