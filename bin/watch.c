#include "bin/watch.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/authorities.h"
#include "bin/room.h"
#include "store/ade_accounts.h"
#include "store/alarms.h"
#include "store/api_tokens.h"
#include "store/push_certificate.h"
#include "wire/x509.h"

/*
 * The timer of the revocation lists publishes each when it is an hour old; from
 * this age on it does not work, in seconds.
 */
#define CRL_OLD (3 * 3600)

/*
 * An API token that lives no longer is renewed as a matter of course, and one
 * that was not used for as long is missed by nobody; in seconds.
 */
#define TOKEN_SHORT (30 * 86400)

static int
look_at_push(struct db *db, const struct conf *conf)
{
	struct push_certificate push;
	int r = push_certificate_load(db, &push);

	(void)conf;
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	return alarms_note_ending(db, ALARM_PUSH_CERTIFICATE_ENDING, "push",
	    push.not_after, "The push certificate",
	    "Renew it at Apple under the same Apple Account, and import it: "
	    "attestmdm-push-cert(8). Without it no device is woken.");
}

static int
look_at_server_tokens(struct db *db, const struct conf *conf)
{
	struct ade_account_list list;
	char what[64 + ADE_ACCOUNT_TEXT];
	int r = ade_accounts_list(db, &list);

	(void)conf;
	for (size_t i = 0; r == OK && i < list.n; i++) {
		const struct ade_account *account = &list.rows[i];

		if (account->token_expires_at == 0)
			continue;
		snprintf(what, sizeof what, "The server token of account %s",
		    account->name);
		r = alarms_note_ending(db, ALARM_SERVER_TOKEN_ENDING,
		    account->name, account->token_expires_at, what,
		    "Download a new one at Apple Business, and import it with "
		    "attestmdm ade token import.");
	}
	ade_accounts_list_release(&list);
	return r;
}

static bool
is_missed(const struct api_token *token)
{
	return token->revoked_at == 0 &&
	    token->expires_at - token->created_at > TOKEN_SHORT &&
	    token->last_used_at > clock_now() - TOKEN_SHORT;
}

static int
look_at_api_tokens(struct db *db, const struct conf *conf)
{
	struct api_token_list list;
	char what[16 + API_TOKENS_NAME_TEXT];
	int r = api_tokens_list(db, &list);

	(void)conf;
	for (size_t i = 0; r == OK && i < list.n; i++) {
		const struct api_token *token = &list.rows[i];

		if (!is_missed(token)) {
			r = alarms_note_state(db, ALARM_API_TOKEN_ENDING,
			    ALARM_WARNING, token->name, "");
			continue;
		}
		snprintf(what, sizeof what, "The API token %s", token->name);
		r = alarms_note_ending(db, ALARM_API_TOKEN_ENDING, token->name,
		    token->expires_at, what,
		    "Give its user a new one (attestmdm token add), and revoke "
		    "it.");
	}
	api_tokens_list_release(&list);
	return r;
}

static int
look_at_list(struct db *db, const struct conf *conf,
    const struct authorities_one *one, const struct authority *ca)
{
	char path[AUTHORITIES_PATH], text[ALARM_TEXT] = "", at[CLOCK_TEXT];
	enum alarm_severity severity = ALARM_WARNING;
	struct crl_facts facts;

	authorities_crl_path(one, conf, path);
	if (crl_read(path, ca, &facts) != OK) {
		severity = ALARM_CRITICAL;
		snprintf(text, sizeof text,
		    "There is no good revocation list: %.500s. Is "
		    "attestmdm-crl@%s.timer running?",
		    log_reason(), one->id);
	} else if (facts.this_update + CRL_BACKDATE < clock_now() - CRL_OLD) {
		clock_people(facts.next_update, at);
		if (facts.next_update <= clock_now())
			severity = ALARM_CRITICAL;
		snprintf(text, sizeof text,
		    "The revocation list %.500s is not published any more; "
		    "the last one is good until %s. Is attestmdm-crl@%s.timer "
		    "running?",
		    path, at, one->id);
	}
	log_forget_reason();
	return alarms_note_state(
	    db, ALARM_CRL_OLD, severity, one->crl_file, text);
}

/*
 * What has expired signs no list, and cannot be loaded any more. The end of a
 * former one is no matter.
 */
static int
look_at_authority(
    struct db *db, const struct conf *conf, const struct authorities_one *one)
{
	gnutls_x509_crt_t crt = NULL;
	struct authority *ca = NULL;
	int64_t not_after;
	char what[64], advice[64];
	size_t n;
	int r;

	if ((r = x509_load(one->certificate, 1, &crt, &n)) != OK)
		return r;
	not_after = x509_not_after(crt);
	x509_free(crt);
	snprintf(what, sizeof what, "The certificate of the %s", one->name);
	snprintf(advice, sizeof advice,
	    "Make a new one now: attestmdm ca renew %s.", one->id);
	if (!one->former)
		r = alarms_note_ending(
		    db, ALARM_CA_ENDING, one->id, not_after, what, advice);
	if (r == OK && one->over)
		return alarms_note_state(
		    db, ALARM_CRL_OLD, ALARM_WARNING, one->crl_file, "");
	if (r == OK && not_after > clock_now() &&
	    (r = authority_load_certificate(one->certificate, &ca)) == OK)
		r = look_at_list(db, conf, one, ca);
	authority_free(ca);
	return r;
}

static int
look_at_authorities(struct db *db, const struct conf *conf)
{
	struct authorities_one one = { .id = NULL };
	int first = OK, r;

	while (authorities_next(conf, &one)) {
		/* an installation from before SCEP has none yet */
		if (one.ca == GENERATION_SCEP && one.generation == 1 &&
		    access(one.certificate, F_OK) != 0)
			continue;
		r = look_at_authority(db, conf, &one);
		first = first != OK ? first : r;
	}
	return first;
}

static int
look_at_disk(struct db *db, const struct conf *conf)
{
	char text[ROOM_TEXT];
	enum room room = room_at(conf->database, text);

	return alarms_note_state(db, ALARM_DISK_FULL,
	    room == ROOM_NONE ? ALARM_CRITICAL : ALARM_WARNING, "database",
	    room == ROOM_ENOUGH ? "" : text);
}

static int (*const watches[])(struct db *, const struct conf *) = {
	look_at_push,
	look_at_server_tokens,
	look_at_api_tokens,
	look_at_authorities,
	look_at_disk,
};

bool
watch_next(struct db *db, const struct conf *conf, size_t *next, int *r)
{
	*r = OK;
	if (*next == sizeof watches / sizeof watches[0])
		return false;
	*r = watches[(*next)++](db, conf);
	return true;
}

int
watch_tls(struct db *db, const struct conf *conf, int64_t not_after,
    const char *reason)
{
	char text[ALARM_TEXT];

	if (not_after != 0)
		return alarms_note_ending(db, ALARM_TLS_ENDING, conf->url,
		    not_after, "The TLS certificate of the URL",
		    "Renew it: no device connects without it.");
	snprintf(text, sizeof text, "No device will connect: %.800s", reason);
	return alarms_note_state(
	    db, ALARM_TLS_ENDING, ALARM_CRITICAL, conf->url, text);
}
