#include "mdm/checkin.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "mdm/first_use.h"
#include "mdm/attested_udid.h"
#include "mdm/authenticate.h"
#include "mdm/device_configured.h"
#include "store/activities.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/push_certificate.h"
#include "wire/out_plist.h"

#define MAGIC_MAX        128
#define UNLOCK_TOKEN_MAX 65536
#define BOOTSTRAP_MAX    8192

/* The topic of the sender's profile, which may be older than ours. */
static int
check_topic(const struct mdm_request *req)
{
	const char *expected = req->identity.enrollment.topic, *topic;
	char present[PUSH_CERTIFICATE_TOPIC_TEXT];
	int r;

	if (expected[0] == '\0') {
		r = push_certificate_topic(
		    req->context.db, req->context.conf, present);
		if (r != OK && r != ERR_NO_TOPIC)
			return r;
		expected = present;
	}
	r = message_text(&req->message, "Topic", 255, &topic);
	if (r == OK && strcmp(topic, expected) != 0)
		r = fail(ERR_MDM_TOPIC, "the topic \"%s\" is not ours", topic);
	return r;
}

static int
read_tokens(const struct mdm_request *req, bool *flag, struct host_tokens *t)
{
	const struct message *m = &req->message;
	int r;

	*t = (struct host_tokens){ 0 };
	if ((r = message_data(
		 m, "Token", HOSTS_PUSH_TOKEN_MAX, &t->push_token)) != OK ||
	    (r = message_text(m, "PushMagic", MAGIC_MAX, &t->push_magic)) !=
		OK ||
	    (r = message_data(
		 m, "UnlockToken", UNLOCK_TOKEN_MAX, &t->unlock_token)) != OK)
		return r;
	if (t->push_token.n == 0 || t->push_magic[0] == '\0')
		return fail(
		    ERR_MDM_MESSAGE, "TokenUpdate lacks Token or PushMagic");
	r = in_plist_bool(m->root, "AwaitingConfiguration", flag);
	/* absent: the stored one stays */
	if (r == OK)
		t->awaiting_configuration = flag;
	return r == OK || r == ERR_NOT_FOUND
	    ? OK
	    : fail(ERR_MDM_MESSAGE, "AwaitingConfiguration is not a boolean");
}

static int
record_enrollment(const struct mdm_request *req)
{
	const struct identity *id = &req->identity;

	return activities_add(req->context.db,
	    &(struct activity_note){ .action = "host.enroll",
		.serial = id->cert.serial,
		.before = hosts_state_name(id->host.state),
		.after = hosts_state_name(HOST_ENROLLED),
		.detail = id->host.hardware_attested
		    ? "its hardware attested"
		    : "its hardware not attested" });
}

static int
record_leaving(const struct mdm_request *req)
{
	const struct host *host = &req->identity.host;
	struct db *db = req->context.db;
	int r = activities_add(db,
	    &(struct activity_note){ .action = "host.unenroll",
		.serial = host->device.serial,
		.before = hosts_state_name(host->state),
		.after = hosts_state_name(HOST_UNENROLLED),
		.detail = "the device checked out" });

	if (r != OK || !host->hardware_attested)
		return r;
	return activities_add_withdrawn(
	    db, NULL, host->device.serial, "the device checked out");
}

/* The first TokenUpdate proves that the whole profile was installed. */
static int
finish_enrollment(struct mdm_request *req, bool awaiting_configuration)
{
	const struct certificate *cert = &req->identity.cert;
	int revoked, r;

	req->achieved = "enrolled";
	r = enrollments_mark_enrolled(req->context.db, cert->enrollment_id);
	if (r == ERR_CONFLICT)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the enrollment was revoked before it was complete");
	if (r == OK && awaiting_configuration)
		r = device_configured_enqueue(req);
	if (r == OK && (r = attested_udid_ask(req)) == OK)
		r = enrollments_revoke_open(req->context.db, cert->serial,
		    cert->enrollment_id, &revoked);
	return r == OK ? record_enrollment(req) : r;
}

static int
handle_token_update(struct mdm_request *req)
{
	struct host_tokens tokens;
	bool flag = false, first;
	int r;

	if (req->message.user_channel) {
		log_line(LOG_INFO, "a user of host %s is not managed",
		    req->identity.cert.serial);
		return OK;
	}
	if ((r = read_tokens(req, &flag, &tokens)) == OK &&
	    (r = hosts_token_update(req->context.db, req->identity.host.id,
		 &tokens, &first)) == OK &&
	    first)
		r = finish_enrollment(req, flag);
	return r;
}

static int
handle_check_out(struct mdm_request *req)
{
	int r;

	if (req->message.user_channel)
		return OK;
	req->achieved = "unenrolled";
	r = hosts_check_out(req->context.db, req->identity.host.id);
	return r == OK ? record_leaving(req) : r;
}

/* Anybody who saw a message can send it again, Mdm-Signature included. */
static int
check_not_replayed(const struct mdm_request *req)
{
	if (req->identity.by_tls)
		return OK;
	return fail(ERR_MDM_CLIENT_CERTIFICATE,
	    "a bootstrap token goes only to a device that shows its "
	    "certificate in TLS, and only such a device changes a stored one");
}

static int
handle_set_bootstrap_token(struct mdm_request *req)
{
	const char *host_id = req->identity.host.id;
	struct db *db = req->context.db;
	struct blob token;
	struct buf stored;
	int r;

	if ((r = message_data(
		 &req->message, "BootstrapToken", BOOTSTRAP_MAX, &token)) != OK)
		return r;
	buf_init(&stored, BOOTSTRAP_MAX);
	r = hosts_get_bootstrap_token(db, host_id, &stored);
	/* An older token in place of the present one unlocks nothing. */
	if (r == OK && stored.n > 0 && !secret_eq(buf_blob(&stored), token))
		r = check_not_replayed(req);
	buf_wipe(&stored);
	if (r != OK)
		return r;
	req->achieved =
	    token.n > 0 ? "bootstrap token stored" : "bootstrap token deleted";
	return hosts_set_bootstrap_token(db, host_id, token);
}

static int
handle_get_bootstrap_token(struct mdm_request *req)
{
	struct out_plist *doc;
	struct buf token;
	int r;

	if ((r = check_not_replayed(req)) != OK)
		return r;
	buf_init(&token, BOOTSTRAP_MAX);
	r = hosts_get_bootstrap_token(
	    req->context.db, req->identity.host.id, &token);
	if (r == OK) {
		doc = out_plist_new();
		if (token.n > 0)
			out_plist_data(out_plist_root(doc), "BootstrapToken",
			    buf_blob(&token));
		r = out_plist_write(doc, &req->reply);
		out_plist_free(doc);
	}
	buf_wipe(&token);
	return r;
}

static int
handle_user_authenticate(struct mdm_request *req)
{
	(void)req;
	return ERR_MDM_USER_CHANNEL;
}

/* Declarations are never announced; a device that asks anyway finds none. */
static int
handle_declarative(struct mdm_request *req)
{
	const char *endpoint;
	int r;

	r = message_text(&req->message, "Endpoint", 1024, &endpoint);
	if (r != OK || strcmp(endpoint, "status") == 0)
		return r;
	return ERR_NOT_FOUND;
}

static int
handle_not_offered(struct mdm_request *req)
{
	(void)req;
	return fail(ERR_MDM_MESSAGE, "this message is not offered here");
}

/* What a message needs before its handler runs. */
enum {
	/* a Topic, which is the sender's */
	TOPIC = 1,
	/* a sender that is enrolled, or has begun to */
	HOST = 2,
};

static const struct message_row {
	const char *type;
	const char *step;
	mdm_request_handler *handler;
	unsigned needs;
} messages[] = {
	{ "Authenticate", "authenticate", authenticate_handle, TOPIC },
	{ "TokenUpdate", "token-update", handle_token_update, TOPIC | HOST },
	{ "CheckOut", "check-out", handle_check_out, TOPIC | HOST },
	{ "SetBootstrapToken", "bootstrap-token", handle_set_bootstrap_token,
	    HOST },
	{ "GetBootstrapToken", "bootstrap-token", handle_get_bootstrap_token,
	    HOST },
	{ "UserAuthenticate", "user-authenticate", handle_user_authenticate,
	    HOST },
	{ "DeclarativeManagement", "declarative", handle_declarative, HOST },
	{ "GetToken", "get-token", handle_not_offered, HOST },
	{ "ReturnToService", "return-to-service", handle_not_offered, HOST },
};

static int
handle_message(struct mdm_request *req)
{
	const struct message_row *row = NULL;
	const char *type;
	size_t i;
	int r;

	if ((r = message_text(&req->message, "MessageType", 64, &type)) != OK)
		return r;
	for (i = 0; i < sizeof messages / sizeof messages[0]; i++)
		if (strcmp(messages[i].type, type) == 0)
			row = &messages[i];
	req->context.step = row == NULL ? "check-in" : row->step;
	if (row == NULL)
		return fail(
		    ERR_MDM_MESSAGE, "unknown MessageType \"%s\"", type);
	if ((row->needs & TOPIC) != 0)
		r = check_topic(req);
	if (r == OK && (row->needs & HOST) != 0 &&
	    (r = identity_recognize(&req->identity, req->message.udid)) == OK)
		r = first_use_replace(req);
	return r == OK ? row->handler(req) : r;
}

/*
 * A label for the event log of a message whose sender is not known yet, and
 * which therefore is not read.
 */
static const char *
guess_step(struct blob body)
{
	char text[64];
	size_t i;

	for (i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		snprintf(
		    text, sizeof text, "<string>%s</string>", messages[i].type);
		if (body.n > 0 &&
		    memmem(body.p, body.n, text, strlen(text)) != NULL)
			return messages[i].step;
	}
	return "check-in";
}

static int
read_message(struct mdm_request *req)
{
	return message_parse(req->proof.body, CHECKIN_BODY_MAX, &req->message);
}

int
checkin_serve(struct mdm_request *req)
{
	req->context.step = guess_step(req->proof.body);
	return mdm_request_serve(req, read_message, handle_message);
}
