#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/answer.h"
#include "sim/client/player.h"
#include "sim/forge/model.h"
#include "sim/forge/cms_message.h"

/* A server that never runs out of commands is at fault. */
#define COMMANDS 1000

static const struct message {
	const char *step;
	const char *type;
} messages[] = {
	{ "authenticate", "Authenticate" },
	{ "token-update", "TokenUpdate" },
	{ "checkout", "CheckOut" },
	{ "set-bootstrap-token", "SetBootstrapToken" },
	{ "get-bootstrap-token", "GetBootstrapToken" },
};

/* A certificate with the subject of ours, by nobody the server knows. */
static int
copy_identity(const struct apple_device *d, EVP_PKEY *key, struct buf *out)
{
	SCRATCH_CA(own);
	int r = ca_set_der(&own, buf_blob(&d->identity));

	if (r != OK)
		return r;
	return cert_sign(
	    &(struct cert){
		.subject = buf_blob(&own.subject),
		.key = key,
	    },
	    NULL, out);
}

/* Opens a new connection; its TLS presents the identity or what a fault says.
 */
static int
connect_with_identity(struct player *p)
{
	const struct apple_device *d = &p->device;
	SCRATCH_KEY(key);
	SCRATCH_BUF(other);
	int r;

	player_disconnect(p);
	if (fault_on(&p->faults, FAULT_NO_TLS_CERTIFICATE) ||
	    fault_on(&p->faults, FAULT_CHECKIN_NO_SIGNATURE) ||
	    fault_on(&p->faults, FAULT_CHECKIN_FOREIGN_CERTIFICATE))
		return OK;
	if (!fault_on(&p->faults, FAULT_CHECKIN_OTHER_TLS))
		return http_present(
		    &p->http, buf_blob(&d->identity), d->hardware_key);
	if ((r = keypair_make("P-256", &key)) != OK ||
	    (r = copy_identity(d, key, &other)) != OK)
		return r;
	return http_present(&p->http, buf_blob(&other), key);
}

/* Appends the value of Mdm-Signature: a detached signature of the body. */
static int
sign(const struct player *p, struct blob body, struct buf *out)
{
	const struct faults *f = &p->faults;
	struct cms_message cms = {
		.key = p->device.hardware_key,
		.signer = buf_blob(&p->device.identity),
		.digest = fault_on(f, FAULT_MDM_SHA1) ? "sha1" : "sha256",
		.attributes = fault_on(f, FAULT_MDM_ATTRIBUTES),
		.der = fault_on(f, FAULT_MDM_DER),
		.detached = true,
	};
	SCRATCH_KEY(foreign);
	SCRATCH_BUF(crt);
	SCRATCH_BUF(message);
	int r;

	if (fault_on(f, FAULT_CHECKIN_WRONG_BODY))
		body = blob_str("<plist version=\"1.0\"><dict/></plist>");
	if (fault_on(f, FAULT_CHECKIN_FOREIGN_CERTIFICATE)) {
		if ((r = keypair_make("P-384", &foreign)) != OK ||
		    (r = copy_identity(&p->device, foreign, &crt)) != OK)
			return r;
		cms.key = foreign;
		cms.signer = buf_blob(&crt);
	}
	r = cms_message_sign(&cms, body, &message);
	return r == OK ? enc_base64(buf_blob(&message), out) : r;
}

static int
put(struct player *p, const char *step, const char *url, const char *type,
    const struct buf *body)
{
	struct http_request q = {
		.method = "PUT",
		.url = url,
		.headers = { "User-Agent: MDM/1.0", type },
		.body = buf_blob(body),
		.has_body = true,
	};
	SCRATCH_BUF(signature);
	int r = buf_status(body);

	if (p->device.profile.sign_message &&
	    !fault_on(&p->faults, FAULT_NO_SIGNATURE) &&
	    !fault_on(&p->faults, FAULT_CHECKIN_NO_SIGNATURE)) {
		buf_add_str(&signature, "Mdm-Signature: ");
		if (r == OK)
			r = sign(p, q.body, &signature);
		q.headers[2] = buf_str(&signature);
	}
	if (r != OK || (r = http_send(&p->http, &q)) != OK)
		return r;
	return p->http.status == 200 ? OK : player_refused(p, step);
}

/* The keys of Authenticate on a Mac or, without the models, on the others. */
static void
write_authenticate(const struct player *p, struct xml *x)
{
	const struct apple_device *d = &p->device;
	struct model model = model_of(d->product);
	bool is_mac = model_is_mac(&model);

	xml_string(x, "BuildVersion", d->build);
	xml_string(x, "DeviceName", is_mac ? "Simulated Mac" : NULL);
	xml_string(x, "IMEI", d->imei[0] != '\0' ? d->imei : NULL);
	xml_string(x, "MessageType", "Authenticate");
	xml_string(x, "Model", is_mac ? d->product : NULL);
	xml_string(x, "ModelName", is_mac ? model.model : NULL);
	xml_string(x, "OSVersion", d->os_version);
	xml_string(x, "ProductName", d->product);
	xml_string(x, "SerialNumber",
	    fault_on(&p->faults, FAULT_CHECKIN_OTHER_SERIAL) ? "ZZNOTMINE999"
							     : d->serial);
}

static void
write_message(const struct player *p, const char *type, struct buf *out)
{
	const struct apple_device *d = &p->device;
	bool is_update = strcmp(type, "TokenUpdate") == 0;
	const char *topic = d->profile.topic, *udid = d->udid;
	struct xml x;

	if (is_update && fault_on(&p->faults, FAULT_CHECKIN_OTHER_UDID))
		udid = "FFFFFFFF-0000-4000-8000-00000000BEEF";
	if (fault_on(&p->faults, FAULT_CHECKIN_WRONG_TOPIC))
		topic = "com.apple.mgmt.External."
			"00000000-0000-4000-8000-00000000BEEF";
	xml_start(&x, out);
	if (strcmp(type, "Authenticate") == 0) {
		write_authenticate(p, &x);
	} else {
		if (is_update)
			xml_bool(&x, "AwaitingConfiguration", p->awaiting);
		if (strcmp(type, "SetBootstrapToken") == 0)
			xml_data(&x, "BootstrapToken",
			    blob_str("simulated bootstrap token"));
		xml_string(&x, "MessageType", type);
	}
	if (is_update) {
		xml_string(&x, "PushMagic", d->push_magic);
		xml_data(
		    &x, "Token", blob_of(d->push_token, sizeof d->push_token));
	}
	xml_string(&x, "Topic", topic);
	xml_string(&x, "UDID", udid);
	xml_finish(&x);
}

static int
check_in(struct player *p, const struct message *m)
{
	SCRATCH_BUF(body);

	write_message(p, m->type, &body);
	return put(p, m->step, p->device.profile.checkin_url,
	    "Content-Type: application/x-apple-aspen-mdm-checkin;"
	    " charset=UTF-8",
	    &body);
}

int
mdm_client_enroll(struct player *p)
{
	int r = connect_with_identity(p);

	for (size_t i = 0; i < 2 && r == OK; i++)
		r = check_in(p, &messages[i]);
	return r;
}

int
mdm_client_check_in(struct player *p, const char *message)
{
	size_t i = 0;
	int r = connect_with_identity(p);

	while (strcmp(messages[i].step, message) != 0)
		i++;
	return r == OK ? check_in(p, &messages[i]) : r;
}

static int
renew(struct player *p, struct blob payload, const struct payload *old)
{
	struct apple_device *d = &p->device;
	int r = buf_add_blob(&d->profile_bytes, payload);

	if (r != OK ||
	    (r = payload_parse(buf_blob(&d->profile_bytes), &d->profile)) !=
		OK ||
	    (r = payload_replaces(&d->profile, old)) != OK ||
	    (r = player_get_certificate(p)) != OK)
		return r;
	return mdm_client_enroll(p);
}

/*
 * Installs a profile over the one that the device enrolled with, as a renewal
 * does. One that fails leaves the device as it was. The device comes back over
 * a new connection.
 */
static int
install(struct player *p, plist_t command, bool *installed)
{
	struct apple_device *d = &p->device, old = *d;
	int r;

	d->hardware_key = NULL;
	buf_init(&d->identity, SCRATCH_MAX);
	buf_init(&d->profile_bytes, SCRATCH_MAX);
	payload_init(&d->profile);
	r = renew(p, xml_get_data(command, "Payload"), &old.profile);
	*installed = r == OK;
	if (*installed) {
		apple_device_forget(&old);
		r = p->state == NULL ? OK : apple_device_save(p->state, d);
	} else {
		apple_device_forget(d);
		d->hardware_key = old.hardware_key;
		d->identity = old.identity;
		d->profile_bytes = old.profile_bytes;
		d->profile = old.profile;
		r = OK;
	}
	return r == OK ? connect_with_identity(p) : r;
}

/* Reads the command in the last answer and leaves the reply to it in `body`. */
static int
reply(struct player *p, const char *udid, bool not_now, struct buf *body)
{
	const char *status = "NotNow", *uuid, *type;
	plist_t document = NULL, command;
	bool installed;
	int r = xml_parse(buf_blob(&p->http.body), &document);

	buf_reset(body);
	uuid = xml_get_text(document, "CommandUUID");
	command = xml_get(document, "Command");
	type = xml_get_text(command, "RequestType");
	if (r == OK && (uuid == NULL || type == NULL))
		r = fail(ERR_MALFORMED, "the answer is no command");
	if (r == OK && not_now) {
		answer_status(udid, uuid, status, body);
	} else if (r == OK && strcmp(type, "InstallProfile") == 0) {
		r = install(p, command, &installed);
		status = answer_installed(udid, uuid, installed, body);
	} else if (r == OK) {
		status =
		    answer_write(&p->device, &p->faults, uuid, command, body);
	}
	if (r == OK)
		printf("%s %s %s\n", uuid, type, status);
	plist_free(document);
	return r;
}

/* From Idle to the empty answer. */
static int
poll_once(struct player *p, bool not_now)
{
	const char *udid = p->device.udid;
	SCRATCH_BUF(body);
	int r;

	if (fault_on(&p->faults, FAULT_COMMAND_OTHER_UDID))
		udid = "FFFFFFFF-0000-4000-8000-00000000BEEF";
	answer_status(udid, NULL, "Idle", &body);
	for (int i = 0; i < COMMANDS; i++) {
		r = put(p, "command", p->device.profile.server_url,
		    "Content-Type: application/x-apple-aspen-mdm;"
		    " charset=UTF-8",
		    &body);
		if (r != OK || p->http.body.n == 0)
			return r;
		if ((r = reply(p, udid, not_now, &body)) != OK)
			return r;
	}
	return fail(ERR_MALFORMED, "commands without end");
}

int
mdm_client_poll(struct player *p)
{
	int r = connect_with_identity(p);

	if (r == OK && fault_on(&p->faults, FAULT_NOT_NOW))
		r = poll_once(p, true);
	return r == OK ? poll_once(p, false) : r;
}
