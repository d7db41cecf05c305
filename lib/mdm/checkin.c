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
#include "store/enrollments.h"
#include "store/hosts.h"
#include "wire/out_plist.h"

#define MAGIC_MAX        128
#define UNLOCK_TOKEN_MAX 65536
#define BOOTSTRAP_MAX    8192

/* The topic of the sender's profile, which may be older than ours. */
static int
check_topic(const struct mdm_request *c)
{
	const char *expected = c->identity.enrollment.topic, *topic;
	int r;

	if (expected[0] == '\0')
		expected = c->conf->topic;
	if ((r = message_text(&c->message, "Topic", 255, &topic)) != OK)
		return r;
	if (strcmp(topic, expected) != 0)
		return fail(
		    ERR_MDM_TOPIC, "the topic \"%s\" is not ours", topic);
	return OK;
}

static int
handle_authenticate(struct mdm_request *c)
{
	int r;

	if (c->message.user_channel)
		return fail(ERR_MDM_MESSAGE, "Authenticate comes from a user");
	if ((r = check_topic(c)) != OK)
		return r;
	return authenticate_handle(c);
}

/* Absent flag: NULL, so that the stored one stays. */
static int
read_awaiting(const struct mdm_request *c, bool *flag, const bool **out)
{
	int r = in_plist_bool(c->message.root, "AwaitingConfiguration", flag);

	*out = r == OK ? flag : NULL;
	if (r != OK && r != ERR_NOT_FOUND)
		return fail(
		    ERR_MDM_MESSAGE, "AwaitingConfiguration is no boolean");
	return OK;
}

static int
read_tokens(const struct mdm_request *c, bool *flag, struct host_tokens *t)
{
	const struct message *m = &c->message;
	int r;

	memset(t, 0, sizeof(*t));
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
	return read_awaiting(c, flag, &t->awaiting_configuration);
}

/* The first TokenUpdate proves that the whole profile was installed. */
static int
finish_enrollment(struct mdm_request *c, bool awaiting_configuration)
{
	const struct certificate *cert = &c->identity.cert;
	int revoked, r;

	c->achieved = "enrolled";
	r = enrollments_mark_enrolled(c->db, cert->enrollment_id);
	if (r == ERR_CONFLICT)
		return fail(ERR_MDM_CERTIFICATE,
		    "the enrollment was revoked before it was complete");
	if (r != OK)
		return r;
	if ((awaiting_configuration &&
		(r = device_configured_enqueue(c)) != OK) ||
	    (r = attested_udid_ask(c)) != OK)
		return r;
	return enrollments_revoke_open(
	    c->db, cert->serial, cert->enrollment_id, &revoked);
}

static int
handle_token_update(struct mdm_request *c)
{
	struct host_tokens tokens;
	bool flag = false, first;
	int r;

	if ((r = check_topic(c)) != OK || (r = first_use_admit(c)) != OK)
		return r;
	if (c->message.user_channel) {
		log_line(LOG_INFO, "a user of host %s is not managed",
		    c->identity.cert.serial);
		return OK;
	}
	if ((r = read_tokens(c, &flag, &tokens)) != OK)
		return r;
	if ((r = hosts_token_update(
		 c->db, c->identity.host.id, &tokens, &first)) != OK)
		return r;
	return first ? finish_enrollment(c, flag) : OK;
}

static int
handle_check_out(struct mdm_request *c)
{
	int r;

	if ((r = check_topic(c)) != OK || (r = first_use_admit(c)) != OK)
		return r;
	if (c->message.user_channel)
		return OK;
	c->achieved = "unenrolled";
	return hosts_check_out(c->db, c->identity.host.id);
}

/* Anybody who saw a message can send it again, Mdm-Signature included. */
static int
check_not_replayed(const struct mdm_request *c)
{
	if (c->identity.by_tls)
		return OK;
	return fail(ERR_MDM_CLIENT_CERTIFICATE,
	    "a bootstrap token goes only to a device that shows its "
	    "certificate in TLS, and only such a device changes a stored one");
}

/* An older token in the place of the present one would unlock nothing. */
static int
check_token_change(struct mdm_request *c, struct blob token)
{
	struct buf stored;
	bool same;
	int r;

	buf_init(&stored, BOOTSTRAP_MAX);
	r = hosts_get_bootstrap_token(c->db, c->identity.host.id, &stored);
	same = stored.n == 0 || secret_eq(buf_blob(&stored), token);
	buf_wipe(&stored);
	return r != OK || same ? r : check_not_replayed(c);
}

static int
handle_set_bootstrap_token(struct mdm_request *c)
{
	struct blob token;
	int r;

	if ((r = first_use_admit(c)) != OK ||
	    (r = message_data(
		 &c->message, "BootstrapToken", BOOTSTRAP_MAX, &token)) != OK ||
	    (r = check_token_change(c, token)) != OK)
		return r;
	c->achieved =
	    token.n > 0 ? "bootstrap token stored" : "bootstrap token deleted";
	return hosts_set_bootstrap_token(c->db, c->identity.host.id, token);
}

static int
handle_get_bootstrap_token(struct mdm_request *c)
{
	struct out_plist *doc = NULL;
	struct buf token;
	int r;

	buf_init(&token, BOOTSTRAP_MAX);
	if ((r = first_use_admit(c)) != OK ||
	    (r = check_not_replayed(c)) != OK ||
	    (r = hosts_get_bootstrap_token(
		 c->db, c->identity.host.id, &token)) != OK)
		goto done;
	doc = out_plist_new();
	if (token.n > 0)
		out_plist_data(
		    out_plist_root(doc), "BootstrapToken", buf_blob(&token));
	r = out_plist_write(doc, &c->reply);
done:
	out_plist_free(doc);
	buf_wipe(&token);
	return r;
}

static int
handle_user_authenticate(struct mdm_request *c)
{
	int r = first_use_admit(c);

	return r == OK ? ERR_MDM_USER_CHANNEL : r;
}

/* Declarations are never announced; a device that asks anyway finds none. */
static int
handle_declarative(struct mdm_request *c)
{
	const char *endpoint;
	int r;

	if ((r = first_use_admit(c)) != OK ||
	    (r = message_text(&c->message, "Endpoint", 1024, &endpoint)) != OK)
		return r;
	return strcmp(endpoint, "status") == 0 ? OK : ERR_NOT_FOUND;
}

static int
handle_not_offered(struct mdm_request *c)
{
	int r;

	if ((r = first_use_admit(c)) != OK)
		return r;
	return fail(ERR_MDM_MESSAGE, "this message is not offered here");
}

static const struct message_row {
	const char *type;
	const char *step;
	mdm_request_handler *handler;
} messages[] = {
	{ "Authenticate", "authenticate", handle_authenticate },
	{ "TokenUpdate", "token-update", handle_token_update },
	{ "CheckOut", "check-out", handle_check_out },
	{ "SetBootstrapToken", "bootstrap-token", handle_set_bootstrap_token },
	{ "GetBootstrapToken", "bootstrap-token", handle_get_bootstrap_token },
	{ "UserAuthenticate", "user-authenticate", handle_user_authenticate },
	{ "DeclarativeManagement", "declarative", handle_declarative },
	{ "GetToken", "get-token", handle_not_offered },
	{ "ReturnToService", "return-to-service", handle_not_offered },
};

static int
dispatch_message(struct mdm_request *c)
{
	const char *type;
	size_t i;
	int r;

	if ((r = message_text(&c->message, "MessageType", 64, &type)) != OK)
		return r;
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (strcmp(messages[i].type, type) == 0) {
			c->step = messages[i].step;
			return messages[i].handler(c);
		}
	}
	c->step = "check-in";
	return fail(ERR_MDM_MESSAGE, "unknown MessageType \"%s\"", type);
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

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		snprintf(text, sizeof(text), "<string>%s</string>",
		    messages[i].type);
		if (body.n > 0 &&
		    memmem(body.p, body.n, text, strlen(text)) != NULL)
			return messages[i].step;
	}
	return "check-in";
}

static int
read_message(struct mdm_request *c)
{
	return message_parse(c->proof.body, CHECKIN_BODY_MAX, &c->message);
}

int
checkin_serve(struct mdm_request *c)
{
	c->step = guess_step(c->proof.body);
	return mdm_request_serve(c, read_message, dispatch_message);
}
