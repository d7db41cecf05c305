#include "enroll/renewer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/activities.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"
#include "wire/out_plist.h"

#define HOUR INT64_C(3600)
#define DAY  INT64_C(86400)

int
renewer_init(struct renewer *rn, const struct conf *conf, struct db *db)
{
	*rn = (struct renewer){
		.context = { .conf = conf, .db = db, .step = "renewal" },
	};
	return profile_files_load_unsigned(conf, &rn->files);
}

void
renewer_release(struct renewer *rn)
{
	profile_files_release(&rn->files);
}

/* From here on the context is about this host. */
static void
set_host(struct context *c, const struct renewal_candidate *candidate)
{
	memcpy(c->serial, candidate->serial, sizeof c->serial);
	c->enrollment_id[0] = '\0';
}

/* ERR_CONFLICT: it is no longer the host with the certificate that was due. */
static int
decide(struct context *c, const struct renewal_candidate *candidate,
    enum renewer_option option, struct decision_input *in, struct decision *out)
{
	const struct host *host = &in->state.host;
	int r;

	if ((r = device_state_load(
		 c->db, c->conf, candidate->serial, &in->state)) != OK)
		return r;
	if (host->state != HOST_ENROLLED || !host->has_certificate ||
	    memcmp(host->certificate_sha256, candidate->sha256,
		SECRET_SHA256) != 0)
		return ERR_CONFLICT;
	in->source = ENROLLMENT_COMMAND;
	in->device = host->device;
	decision_make(in, out);
	if (option == RENEWER_TO_ACME && out->method == DECISION_SCEP) {
		out->method = DECISION_REFUSE;
		out->code = ERR_ENROLL_METHOD;
	}
	return OK;
}

/* One that has expired has all the time there is. */
static int
hours_for(int64_t not_after)
{
	int64_t third = (not_after - clock_now()) / 3 / HOUR;

	if (third >= RENEWER_HOURS || not_after <= clock_now())
		return RENEWER_HOURS;
	return third > RENEWER_HOURS_LEAST ? (int)third : RENEWER_HOURS_LEAST;
}

static int
create_enrollment(struct context *c, const struct host *host,
    enum decision_method method, int hours, struct new_enrollment *new)
{
	struct enrollment *e = &new->enrollment, present;
	int r;

	*e = (struct enrollment){
		.source = ENROLLMENT_COMMAND,
		.purpose = ENROLLMENT_RENEW,
		.method =
		    method == DECISION_ACME ? ENROLLMENT_ACME : ENROLLMENT_SCEP,
		.device = host->device,
	};
	memcpy(e->signer_sha256, host->signer_sha256, SECRET_SHA256);
	r = enrollments_load(c->db, host->enrollment_id, &present);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return new_enrollment_create(c, r == OK ? &present : NULL, hours, new);
}

/* Apple: device management commands, InstallProfile. */
static int
queue_command(struct renewer *rn, const struct new_enrollment *new,
    struct command *command)
{
	struct out_plist *doc = out_plist_new();
	struct out_plist_node *dict;
	struct buf profile, plist;
	int r;

	buf_init(&profile, PROFILE_BYTES_MAX);
	buf_init(&plist, COMMANDS_PLIST_MAX);
	r = profile_write_plist(rn->context.conf, &rn->files, new, &profile);
	dict = out_plist_dict(out_plist_root(doc), "Command");
	out_plist_string(dict, "RequestType", command->request_type);
	out_plist_data(dict, "Payload", buf_blob(&profile));
	out_plist_string(out_plist_root(doc), "CommandUUID", command->uuid);
	if (r == OK && (r = out_plist_write(doc, &plist)) == OK) {
		command->plist = buf_blob(&plist);
		r = commands_enqueue(rn->context.db, command);
	}
	out_plist_free(doc);
	buf_wipe(&profile);
	buf_wipe(&plist);
	return r;
}

/*
 * Is one open that has to go first? ERR_CONFLICT when it is what is asked for,
 * or has a certificate, or nothing allows another in its place.
 */
static int
find_open(
    struct db *db, const char *host_id, enum renewer_option option, bool *out)
{
	struct enrollment e;
	struct renewal open;
	int r = renewals_load(db, host_id, &open);

	*out = r == OK && open.enrollment_id[0] != '\0';
	if (!*out)
		return r == ERR_NOT_FOUND ? OK : r;
	if ((r = enrollments_load(db, open.enrollment_id, &e)) != OK)
		return r;
	if (option == RENEWER_ANY || e.state == ENROLLMENT_ISSUED ||
	    (option == RENEWER_TO_ACME && e.method == ENROLLMENT_ACME))
		return ERR_CONFLICT;
	return OK;
}

static int
open_renewal(struct renewer *rn, const struct host *host,
    const struct decision *d, int hours, struct new_enrollment *new)
{
	struct context *c = &rn->context;
	struct command command = { .request_type = "InstallProfile",
		.created_by = RENEWALS_SENDER,
		/* only the device's own hardware can use an ACME profile */
		.needs_client_certificate = d->method != DECISION_ACME };
	char reason[EVENTS_REASON_TEXT];
	int r;

	secret_uuid(command.uuid);
	memcpy(command.host_id, host->id, sizeof command.host_id);
	if ((r = create_enrollment(c, host, d->method, hours, new)) != OK ||
	    (r = queue_command(rn, new, &command)) != OK ||
	    (r = renewals_open(
		 c->db, host->id, new->enrollment.id, command.uuid)) != OK)
		return r;
	snprintf(reason, sizeof reason, "%s profile queued: %s",
	    d->method == DECISION_ACME ? "ACME" : "SCEP", d->reason);
	if ((r = activities_add(c->db,
		 &(struct activity_note){ .action = "renewal.open",
		     .serial = host->device.serial,
		     .after = d->method == DECISION_ACME ? "ACME" : "SCEP",
		     .detail = d->reason })) != OK)
		return r;
	return context_log(c, OK, reason);
}

/* The same reason is logged once, not each day again. */
static int
put_off(struct context *c, const char *host_id, const struct decision *d)
{
	char text[sizeof d->reason + 64];
	struct renewal before;
	int r;

	r = renewals_load(c->db, host_id, &before);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (r == ERR_NOT_FOUND || strcmp(before.last_error, d->reason) != 0) {
		log_line(LOG_WARN, "host %s cannot be renewed: %s", c->serial,
		    d->reason);
		if ((r = context_log(c, d->code, d->reason)) != OK)
			return r;
	}
	snprintf(text, sizeof text, "it cannot be renewed: %s", d->reason);
	if ((r = alarms_raise(
		 c->db, ALARM_RENEWAL_FAILING, host_id, c->serial, text)) != OK)
		return r;
	return renewals_postpone(
	    c->db, host_id, d->reason, clock_now() + RENEWER_PUT_OFF);
}

/* In the transaction. */
static int
send_one(struct renewer *rn, const struct renewal_candidate *candidate,
    enum renewer_option option, struct new_enrollment *new,
    struct decision *out)
{
	struct decision_input in = { .minimum_os_version = "" };
	struct context *c = &rn->context;
	bool is_open;
	int r;

	if ((r = decide(c, candidate, option, &in, out)) != OK)
		return r;
	if (out->method == DECISION_REFUSE && option == RENEWER_TO_ACME)
		return OK;
	if ((r = find_open(c->db, candidate->host_id, option, &is_open)) !=
		OK ||
	    (is_open &&
		(r = renewals_withdraw(c->db, candidate->host_id,
		     "another one took its place")) != OK))
		return r;
	if (out->method == DECISION_REFUSE)
		return put_off(c, candidate->host_id, out);
	return open_renewal(
	    rn, &in.state.host, out, hours_for(candidate->not_after), new);
}

int
renewer_decide(struct renewer *rn, const struct renewal_candidate *candidate,
    enum renewer_option option, struct decision *out)
{
	struct decision_input in = { .minimum_os_version = "" };
	struct context *c = &rn->context;
	bool is_open;
	int r;

	*out = (struct decision){ .method = DECISION_REFUSE };
	r = decide(c, candidate, option, &in, out);
	if (r != OK || out->method == DECISION_REFUSE)
		return r;
	return find_open(c->db, candidate->host_id, option, &is_open);
}

int
renewer_send(struct renewer *rn, const struct renewal_candidate *candidate,
    enum renewer_option option, struct decision *out)
{
	struct new_enrollment new = { .challenge = "" };
	struct context *c = &rn->context;
	int r;

	*out = (struct decision){ .method = DECISION_REFUSE };
	set_host(c, candidate);
	if ((r = context_begin(c)) == OK)
		r = context_end(c, send_one(rn, candidate, option, &new, out));
	new_enrollment_wipe(&new);
	return r;
}

static int
close_one(struct context *c, const struct renewal_candidate *candidate)
{
	static const char reason[] =
	    "the device did not answer the renewal in time";
	const char *host_id = candidate->host_id;
	struct renewal open;
	bool over;
	int r;

	/* and not another one, which was opened since it was found */
	if ((r = renewals_load(c->db, host_id, &open)) != OK ||
	    (r = renewal_candidates_is_unanswered(
		 c->db, host_id, clock_now(), &over)) != OK)
		return r;
	if (!over)
		return ERR_CONFLICT;
	if ((r = renewals_fail(c->db, host_id, true, reason)) != OK)
		return r;
	memcpy(c->enrollment_id, open.enrollment_id, sizeof c->enrollment_id);
	return context_log(c, ERR_RENEWAL_UNANSWERED, reason);
}

/* One host in a transaction of its own. */
static int
handle(struct renewer *rn, const struct renewal_candidate *candidate,
    int (*handler)(struct context *, const struct renewal_candidate *))
{
	struct context *c = &rn->context;
	int r;

	set_host(c, candidate);
	if ((r = context_begin(c)) == OK)
		r = context_end(c, handler(c, candidate));
	return r;
}

int
renewer_close(struct renewer *rn, const struct renewal_candidate *candidate)
{
	return handle(rn, candidate, close_one);
}

static int
alarm_one(struct context *c, const struct renewal_candidate *candidate)
{
	char advice[RENEWALS_ERROR_TEXT + 256], end[CLOCK_TEXT];
	const char *host_id = candidate->host_id;
	struct renewal_candidate now;
	struct renewal last;
	int r;

	r = renewal_candidates_load(c->db, host_id, &now);
	if (r == ERR_NOT_FOUND ||
	    (r == OK &&
		memcmp(now.sha256, candidate->sha256, SECRET_SHA256) != 0))
		return ERR_CONFLICT;
	if (r != OK)
		return r;
	r = renewals_load(c->db, host_id, &last);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	snprintf(advice, sizeof advice,
	    "It is not renewed%s%s. Connect the device so that its renewal "
	    "reaches it; once the certificate has expired, the device must "
	    "enroll again.",
	    last.last_error[0] == '\0' ? "" : ": ", last.last_error);
	clock_people(candidate->not_after, end);
	log_line(LOG_WARN, "host %s: the certificate expires on %s. %s",
	    c->serial, end, advice);
	r = alarms_raise_ending(c->db, ALARM_CERTIFICATE_ENDING, host_id,
	    c->serial, candidate->not_after, "The certificate", advice);
	return r == OK ? renewals_mark_alarmed(c->db, host_id) : r;
}

int
renewer_alarm(struct renewer *rn, const struct renewal_candidate *candidate)
{
	return handle(rn, candidate, alarm_one);
}

int
renewer_expiring(
    struct renewer *rn, int limit, struct renewal_candidate_list *out)
{
	int64_t window = DAY * rn->context.conf->days_before / 2;

	if (window > RENEWER_ALARM)
		window = RENEWER_ALARM;
	return renewal_candidates_ending(
	    rn->context.db, clock_now(), window, limit, out);
}
