#include "bin/authorities.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/db.h"
#include "wire/x509.h"

#define AUTHORITIES_YEARS 10

static void
describe(const struct conf *conf, enum generation_ca ca, int number,
    struct authorities_one *out)
{
	bool acme = ca == GENERATION_ACME;
	const char *name = acme ? "Device Identity CA" : "Device SCEP CA";
	struct generation g;

	*out = (struct authorities_one){ .id = acme ? "acme" : "scep",
		.name = acme ? "CA" : "SCEP CA",
		.ca = ca,
		.generation = number,
		.kind = acme ? KEY_P384 : KEY_RSA_3072,
		.owner = acme ? OWNER_ACME : OWNER_SCEP };
	generation_names(conf, ca, number, &g);
	snprintf(out->key, sizeof out->key, "%s", g.key);
	snprintf(
	    out->certificate, sizeof out->certificate, "%s", g.certificate);
	snprintf(out->crl_file, sizeof out->crl_file, "%s", g.crl_file);
	if (number == 1)
		snprintf(out->common_name, sizeof out->common_name, "%s", name);
	else
		snprintf(out->common_name, sizeof out->common_name, "%s %d",
		    name, number);
}

void
authorities_of(const struct conf *conf, struct authorities_one out[AUTHORITIES])
{
	struct generation current;
	size_t i;

	for (i = 0; i < AUTHORITIES; i++) {
		generation_current(conf, (enum generation_ca)i, &current);
		describe(conf, (enum generation_ca)i, current.number, &out[i]);
	}
}

static bool
has_expired(const char *path)
{
	gnutls_x509_crt_t crt = NULL;
	bool expired;
	size_t n;

	expired = x509_load(path, 1, &crt, &n) == OK &&
	    gnutls_x509_crt_get_expiration_time(crt) <= clock_now();
	x509_free(crt);
	return expired;
}

bool
authorities_next(const struct conf *conf, struct authorities_one *it)
{
	int ca = it->id == NULL ? 0 : (int)it->ca;
	int number = it->id == NULL ? GENERATIONS + 1 : it->generation;
	struct generation current;

	for (; ca < GENERATION_CAS; ca++, number = GENERATIONS + 1) {
		generation_current(conf, (enum generation_ca)ca, &current);
		while (--number >= 1) {
			describe(conf, (enum generation_ca)ca, number, it);
			it->former = number < current.number;
			it->over = it->former && has_expired(it->certificate);
			if (number == current.number ||
			    access(it->certificate, F_OK) == 0)
				return true;
		}
	}
	return false;
}

int
authorities_after(const struct conf *conf,
    const struct authorities_one *current, struct authorities_one *out)
{
	if (current->generation == GENERATIONS)
		return fail(ERR_CONFIG, "%s is the last generation that can be",
		    current->certificate);
	describe(conf, current->ca, current->generation + 1, out);
	return OK;
}

bool
authorities_find(const struct conf *conf, struct blob issuer_key_id,
    struct authorities_one *out)
{
	struct authority *ca;
	bool found;

	*out = (struct authorities_one){ .id = NULL };
	while (authorities_next(conf, out)) {
		if (out->over ||
		    authority_load_certificate(out->certificate, &ca) != OK)
			continue;
		found = blob_eq(authority_key_id(ca), issuer_key_id);
		authority_free(ca);
		if (found)
			return true;
	}
	return false;
}

static void
folder_of(const struct authorities_one *one, const struct conf *conf,
    char out[AUTHORITIES_PATH])
{
	snprintf(out, AUTHORITIES_PATH, "%s/public/%s", conf->state, one->id);
}

void
authorities_crl_path(const struct authorities_one *one, const struct conf *conf,
    char out[AUTHORITIES_PATH])
{
	snprintf(out, AUTHORITIES_PATH, "%s/public/%s/%s", conf->state, one->id,
	    one->crl_file);
}

/* Where key and certificate lie until both are whole; ERR_TOO_LARGE. */
struct staging {
	char key[PATH_MAX];
	char certificate[PATH_MAX];
};

static int
stage(const struct authorities_one *one, struct staging *out)
{
	int k = snprintf(out->key, PATH_MAX, "%s.new", one->key);
	int c =
	    snprintf(out->certificate, PATH_MAX, "%s.new", one->certificate);

	return k < PATH_MAX && c < PATH_MAX
	    ? OK
	    : fail(ERR_TOO_LARGE, "the path %s is too long", one->key);
}

static int
move_file(const char *from, const char *to)
{
	return rename(from, to) == 0
	    ? OK
	    : fail(ERR_IO, "cannot rename %s: %s", from, strerror(errno));
}

int
authorities_resume(const struct authorities_one *one,
    const struct owners *owners, bool *resumed)
{
	struct authority *ca = NULL;
	struct staging staging;
	int r;

	*resumed = false;
	if ((r = stage(one, &staging)) != OK)
		return r;
	if (key_is_url(one->key) || access(one->key, F_OK) != 0 ||
	    access(staging.certificate, F_OK) != 0)
		return OK;
	/* is it this key's? */
	r = authority_load(one->key, staging.certificate, &ca);
	authority_free(ca);
	if (r != OK ||
	    (r = owners_give(owners, one->key, one->owner, 0600)) != OK)
		return r;
	*resumed = true;
	return move_file(staging.certificate, one->certificate);
}

int
authorities_create(const struct authorities_one *one,
    const struct owners *owners, const char *organization)
{
	bool file = !key_is_url(one->key);
	struct staging staging;
	int r;

	if ((r = stage(one, &staging)) != OK)
		return r;
	if (file && access(one->key, F_OK) == 0)
		return fail(ERR_EXISTS, "%s exists already", one->key);
	if (access(one->certificate, F_OK) == 0)
		return fail(ERR_EXISTS, "%s exists already", one->certificate);
	/* of a run that was killed */
	unlink(staging.certificate);
	if (file)
		unlink(staging.key);
	r = authority_create(file ? staging.key : one->key, staging.certificate,
	    one->common_name, organization, one->kind, AUTHORITIES_YEARS);
	if (r == OK && file &&
	    (r = owners_give(owners, staging.key, one->owner, 0600)) == OK)
		r = move_file(staging.key, one->key);
	return r != OK ? r : move_file(staging.certificate, one->certificate);
}

static int
sign(const struct authorities_one *one, const struct conf *conf)
{
	char folder[AUTHORITIES_PATH];
	struct authority *ca = NULL;
	struct db *db = NULL;
	int r;

	folder_of(one, conf, folder);
	if ((r = authority_load(one->key, one->certificate, &ca)) == OK &&
	    (r = db_open(conf->database, DB_DURABLE, &db)) == OK)
		r = crl_publish(db, ca, folder, one->crl_file, clock_now());
	db_close(db);
	authority_free(ca);
	return r;
}

/* What went wrong comes back as the exit status and, in words, by the pipe. */
static void
child(const struct authorities_one *one, const struct conf *conf,
    const struct owners *owners, int out)
{
	int r;

	if ((r = owners_become(owners, one->owner)) == OK) {
		secret_hide_process();
		r = sign(one, conf);
	}
	if (r != OK && write(out, log_reason(), strlen(log_reason())) < 0)
		_exit(-ERR_IO);
	_exit(-r);
}

static int
as_owner(const struct authorities_one *one, const struct conf *conf,
    const struct owners *owners)
{
	char reason[512] = "";
	int ends[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(ends) != 0 || (pid = fork()) < 0)
		return fail(ERR_IO, "cannot fork: %s", strerror(errno));
	if (pid == 0)
		child(one, conf, owners, ends[1]);
	close(ends[1]);
	n = read(ends[0], reason, sizeof reason - 1);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == OK)
		return OK;
	return fail(WIFEXITED(status) ? -WEXITSTATUS(status) : ERR_INTERNAL,
	    "%s", n > 0 ? reason : "the process that signs died");
}

int
authorities_publish(const struct authorities_one *one, const struct conf *conf)
{
	struct owners owners;
	int r;

	if (geteuid() != 0)
		return sign(one, conf);
	if ((r = owners_find(conf->database, &owners)) != OK)
		return r;
	return owners.single_user ? sign(one, conf)
				  : as_owner(one, conf, &owners);
}
