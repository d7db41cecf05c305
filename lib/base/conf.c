#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"

#define STATE_DEFAULT "/var/lib/attestmdm"

enum conf_kind {
	KIND_TEXT,
	KIND_FLAG,
	KIND_NUMBER,
	KIND_LEVEL,
	KIND_TIER,
	KIND_PROOF
};

struct conf_key {
	const char *section;
	const char *name;
	enum conf_kind kind;
	size_t offset;
	const char *initial; /* as if written in the file; NULL = required */
	int least, most;     /* of a number */
};

#define TEXT_AS(section, name, field, initial)                                 \
	{                                                                      \
		section, name, KIND_TEXT, offsetof(struct conf, field),        \
		    initial, 0, 0                                              \
	}
#define TEXT(section, field, initial) TEXT_AS(section, #field, field, initial)
#define FLAG_AS(section, name, field, initial)                                 \
	{                                                                      \
		section, name, KIND_FLAG, offsetof(struct conf, field),        \
		    initial, 0, 0                                              \
	}
#define FLAG(section, field, initial) FLAG_AS(section, #field, field, initial)
#define NUMBER_AS(section, name, field, initial, least, most)                  \
	{                                                                      \
		section, name, KIND_NUMBER, offsetof(struct conf, field),      \
		    initial, least, most                                       \
	}
#define NUMBER(section, field, initial, least, most)                           \
	NUMBER_AS(section, #field, field, initial, least, most)

static const struct conf_key keys[] = {
	TEXT("server", url, NULL),
	TEXT("server", organization, "attestmdm"),
	NUMBER("server", workers, "2", 1, 64),
	{ "server", "log_level", KIND_LEVEL, offsetof(struct conf, log_level),
	    "info", 0, 0 },
	TEXT("paths", state, STATE_DEFAULT),
	TEXT("paths", database, ""),
	TEXT("paths", nonce_key, ""),
	TEXT("paths", nginx_secret, ""),
	TEXT("paths", sockets, "/run/attestmdm"),
	TEXT("paths", admin_key, ""),
	TEXT("paths", templates, DATA_DIR "/templates"),
	TEXT_AS("worker", "socket", worker_socket, ""),
	TEXT_AS("metrics", "allow", metrics_allow, ""),
	TEXT_AS("alarms", "command", alarm_command, ""),
	NUMBER_AS("alarms", "repeat_days", alarm_repeat_days, "7", 0, 365),
	FLAG_AS("mdm", "enabled", mdm_enabled, "true"),
	TEXT("mdm", topic, ""),
	TEXT("mdm", profile_identifier, "attestmdm.enrollment"),
	/* attestmdm init writes "required"; the devices of an installation that
	 * is upgraded were never asked for a certificate */
	{ "mdm", "client_certificate", KIND_PROOF,
	    offsetof(struct conf, client_certificate_required), "header", 0,
	    0 },
	TEXT("acme", ca_key, ""),
	TEXT("acme", ca_certificate, ""),
	NUMBER("acme", certificate_days, "365", 1, 1825),
	NUMBER("acme", enrollment_hours, "24", 1, 720),
	FLAG("acme", privacy_mode, "false"),
	TEXT_AS("scep", "ca_key", scep_ca_key, ""),
	TEXT_AS("scep", "ca_certificate", scep_ca_certificate, ""),
	NUMBER_AS(
	    "scep", "certificate_days", scep_certificate_days, "365", 1, 1825),
	FLAG("scep", older_clients, "false"),
	FLAG("scep", renewal_requests, "false"),
	NUMBER("renewal", days_before, "180", 1, 1000),
	NUMBER("renewal", per_run, "100", 1, 100000),
	NUMBER("renewal", expired_grace_days, "0", 0, 90),
	NUMBER("retention", activity_days, "730", 30, 36500),
	NUMBER("retention", event_days, "180", 7, 36500),
	NUMBER("manual", link_hours, "72", 1, 720),
	TEXT("profile", signing_key, ""),
	TEXT("profile", signing_certificate, ""),
	TEXT("profile", server_ca, ""),
	TEXT("apple", attestation_root, ""),
	TEXT("apple", device_ca, ""),
	TEXT("apple", enrollment_url, CONF_ENROLLMENT_URL),
	TEXT("apple", push_url, CONF_PUSH_URL),
	TEXT_AS("apple", "server_ca", apple_server_ca, ""),
	TEXT_AS("sign_in", "issuer", sign_in_issuer, ""),
	TEXT_AS("sign_in", "client_id", sign_in_client_id, ""),
	TEXT_AS("sign_in", "client_secret_file", sign_in_secret_file, ""),
	TEXT_AS("sign_in", "scopes", sign_in_scopes, "openid email profile"),
	TEXT_AS("sign_in", "account_claim", sign_in_account_claim, "email"),
	TEXT_AS("sign_in", "allowed_domains", sign_in_domains, ""),
	TEXT_AS("sign_in", "allowed_groups", sign_in_groups, ""),
	TEXT_AS("sign_in", "server_ca", sign_in_server_ca, ""),
	{ "license", "tier", KIND_TIER, offsetof(struct conf, premium),
	    "premium", 0, 0 },
	FLAG("gitops", gitops_mode_enabled, "false"),
	TEXT("gitops", repository_url, ""),
	TEXT("testing", clock_offset_file, ""),
	FLAG("testing", single_des, "false"),
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])

struct conf_reading {
	struct conf *c;
	bool seen[KEY_COUNT];
	int code;        /* OK, or why a line stopped it */
	char fault[256]; /* what is wrong with that line */
};

static char **
text_at(struct conf *c, const struct conf_key *k)
{
	return (char **)(void *)((char *)c + k->offset);
}

static int *
number_at(struct conf *c, const struct conf_key *k)
{
	return (int *)(void *)((char *)c + k->offset);
}

static bool *
flag_at(struct conf *c, const struct conf_key *k)
{
	return (bool *)(void *)((char *)c + k->offset);
}

static int
set_text(char **at, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return ERR_NOMEM;
	free(*at);
	*at = copy;
	return OK;
}

/* One of two words decides a flag. */
static int
set_word(bool *at, const char *value, const char *yes, const char *no)
{
	if (strcmp(value, yes) != 0 && strcmp(value, no) != 0)
		return ERR_CONFIG;
	*at = strcmp(value, yes) == 0;
	return OK;
}

static int
set_number(int *at, const char *value, int least, int most)
{
	char *end;
	long v = strtol(value, &end, 10);

	if (*value == '\0' || *end != '\0' || v < least || v > most)
		return ERR_CONFIG;
	*at = (int)v;
	return OK;
}

static int
set_level(int *at, const char *value)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = { { "error", LOG_ERROR }, { "warning", LOG_WARN },
		{ "notice", LOG_NOTICE }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG } };
	size_t i;

	for (i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(value, levels[i].name) == 0) {
			*at = levels[i].level;
			return OK;
		}
	}
	return ERR_CONFIG;
}

static int
set_key(struct conf *c, const struct conf_key *k, const char *value)
{
	switch (k->kind) {
	case KIND_TEXT:
		return set_text(text_at(c, k), value);
	case KIND_FLAG:
		return set_word(flag_at(c, k), value, "true", "false");
	case KIND_TIER:
		return set_word(flag_at(c, k), value, "premium", "free");
	case KIND_PROOF:
		return set_word(flag_at(c, k), value, "required", "header");
	case KIND_NUMBER:
		return set_number(number_at(c, k), value, k->least, k->most);
	case KIND_LEVEL:
		return set_level(number_at(c, k), value);
	}
	return ERR_CONFIG;
}

/* inih's callback: 0 stops it and makes it return the line's number. */
static int
on_line(void *user, const char *section, const char *name, const char *value)
{
	struct conf_reading *r = user;
	size_t i;

	/* inih goes on after a fault, and reports the first one. */
	if (*r->fault != '\0')
		return 0;
	for (i = 0; i < KEY_COUNT; i++)
		if (strcmp(section, keys[i].section) == 0 &&
		    strcmp(name, keys[i].name) == 0)
			break;
	if (i == KEY_COUNT) {
		snprintf(r->fault, sizeof r->fault, "unknown key [%.64s] %.64s",
		    section, name);
		return 0;
	}
	if (r->seen[i]) {
		snprintf(r->fault, sizeof r->fault, "[%s] %s stands twice",
		    section, name);
		return 0;
	}
	r->seen[i] = true;
	if ((r->code = set_key(r->c, &keys[i], value)) == OK)
		return 1;
	snprintf(r->fault, sizeof r->fault, "[%s] %s cannot be \"%.128s\"",
	    section, name, value);
	return 0;
}

static int
set_initials(struct conf *c)
{
	size_t i;
	int r;

	for (i = 0; i < KEY_COUNT; i++)
		if ((r = set_key(c, &keys[i],
			 keys[i].initial ? keys[i].initial : "")) != OK)
			return r;
	return OK;
}

/* Fills an empty path with FOLDER/name. */
static int
default_path(char **at, const char *folder, const char *name)
{
	char path[4096];

	if (**at != '\0')
		return OK;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return set_text(at, path);
}

/* Beside the configuration file at `path`. */
static int
default_beside(char **at, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";

	if (slash != NULL)
		snprintf(
		    folder, sizeof folder, "%.*s", (int)(slash - path), path);
	return default_path(at, folder, name);
}

static int
set_derived(const char *path, struct conf *c)
{
	int r;

	c->attestation_root_replaced = *c->attestation_root != '\0';
	c->device_ca_replaced = *c->device_ca != '\0';
	if ((r = default_path(&c->database, c->state, "db/attestmdm.db")) !=
		OK ||
	    (r = default_path(&c->nonce_key, c->state, "nonce.key")) != OK ||
	    (r = default_beside(&c->nginx_secret, path, "nginx-secret.conf")) !=
		OK ||
	    (r = default_path(&c->admin_key, c->state, "admin.key")) != OK ||
	    (r = default_path(&c->worker_socket, c->sockets, "worker.sock")) !=
		OK ||
	    (r = default_path(&c->ca_key, c->state, "acme-ca.key")) != OK ||
	    (r = default_path(&c->ca_certificate, c->state, "acme-ca.pem")) !=
		OK ||
	    (r = default_path(&c->scep_ca_key, c->state, "scep-ca.key")) !=
		OK ||
	    (r = default_path(
		 &c->scep_ca_certificate, c->state, "scep-ca.pem")) != OK ||
	    (r = default_path(&c->attestation_root, DATA_DIR,
		 "apple-enterprise-attestation-root-ca.pem")) != OK)
		return r;
	return default_path(
	    &c->device_ca, DATA_DIR, "apple-iphone-device-ca.pem");
}

/*
 * Apple's ACME client percent-escapes the URLs it is given once more, so only
 * characters that never need it may stand in ours.
 */
static int
check_url(const char *path, const char *key, const char *url)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:";
	const char *host = url + strlen("https://");

	if (strncmp(url, "https://", strlen("https://")) != 0 ||
	    *host == '\0' || host[strspn(host, safe)] != '\0')
		return fail(ERR_CONFIG,
		    "%s: %s must be https://host[:port], without a path", path,
		    key);
	return OK;
}

/* "/.well-known/openid-configuration" is appended to it. */
static bool
is_issuer(const char *url)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "-._~:/%";
	size_t https = strlen("https://");

	return strncmp(url, "https://", https) == 0 && url[https] != '\0' &&
	    url[https] != '/' && url[strspn(url, safe)] == '\0' &&
	    strlen(url) < CONF_ISSUER_TEXT;
}

/* Is the word among those with spaces between them? */
static bool
has_word(const char *words, const char *word)
{
	size_t n;

	for (; *words != '\0'; words += n + strspn(words + n, " ")) {
		n = strcspn(words, " ");
		if (n == strlen(word) && strncmp(words, word, n) == 0)
			return true;
	}
	return false;
}

static int
check_sign_in(const char *path, const struct conf *c)
{
	const char *claim = c->sign_in_account_claim;

	if (*c->sign_in_issuer == '\0')
		return OK;
	if (!is_issuer(c->sign_in_issuer))
		return fail(ERR_CONFIG,
		    "%s: [sign_in] issuer must be https://host[:port][/path]",
		    path);
	if (*c->sign_in_client_id == '\0')
		return fail(
		    ERR_CONFIG, "%s: [sign_in] client_id is missing", path);
	if (!has_word(c->sign_in_scopes, "openid"))
		return fail(ERR_CONFIG,
		    "%s: [sign_in] scopes must have openid among them", path);
	if (strcmp(claim, "email") != 0 && strcmp(claim, "sub") != 0 &&
	    strcmp(claim, "preferred_username") != 0)
		return fail(ERR_CONFIG,
		    "%s: [sign_in] account_claim must be email, "
		    "preferred_username or sub",
		    path);
	if (*c->sign_in_domains != '\0' && strcmp(claim, "sub") == 0)
		return fail(ERR_CONFIG,
		    "%s: [sign_in] allowed_domains needs an account_claim "
		    "that has a domain",
		    path);
	return OK;
}

static int
check(const char *path, const struct conf *c)
{
	int r;

	if ((r = check_url(path, "[server] url", c->url)) != OK ||
	    (r = check_url(
		 path, "[apple] enrollment_url", c->enrollment_url)) != OK ||
	    (r = check_url(path, "[apple] push_url", c->push_url)) != OK)
		return r;
	if (*c->topic != '\0' && strncmp(c->topic, "com.apple.mgmt.", 15) != 0)
		return fail(ERR_CONFIG,
		    "%s: [mdm] topic must begin with com.apple.mgmt.", path);
	if (*c->alarm_command != '\0' && *c->alarm_command != '/')
		return fail(ERR_CONFIG,
		    "%s: [alarms] command must be the absolute path of a "
		    "program",
		    path);
	if ((*c->signing_key == '\0') != (*c->signing_certificate == '\0'))
		return fail(ERR_CONFIG,
		    "%s: [profile] signing_key and signing_certificate go "
		    "together",
		    path);
	return check_sign_in(path, c);
}

int
conf_load(const char *path, struct conf *c)
{
	struct conf_reading reading = { .c = c };
	int line, r;

	memset(c, 0, sizeof *c);
	if ((r = set_initials(c)) != OK)
		goto done;
	if ((line = ini_parse(path, on_line, &reading)) != 0) {
		if (line < 0)
			r = fail(ERR_CONFIG, "cannot read %s", path);
		else if (reading.code == ERR_NOMEM)
			r = fail(ERR_NOMEM, "no memory to read %s", path);
		else
			r = fail(ERR_CONFIG, "%s: line %d: %s", path, line,
			    *reading.fault ? reading.fault
					   : "neither [section] nor key = "
					     "value");
		goto done;
	}
	if ((r = set_derived(path, c)) == OK)
		r = check(path, c);
done:
	if (r != OK)
		conf_release(c);
	return r;
}

void
conf_release(struct conf *c)
{
	size_t i;

	for (i = 0; i < KEY_COUNT; i++)
		if (keys[i].kind == KIND_TEXT)
			free(*text_at(c, &keys[i]));
	memset(c, 0, sizeof *c);
}

/* Apple's, on whatever port. */
static bool
is_push_service(const char *url)
{
	size_t n = strlen(CONF_PUSH_URL);

	return strncmp(url, CONF_PUSH_URL, n) == 0 &&
	    (url[n] == '\0' || url[n] == ':');
}

bool
conf_is_test_bench(const struct conf *c)
{
	return c->attestation_root_replaced || c->device_ca_replaced ||
	    *c->apple_server_ca != '\0' ||
	    strcmp(c->enrollment_url, CONF_ENROLLMENT_URL) != 0 ||
	    !is_push_service(c->push_url) ||
	    *c->clock_offset_file != '\0' || c->single_des;
}
