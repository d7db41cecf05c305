#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/layout.h"

#define PATH_SIZE 4096

static const struct {
	const char *name;
	enum owner owner;
	mode_t mode;
	mode_t alone; /* in a demonstration */
} folders[] = {
	{ "", OWNER_ROOT, 0755, 0711 },
	/* Whoever makes a file beside the database, the group shares it. */
	{ "/db", OWNER_PROGRAMS, 02770, 0700 },
	{ "/apple", OWNER_ROOT, 0711, 0700 },
	{ "/public", OWNER_ROOT, 0755, 0755 },
	{ "/public/acme", OWNER_ACME, 0755, 0755 },
	{ "/public/scep", OWNER_SCEP, 0755, 0755 },
};

#define FOLDERS (sizeof folders / sizeof folders[0])

int
layout_make(const struct owners *o, const char *state)
{
	char path[PATH_SIZE];
	size_t i;
	int r;

	for (i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof path, "%s%s", state, folders[i].name);
		if (mkdir(path, 0700) != 0 && errno == EEXIST)
			continue;
		if ((r = owners_give(o, path, folders[i].owner,
			 o->single_user ? folders[i].alone
					: folders[i].mode)) != OK)
			return r;
	}
	return OK;
}

bool
layout_shares_state(const struct conf *conf)
{
	size_t n = strlen(conf->state);

	return strncmp(conf->database, conf->state, n) == 0 &&
	    conf->database[n] == '/' &&
	    strchr(conf->database + n + 1, '/') == NULL;
}

int
layout_settle_folders(const struct owners *o, const struct conf *conf)
{
	char path[PATH_SIZE];
	size_t i;
	int r;

	for (i = layout_shares_state(conf) ? 1 : 0; i < FOLDERS; i++) {
		snprintf(
		    path, sizeof path, "%s%s", conf->state, folders[i].name);
		if ((r = owners_give(
			 o, path, folders[i].owner, folders[i].mode)) != OK)
			return r;
	}
	return OK;
}

int
layout_settle_database(const struct owners *o, const char *database)
{
	static const char *const beside[] = { "", ".lock", "-wal", "-shm",
		"-journal" };
	char path[PATH_SIZE];
	struct stat st;
	size_t i;
	int r;

	for (i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		snprintf(path, sizeof path, "%s%s", database, beside[i]);
		if (lstat(path, &st) == 0 &&
		    (r = owners_give(o, path, OWNER_PROGRAMS,
			 o->single_user ? 0600 : 0660)) != OK)
			return r;
	}
	return OK;
}

/*
 * What speaks to Apple is the worker's. The keys that server tokens are
 * encrypted for are only needed by who imports one.
 */
static int
settle_secret(const struct owners *o, const char *folder, const char *name)
{
	const char *end = strrchr(name, '.');
	char path[PATH_SIZE + NAME_MAX + 1];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (strncmp(name, "ade-", 4) != 0 || end == NULL ||
	    strcmp(end, ".json") == 0)
		return owners_give(o, path, OWNER_WORKER, 0600);
	return owners_give(
	    o, path, OWNER_ROOT, strcmp(end, ".pem") == 0 ? 0644 : 0600);
}

static int
settle_secrets(const struct owners *o, const char *state)
{
	char folder[PATH_SIZE];
	struct dirent *entry;
	DIR *dir;
	int r = OK;

	snprintf(folder, sizeof folder, "%s/apple", state);
	if ((dir = opendir(folder)) == NULL)
		return errno == ENOENT
		    ? OK
		    : fail(ERR_IO, "%s: %s", folder, strerror(errno));
	while (r == OK && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			r = settle_secret(o, folder, entry->d_name);
	}
	closedir(dir);
	return r;
}

int
layout_settle_files(const struct owners *o, const struct conf *conf)
{
	struct authorities_one one = { .id = NULL };
	struct stat st;
	int r;

	if ((r = layout_settle_database(o, conf->database)) != OK)
		return r;
	if (lstat(conf->nonce_key, &st) == 0 &&
	    (r = owners_give(o, conf->nonce_key, OWNER_ROOT, 0640)) != OK)
		return r;
	if (lstat(conf->admin_key, &st) == 0 &&
	    (r = owners_give(o, conf->admin_key, OWNER_ADMIN, 0600)) != OK)
		return r;
	if ((r = settle_secrets(o, conf->state)) != OK)
		return r;
	while (authorities_next(conf, &one)) {
		if (!key_is_url(one.key) && lstat(one.key, &st) == 0 &&
		    (r = owners_give(o, one.key, one.owner, 0600)) != OK)
			return r;
		if (lstat(one.certificate, &st) == 0 &&
		    (r = owners_give(
			 o, one.certificate, OWNER_ROOT, 0644)) != OK)
			return r;
	}
	return OK;
}
