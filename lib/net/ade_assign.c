#include "net/ade_assign.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "net/ade_sync.h"
#include "policy/ade_definition.h"
#include "store/activities.h"
#include "store/alarms.h"
#include "store/datum.h"
#include "wire/out_json.h"

/*
 * The steps of a run. An arrow to on_...() is a call to Apple and its answer:
 *
 *	ade_assign_start -> on_defined      the profile, when it changed
 *	 -> settle     <-> on_details       what became of earlier ones
 *	 -> next_batch <-> on_assigned      batch after batch
 *	 -> end_run                         fail_run() ends it from any step
 */

#define BODY_MAX 262144

/* How long a device that failed is left alone: doubled with each failure. */
#define COOL_DOWN      3600
#define COOL_DOWN_MOST 86400

/* Alarms of one kind and account, apart from those about the list. */
static void
name_subject(const struct ade_account *a, char out[DB_NAME_TEXT])
{
	snprintf(out, DB_NAME_TEXT, "%s assignment", a->name);
}

static int
store_failure(struct db *db, const struct ade_account *a, int code,
    const char *reason, int64_t retry_after)
{
	char text[ADE_ERROR_TEXT + ADE_ACCOUNT_TEXT + 64];
	char subject[DB_NAME_TEXT];
	int r;

	r = ade_accounts_assign_end(db, a->name, 0, reason,
	    ade_sync_next_try(code, a->assign_failures + 1, retry_after));
	if (r != OK || a->assign_failures == 0)
		return r;
	name_subject(a, subject);
	snprintf(text, sizeof text,
	    "The devices of account %s cannot be assigned their profile: %s.",
	    a->name, reason);
	return alarms_raise(db, ALARM_BUSINESS_FAILING, subject, NULL, text);
}

int
ade_assign_failed(struct db *db, const struct ade_account *account, int code,
    const char *reason, int64_t retry_after)
{
	char why[ADE_ERROR_TEXT];

	ade_sync_explain("assignment", account->name, code, reason, why);
	if (db_begin(db) == OK)
		(void)db_end(
		    db, store_failure(db, account, code, why, retry_after));
	return code;
}

static void
end(struct ade_assign *a, int code)
{
	ade_devices_list_release(&a->batch);
	buf_release(&a->definition);
	a->done(a->arg, code);
}

static void
fail_run(
    struct ade_assign *a, int code, const char *reason, int64_t retry_after)
{
	end(a,
	    ade_assign_failed(a->db, &a->account, code, reason, retry_after));
}

/*
 * Is another profile wanted than when the run began? Times in seconds do not
 * tell, when both happened in one.
 */
static int
is_outdated(struct ade_assign *a, bool *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct ade_account now;
	int r;

	*out = false;
	buf_reset(&a->definition);
	if ((r = ade_accounts_load(a->db, a->account.name, &now)) == OK &&
	    (r = ade_definition_of(a->db, a->service->conf, &now,
		 &a->definition, sha256)) == OK)
		*out = !ade_definition_is_defined(&now, sha256);
	return r;
}

static int
store_end(struct ade_assign *a)
{
	struct ade_device_counts counts;
	char subject[DB_NAME_TEXT];
	bool outdated;
	int r;

	name_subject(&a->account, subject);
	if ((r = ade_devices_count_profiles(a->db, a->account.name,
		 a->account.profile_uuid, &counts)) != OK ||
	    (r = is_outdated(a, &outdated)) != OK ||
	    (r = alarms_close(a->db, ALARM_BUSINESS_FAILING, subject)) != OK)
		return r;
	return ade_accounts_assign_end(a->db, a->account.name,
	    a->account.assign_at, "", outdated ? clock_now() : counts.next_at);
}

static void
end_run(struct ade_assign *a)
{
	int r;

	if ((r = db_begin(a->db)) == OK)
		r = db_end(a->db, store_end(a));
	if (r != OK)
		fail_run(a, r, "", 0);
	else
		end(a, OK);
}

/* {"profile_uuid":…,"devices":[…]}; the profile only when it is given. */
static int
write_batch(const struct ade_assign *a, const char *profile, struct buf *body)
{
	struct out_json w;

	out_json_init(&w, body);
	out_json_open_object(&w, NULL);
	if (profile != NULL)
		out_json_string(&w, "profile_uuid", profile);
	out_json_open_array(&w, "devices");
	for (size_t i = 0; i < a->batch.n; i++)
		out_json_string(&w, NULL, a->batch.rows[i].serial);
	out_json_close_array(&w);
	out_json_close_object(&w);
	return out_json_end(&w);
}

/* Calls about the batch. */
static void
call(struct ade_assign *a, const char *method, const char *path,
    const char *profile, ade_service_done *done)
{
	struct buf body;
	int r;

	buf_init(&body, BODY_MAX);
	if ((r = write_batch(a, profile, &body)) == OK)
		r = ade_service_call(
		    a->service, method, path, buf_blob(&body), done, a);
	buf_release(&body);
	if (r != OK)
		fail_run(a, r, "", 0);
}

/* When a device is tried again, and what became of this try. */
static void
take_result(struct ade_device *d, const char *word, const char *profile,
    int64_t date, int64_t retry_after)
{
	int64_t wait = COOL_DOWN;

	d->assign_next_at = 0;
	if (strcasecmp(word, "SUCCESS") == 0) {
		COPY(d->assign_result, "success");
		COPY(d->profile_uuid, profile);
		COPY(d->profile_status, "assigned");
		d->assigned_at = date;
		d->assign_failures = 0;
		return;
	}
	if (strcasecmp(word, "NOT_ACCESSIBLE") == 0) {
		COPY(d->assign_result, "not_accessible");
		return;
	}
	if (strcasecmp(word, "THROTTLED") == 0) {
		COPY(d->assign_result, "throttled");
		d->assign_next_at =
		    clock_now() + (retry_after != 0 ? retry_after : COOL_DOWN);
		return;
	}
	COPY(d->assign_result, "failed");
	for (int i = 0; i < d->assign_failures && wait < COOL_DOWN_MOST; i++)
		wait *= 2;
	d->assign_failures++;
	d->assign_next_at =
	    clock_now() + (wait < COOL_DOWN_MOST ? wait : COOL_DOWN_MOST);
}

static int
record(struct ade_assign *a, int assigned)
{
	char detail[128];

	snprintf(detail, sizeof detail, "%s: %d of %zu devices",
	    a->account.name, assigned, a->batch.n);
	return activities_add(a->db,
	    &(struct activity_note){ .action = "ade.assigned",
		.after = a->account.profile_uuid,
		.detail = detail });
}

static int
store_results(struct ade_assign *a, const struct ade_reply *reply,
    const struct in_ade_results *results)
{
	char word[IN_ADE_WORD_TEXT];
	int r = OK, assigned = 0;

	for (size_t i = 0; i < a->batch.n && r == OK; i++) {
		struct ade_device *d = &a->batch.rows[i];

		if ((r = in_ade_result(results, d->serial, word)) != OK)
			break;
		take_result(d, word, a->account.profile_uuid, reply->date,
		    results->retry_after_seconds);
		assigned += strcmp(d->assign_result, "success") == 0;
		r = ade_devices_answered(a->db, d);
	}
	return r == OK ? record(a, assigned) : r;
}

/* Stores what an answer says of each device; false when that ended the run. */
static bool
stored(struct ade_assign *a, const struct ade_reply *reply,
    int (*store)(struct ade_assign *a, const struct ade_reply *reply,
	const struct in_ade_results *results))
{
	struct in_ade_results results;
	int r;

	if (reply->code != OK) {
		fail_run(
		    a, reply->code, reply->reason, reply->retry_after_seconds);
		return false;
	}
	if ((r = in_ade_results(reply->body, &results)) == OK &&
	    (r = db_begin(a->db)) == OK)
		r = db_end(a->db, store(a, reply, &results));
	in_ade_results_release(&results);
	if (r != OK)
		fail_run(a, r, "", 0);
	return r == OK;
}

static void next_batch(struct ade_assign *a);

static void
on_assigned(void *arg, const struct ade_reply *reply)
{
	struct ade_assign *a = arg;

	if (reply->status == 405 && !a->by_post) {
		a->by_post = true;
		call(a, "POST", "/profile/devices", a->account.profile_uuid,
		    on_assigned);
		return;
	}
	if (stored(a, reply, store_results))
		next_batch(a);
}

static int
note_batch(struct ade_assign *a)
{
	int r = OK;

	for (size_t i = 0; i < a->batch.n && r == OK; i++)
		r = ade_devices_asked(
		    a->db, a->account.name, a->batch.rows[i].serial);
	return r;
}

static void
next_batch(struct ade_assign *a)
{
	int r;

	ade_devices_list_release(&a->batch);
	if ((r = ade_devices_to_assign(a->db, a->account.name,
		 a->account.profile_uuid, a->after, &a->batch)) != OK) {
		fail_run(a, r, "", 0);
		return;
	}
	if (a->batch.n == 0) {
		end_run(a);
		return;
	}
	COPY(a->after, a->batch.rows[a->batch.n - 1].serial);
	if ((r = db_begin(a->db)) == OK)
		r = db_end(a->db, note_batch(a));
	if (r != OK)
		fail_run(a, r, "", 0);
	else
		call(a, a->by_post ? "POST" : "PUT", "/profile/devices",
		    a->account.profile_uuid, on_assigned);
}

static int
store_details(struct ade_assign *a, const struct ade_reply *reply,
    const struct in_ade_results *results)
{
	struct in_ade_device in;
	bool accessible;
	int r = OK;

	for (size_t i = 0; i < a->batch.n && r == OK; i++) {
		struct ade_device *d = &a->batch.rows[i];

		if ((r = in_ade_details(
			 results, d->serial, &in, &accessible)) != OK)
			break;
		COPY(d->profile_uuid, in.profile_uuid);
		COPY(d->profile_status, in.profile_status);
		COPY(d->assign_result, accessible ? "" : "not_accessible");
		d->assigned_at = reply->date;
		r = ade_devices_answered(a->db, d);
	}
	return r;
}

static void settle(struct ade_assign *a);

static void
on_details(void *arg, const struct ade_reply *reply)
{
	struct ade_assign *a = arg;

	if (stored(a, reply, store_details))
		settle(a);
}

/* What became of assignments whose result nobody stored? */
static void
settle(struct ade_assign *a)
{
	int r;

	ade_devices_list_release(&a->batch);
	if ((r = ade_devices_unanswered(a->db, a->account.name, &a->batch)) !=
	    OK)
		fail_run(a, r, "", 0);
	else if (a->batch.n == 0)
		next_batch(a);
	else
		call(a, "POST", "/devices", NULL, on_details);
}

static void
on_defined(void *arg, const struct ade_reply *reply)
{
	struct ade_assign *a = arg;
	int r;

	if (reply->code != OK) {
		fail_run(
		    a, reply->code, reply->reason, reply->retry_after_seconds);
		return;
	}
	if ((r = in_ade_profile(reply->body, a->account.profile_uuid)) == OK &&
	    (r = db_begin(a->db)) == OK)
		r = db_end(a->db,
		    ade_accounts_set_profile(a->db, a->account.name,
			a->account.profile_uuid, a->sha256));
	if (r != OK)
		fail_run(a, r, "", 0);
	else
		settle(a);
}

int
ade_assign_is_due(struct db *db, const struct conf *conf,
    const struct ade_account *account, bool *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct buf definition;
	int r;

	*out = false;
	if (account->assign_approved_at == 0)
		return OK;
	if (!ade_sync_has_come(account->assign_at) &&
	    account->assign_failures > 0)
		return OK;
	buf_init(&definition, ADE_DEFINITION_MAX);
	r = ade_definition_of(db, conf, account, &definition, sha256);
	buf_release(&definition);
	if (r == OK)
		*out = !ade_definition_is_defined(account, sha256) ||
		    (account->assign_at != 0 &&
			ade_sync_has_come(account->assign_at));
	return r;
}

void
ade_assign_start(struct ade_assign *a, struct ade_service *service,
    struct db *db, const struct ade_account *account, ade_assign_done *done,
    void *arg)
{
	int r;

	memset(a, 0, sizeof *a);
	a->service = service;
	a->db = db;
	a->account = *account;
	a->done = done;
	a->arg = arg;
	buf_init(&a->definition, ADE_DEFINITION_MAX);
	log_forget_reason();
	r = ade_definition_of(
	    db, service->conf, account, &a->definition, a->sha256);
	if (r == OK && ade_definition_is_defined(account, a->sha256)) {
		settle(a);
		return;
	}
	if (r == OK)
		r = ade_service_call(service, "POST", "/profile",
		    buf_blob(&a->definition), on_defined, a);
	if (r != OK)
		fail_run(a, r, "", 0);
}
