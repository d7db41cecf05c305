#include "net/push_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/push_identity.h"
#include "store/alarms.h"

#define MINUTE 60
#define HOUR   3600
/* A host that is looked for among the silent ones: how many, and how often. */
#define SILENT_MOST  2000
#define SILENT_EVERY HOUR
/* This many answers are stored together. */
#define STORE_TOGETHER 64
/* After more failures in a row than these, see doubts_certificate(). */
#define DOUBT_AFTER 2
/* This many in a row that Apple could not take: it is not the host's fault. */
#define BUSY_MOST 5
/* After a connection that Apple closed, in seconds. */
#define RECONNECT_LEAST 1
#define RECONNECT_MOST  4

/*
 * This many, and more than one in this many of the recent answers: see
 * is_dead().
 */
#define DEAD_LEAST 10
#define DEAD_SHARE 20

enum slot_state { SLOT_FREE, SLOT_SENDING, SLOT_ANSWERED };

struct push_slot {
	struct push_run *run;
	enum slot_state state;
	struct push push;
	struct push_result result;
	/* what the result points to */
	struct apns_answer answer;
	/* Apple answered, so that the certificate is good; or says that it is
	 * not; or TLS failed as if it were not */
	bool proves_certificate, stops, doubts;
};

int
push_run_open(struct push_run *run, struct net *net, struct db *db,
    const struct conf *conf)
{
	int i;

	*run = (struct push_run){ .net = net, .db = db, .conf = conf };
	run->slots = calloc(PUSH_RUN_MOST, sizeof *run->slots);
	if (run->slots == NULL)
		return fail(ERR_NOMEM, "no memory for pushes");
	for (i = 0; i < PUSH_RUN_MOST; i++)
		run->slots[i].run = run;
	return OK;
}

void
push_run_close(struct push_run *run)
{
	free(run->slots);
	run->slots = NULL;
}

bool
push_run_is_busy(const struct push_run *run)
{
	return run->sending > 0 || run->answered > 0;
}

static int64_t
reconnect_pause(void)
{
	uint32_t random;

	secret_random(&random, sizeof random);
	return RECONNECT_LEAST +
	    random % (RECONNECT_MOST - RECONNECT_LEAST + 1);
}

/* Is this time of ours to come? No wrong clock is believed about that. */
static bool
is_ahead(int64_t at)
{
	return clock_now() < at && at <= clock_now() + HOUR;
}

/* Trouble that concerns all: one pause for what fails together. */
static void
hold_all(struct push_run *run, int code, int64_t pause, const char *reason)
{
	if (is_ahead(run->hold_until))
		return;
	run->hold_until = clock_now() + pause;
	run->failures++;
	run->code = code;
	snprintf(run->trouble, sizeof run->trouble, "%s", reason);
	log_line(
	    LOG_WARN, "no pushes for %lld s: %s", (long long)pause, reason);
}

/*
 * TLS seems to refuse our certificate, again and again: somebody on the way may
 * forge an alert in the handshake. With HTTP/2 and TLS 1.3 libcurl reads the
 * alert before it asks for data, and says no more of it than that the session
 * is over, which another fault may look like.
 */
static bool
doubts_certificate(const struct push_run *run, const struct net_answer *answer)
{
	return run->failures > DOUBT_AFTER &&
	    (answer->code == ERR_NET_CERTIFICATE ||
		strstr(answer->reason, "session has been invalidated") != NULL);
}

/* Nothing is known to be wrong with the host: it is tried again like all. */
static void
no_answer(struct push_slot *slot, const struct net_answer *answer)
{
	struct push_run *run = slot->run;
	int64_t pause = answer->sent || answer->code == ERR_NET_CERTIFICATE
	    ? pushes_pause(run->failures)
	    : reconnect_pause();

	slot->result = (struct push_result){ .outcome = PUSH_POSTPONED,
		.reason = err_name(answer->code),
		.again_at = clock_now() + pause };
	run->failed++;
	hold_all(run, answer->code, pause, answer->reason);
	slot->doubts = doubts_certificate(run, answer);
}

static void
apple_is_well(struct push_run *run)
{
	run->failures = run->busy = 0;
	run->hold_until = 0;
	run->code = OK;
	run->trouble[0] = '\0';
}

/* An answer about a token that counts as alive. */
static void
count(struct push_run *run, bool dead)
{
	int64_t hours = (clock_now() - run->halved_at) / HOUR;

	if (hours != 0) {
		hours = hours < 0 || hours > 30 ? 30 : hours;
		run->answers >>= hours;
		run->dead >>= hours;
		run->halved_at = clock_now();
	}
	run->answers++;
	run->dead += dead;
}

static bool
too_many_die(const struct push_run *run)
{
	return run->dead >= DEAD_LEAST && run->dead * DEAD_SHARE > run->answers;
}

/* Tokens die one by one; when many do at once, the answer may be wrong. */
static bool
is_dead(struct push_run *run, const struct push *push)
{
	if (push->dead_at != 0)
		return true;
	count(run, true);
	return !too_many_die(run);
}

static void
judge(struct push_slot *slot)
{
	const struct apns_answer *a = &slot->answer;
	struct push_run *run = slot->run;
	char text[NET_REASON_TEXT];

	slot->proves_certificate =
	    a->meaning != APNS_CERTIFICATE && a->meaning != APNS_BUSY;
	slot->result = (struct push_result){ .outcome = PUSH_FAILED,
		.status = (int)a->status,
		.reason = a->reason,
		.apns_id = a->apns_id,
		.dead_since = a->dead_since };
	snprintf(
	    text, sizeof text, "Apple answers %ld %s", a->status, a->reason);
	switch (a->meaning) {
	case APNS_ACCEPTED:
		slot->result.outcome = PUSH_ACCEPTED;
		run->accepted++;
		count(run, false);
		apple_is_well(run);
		break;
	case APNS_DEAD:
		if (is_dead(run, &slot->push))
			slot->result.outcome = PUSH_DEAD;
		run->refused++;
		apple_is_well(run);
		break;
	case APNS_TOO_MANY:
		run->refused++;
		apple_is_well(run);
		break;
	case APNS_BUSY:
		run->failed++;
		if (++run->busy >= BUSY_MOST)
			hold_all(run, ERR_NET_ANSWER,
			    pushes_pause(run->failures), text);
		break;
	case APNS_CERTIFICATE:
		slot->stops = true;
		slot->result.outcome = PUSH_POSTPONED;
		slot->result.again_at = clock_now();
		snprintf(run->trouble, sizeof run->trouble, "%s", text);
		break;
	case APNS_FAULT:
		slot->result.outcome = PUSH_REFUSED;
		run->refused++;
		break;
	}
}

/* For net_start(). */
static void
on_answer(void *arg, const struct net_answer *answer)
{
	struct push_slot *slot = arg;
	struct push_run *run = slot->run;

	slot->state = SLOT_ANSWERED;
	run->sending--;
	run->answered++;
	if (answer->code == OK) {
		apns_read(answer->status, answer->body,
		    net_header(answer, "apns-id"), &slot->answer);
		judge(slot);
	} else {
		no_answer(slot, answer);
	}
	log_line(LOG_DEBUG, "push to %s: %d %s", slot->push.serial,
	    slot->result.status, slot->result.reason);
	if (run->answered >= STORE_TOGETHER || run->sending == 0)
		push_run_go(run);
}

static int
raise_fault(struct push_run *run, const struct push_slot *slot)
{
	char text[ALARM_TEXT];

	snprintf(text, sizeof text,
	    "Apple refuses a push for a reason that lies with us (%ld %s, host "
	    "%s), and it is not tried again. Compare push certificate and "
	    "[apple] push_url with the manual; if both are right, report it "
	    "with the version of attestmdm.",
	    slot->answer.status, slot->answer.reason, slot->push.serial);
	log_line(LOG_WARN, "%s", text);
	return alarms_raise(run->db, ALARM_PUSH_REFUSED, "push", NULL, text);
}

static int
store_one(struct push_run *run, const struct push_slot *slot)
{
	const uint8_t *sha256 = run->certificate.sha256;
	int r = pushes_store(run->db, &slot->push, &slot->result);

	if (r == OK && slot->result.outcome == PUSH_DEAD)
		log_line(LOG_NOTICE, "no push reaches host %s: %ld %s",
		    slot->push.serial, slot->answer.status,
		    slot->answer.reason);
	if (r == OK && slot->result.outcome == PUSH_REFUSED)
		r = raise_fault(run, slot);
	if (r == OK && slot->result.outcome == PUSH_ACCEPTED)
		r = alarms_close(run->db, ALARM_PUSH_REFUSED, "push");
	if (r == OK && slot->stops)
		r = push_certificate_stop(run->db, sha256, run->trouble);
	if (r == OK && slot->doubts)
		r = push_certificate_doubt(
		    run->db, sha256, run->trouble, run->hold_until);
	if (r == OK && slot->proves_certificate)
		r = push_certificate_resume(run->db, sha256);
	return r;
}

static int
tell_of_deaths(struct push_run *run)
{
	char text[ALARM_TEXT];

	if (!too_many_die(run))
		return alarms_close(run->db, ALARM_PUSH_TOKENS_DEAD, "push");
	snprintf(text, sizeof text,
	    "Apple calls the push tokens of many devices dead: %lld of the "
	    "recent %lld answers. They are tried again, since that is hardly "
	    "true of so many. Compare push certificate and [apple] push_url "
	    "with the manual, and look at Apple's page of system status.",
	    (long long)run->dead, (long long)run->answers);
	return alarms_raise(
	    run->db, ALARM_PUSH_TOKENS_DEAD, "push", NULL, text);
}

static int
store_answers(struct push_run *run)
{
	int i, r = OK;

	if (run->answered == 0)
		return OK;
	if ((r = db_begin_relaxed(run->db)) != OK)
		return r;
	for (i = 0; r == OK && i < PUSH_RUN_MOST; i++)
		if (run->slots[i].state == SLOT_ANSWERED)
			r = store_one(run, &run->slots[i]);
	if (r == OK)
		r = tell_of_deaths(run);
	if (r == OK && run->other_topic)
		r = push_certificate_tell_others(
		    run->db, run->certificate.topic);
	if ((r = db_end(run->db, r)) != OK)
		return r;
	for (i = 0; i < PUSH_RUN_MOST; i++)
		if (run->slots[i].state == SLOT_ANSWERED)
			run->slots[i].state = SLOT_FREE;
	run->answered = 0;
	run->other_topic = false;
	return OK;
}

static int
stop(struct push_run *run, const char *reason)
{
	int r = db_begin_relaxed(run->db);

	snprintf(run->trouble, sizeof run->trouble, "%s", reason);
	return r == OK ? db_end(run->db,
			     push_certificate_stop(
				 run->db, run->certificate.sha256, reason))
		       : r;
}

/*
 * How many may be sent now? Nothing while there is no certificate, or a pause;
 * one to try a certificate that Apple did not take.
 */
static int
room(struct push_run *run, int *out)
{
	struct push_certificate row;
	char reason[100], text[CLOCK_TEXT];
	int r;

	*out = 0;
	if ((r = push_certificate_load(run->db, &row)) != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	if (memcmp(row.sha256, run->certificate.sha256, sizeof row.sha256) !=
	    0) {
		/* What was begun with the old one ends first. */
		if (push_run_is_busy(run))
			return OK;
		net_reconnect(run->net);
		apple_is_well(run);
		run->answers = run->dead = 0;
	}
	run->certificate = row;
	if (is_ahead(run->hold_until) || clock_now() < row.retry_at)
		return OK;
	if (clock_now() > row.not_after) {
		clock_people(row.not_after, text);
		snprintf(reason, sizeof reason, "it expired at %s", text);
		return stop(run, reason);
	}
	*out = PUSH_RUN_MOST - run->sending - run->answered;
	if (row.stopped_at != 0)
		*out = push_run_is_busy(run) ? 0 : 1;
	return OK;
}

static void
send_one(struct push_run *run, const struct push *push)
{
	char identity[PUSH_IDENTITY_PATH];
	struct apns_peer peer = { .url = run->conf->push_url,
		.ca_file = *run->conf->apple_server_ca == '\0'
		    ? NULL
		    : run->conf->apple_server_ca,
		.identity = identity };
	struct push_slot *slot = run->slots;
	int r;

	while (slot->state != SLOT_FREE)
		slot++;
	push_identity_path(run->conf, identity);
	slot->push = *push;
	slot->answer = (struct apns_answer){ .reason = "" };
	slot->stops = slot->doubts = slot->proves_certificate = false;
	if (strcmp(push->topic, run->certificate.topic) != 0) {
		slot->result = (struct push_result){ .outcome = PUSH_POSTPONED,
			.reason = "OtherTopic" };
		slot->state = SLOT_ANSWERED;
		run->other_topic = true;
		run->answered++;
		return;
	}
	/* Without memory it stays taken, and is due again after a while. */
	r = apns_start(run->net, &peer, push, on_answer, slot);
	if (r == OK) {
		slot->state = SLOT_SENDING;
		run->sending++;
	}
}

static int
send_due(struct push_run *run, int most)
{
	struct push_list list = { 0 };
	size_t i;
	int r;

	if ((r = db_begin_relaxed(run->db)) != OK)
		return r;
	r = db_end(run->db, pushes_take(run->db, most, &list));
	for (i = 0; r == OK && i < list.n; i++)
		send_one(run, &list.rows[i]);
	/* What is due but cannot be taken would be looked at for ever. */
	if (r == OK && list.n == 0)
		run->hold_until = clock_now() + MINUTE;
	pushes_list_release(&list);
	return r;
}

static int
want_silent(struct push_run *run)
{
	int n, r;

	if (is_ahead(run->silent_at))
		return OK;
	if ((r = db_begin_relaxed(run->db)) == OK)
		r = db_end(
		    run->db, pushes_want_silent(run->db, SILENT_MOST, &n));
	if (r == OK)
		run->silent_at = clock_now() + SILENT_EVERY;
	return r;
}

int
push_run_go(struct push_run *run)
{
	int64_t due;
	int most, r;

	if ((r = store_answers(run)) != OK || (r = want_silent(run)) != OK ||
	    (r = room(run, &most)) != OK || most == 0)
		return r;
	r = pushes_next_due(run->db, &due);
	if (r == OK && due <= clock_now())
		r = send_due(run, most);
	return r == ERR_NOT_FOUND ? OK : r;
}

int
push_run_next(const struct push_run *run, int64_t *at)
{
	struct push_certificate row;
	int r;

	*at = 0;
	if ((r = push_certificate_load(run->db, &row)) == OK)
		r = pushes_next_due(run->db, at);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	if (is_ahead(run->hold_until) && *at < run->hold_until)
		*at = run->hold_until;
	if (*at < row.retry_at)
		*at = row.retry_at;
	return OK;
}
