#include "mdm/mdm_request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/events.h"

#define REPLY_MAX (2u << 20)

/* How much is read, and kept, of a sender who proved nothing. */
#define CLAIM_BODY_MAX 65536
#define CLAIM_TEXT     (4 * 64 + 1)
#define REASON_TEXT    512

/* Priority of err.def for what happens all day and needs no event. */
#define ROUTINE LOG_DEBUG

static int
note_step(struct mdm_request *c, const char *step, const char *achieved)
{
	return events_add(c->db,
	    &(struct event){ .enrollment_id = c->identity.cert.enrollment_id,
		.serial = c->identity.cert.serial,
		.step = step,
		.outcome = EVENT_OK,
		.code = OK,
		.reason = achieved,
		.remote_address = c->remote_address });
}

static int
note_achieved(struct mdm_request *c)
{
	char text[512];
	int r = OK;

	if (c->identity.renewed)
		r = note_step(c, "renewal",
		    c->identity.host.hardware_attested
			? "renewed, its hardware attested"
			: "renewed, its hardware not attested");
	if (r != OK || c->achieved == NULL)
		return r;
	snprintf(text, sizeof(text), "%s%s", c->achieved, c->remark);
	return note_step(c, c->step, text);
}

/* Who a sender that proved nothing claims to be. */
struct claim {
	char serial[DB_SERIAL_TEXT];
	char reason[REASON_TEXT];
};

/*
 * Senders who proved nothing are quoted in the reason, escaped, so that an
 * administrator who searches for a device finds who claims to be it.
 */
static void
read_claim(struct mdm_request *c, struct claim *out)
{
	const char *serial = "";
	char safe[CLAIM_TEXT];
	struct host host;
	size_t n;

	if (message_parse(c->proof.body, CLAIM_BODY_MAX, &c->message) != OK)
		return;
	if (message_text(&c->message, "SerialNumber", 64, &serial) != OK)
		serial = "";
	log_escape(blob_str(serial), safe, sizeof(safe));
	n = strlen(out->reason);
	snprintf(out->reason + n, REASON_TEXT - n,
	    "; it says its UDID is %s, its serial number \"%s\"",
	    c->message.udid, safe);
	if (*serial == '\0' &&
	    hosts_load_by_udid(c->db, c->message.udid, &host) == OK)
		serial = host.device.serial;
	snprintf(out->serial, sizeof(out->serial), "%s", serial);
}

/*
 * Is an identity from before the host's present enrollment still in use? An
 * erased device would not have it any more. Who asked for the new profile
 * proves nothing, because a recorded request can be sent again; and whoever
 * enrolled with it may have checked out since.
 */
static int
is_replaced_twin(struct mdm_request *c, int code, bool *out)
{
	const struct identity *id = &c->identity;

	*out = false;
	if (code != ERR_MDM_CERTIFICATE || !id->proven || !id->has_host)
		return OK;
	return certificates_enrolled_anew(c->db, id->cert.sha256, out);
}

static void
alarm_of_refusal(struct mdm_request *c, int code, const char *reason)
{
	const struct identity *id = &c->identity;
	bool twin;

	if (code == ERR_ENROLL_OTHER_DEVICE)
		alarms_note(c->db, ALARM_HELD_FOR_REVIEW, id->cert.serial,
		    id->cert.serial, reason);
	else if (is_replaced_twin(c, code, &twin) == OK && twin)
		alarms_note(c->db, ALARM_SIGNER_CHANGED, id->host.id,
		    id->host.device.serial,
		    "this serial number enrolled again, and the certificate "
		    "from before is still in use: either two devices claim to "
		    "be this host, or somebody sends recorded messages");
}

int
mdm_request_refuse(struct mdm_request *c, int code)
{
	const struct identity *id = &c->identity;
	struct claim claim = { .serial = "" };

	if (err_priority(code) == ROUTINE)
		return code;
	snprintf(claim.reason, sizeof(claim.reason), "%s", log_reason());
	if (!id->proven)
		read_claim(c, &claim);
	/* Anybody can show a certificate: only its key gets into its event log.
	 */
	events_note(c->db,
	    &(struct event){
		.enrollment_id = id->proven ? id->cert.enrollment_id : NULL,
		.serial = id->known ? id->cert.serial : NULL,
		.claimed = id->known ? NULL : claim.serial,
		.step = c->step,
		.outcome = events_outcome(code),
		.code = code,
		.reason = claim.reason,
		.remote_address = c->remote_address });
	alarm_of_refusal(c, code, claim.reason);
	return code;
}

static int
check(struct mdm_request *c)
{
	int r = identity_check(c->db, &c->identity, c->expired_grace);

	if (r != OK)
		return r;
	return identity_check_client_certificate(
	    &c->identity, c->conf->client_certificate_required);
}

/* From the first time on, until it enrolls again, the host must show it. */
static int
note_client_certificate(struct mdm_request *c)
{
	const struct identity *id = &c->identity;
	int r;

	if (!id->by_tls || !id->has_host || id->host.client_certificate_at != 0)
		return OK;
	if ((r = alarms_close(c->db, ALARM_RENEWAL_HELD, id->host.id)) != OK)
		return r;
	return hosts_note_client_certificate(c->db, id->host.id);
}

/*
 * Another device key asked for a profile for this host (enroll/ade_profile.c). An
 * erased device could not use the present certificate any more: this one is not
 * that device.
 */
static int
note_other_signer(struct mdm_request *c)
{
	const struct identity *id = &c->identity;
	const struct host *host = &id->host;
	int r;

	if (!id->has_host || host->other_signer_until == 0 ||
	    memcmp(host->certificate_sha256, id->cert.sha256, SECRET_SHA256) !=
		0)
		return OK;
	if (clock_now() <= host->other_signer_until)
		return alarms_raise(c->db, ALARM_SIGNER_CHANGED, host->id,
		    host->device.serial,
		    "a device key that is not known to be this host's asked "
		    "for a profile with its serial number, and the host's "
		    "certificate is still in use: "
		    "unless it is about to enroll again, another device claims "
		    "to be this host");
	if ((r = hosts_note_other_signer(c->db, host->id, 0)) != OK)
		return r;
	return alarms_close(c->db, ALARM_SIGNER_CHANGED, host->id);
}

static int
handle(struct mdm_request *c, mdm_request_handler *handler)
{
	int r;

	if ((r = db_begin(c->db)) != OK)
		return r;
	if ((r = check(c)) == OK && (r = handler(c)) == OK &&
	    (r = note_client_certificate(c)) == OK &&
	    (r = note_other_signer(c)) == OK && (r = note_achieved(c)) == OK)
		r = db_commit(c->db);
	db_rollback(c->db);
	return r;
}

int
mdm_request_serve(struct mdm_request *c, mdm_request_reader *reader,
    mdm_request_handler *handler)
{
	int r;

	buf_init(&c->reply, REPLY_MAX);
	if ((r = identity_prove(c->db, &c->proof, &c->identity)) == OK &&
	    (r = reader(c)) == OK)
		r = handle(c, handler);
	return r == OK ? OK : mdm_request_refuse(c, r);
}

void
mdm_request_release(struct mdm_request *c)
{
	identity_release(&c->identity);
	message_release(&c->message);
	report_release(&c->report);
	buf_wipe(&c->reply);
}
