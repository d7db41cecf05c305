#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "bin/adminkey.h"
#include "bin/authorities.h"
#include "bin/inspect.h"
#include "ca/authority.h"
#include "ca/crl.h"
#include "ca/file.h"
#include "ca/issue.h"
#include "store/activity_chain.h"
#include "store/admins.h"
#include "store/api_tokens.h"
#include "store/host_index.h"
#include "store/hosts.h"
#include "store/settings.h"
#include "web/tmplset.h"

/* How long the database may be read. */
#define CHECK_SECONDS 10

#define DAY       86400
#define NONCE_KEY 32

static void
inspect_tokens(struct verdict *v, struct db *db, const struct conf *conf)
{
	struct api_token_list list;
	size_t i, active = 0;
	bool readable;
	int r;

	if ((r = adminkey_try(conf, db, &readable)) != OK ||
	    (r = api_tokens_list(db, &list)) != OK) {
		verdict_of(v, r, "tokens", "unreadable");
		return;
	}
	for (i = 0; i < list.n; i++) {
		active += list.rows[i].revoked_at == 0 &&
		    list.rows[i].expires_at > clock_now();
		if (readable && !list.rows[i].authentic)
			verdict_add(v, VERDICT_BAD, "tokens",
			    "the row of API token %s was not written with %s "
			    "and is not accepted: unless that key was "
			    "replaced, a program was taken over",
			    list.rows[i].name, conf->admin_key);
	}
	verdict_add(
	    v, VERDICT_OK, "tokens", "%zu API tokens have not ended", active);
	api_tokens_list_release(&list);
}

static void
inspect_admins(struct verdict *v, struct db *db, const struct conf *conf)
{
	const struct admin *a;
	struct admin_list list;
	size_t i, active = 0;
	bool readable;
	int r;

	if ((r = adminkey_try(conf, db, &readable)) != OK ||
	    (r = admins_list(db, &list)) != OK) {
		verdict_of(v, r, "admins", "unreadable");
		return;
	}
	for (i = 0; i < list.n; i++) {
		a = &list.rows[i];
		active += a->disabled_at == 0 && (a->authentic || !readable);
		if (readable && !a->authentic)
			verdict_add(v, VERDICT_BAD, "admins",
			    "the row of %s was not written with %s and is not "
			    "trusted: if you know this administrator, "
			    "attestmdm admin password %s --role ROLE; if not, "
			    "a program was taken over",
			    a->name, conf->admin_key, a->name);
	}
	verdict_add(v, active > 0 ? VERDICT_OK : VERDICT_WARNING, "admins",
	    active > 0 ? "%zu can sign in"
		       : "%zu can sign in: attestmdm admin add NAME",
	    active);
	admins_list_release(&list);
}

static void
inspect_settings(struct verdict *v, struct db *db, const struct conf *conf)
{
	bool required = false;
	int r;

	r = settings_get_bool(
	    db, conf, SETTINGS_REQUIRE_ATTESTATION, &required);
	if (r != OK || required)
		verdict_of(
		    v, r, "settings", "hardware attestation is required");
	else
		verdict_add(v, VERDICT_WARNING, "settings",
		    "hardware attestation is not required");
}

static void
inspect_client_certificate(
    struct verdict *v, struct db *db, const struct conf *conf)
{
	struct host_counts hosts = { 0 };
	int r;

	if (conf->client_certificate_required)
		verdict_add(v, VERDICT_OK, "identity",
		    "devices have to show their certificate in TLS");
	else if ((r = hosts_count(db, &hosts)) != OK)
		verdict_of(v, r, "identity", "unreadable");
	else
		verdict_add(v, VERDICT_WARNING, "identity",
		    "Mdm-Signature alone is accepted, which can be replayed: "
		    "set [mdm] client_certificate = required; %lld of %lld "
		    "enrolled hosts show their certificate in TLS",
		    (long long)hosts.client_certificate,
		    (long long)hosts.enrolled);
}

/* Without its log a reader and a writer wait for each other. */
static void
inspect_mode(struct verdict *v, struct db *db)
{
	bool has_log;
	int r = db_has_log(db, &has_log);

	if (r != OK)
		verdict_of(v, r, "database", "unreadable");
	else if (!has_log)
		verdict_add(v, VERDICT_WARNING, "database",
		    "it is not in WAL mode, so that readers and writers wait "
		    "for each other: restart the programs, which set it");
}

/* What lists of hosts are made from, besides the hosts themselves. */
static void
inspect_index(struct verdict *v, struct db *db)
{
	int64_t wrong;
	int r = host_index_check(db, &wrong);

	if (r != OK)
		verdict_of(v, r, "host lists", "unreadable");
	else
		verdict_add(v, wrong == 0 ? VERDICT_OK : VERDICT_BAD,
		    "host lists",
		    wrong == 0
			? "searches and counts agree with the hosts"
			: "%lld texts to search or counts do not agree "
			  "with the hosts: attestmdm migrate repairs them",
		    (long long)wrong);
}

/* What is newest is what somebody who took over a program would want gone. */
static void
inspect_activities(struct verdict *v, struct db *db)
{
	struct activity_verdict end;
	int r = activity_chain_verify_end(db, &end);

	if (r != OK)
		verdict_of(v, r, "activity log", "unreadable");
	else if (end.broken)
		verdict_add(v, VERDICT_BAD, "activity log",
		    "an entry after %lld does not follow from it: entries were "
		    "changed or removed, see attestmdm activity verify",
		    (long long)end.last_id);
	else
		verdict_add(v, VERDICT_OK, "activity log",
		    "its newest %lld entries follow one another (attestmdm "
		    "activity verify looks at all)",
		    (long long)end.count);
}

static void
inspect_database(struct verdict *v, const struct conf *conf)
{
	struct db *db = NULL;
	struct stat st;
	int r;

	if (stat(conf->database, &st) == 0 && (st.st_mode & S_IRWXO))
		verdict_add(v, VERDICT_BAD, "database",
		    "%s has mode %04o: others may reach it", conf->database,
		    (unsigned)(st.st_mode & 07777));
	if ((r = db_open(conf->database, DB_READ_ONLY, &db)) == OK)
		r = db_integrity_check(db, CHECK_SECONDS);
	if (r == ERR_BUSY && db != NULL) {
		r = OK;
		verdict_add(v, VERDICT_OK, "database",
		    "%s has schema %d; what could be looked at in %d seconds "
		    "is sound (attestmdm backup checks all of it)",
		    conf->database, db_schema_number(), CHECK_SECONDS);
	} else {
		verdict_of(v, r, "database", "%s is sound and has schema %d",
		    conf->database, db_schema_number());
	}
	if (r == OK) {
		inspect_mode(v, db);
		inspect_admins(v, db, conf);
		inspect_tokens(v, db, conf);
		inspect_settings(v, db, conf);
		inspect_client_certificate(v, db, conf);
		inspect_index(v, db);
		inspect_activities(v, db);
	}
	db_close(db);
}

static void
inspect_nonce_key(struct verdict *v, const struct conf *conf)
{
	uint8_t key[NONCE_KEY];
	int r;

	if ((r = file_check_secret(conf->nonce_key)) == OK)
		r = secret_load(conf->nonce_key, key, sizeof key);
	secret_wipe(key, sizeof key);
	verdict_of(
	    v, r, "nonce key", "%s has %d bytes", conf->nonce_key, NONCE_KEY);
}

/* Signs a certificate for a key that nobody has, and forgets it. */
static int
inspect_issue(const struct authority *ca, const struct authorities_one *one,
    const struct conf *conf)
{
	struct issue_request req = { .common_name = "attestmdm check",
		.permanent_identifier = "ATTESTMDMCHECK",
		.organization = conf->organization,
		.now = clock_now(),
		.days = conf->certificate_days };
	struct buf spki, url;
	struct certificate out;
	struct key *key;
	int r;

	buf_init(&spki, 4096);
	buf_init(&url, 4096);
	if ((r = key_generate(KEY_P256, &key)) != OK)
		return r;
	if ((r = key_spki(key, &spki)) == OK &&
	    (r = issue_crl_url(conf->url, one->crl_file, &url)) == OK) {
		req.spki = buf_blob(&spki);
		req.crl_url = buf_str(&url);
		r = issue_certificate(ca, &req, &out);
		certificates_release(&out);
	}
	key_free(key);
	buf_release(&url);
	buf_release(&spki);
	return r;
}

static void
inspect_ca_life(struct verdict *v, const struct authority *ca,
    const struct authorities_one *one, const char *subject, int days)
{
	int64_t left = (authority_not_after(ca) - clock_now()) / DAY;
	char until[CLOCK_TEXT];

	clock_people(authority_not_after(ca), until);
	if (left < 30)
		verdict_add(v, VERDICT_BAD, subject,
		    "it expires on %s: run `attestmdm ca renew %s` now", until,
		    one->id);
	else if (left < days)
		verdict_add(v, VERDICT_WARNING, subject,
		    "it expires on %s: new certificates live shorter than %d "
		    "days, until you run `attestmdm ca renew %s`",
		    until, days, one->id);
	else
		verdict_add(v, VERDICT_OK, subject, "until %s", until);
}

static void
inspect_crl(struct verdict *v, const struct authority *ca,
    const struct authorities_one *one, const struct conf *conf)
{
	struct crl_facts facts;
	char path[AUTHORITIES_PATH], until[CLOCK_TEXT];
	char subject[32];
	int r;

	snprintf(subject, sizeof subject, "%s%s%s",
	    one->ca == GENERATION_SCEP ? "SCEP " : "",
	    one->former ? "old " : "", "CRL");
	authorities_crl_path(one, conf, path);
	if ((r = crl_read(path, ca, &facts)) != OK) {
		verdict_of(v, r, subject, "unreadable");
		return;
	}
	clock_people(facts.next_update, until);
	if (facts.next_update <= clock_now())
		verdict_add(v, VERDICT_BAD, subject,
		    "%s expired on %s: is attestmdm-crl@%s.timer running? If "
		    "so, "
		    "attestmdm crl --publish says what is wrong",
		    path, until, one->id);
	else if (facts.next_update - clock_now() < CRL_DAYS * DAY / 2)
		verdict_add(v, VERDICT_WARNING, subject,
		    "%s expires on %s: is attestmdm-crl@%s.timer running?",
		    path, until, one->id);
	else
		verdict_add(v, VERDICT_OK, subject,
		    "number %lld, %zu revoked, good until %s",
		    (long long)facts.number, facts.entries, until);
}

static void
inspect_ca(struct verdict *v, const struct authorities_one *one, int days,
    const struct conf *conf)
{
	char signs[32], life[32];
	struct authority *ca;
	int r;

	snprintf(signs, sizeof signs, "%s signs", one->name);
	snprintf(life, sizeof life, "%s life", one->name);
	r = authority_load(one->key, one->certificate, &ca);
	if (r == OK && one->kind == KEY_RSA_3072)
		r = authority_check_scep(ca);
	verdict_of(v, r, one->name, "%s with its key, %s", one->certificate,
	    r == OK ? key_name(authority_key(ca)) : "");
	if (r == OK) {
		r = inspect_issue(ca, one, conf);
		verdict_of(
		    v, r, signs, "a certificate made for this check verifies");
		inspect_ca_life(v, ca, one, life, days);
		inspect_crl(v, ca, one, conf);
	}
	authority_free(ca);
}

/* What a former CA signed is valid as long as it lives itself. */
static void
inspect_former(struct verdict *v, const struct conf *conf)
{
	struct authorities_one one = { .id = NULL };
	struct authority *ca;
	int r;

	while (authorities_next(conf, &one)) {
		if (!one.former || one.over)
			continue;
		if ((r = authority_load(one.key, one.certificate, &ca)) == OK)
			inspect_crl(v, ca, &one, conf);
		else
			verdict_of(v, r, one.name, "unreadable");
		authority_free(ca);
	}
}

static void
inspect_cas(struct verdict *v, const struct conf *conf)
{
	struct authorities_one all[AUTHORITIES];

	authorities_of(conf, all);
	inspect_ca(v, &all[0], conf->certificate_days, conf);
	/* An installation from before SCEP has none yet. */
	if (access(all[1].certificate, F_OK) != 0)
		verdict_add(v, VERDICT_BAD, all[1].name,
		    "there is no %s: run `attestmdm migrate` as root",
		    all[1].certificate);
	else
		inspect_ca(v, &all[1], conf->scep_certificate_days, conf);
	inspect_former(v, conf);
	if (conf->single_des)
		verdict_add(v, VERDICT_TEST, "SCEP", "single DES is ACCEPTED");
	else if (conf->older_clients)
		verdict_add(v, VERDICT_WARNING, "SCEP",
		    "SHA-1 and triple DES are accepted");
}

static void
inspect_templates(struct verdict *v, const struct conf *conf)
{
	struct tmpl *pages = NULL;
	int r = tmplset_load(conf->templates, &pages);
	char path[4096];

	for (size_t i = 0; r == OK && inspect_pages[i] != NULL; i++) {
		snprintf(path, sizeof path, "%s/%s", conf->templates,
		    inspect_pages[i]);
		if (access(path, R_OK) != 0)
			r = fail(
			    ERR_CONFIG, "%s is missing: install again", path);
	}
	verdict_of(v, r, "templates", "%s is complete", conf->templates);
	tmpl_free(pages);
}

void
inspect_state(struct verdict *v, const struct conf *conf)
{
	inspect_database(v, conf);
	inspect_nonce_key(v, conf);
	inspect_cas(v, conf);
	inspect_templates(v, conf);
}
