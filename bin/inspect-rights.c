#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/inspect.h"
#include "bin/layout.h"
#include "bin/upgrade.h"
#include "ca/key.h"

#define EVERYBODY                                                              \
	((1u << OWNER_PROGRAMS) | (1u << OWNER_ACME) | (1u << OWNER_SCEP) |    \
	    (1u << OWNER_ADMIN) | (1u << OWNER_WORKER))

struct inspection {
	struct verdict *v;
	struct owners owners;
};

/* Each user of the set must be able to do this. */
static void
inspect_may(
    const struct inspection *in, const char *path, unsigned set, int want)
{
	int i;

	for (i = 0; i < OWNERS; i++)
		if ((set & (1u << i)) &&
		    !owners_may(&in->owners, path, (enum owner)i, want))
			verdict_add(in->v, VERDICT_BAD, "rights",
			    "%s may not %s %s", owners_name((enum owner)i),
			    want & W_OK ? "write" : "read", path);
}

/* Each user but this one must not. */
static void
inspect_only(
    const struct inspection *in, const char *path, enum owner owner, int want)
{
	int i;

	for (i = OWNER_PROGRAMS; i < OWNERS; i++)
		if (i != (int)owner &&
		    owners_may(&in->owners, path, (enum owner)i, want))
			verdict_add(in->v, VERDICT_BAD, "rights",
			    "%s is for %s alone, but %s may %s it", path,
			    owners_name(owner), owners_name((enum owner)i),
			    want & W_OK ? "change" : "read");
}

/* What SQLite and the lock made: left by another user they stop everything. */
static void
inspect_database(const struct inspection *in, const struct conf *conf)
{
	static const char *const ends[] = { "", ".lock", "-wal", "-shm",
		"-journal" };
	const char *slash = strrchr(conf->database, '/');
	char path[4096];
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		snprintf(path, sizeof path, "%s%s", conf->database, ends[i]);
		if (i == 0 || access(path, F_OK) == 0)
			inspect_may(in, path, EVERYBODY, R_OK | W_OK);
	}
	snprintf(path, sizeof path, "%.*s",
	    slash == NULL ? 0 : (int)(slash - conf->database), conf->database);
	inspect_may(in, path, EVERYBODY, R_OK | W_OK | X_OK);
	if (stat(path, &st) == 0 && !(st.st_mode & S_ISGID))
		verdict_add(in->v, VERDICT_BAD, "rights",
		    "%s has mode %04o without setgid: a file made in it may "
		    "not be the group's; use 2770",
		    path, (unsigned)(st.st_mode & 07777));
}

static void
inspect_authority(const struct inspection *in, const struct conf *conf,
    const struct authorities_one *one)
{
	unsigned user = 1u << one->owner;
	char path[AUTHORITIES_PATH];

	inspect_may(in, one->certificate, EVERYBODY, R_OK);
	if (!key_is_url(one->key)) {
		inspect_may(in, one->key, user, R_OK);
		inspect_only(in, one->key, one->owner, R_OK);
	}
	snprintf(path, sizeof path, "%s/public/%s", conf->state, one->id);
	inspect_may(in, path, user, R_OK | W_OK | X_OK);
	inspect_only(in, path, one->owner, W_OK);
}

/* Secrets for Apple's services. */
static void
inspect_secrets(const struct inspection *in, const char *folder)
{
	struct dirent *entry;
	DIR *dir = opendir(folder);
	char path[4096 + NAME_MAX + 1];
	bool root;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		root = strncmp(entry->d_name, "ade-", 4) == 0 &&
		    strstr(entry->d_name, ".json") == NULL;
		if (!root)
			inspect_may(in, path, 1u << OWNER_WORKER, R_OK);
		if (strstr(entry->d_name, ".pem") == NULL || !root)
			inspect_only(
			    in, path, root ? OWNER_ROOT : OWNER_WORKER, R_OK);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Whoever may rename in a folder may replace a key, or freeze a list. */
static void
inspect_folders(const struct inspection *in, const struct conf *conf)
{
	char path[4096];

	inspect_may(in, conf->state, EVERYBODY, X_OK);
	if (layout_shares_state(conf))
		verdict_add(in->v, VERDICT_WARNING, "rights",
		    "the database is right in %s, so a program that is taken "
		    "over may replace keys: move it to a folder of its own",
		    conf->state);
	else
		inspect_only(in, conf->state, OWNER_ROOT, W_OK);
	snprintf(path, sizeof path, "%s/apple", conf->state);
	inspect_may(in, path, 1u << OWNER_WORKER, X_OK);
	inspect_only(in, path, OWNER_ROOT, W_OK);
	inspect_secrets(in, path);
	snprintf(path, sizeof path, "%s/public", conf->state);
	inspect_only(in, path, OWNER_ROOT, W_OK);
}

static void
inspect_installed(
    const struct inspection *in, const char *conf_path, const struct conf *conf)
{
	int before = in->v->count[VERDICT_BAD];
	struct authorities_one one = { .id = NULL };

	inspect_may(in, conf_path, EVERYBODY, R_OK);
	inspect_folders(in, conf);
	inspect_database(in, conf);
	inspect_may(in, conf->nonce_key, EVERYBODY, R_OK);
	inspect_may(in, conf->nginx_secret, EVERYBODY, R_OK);
	if (*conf->sign_in_secret_file != '\0')
		inspect_may(in, conf->sign_in_secret_file,
		    1u << OWNER_PROGRAMS, R_OK);
	if (*conf->sign_in_server_ca != '\0')
		inspect_may(in, conf->sign_in_server_ca, 1u << OWNER_PROGRAMS,
		    R_OK);
	inspect_may(in, conf->admin_key, 1u << OWNER_ADMIN, R_OK);
	inspect_only(in, conf->admin_key, OWNER_ADMIN, R_OK);
	while (authorities_next(conf, &one))
		inspect_authority(in, conf, &one);
	if (in->v->count[VERDICT_BAD] == before)
		verdict_add(in->v, VERDICT_OK, "rights",
		    "each user reaches what it needs; the CAs' keys are for %s "
		    "and %s alone",
		    owners_name(OWNER_ACME), owners_name(OWNER_SCEP));
}

void
inspect_rights(
    struct verdict *v, const char *conf_path, const struct conf *conf)
{
	struct inspection in = { .v = v };
	struct stat st;
	int r;

	if (stat(conf_path, &st) == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)))
		verdict_add(v, VERDICT_BAD, "rights",
		    "%s has mode %04o: others may change it", conf_path,
		    (unsigned)(st.st_mode & 07777));
	if (stat(conf->state, &st) != 0) {
		verdict_add(v, VERDICT_BAD, "state",
		    "there is no folder %s: attestmdm init", conf->state);
		return;
	}
	if (st.st_mode & S_IWOTH)
		verdict_add(v, VERDICT_BAD, "rights",
		    "%s has mode %04o: anybody may change it", conf->state,
		    (unsigned)(st.st_mode & 07777));
	if (!(st.st_mode & S_IXOTH))
		verdict_add(v, VERDICT_WARNING, "rights",
		    "%s has mode %04o: nginx may not reach public/ in it",
		    conf->state, (unsigned)(st.st_mode & 07777));
	if ((r = upgrade_owners(conf, &in.owners)) != OK)
		verdict_of(v, r, "rights", "system users");
	else if (in.owners.single_user)
		verdict_add(v, VERDICT_WARNING, "rights",
		    "one user owns everything: to try the server, not for "
		    "production");
	else
		inspect_installed(&in, conf_path, conf);
	log_forget_reason();
}
