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

/* Priority of err.def for what happens all day and needs no event. */
#define ROUTINE LOG_DEBUG

/*
 * What the event log says of the sender. Anybody can show a certificate: only
 * its key gets into its enrollment's events.
 */
static void
name_sender(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	struct context *c = &req->context;

	if (id->known)
		memcpy(c->serial, id->cert.serial, sizeof c->serial);
	if (id->proven)
		memcpy(c->enrollment_id, id->cert.enrollment_id,
		    sizeof c->enrollment_id);
}

/*
 * Quotes a sender who proved nothing, escaped, in the reason, so that an
 * administrator who searches for a device finds who claims to be it.
 */
static void
quote_claim(struct mdm_request *req, const char *reason)
{
	struct context *c = &req->context;
	const char *serial;
	char safe[CLAIM_TEXT];
	struct host host;

	if (message_parse(req->proof.body, CLAIM_BODY_MAX, &req->message) !=
	    OK) {
		log_restate_reason("%s", reason);
		return;
	}
	if (message_text(&req->message, "SerialNumber", 64, &serial) != OK)
		serial = "";
	log_escape(blob_str(serial), safe, sizeof safe);
	log_restate_reason(
	    "%s; it says its UDID is %s, its serial number \"%s\"", reason,
	    req->message.udid, safe);
	if (req->identity.known)
		return;
	if (serial[0] == '\0' &&
	    hosts_load_by_udid(c->db, req->message.udid, &host) == OK)
		serial = host.device.serial;
	snprintf(c->claimed, sizeof c->claimed, "%s", serial);
}

/*
 * Is an identity from before the host's present enrollment still in use? An
 * erased device would not have it any more. Who asked for the new profile
 * proves nothing, because a recorded request can be sent again; and whoever
 * enrolled with it may have checked out since.
 */
static bool
is_replaced_twin(const struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	bool twin;

	return id->proven && id->has_host &&
	    certificates_enrolled_anew(
		req->context.db, id->cert.sha256, &twin) == OK &&
	    twin;
}

int
mdm_request_refuse(struct mdm_request *req, int code)
{
	const struct identity *id = &req->identity;
	struct context *c = &req->context;
	char reason[EVENTS_REASON_TEXT];

	if (err_priority(code) == ROUTINE)
		return code;
	snprintf(reason, sizeof reason, "%s", log_reason());
	if (!id->proven)
		quote_claim(req, reason);
	context_refuse(c, code);
	if (code == ERR_MDM_CERTIFICATE && is_replaced_twin(req))
		alarms_note(c->db, ALARM_SIGNER_CHANGED, id->host.id,
		    id->host.device.serial,
		    "this serial number enrolled again, and the certificate "
		    "from before is still in use: either two devices claim to "
		    "be this host, or somebody sends recorded messages");
	return code;
}

/* From the first time on, until it enrolls again, the host must show it. */
static int
note_client_certificate(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	struct db *db = req->context.db;
	int r;

	if (!id->by_tls || !id->has_host || id->host.client_certificate_at != 0)
		return OK;
	if ((r = alarms_close(db, ALARM_RENEWAL_HELD, id->host.id)) == OK)
		r = hosts_note_client_certificate(db, id->host.id);
	return r;
}

/*
 * Another device key asked for a profile for this host. An erased device could
 * not use the present certificate any more: this one is not that device.
 */
static int
note_other_signer(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	const struct host *host = &id->host;
	struct db *db = req->context.db;
	int r;

	if (!id->has_host || host->other_signer_until == 0 ||
	    memcmp(host->certificate_sha256, id->cert.sha256, SECRET_SHA256) !=
		0)
		return OK;
	if (clock_now() <= host->other_signer_until)
		return alarms_raise(db, ALARM_SIGNER_CHANGED, host->id,
		    host->device.serial,
		    "a device key that is not known to be this host's asked "
		    "for a profile with its serial number, and the host's "
		    "certificate is still in use: "
		    "unless it is about to enroll again, another device claims "
		    "to be this host");
	if ((r = hosts_note_other_signer(db, host->id, 0)) == OK)
		r = alarms_close(db, ALARM_SIGNER_CHANGED, host->id);
	return r;
}

static int
handle(struct mdm_request *req, mdm_request_handler *handler)
{
	struct context *c = &req->context;
	char text[EVENTS_REASON_TEXT];
	int r;

	if ((r = identity_check(c, &req->identity, req->expired_grace)) != OK)
		return r;
	name_sender(req);
	if ((r = handler(req)) == OK &&
	    (r = note_client_certificate(req)) == OK &&
	    (r = note_other_signer(req)) == OK && req->achieved != NULL) {
		snprintf(text, sizeof text, "%s%s", req->achieved, req->remark);
		r = context_log(c, OK, text);
	}
	return r;
}

int
mdm_request_serve(struct mdm_request *req, mdm_request_reader *reader,
    mdm_request_handler *handler)
{
	struct context *c = &req->context;
	int r;

	buf_init(&req->reply, REPLY_MAX);
	r = identity_prove(c->db, &req->proof, &req->identity);
	name_sender(req);
	if (r == OK && (r = reader(req)) == OK && (r = context_begin(c)) == OK)
		r = context_end(c, handle(req, handler));
	return r == OK ? OK : mdm_request_refuse(req, r);
}

void
mdm_request_release(struct mdm_request *req)
{
	identity_release(&req->identity);
	message_release(&req->message);
	report_release(&req->report);
	buf_wipe(&req->reply);
}
