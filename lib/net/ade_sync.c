#include "net/ade_sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "policy/product.h"
#include "store/activities.h"
#include "store/alarms.h"
#include "store/datum.h"
#include "wire/out_json.h"

/*
 * The steps of a run. An arrow to on_...() is a call to Apple and its answer:
 *
 *	ade_sync_start -> on_server             which service it is
 *	 -> next_page <-> on_page -> take_page  page after page, each whole
 *	      ^- fetch_anew                     when the cursor is of no use
 *	 -> complete -> end_run                 with the last page
 *
 * fail_run() ends it from any step.
 */

/* A list of that many pages is none. */
#define PAGES_MAX 20000

/* One in this many may go in that time without an administrator's word. */
#define MAY_GO         20
#define MAY_GO_SECONDS INT64_C(604800)

#define RETRY_LEAST 30
#define RETRY_MOST  1800
#define HOUR        3600
/* Apple may put a call off by a day. */
#define AHEAD_MOST  (2 * 24 * HOUR)

/* Failures in a row that raise an alarm, when they may pass by themselves. */
#define FAILURES_ALARM 3

static bool
waits_for_somebody(int code)
{
	return code == ERR_ADE_TERMS || code == ERR_ADE_DENIED ||
	    code == ERR_ADE_REFUSED || code == ERR_ADE_TOKEN ||
	    code == ERR_ADE_OTHER_SERVICE;
}

static bool
passes_by_itself(int code)
{
	return code == ERR_NET_UNREACHABLE || code == ERR_NET_TIMEOUT ||
	    code == ERR_ADE_LIMITED || code == ERR_ADE_UNAVAILABLE ||
	    code == ERR_DB || code == ERR_BUSY || code == ERR_NOMEM ||
	    code == ERR_CONFLICT;
}

int64_t
ade_sync_next_try(int code, int failures, int64_t retry_after)
{
	int64_t wait = RETRY_LEAST;
	uint32_t chance;

	for (int i = 1; i < failures && wait < RETRY_MOST; i++)
		wait *= 2;
	if (wait > RETRY_MOST)
		wait = RETRY_MOST;
	if (waits_for_somebody(code))
		wait = HOUR;
	secret_random(&chance, sizeof chance);
	wait += (int64_t)(chance % (uint32_t)(wait / 4 + 1));
	return clock_now() + (wait > retry_after ? wait : retry_after);
}

void
ade_sync_explain(const char *run, const char *account, int code,
    const char *reason, char out[ADE_ERROR_TEXT])
{
	if (reason[0] != '\0')
		log_fail(__FILE__, __LINE__, __func__, code,
		    "Apple Business, %s of account %s: %s", run, account,
		    reason);
	else
		reason =
		    log_reason()[0] != '\0' ? log_reason() : err_text(code);
	snprintf(out, ADE_ERROR_TEXT, "%s", reason);
}

bool
ade_sync_has_come(int64_t at)
{
	return at <= clock_now() || at > clock_now() + AHEAD_MOST;
}

static int
store_failure(struct db *db, const struct ade_account *a, int code,
    const char *reason, int64_t retry_after)
{
	char text[ADE_ERROR_TEXT + ADE_ACCOUNT_TEXT + 64];
	enum alarm_kind kind = code == ERR_ADE_TERMS ? ALARM_BUSINESS_TERMS
						     : ALARM_BUSINESS_FAILING;
	int r;

	r = ade_accounts_sync_end(db, a->name, reason,
	    ade_sync_next_try(code, a->sync_failures + 1, retry_after));
	if (r != OK ||
	    (passes_by_itself(code) && a->sync_failures + 1 < FAILURES_ALARM))
		return r;
	snprintf(text, sizeof text,
	    "The device list of account %s cannot be fetched: %s.", a->name,
	    reason);
	return alarms_raise(db, kind, a->name, NULL, text);
}

int
ade_sync_failed(struct db *db, const struct ade_account *account, int code,
    const char *reason, int64_t retry_after)
{
	char why[ADE_ERROR_TEXT];

	ade_sync_explain("device list", account->name, code, reason, why);
	if (db_begin(db) == OK)
		(void)db_end(
		    db, store_failure(db, account, code, why, retry_after));
	return code;
}

static void
fail_run(struct ade_sync *s, int code, const char *reason, int64_t retry_after)
{
	s->done(s->arg,
	    ade_sync_failed(s->db, &s->account, code, reason, retry_after));
}

static int
raise_held(struct db *db, const char *account, int64_t ours, int64_t gone)
{
	char text[400];

	snprintf(text, sizeof text,
	    "Apple Business does not list %" PRId64 " of %" PRId64
	    " devices of account %s any more. They stay assigned until "
	    "\"attestmdm ade confirm %s\" says that this is right.",
	    gone, ours, account, account);
	return alarms_raise(db, ALARM_REMOVALS_HELD, account, NULL, text);
}

/*
 * The list is complete: what is gone is removed, unless it is too much. That is
 * so when more than one in twenty of the devices that have been ours for seven
 * days went in these seven days, whether they are gone now or were removed;
 * devices that were added since do not make room for more. A single one may
 * always go. Once removals are held, so is all that is gone, until an
 * administrator confirms it or Apple Business lists all of it again.
 */
static int
remove_gone(struct ade_sync *s, int *removed)
{
	const char *name = s->account.name;
	struct ade_account now;
	int64_t ours, gone, went, before;
	bool hold;
	int r;

	*removed = 0;
	if ((r = ade_accounts_load(s->db, name, &now)) != OK ||
	    (r = ade_devices_count(s->db, name, &ours, &gone)) != OK ||
	    (r = ade_devices_count_went(s->db, name,
		 clock_now() - MAY_GO_SECONDS, &went, &before)) != OK)
		return r;
	hold = gone > 0 &&
	    (now.held_at != 0 || (went > 1 && went * MAY_GO > before));
	if ((r = ade_accounts_hold(s->db, name, hold)) != OK)
		return r;
	if (hold)
		return raise_held(s->db, name, ours, gone);
	if ((r = ade_devices_remove_gone(s->db, name, removed)) != OK)
		return r;
	return alarms_close(s->db, ALARM_REMOVALS_HELD, name);
}

static int
end_run(struct ade_sync *s)
{
	const char *name = s->account.name;
	int r;

	if ((r = alarms_close(s->db, ALARM_BUSINESS_FAILING, name)) != OK ||
	    (r = alarms_close(s->db, ALARM_BUSINESS_TERMS, name)) != OK)
		return r;
	return ade_accounts_sync_end(
	    s->db, name, "", clock_now() + ADE_SYNC_SECONDS);
}

/* A run that changed nothing, which most are, is not on record. */
static int
record(struct ade_sync *s, const struct ade_account *next, int removed)
{
	char detail[128];

	if (next->sync_devices == 0 && removed == 0)
		return OK;
	snprintf(detail, sizeof detail, "%s: %" PRId64 " listed, %d removed",
	    next->name, next->sync_devices, removed);
	return activities_add(s->db,
	    &(struct activity_note){ .action = "ade.sync", .detail = detail });
}

/* The last page of a full fetch, or of the changes. */
static int
complete(struct ade_sync *s, struct ade_account *next)
{
	int removed, r;

	if (next->phase == ADE_PHASE_FETCH) {
		r = ade_devices_unseen_gone(s->db, next->name, next->fetch);
		if (r != OK)
			return r;
		next->phase = ADE_PHASE_CHANGES;
		next->fetched_at = clock_now();
	}
	if ((r = remove_gone(s, &removed)) != OK || (r = end_run(s)) != OK ||
	    (r = record(s, next, removed)) != OK)
		return r;
	if (next->assign_approved_at == 0 || next->sync_devices == 0)
		return OK;
	db_wake(s->db);
	return ade_accounts_assign_now(s->db, next->name);
}

/*
 * Words that name Apple silicon stay, unless the new ones name it as well:
 * the device is known to have it, and is refused SCEP for that.
 */
static int
keep_chip(struct db *db, struct ade_device *d)
{
	struct ade_device_list list;
	const struct ade_device *old;
	bool named = product_names_silicon(d->model) ||
	    product_names_silicon(d->description);
	int r = OK;

	if (named || (r = ade_devices_of_serial(db, d->serial, &list)) != OK)
		return r;
	for (old = list.rows; old < list.rows + list.n; old++) {
		if (strcmp(old->account, d->account) != 0)
			continue;
		if (product_names_silicon(old->model))
			COPY(d->model, old->model);
		if (product_names_silicon(old->description))
			COPY(d->description, old->description);
	}
	ade_devices_list_release(&list);
	return OK;
}

static int
apply(struct ade_sync *s, const struct ade_account *next,
    const struct in_ade_device *in)
{
	struct ade_device d = { .fetch = next->fetch };
	int r;

	COPY(d.account, next->name);
	COPY(d.serial, in->serial);
	COPY(d.model, in->model);
	COPY(d.description, in->description);
	COPY(d.color, in->color);
	COPY(d.device_family, in->device_family);
	COPY(d.profile_uuid, in->profile_uuid);
	COPY(d.profile_status, in->profile_status);
	if ((r = keep_chip(s->db, &d)) != OK)
		return r;
	if (next->phase == ADE_PHASE_FETCH) {
		d.op_date = in->assigned_date;
		return ade_devices_fetched(s->db, &d);
	}
	d.op_date = in->op_date;
	return in->op == IN_ADE_DELETED
	    ? ade_devices_gone(s->db, d.account, d.serial, d.op_date)
	    : ade_devices_changed(s->db, &d);
}

static int
store_page(struct ade_sync *s, const struct in_ade_page *page,
    struct ade_account *next)
{
	struct in_ade_device d;
	size_t i, unusable = 0;
	int r = OK;

	if (next->phase == ADE_PHASE_FETCH && next->cursor[0] == '\0')
		next->fetch++;
	COPY(next->cursor, page->cursor);
	next->sync_devices += (int64_t)page->n;
	for (i = 0; i < page->n && r == OK; i++) {
		if ((r = in_ade_device(page, i, &d)) == OK &&
		    d.serial[0] == '\0')
			unusable++;
		else if (r == OK)
			r = apply(s, next, &d);
	}
	if (unusable > 0)
		log_line(LOG_WARN,
		    "Apple Business, account %s: %zu devices have no usable "
		    "serial number and are left out",
		    next->name, unusable);
	if (r == OK && !page->more_to_follow)
		r = complete(s, next);
	return r == OK ? ade_accounts_move(s->db, &s->account, next) : r;
}

static void next_page(struct ade_sync *s);

static void
take_page(struct ade_sync *s, const struct in_ade_page *page)
{
	struct ade_account next = s->account;
	int r;

	if (page->more_to_follow &&
	    strcmp(page->cursor, s->account.cursor) == 0) {
		fail_run(
		    s, ERR_ADE_ANSWER, "the list of devices does not go on", 0);
		return;
	}
	if ((r = db_begin(s->db)) == OK)
		r = db_end(s->db, store_page(s, page, &next));
	if (r != OK) {
		fail_run(s, r, "", 0);
		return;
	}
	s->account = next;
	if (page->more_to_follow)
		next_page(s);
	else
		s->done(s->arg, OK);
}

/* The list ended with the page before: nothing follows its cursor. */
static void
take_end(struct ade_sync *s)
{
	struct in_ade_page page = { .n = 0 };

	memcpy(page.cursor, s->account.cursor, sizeof page.cursor);
	take_page(s, &page);
}

/* The cursor is of no use any more (7 days old, or of another service). */
static void
fetch_anew(struct ade_sync *s, const char *why)
{
	struct ade_account next = s->account;
	int r;

	log_line(LOG_NOTICE,
	    "Apple Business, account %s: %s; all devices are fetched anew",
	    next.name, why);
	s->restarted = true;
	next.phase = ADE_PHASE_FETCH;
	next.cursor[0] = '\0';
	if ((r = db_begin(s->db)) == OK)
		r = db_end(s->db, ade_accounts_move(s->db, &s->account, &next));
	if (r != OK) {
		fail_run(s, r, "", 0);
		return;
	}
	s->account = next;
	next_page(s);
}

static void
on_page(void *arg, const struct ade_reply *reply)
{
	struct ade_sync *s = arg;
	struct in_ade_page page;
	int r;

	if (reply->code == OK) {
		if ((r = in_ade_page(reply->body, &page)) != OK) {
			fail_run(s, r, "", 0);
			return;
		}
		take_page(s, &page);
		in_ade_page_release(&page);
	} else if (reply->status == 400 && s->account.cursor[0] != '\0' &&
	    strcmp(reply->word, "EXHAUSTED_CURSOR") == 0) {
		take_end(s);
	} else if (reply->status == 400 && s->account.cursor[0] != '\0' &&
	    !s->restarted &&
	    (strcmp(reply->word, "EXPIRED_CURSOR") == 0 ||
		strcmp(reply->word, "INVALID_CURSOR") == 0)) {
		fetch_anew(s, reply->word);
	} else {
		fail_run(
		    s, reply->code, reply->reason, reply->retry_after_seconds);
	}
}

static void
next_page(struct ade_sync *s)
{
	struct out_json w;
	struct buf body;
	int r;

	if (s->pages++ == PAGES_MAX) {
		fail_run(
		    s, ERR_ADE_ANSWER, "the list of devices has no end", 0);
		return;
	}
	buf_init(&body, 8192);
	out_json_init(&w, &body);
	out_json_open_object(&w, NULL);
	if (s->account.cursor[0] != '\0')
		out_json_string(&w, "cursor", s->account.cursor);
	out_json_int(&w, "limit", s->page_max);
	out_json_close_object(&w);
	if ((r = out_json_end(&w)) == OK)
		r = ade_service_call(s->service, "POST",
		    s->account.phase == ADE_PHASE_FETCH ? "/server/devices"
							: "/devices/sync",
		    buf_blob(&body), on_page, s);
	buf_release(&body);
	if (r != OK)
		fail_run(s, r, "", 0);
}

/* Another service than before has other devices, cursors and profiles. */
static int
take_server(struct ade_sync *s, const struct in_ade_server *server)
{
	const struct ade_account *a = &s->account;

	if (a->server_uuid[0] != '\0' &&
	    strcmp(a->server_uuid, server->uuid) != 0)
		return fail(ERR_ADE_OTHER_SERVICE,
		    "the token is for the service %s (%s), and the account "
		    "for %s",
		    server->name, server->uuid, a->server_name);
	s->page_max = ADE_SYNC_PAGE;
	if (server->page_max != 0 && server->page_max < s->page_max)
		s->page_max = server->page_max;
	return ade_accounts_set_server(
	    s->db, a->name, server->uuid, server->name, server->organization);
}

static void
on_server(void *arg, const struct ade_reply *reply)
{
	struct ade_sync *s = arg;
	struct in_ade_server server;
	int r;

	if (reply->code != OK) {
		fail_run(
		    s, reply->code, reply->reason, reply->retry_after_seconds);
		return;
	}
	if ((r = in_ade_server(reply->body, &server)) == OK &&
	    (r = db_begin(s->db)) == OK)
		r = db_end(s->db, take_server(s, &server));
	if (r != OK)
		fail_run(s, r, "", 0);
	else if (s->account.phase == ADE_PHASE_CHANGES &&
	    (clock_now() < s->account.fetched_at ||
		clock_now() - s->account.fetched_at >= ADE_FETCH_SECONDS))
		fetch_anew(s, "a week has passed");
	else
		next_page(s);
}

void
ade_sync_start(struct ade_sync *s, struct ade_service *service, struct db *db,
    const struct ade_account *account, ade_sync_done *done, void *arg)
{
	int r;

	memset(s, 0, sizeof *s);
	s->service = service;
	s->db = db;
	s->account = *account;
	s->done = done;
	s->arg = arg;
	log_forget_reason();
	if ((r = db_begin(db)) == OK)
		r = db_end(db, ade_accounts_sync_begin(db, account->name));
	s->account.sync_devices = 0;
	if (r == OK)
		r = ade_service_call(
		    service, "GET", "/account", blob_of(NULL, 0), on_server, s);
	if (r != OK)
		fail_run(s, r, "", 0);
}
