#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/inspect.h"
#include "bin/owners.h"
#include "ca/key.h"

static void
inspect_may(struct verdict *v, const struct owners *o, const char *path,
    uid_t user, const char *name, int want)
{
	if (!owners_may(path, user, o->group, want))
		verdict_add(v, VERDICT_BAD, "rights", "%s may not %s %s", name,
		    want & W_OK ? "write" : "read", path);
}

static void
inspect_may_not(struct verdict *v, const struct owners *o, const char *path)
{
	if (owners_may(path, o->programs, o->group, R_OK))
		verdict_add(v, VERDICT_BAD, "rights",
		    "%s is for %s alone, but %s may read it", path,
		    OWNERS_CA_USER, OWNERS_USER);
}

/* What SQLite and the lock made: left by another user they stop everything. */
static void
inspect_beside(
    struct verdict *v, const struct owners *o, const struct conf *conf)
{
	static const char *const ends[] = { ".lock", "-wal", "-shm" };
	char path[4096];
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", conf->database, ends[i]);
		if (access(path, F_OK) != 0)
			continue;
		inspect_may(v, o, path, o->programs, OWNERS_USER, R_OK | W_OK);
		inspect_may(v, o, path, o->ca, OWNERS_CA_USER, R_OK | W_OK);
	}
	if (stat(conf->state, &st) == 0 && !(st.st_mode & S_ISGID))
		verdict_add(v, VERDICT_BAD, "rights",
		    "%s has mode %04o without setgid: a file made in it may "
		    "not be the group's; use 2771",
		    conf->state, (unsigned)(st.st_mode & 07777));
}

static void
inspect_authority(struct verdict *v, const struct owners *o,
    const struct authorities_one *one)
{
	inspect_may(v, o, one->certificate, o->ca, OWNERS_CA_USER, R_OK);
	inspect_may(v, o, one->certificate, o->programs, OWNERS_USER, R_OK);
	if (!key_is_url(one->key)) {
		inspect_may(v, o, one->key, o->ca, OWNERS_CA_USER, R_OK);
		inspect_may_not(v, o, one->key);
	}
}

static void
inspect_installed(struct verdict *v, const struct owners *o,
    const char *conf_path, const struct conf *conf)
{
	int before = v->count[VERDICT_BAD];
	struct authorities_one all[AUTHORITIES];
	char path[4096];
	size_t i;

	inspect_may(v, o, conf_path, o->programs, OWNERS_USER, R_OK);
	inspect_may(v, o, conf_path, o->ca, OWNERS_CA_USER, R_OK);
	inspect_may(
	    v, o, conf->state, o->programs, OWNERS_USER, R_OK | W_OK | X_OK);
	inspect_may(
	    v, o, conf->state, o->ca, OWNERS_CA_USER, R_OK | W_OK | X_OK);
	inspect_may(
	    v, o, conf->database, o->programs, OWNERS_USER, R_OK | W_OK);
	inspect_may(v, o, conf->database, o->ca, OWNERS_CA_USER, R_OK | W_OK);
	inspect_beside(v, o, conf);
	inspect_may(v, o, conf->nonce_key, o->programs, OWNERS_USER, R_OK);
	inspect_may(v, o, conf->nonce_key, o->ca, OWNERS_CA_USER, R_OK);
	inspect_may(v, o, conf->nginx_secret, o->programs, OWNERS_USER, R_OK);
	inspect_may(v, o, conf->nginx_secret, o->ca, OWNERS_CA_USER, R_OK);
	authorities_of(conf, all);
	for (i = 0; i < AUTHORITIES; i++)
		inspect_authority(v, o, &all[i]);
	snprintf(path, sizeof(path), "%s/public", conf->state);
	inspect_may(v, o, path, o->ca, OWNERS_CA_USER, R_OK | W_OK | X_OK);
	if (v->count[VERDICT_BAD] == before)
		verdict_add(v, VERDICT_OK, "rights",
		    "%s and %s reach what they need; only %s the CAs' keys",
		    OWNERS_USER, OWNERS_CA_USER, OWNERS_CA_USER);
}

void
inspect_rights(
    struct verdict *v, const char *conf_path, const struct conf *conf)
{
	struct owners o;
	struct stat st;

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
	if (owners_load(false, &o) == OK && st.st_uid == o.programs)
		inspect_installed(v, &o, conf_path, conf);
	else
		verdict_add(v, VERDICT_WARNING, "rights",
		    "one user owns everything: to try the server, not for "
		    "production");
	log_forget_reason();
}
