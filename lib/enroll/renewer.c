#include "enroll/renewer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"
#include "wire/out_plist.h"

#define HOUR INT64_C(3600)
#define DAY  INT64_C(86400)
#define WEEK (7 * DAY)

/* What is sent to one host; holds a secret. */
struct errand {
	const struct renewal_candidate *host;
	struct device_state state;
	struct decision decision;
	struct new_enrollment new;
	char uuid[SECRET_UUID_TEXT];
};

int
renewer_init(struct renewer *rn, const struct conf *conf, struct db *db)
{
	*rn = (struct renewer){ .conf = conf, .db = db };
	return profile_files_load_unsigned(conf, &rn->files);
}

void
renewer_release(struct renewer *rn)
{
	profile_files_release(&rn->files);
}

static void
decide(const struct device_state *state, enum renewer_wish wish,
    struct decision *out)
{
	struct decision_input in = { .source = ENROLLMENT_COMMAND,
		.device = state->host.device,
		.state = *state };

	decision_make(&in, out);
	if (wish == RENEWER_TO_ACME && out->method == DECISION_SCEP) {
		out->method = DECISION_REFUSE;
		out->code = ERR_ENROLL_METHOD;
	}
}

/* Is it still the host with the certificate that was found due? */
static int
load_standing(struct renewer *rn, struct errand *e)
{
	int r = device_state_load(rn->db, rn->conf, e->host->serial, &e->state);

	if (r != OK)
		return r;
	if (e->state.host.state != HOST_ENROLLED ||
	    !e->state.host.has_certificate ||
	    memcmp(e->state.host.certificate_sha256, e->host->sha256,
		SECRET_SHA256) != 0)
		return ERR_CONFLICT;
	return OK;
}

/* One that ended has all the time there is. */
static int
hours_for(int64_t not_after)
{
	int64_t third = (not_after - clock_now()) / 3 / HOUR;

	if (third >= RENEWER_HOURS || not_after <= clock_now())
		return RENEWER_HOURS;
	return third > RENEWER_HOURS_LEAST ? (int)third : RENEWER_HOURS_LEAST;
}

static int
create_enrollment(struct renewer *rn, struct errand *e)
{
	const struct host *host = &e->state.host;
	struct enrollment *en = &e->new.enrollment;
	struct enrollment present;
	int r;

	*en = (struct enrollment){ .source = ENROLLMENT_COMMAND,
		.purpose = ENROLLMENT_RENEW,
		.method = e->decision.method == DECISION_ACME
		    ? ENROLLMENT_ACME
		    : ENROLLMENT_SCEP };
	snprintf(en->device.serial, sizeof(en->device.serial), "%s",
	    host->device.serial);
	snprintf(
	    en->device.udid, sizeof(en->device.udid), "%s", host->device.udid);
	memcpy(en->signer_sha256, host->signer_sha256, SECRET_SHA256);
	snprintf(en->device.product, sizeof(en->device.product), "%s",
	    host->device.product);
	snprintf(en->device.os_version, sizeof(en->device.os_version), "%s",
	    host->device.os_version);
	snprintf(en->device.build_version, sizeof(en->device.build_version),
	    "%s", host->device.build_version);
	r = enrollments_load(rn->db, host->enrollment_id, &present);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return new_enrollment_create(rn->conf, rn->db,
	    r == OK ? &present : NULL, hours_for(e->host->not_after), &e->new);
}

/* Apple: device management commands, InstallProfile. */
static int
write_command(struct renewer *rn, struct errand *e, struct buf *out)
{
	struct out_plist *doc = out_plist_new();
	struct out_plist_node *command;
	struct buf profile;
	int r;

	buf_init(&profile, PROFILE_BYTES_MAX);
	r = profile_write_plist(rn->conf, &rn->files, &e->new, &profile);
	secret_uuid(e->uuid);
	command = out_plist_dict(out_plist_root(doc), "Command");
	out_plist_string(command, "RequestType", "InstallProfile");
	out_plist_data(command, "Payload", buf_blob(&profile));
	out_plist_string(out_plist_root(doc), "CommandUUID", e->uuid);
	if (r == OK)
		r = out_plist_write(doc, out);
	out_plist_free(doc);
	buf_wipe(&profile);
	return r;
}

static int
queue_command(struct renewer *rn, struct errand *e)
{
	struct command c = { .request_type = "InstallProfile",
		.created_by = RENEWALS_SENDER };
	struct buf plist;
	int r;

	buf_init(&plist, COMMANDS_PLIST_MAX);
	r = write_command(rn, e, &plist);
	snprintf(c.uuid, sizeof(c.uuid), "%s", e->uuid);
	snprintf(c.host_id, sizeof(c.host_id), "%s", e->state.host.id);
	c.plist = buf_blob(&plist);
	/* only the device's own hardware can use an ACME profile */
	c.needs_client_certificate = e->decision.method != DECISION_ACME;
	if (r == OK)
		r = commands_enqueue(rn->db, &c);
	buf_wipe(&plist);
	return r;
}

static int
note(struct renewer *rn, const struct errand *e, enum event_outcome outcome,
    int code, const char *reason)
{
	return events_add(rn->db,
	    &(struct event){ .enrollment_id = e->new.enrollment.id,
		.serial = e->host->serial,
		.step = "renewal",
		.outcome = outcome,
		.code = code,
		.reason = reason });
}

/*
 * Is one open that has to go first? ERR_CONFLICT when it is what is wished, or
 * came to something, or nobody wished for another.
 */
static int
find_open(
    struct renewer *rn, const char *host_id, enum renewer_wish wish, bool *out)
{
	struct enrollment e;
	struct renewal open;
	int r = renewals_load(rn->db, host_id, &open);

	*out = r == OK && open.enrollment_id[0] != '\0';
	if (!*out)
		return r == ERR_NOT_FOUND ? OK : r;
	if ((r = enrollments_load(rn->db, open.enrollment_id, &e)) != OK)
		return r;
	if (wish == RENEWER_ANY || e.state == ENROLLMENT_ISSUED ||
	    (wish == RENEWER_TO_ACME && e.method == ENROLLMENT_ACME))
		return ERR_CONFLICT;
	return OK;
}

static int
make_way(struct renewer *rn, struct errand *e, enum renewer_wish wish)
{
	const char *host_id = e->state.host.id;
	bool is_open;
	int r = find_open(rn, host_id, wish, &is_open);

	if (r != OK || !is_open)
		return r;
	return renewals_withdraw(rn->db, host_id, "another one took its place");
}

static int
open_renewal(struct renewer *rn, struct errand *e)
{
	char reason[400];
	int r;

	if ((r = create_enrollment(rn, e)) != OK ||
	    (r = queue_command(rn, e)) != OK ||
	    (r = renewals_open(rn->db, e->state.host.id, e->new.enrollment.id,
		 e->uuid)) != OK)
		return r;
	snprintf(reason, sizeof(reason), "%s profile queued: %s",
	    e->decision.method == DECISION_ACME ? "ACME" : "SCEP",
	    e->decision.reason);
	return note(rn, e, EVENT_OK, OK, reason);
}

static int
raise_failing(struct renewer *rn, const struct errand *e)
{
	char text[sizeof(e->decision.reason) + 64];

	snprintf(
	    text, sizeof(text), "it cannot be renewed: %s", e->decision.reason);
	return alarms_raise(rn->db, ALARM_RENEWAL_FAILING, e->state.host.id,
	    e->host->serial, text);
}

/* Said once, not each day again. */
static int
put_off(struct renewer *rn, struct errand *e)
{
	const struct decision *d = &e->decision;
	struct renewal before;
	int r;

	r = renewals_load(rn->db, e->state.host.id, &before);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (r == ERR_NOT_FOUND || strcmp(before.last_error, d->reason) != 0) {
		log_line(LOG_WARN, "host %s cannot be renewed: %s",
		    e->host->serial, d->reason);
		r = note(rn, e, EVENT_REFUSED, d->code, d->reason);
		if (r != OK)
			return r;
	}
	if ((r = raise_failing(rn, e)) != OK)
		return r;
	return renewals_postpone(
	    rn->db, e->state.host.id, d->reason, clock_now() + RENEWER_PUT_OFF);
}

static int
send_one(struct renewer *rn, struct errand *e, enum renewer_wish wish)
{
	bool refused;
	int r;

	if ((r = load_standing(rn, e)) != OK)
		return r;
	decide(&e->state, wish, &e->decision);
	refused = e->decision.method == DECISION_REFUSE;
	if (refused && wish == RENEWER_TO_ACME)
		return OK;
	if ((r = make_way(rn, e, wish)) != OK)
		return r;
	return refused ? put_off(rn, e) : open_renewal(rn, e);
}

int
renewer_decide(struct renewer *rn, const struct renewal_candidate *host,
    enum renewer_wish wish, struct decision *out)
{
	struct errand e = { .host = host };
	bool is_open;
	int r = load_standing(rn, &e);

	*out = (struct decision){ .method = DECISION_REFUSE };
	if (r != OK)
		return r;
	decide(&e.state, wish, out);
	return out->method == DECISION_REFUSE
	    ? OK
	    : find_open(rn, e.state.host.id, wish, &is_open);
}

int
renewer_send(struct renewer *rn, const struct renewal_candidate *host,
    enum renewer_wish wish, struct decision *out)
{
	struct errand e = { .host = host };
	int r;

	if ((r = db_begin(rn->db)) != OK)
		return r;
	if ((r = send_one(rn, &e, wish)) == OK)
		r = db_commit(rn->db);
	db_rollback(rn->db);
	new_enrollment_wipe(&e.new);
	*out = e.decision;
	return r;
}

/* One host in a transaction of its own. */
typedef int renewer_handler(
    struct renewer *rn, const struct renewal_candidate *host);

/*
 * Handles a list; hosts that changed meanwhile are passed over, and so are a
 * few at which something fails. The first fault is returned.
 */
static int
for_each(struct renewer *rn, const struct renewal_candidate_list *list,
    renewer_handler *handler, int *done)
{
	int r, fault = OK, faults = 0;
	size_t i;

	for (i = 0; i < list->n && faults < RENEWER_FAULTS_MAX; i++) {
		if ((r = db_begin(rn->db)) != OK)
			return r;
		if ((r = handler(rn, &list->rows[i])) == OK)
			r = db_commit(rn->db);
		db_rollback(rn->db);
		*done += r == OK;
		if (r != OK && r != ERR_CONFLICT) {
			fault = faults == 0 ? r : fault;
			faults++;
		}
		db_give_way(rn->db);
	}
	return fault;
}

static int
close_one(struct renewer *rn, const struct renewal_candidate *host)
{
	static const char reason[] =
	    "the device did not answer the renewal in time";
	struct errand e = { .host = host };
	struct renewal open;
	bool over;
	int r;

	/* and not another one, which was opened since it was found */
	if ((r = renewals_load(rn->db, host->host_id, &open)) != OK ||
	    (r = renewal_candidates_is_unanswered(
		 rn->db, host->host_id, clock_now(), &over)) != OK)
		return r;
	if (!over)
		return ERR_CONFLICT;
	if ((r = renewals_fail(rn->db, host->host_id, true, reason)) != OK)
		return r;
	snprintf(e.new.enrollment.id, sizeof(e.new.enrollment.id), "%s",
	    open.enrollment_id);
	return note(rn, &e, EVENT_FAILED, ERR_RENEWAL_UNANSWERED, reason);
}

int
renewer_close_unanswered(struct renewer *rn, int limit, int *closed)
{
	struct renewal_candidate_list list;
	int r;

	*closed = 0;
	r = renewal_candidates_unanswered(rn->db, clock_now(), limit, &list);
	if (r == OK)
		r = for_each(rn, &list, close_one, closed);
	renewal_candidates_release(&list);
	return r;
}

static int
alarm_one(struct renewer *rn, const struct renewal_candidate *host)
{
	char reason[RENEWALS_ERROR_TEXT + 256], end[CLOCK_TEXT];
	struct renewal_candidate now;
	struct renewal last;
	int r;

	r = renewal_candidates_load(rn->db, host->host_id, &now);
	if (r == ERR_NOT_FOUND ||
	    (r == OK && memcmp(now.sha256, host->sha256, SECRET_SHA256) != 0))
		return ERR_CONFLICT;
	if (r != OK)
		return r;
	r = renewals_load(rn->db, host->host_id, &last);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	clock_people(host->not_after, end);
	snprintf(reason, sizeof(reason),
	    "the certificate ends at %s and is not renewed%s%s. Connect the "
	    "device, so that its renewal reaches it; after the end it must "
	    "enroll again.",
	    end, last.last_error[0] == '\0' ? "" : ": ", last.last_error);
	log_line(LOG_WARN, "host %s: %s", host->serial, reason);
	r = alarms_raise(rn->db, ALARM_CERTIFICATE_ENDING, host->host_id,
	    host->serial, reason);
	return r == OK ? renewals_mark_alarmed(rn->db, host->host_id) : r;
}

int
renewer_alarm(struct renewer *rn, int limit, int *told)
{
	struct renewal_candidate_list list;
	int64_t window = DAY * rn->conf->days_before / 2;
	int r;

	*told = 0;
	if (window > RENEWER_ALARM)
		window = RENEWER_ALARM;
	r = renewal_candidates_ending(rn->db, clock_now(), window, WEEK, limit, &list);
	if (r == OK)
		r = for_each(rn, &list, alarm_one, told);
	renewal_candidates_release(&list);
	return r;
}
