#include "admin/admin_business.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/ade_identity.h"
#include "ca/file.h"
#include "policy/ade_definition.h"
#include "store/alarms.h"
#include "store/jobs.h"
#include "wire/ade_token.h"
#include "wire/x509.h"

static int
load(const struct admin_actor *actor, const char *name, struct ade_account *out)
{
	int r = ade_accounts_load(actor->db, name, out);

	return r == ERR_NOT_FOUND ? fail(r, "there is no account %s", name) : r;
}

static int
create(const struct admin_actor *actor, const char *account)
{
	struct ade_account a;
	int r = ade_accounts_load(actor->db, account, &a);

	if (r != ERR_NOT_FOUND)
		return r;
	r = ade_accounts_create(actor->db, account);
	if (r == ERR_FIELD)
		return fail(r,
		    "an account's name has lower-case letters, digits and '-', "
		    "unlike %s",
		    account);
	if (r == ERR_RATE_LIMITED)
		return fail(r, "there are %d accounts already, the maximum",
		    ADE_ACCOUNTS_MAX);
	return r == OK ? admin_actor_record(actor, "ade.account", account) : r;
}

static int
record_certificate(const struct admin_actor *actor, const char *account)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(actor->db,
		    admin_actor_record(actor, "ade.certificate", account));
	return r;
}

int
admin_business_certificate(const struct admin_actor *actor, const char *account,
    bool anew, struct buf *pem)
{
	char path[ADE_IDENTITY_PATH];
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) != OK ||
	    (r = db_end(actor->db, create(actor, account))) != OK ||
	    (r = ade_identity_make(actor->conf, account, anew)) != OK ||
	    (anew && (r = record_certificate(actor, account)) != OK))
		return r;
	ade_identity_path(actor->conf, account, ADE_IDENTITY_CERTIFICATE, path);
	return file_read(path, pem);
}

/* A token is of one service, and a service of one account. */
static int
check_token(const struct admin_actor *actor, const struct ade_account *a,
    const struct ade_token *token, bool moves)
{
	struct ade_account_list list;
	int r;

	if ((r = ade_accounts_list(actor->db, &list)) != OK)
		return r;
	for (size_t i = 0; i < list.n && r == OK; i++) {
		if (strcmp(list.rows[i].name, a->name) != 0 &&
		    strcmp(list.rows[i].consumer_key, token->consumer_key) == 0)
			r = fail(ERR_EXISTS, "account %s has this token",
			    list.rows[i].name);
	}
	ade_accounts_list_release(&list);
	if (r == OK && !moves && a->consumer_key[0] != '\0' &&
	    strcmp(a->consumer_key, token->consumer_key) != 0)
		r = fail(ERR_ADE_OTHER_SERVICE,
		    "account %s belongs to another device management service "
		    "than this token",
		    a->name);
	return r;
}

static int
open_token(const struct admin_actor *actor, const char *account,
    struct blob file, struct ade_token *out)
{
	gnutls_x509_crt_t crt;
	struct key *key;
	int r;

	if ((r = ade_identity_load(actor->conf, account, &key, &crt)) != OK)
		return r;
	r = ade_token_open(file, key_handle(key), crt, out);
	key_free(key);
	x509_free(crt);
	return r;
}

static int
store_token(const struct admin_actor *actor, const char *account,
    const struct ade_token *token)
{
	struct db *db = actor->db;
	int r;

	if ((r = ade_accounts_set_token(
		 db, account, token->consumer_key, token->expires_at)) != OK ||
	    (r = jobs_run_now(db, "sync")) != OK ||
	    (r = alarms_close(db, ALARM_BUSINESS_FAILING, account)) != OK)
		return r;
	db_wake(db);
	return admin_actor_record(actor, "ade.token", account);
}

/*
 * The file comes first: should the row not follow, the worker sees that the two
 * do not belong together, and the import is repeated.
 */
static int
take_token(const struct admin_actor *actor, const char *account,
    const struct ade_token *token, uid_t user, gid_t group)
{
	char path[ADE_IDENTITY_PATH];
	struct buf json;
	int r;

	buf_init(&json, ADE_TOKEN_FILE_MAX);
	ade_identity_path(actor->conf, account, ADE_IDENTITY_TOKEN, path);
	if ((r = ade_token_write(token, &json)) == OK)
		r = file_replace_for(user, group, path, buf_blob(&json), 0600);
	buf_wipe(&json);
	if (r == OK &&
	    (r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(actor->db, store_token(actor, account, token));
	return r;
}

int
admin_business_token(const struct admin_actor *actor, const char *account,
    struct blob file, bool moves, uid_t user, gid_t group,
    struct ade_account *out)
{
	struct ade_token token = { .expires_at = 0 };
	int r;

	if ((r = admin_actor_check(actor, ADMIN_CHANGE_SERVER)) == OK &&
	    (r = load(actor, account, out)) == OK &&
	    (r = open_token(actor, account, file, &token)) == OK &&
	    (r = check_token(actor, out, &token, moves)) == OK &&
	    (r = take_token(actor, account, &token, user, group)) == OK)
		r = load(actor, account, out);
	secret_wipe(&token, sizeof token);
	return r;
}

/* What has to be assigned anew is due now, if anything may be. */
static int
assign_anew(const struct admin_actor *actor, const struct ade_account *a)
{
	int r;

	if (a->assign_approved_at == 0)
		return OK;
	if ((r = ade_accounts_assign_now(actor->db, a->name)) == OK)
		r = jobs_run_now(actor->db, "assign");
	db_wake(actor->db);
	return r;
}

int
admin_business_count(struct db *db, const struct conf *conf,
    const struct ade_account *account, bool *defined,
    struct ade_device_counts *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct buf json;
	int r;

	buf_init(&json, ADE_DEFINITION_MAX);
	r = ade_definition_of(db, conf, account, &json, sha256);
	buf_release(&json);
	if (r != OK)
		return r;
	*defined = ade_definition_is_defined(account, sha256);
	return ade_devices_count_kept(
	    db, account->name, *defined ? account->profile_uuid : "", out);
}

int
admin_business_assign_anew(const struct admin_actor *actor)
{
	struct ade_account_list list;
	int r = ade_accounts_list(actor->db, &list);

	for (size_t i = 0; r == OK && i < list.n; i++)
		r = assign_anew(actor, &list.rows[i]);
	ade_accounts_list_release(&list);
	return r;
}

static int
set_options(const struct admin_actor *actor, const char *account,
    const char *const *assignments, int n)
{
	char before[ADE_OPTIONS_TEXT];
	struct ade_account a;
	struct buf next;
	int i, r;

	if ((r = load(actor, account, &a)) != OK)
		return r;
	memcpy(before, a.profile_options, sizeof before);
	buf_init(&next, (size_t)2 * ADE_OPTIONS_TEXT);
	for (i = 0; i < n && r == OK; i++) {
		buf_reset(&next);
		r = ade_definition_set(
		    a.profile_options, assignments[i], &next);
		if (r == OK)
			snprintf(a.profile_options, sizeof a.profile_options,
			    "%s", buf_str(&next));
	}
	buf_release(&next);
	if (r != OK ||
	    (r = ade_accounts_set_options(
		 actor->db, account, a.profile_options)) != OK ||
	    (r = assign_anew(actor, &a)) != OK)
		return r;
	return admin_actor_note(actor,
	    &(struct activity_note){ .action = "ade.profile",
		.before = before,
		.after = a.profile_options,
		.detail = account });
}

int
admin_business_set_options(const struct admin_actor *actor, const char *account,
    const char *const *assignments, int n)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SETTINGS)) == OK)
		r = db_end(
		    actor->db, set_options(actor, account, assignments, n));
	return r;
}

static int
approve(const struct admin_actor *actor, const char *account)
{
	struct ade_account a;
	int r;

	if ((r = load(actor, account, &a)) != OK)
		return r;
	if (a.consumer_key[0] == '\0')
		return fail(
		    ERR_CONFLICT, "account %s has no server token", account);
	if ((r = ade_accounts_approve(actor->db, account)) != OK ||
	    (r = jobs_run_now(actor->db, "assign")) != OK)
		return r;
	db_wake(actor->db);
	return admin_actor_record(actor, "ade.assign", account);
}

int
admin_business_approve(const struct admin_actor *actor, const char *account)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, approve(actor, account));
	return r;
}

static int
confirm(const struct admin_actor *actor, const char *account, int *removed)
{
	char detail[100];
	struct ade_account a;
	int r;

	if ((r = load(actor, account, &a)) != OK)
		return r;
	if (a.held_at == 0)
		return fail(ERR_CONFLICT,
		    "no removals of account %s wait for a confirmation",
		    account);
	if ((r = ade_devices_confirm_gone(actor->db, account, removed)) != OK ||
	    (r = ade_accounts_hold(actor->db, account, false)) != OK ||
	    (r = alarms_close(actor->db, ALARM_REMOVALS_HELD, account)) != OK)
		return r;
	snprintf(
	    detail, sizeof detail, "%s: %d devices removed", account, *removed);
	return admin_actor_record(actor, "ade.confirm", detail);
}

int
admin_business_confirm(
    const struct admin_actor *actor, const char *account, int *removed)
{
	int r;

	*removed = 0;
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, confirm(actor, account, removed));
	return r;
}

static int
check_account(struct db *db)
{
	struct ade_account_list list;
	int r = ade_accounts_list(db, &list);

	if (r == OK && list.n == 0)
		r = fail(ERR_NOT_FOUND,
		    "there is no account at Apple Business; attestmdm ade "
		    "token new makes one");
	ade_accounts_list_release(&list);
	return r;
}

static int
sync_now(const struct admin_actor *actor, int64_t *asked_at)
{
	int r;

	*asked_at = clock_now();
	if ((r = check_account(actor->db)) != OK ||
	    (r = ade_accounts_sync_now(actor->db)) != OK ||
	    (r = jobs_run_now(actor->db, "sync")) != OK)
		return r;
	db_wake(actor->db);
	return admin_actor_record(actor, "ade.sync-now", "");
}

int
admin_business_sync_now(const struct admin_actor *actor, int64_t *asked_at)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, sync_now(actor, asked_at));
	return r;
}
