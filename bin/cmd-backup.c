#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/bundle.h"
#include "bin/cmd.h"
#include "bin/manifest.h"
#include "ca/file.h"
#include "ca/key.h"
#include "store/audits.h"

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
cmd_backup_skips(const struct conf *conf, const char *path)
{
	size_t n = strlen(conf->database), end = strlen(path);

	return strncmp(path, conf->database, n) == 0 ||
	    (end > 4 && strcmp(path + end - 4, ".new") == 0);
}

static int
cmd_backup_file(struct backup *b, const char *path)
{
	struct manifest_entry *e;
	int r;

	if (path[0] != '/' || manifest_find(&b->manifest, path + 1) != NULL)
		return OK;
	if ((e = manifest_add(&b->manifest, path)) == NULL)
		return ERR_IO;
	if (e->folder)
		return OK;
	if ((r = file_read(path, &e->bytes)) != OK)
		return r;
	e->size = (int64_t)e->bytes.n;
	secret_sha256(buf_blob(&e->bytes), e->sha256);
	return OK;
}

static int
cmd_backup_state(struct backup *b)
{
	char *roots[] = { b->conf->state, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *f;
	int r = OK;

	if (fts == NULL)
		return fail(
		    ERR_IO, "%s: %s", b->conf->state, strerror(errno));
	while (r == OK && (f = fts_read(fts)) != NULL) {
		if (f->fts_info == FTS_ERR || f->fts_info == FTS_DNR ||
		    f->fts_info == FTS_NS)
			r = fail(ERR_IO, "%s: %s", f->fts_path,
			    strerror(f->fts_errno));
		else if (f->fts_info == FTS_D ||
		    (f->fts_info == FTS_F &&
			!cmd_backup_skips(b->conf, f->fts_path)))
			r = cmd_backup_file(b, f->fts_path);
	}
	fts_close(fts);
	return r;
}

/* What the configuration names, wherever it lies. */
static int
cmd_backup_named(struct backup *b)
{
	const struct conf *c = b->conf;
	const char *const paths[] = { c->nginx_secret, c->nonce_key, c->ca_key,
		c->ca_certificate, c->scep_ca_key, c->scep_ca_certificate,
		c->signing_key, c->signing_certificate, c->server_ca,
		c->attestation_root_replaced ? c->attestation_root : "",
		c->device_ca_replaced ? c->device_ca : "" };
	size_t i;
	int r = OK;

	for (i = 0; r == OK && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i][0] == '/' && access(paths[i], F_OK) == 0)
			r = cmd_backup_file(b, paths[i]);
	return r;
}

static int
cmd_backup_collect(struct backup *b, struct db *db)
{
	struct manifest_entry *e;
	int r;

	if ((r = cmd_backup_file(b, b->manifest.conf)) != OK ||
	    (r = cmd_backup_state(b)) != OK || (r = cmd_backup_named(b)) != OK ||
	    (r = db_copy(db, b->copy)) != OK)
		return r;
	/* last: once it is back, a restore is complete */
	if ((e = manifest_add(&b->manifest, b->conf->database)) == NULL)
		return ERR_IO;
	return bundle_digest(b->copy, &e->size, e->sha256);
}

static int
cmd_backup_members(const struct backup *b, struct bundle *out)
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
cmd_backup_write(const struct backup *b)
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
		    (r = cmd_backup_members(b, out)) == OK)
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
cmd_backup_name(struct backup *b, const struct cli *cli)
{
	const char *target = cli->arguments[0];
	char conf[PATH_MAX];

	if (realpath(cli->conf_path, conf) == NULL ||
	    strlen(conf) >= MANIFEST_PATH ||
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

static int
cmd_backup_note(struct cli *cli)
{
	int r;

	if ((r = db_begin(cli->db)) != OK)
		return r;
	r = audits_add(cli->db, cli->actor, "backup", cli->arguments[0]);
	if (r == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	return r;
}

static void
cmd_backup_report(struct cli *cli, const struct backup *b)
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
cmd_backup_run(struct cli *cli)
{
	struct backup b = { .conf = &cli->conf };
	mode_t mask = umask(0077);
	int r;

	if ((r = cmd_backup_name(&b, cli)) == OK) {
		if ((r = cmd_backup_collect(&b, cli->db)) == OK)
			r = cmd_backup_write(&b);
		unlink(b.archive);
		unlink(b.copy);
	}
	umask(mask);
	if (r == OK && (r = cmd_backup_note(cli)) == OK)
		cmd_backup_report(cli, &b);
	manifest_release(&b.manifest);
	return r;
}

static const struct cli_verb verbs[] = {
	{ .arguments = "FILE",
	    .help = "writes database, configuration and keys to one archive",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = cmd_backup_run },
	{ .run = NULL },
};

const struct cli_noun cmd_backup = {
	"backup",
	"Save everything of this server, while it serves",
	verbs,
};
