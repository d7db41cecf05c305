#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/client/mdm_client.h"
#include "sim/forge/model.h"
#include "sim/forge/xml.h"

/* A certificate with the subject and serial of ours, by nobody we know. */
static int
mdm_client_copy(const struct apple_device *d, EVP_PKEY *key, struct buf *out)
{
	struct ca own;
	struct buf spki;
	int rc;

	ca_init(&own);
	buf_init(&spki, DER_MAX);
	if ((rc = ca_set_der(&own, buf_blob(&d->identity))) == OK &&
	    (rc = keypair_spki(key, &spki)) == OK)
		rc = cert_sign(
		    &(struct cert){
			.serial = blob_of("\1", 1),
			.issuer = buf_blob(&own.subject),
			.subject = buf_blob(&own.subject),
			.spki = buf_blob(&spki),
			.not_before = clock_now() - 300,
			.not_after = clock_now() + CERT_DAY,
			.digest = "sha256",
		    },
		    key, out);
	ca_release(&own);
	buf_release(&spki);
	return rc;
}

int
mdm_client_present(const struct mdm_client *m)
{
	const struct apple_device *d = m->device;
	EVP_PKEY *other = NULL;
	struct buf der;
	int rc;

	if (fault_on(m->faults, FAULT_NO_TLS_CERTIFICATE) ||
	    fault_on(m->faults, FAULT_CHECKIN_NO_SIGNATURE) ||
	    fault_on(m->faults, FAULT_CHECKIN_FOREIGN_CERTIFICATE))
		return OK;
	if (!fault_on(m->faults, FAULT_CHECKIN_OTHER_TLS))
		return http_present(
		    m->http, buf_blob(&d->identity), d->hardware_key);
	buf_init(&der, DER_MAX);
	if ((rc = keypair_make("P-256", &other)) == OK &&
	    (rc = mdm_client_copy(d, other, &der)) == OK)
		rc = http_present(m->http, buf_blob(&der), other);
	EVP_PKEY_free(other);
	buf_release(&der);
	return rc;
}

static int
mdm_client_sign(const struct mdm_client *m, struct blob body, struct buf *out)
{
	const struct apple_device *d = m->device;
	struct signed_data cms = {
		.key = d->hardware_key,
		.signer = buf_blob(&d->identity),
		.digest =
		    fault_on(m->faults, FAULT_MDM_SHA1) ? "sha1" : "sha256",
		.attributes = fault_on(m->faults, FAULT_MDM_ATTRIBUTES),
		.der = fault_on(m->faults, FAULT_MDM_DER),
		.detached = true,
	};
	EVP_PKEY *foreign = NULL;
	struct buf crt, message;
	int rc = OK;

	buf_init(&crt, DER_MAX);
	buf_init(&message, DER_MAX);
	if (fault_on(m->faults, FAULT_CHECKIN_WRONG_BODY))
		body = blob_str("<plist version=\"1.0\"><dict/></plist>");
	if (fault_on(m->faults, FAULT_CHECKIN_FOREIGN_CERTIFICATE)) {
		rc = keypair_make("P-384", &foreign);
		if (rc == OK)
			rc = mdm_client_copy(d, foreign, &crt);
		cms.key = foreign;
		cms.signer = buf_blob(&crt);
	}
	if (rc == OK)
		rc = signed_data_sign(&cms, body, &message);
	if (rc == OK)
		rc = enc_base64(buf_blob(&message), out);
	EVP_PKEY_free(foreign);
	buf_release(&crt);
	buf_release(&message);
	return rc;
}

static int
mdm_client_put(const struct mdm_client *m, const char *step, const char *url,
    const char *type, struct blob body, struct buf *answer)
{
	struct http_request q = {
		.method = "PUT",
		.url = url,
		.headers = { "User-Agent: MDM/1.0", type },
		.body = body,
		.has_body = true,
	};
	struct buf signature;
	int rc = OK;

	buf_init(&signature, (size_t)1 << 20);
	if (m->device->profile.sign_message &&
	    !fault_on(m->faults, FAULT_NO_SIGNATURE) &&
	    !fault_on(m->faults, FAULT_CHECKIN_NO_SIGNATURE)) {
		buf_add_str(&signature, "Mdm-Signature: ");
		rc = mdm_client_sign(m, body, &signature);
		q.headers[2] = buf_str(&signature);
	}
	if (rc == OK)
		rc = http_send(m->http, &q);
	if (rc == OK && m->http->status != 200)
		rc = refusal_set(m->refusal, step, m->http);
	if (rc == OK && answer != NULL)
		rc = buf_add_blob(answer, buf_blob(&m->http->body));
	buf_release(&signature);
	return rc;
}

int
mdm_client_connect(
    const struct mdm_client *m, struct blob body, struct buf *answer)
{
	return mdm_client_put(m, "command", m->device->profile.server_url,
	    "Content-Type: application/x-apple-aspen-mdm; charset=UTF-8", body,
	    answer);
}

/* The keys of Authenticate on a Mac or, without the models, on the others. */
static void
mdm_client_authenticate(const struct mdm_client *m, struct xml *x)
{
	const struct apple_device *d = m->device;
	struct model p = model_of(d->product);
	bool is_mac = model_is_mac(&p);

	xml_string(x, "BuildVersion", d->build);
	if (is_mac)
		xml_string(x, "DeviceName", "Simulated Mac");
	if (d->imei[0] != '\0')
		xml_string(x, "IMEI", d->imei);
	xml_string(x, "MessageType", "Authenticate");
	if (is_mac) {
		xml_string(x, "Model", d->product);
		xml_string(x, "ModelName", p.model);
	}
	xml_string(x, "OSVersion", d->os_version);
	xml_string(x, "ProductName", d->product);
	xml_string(x, "SerialNumber",
	    fault_on(m->faults, FAULT_CHECKIN_OTHER_SERIAL) ? "ZZNOTMINE999"
							    : d->serial);
}

static void
mdm_client_message(const struct mdm_client *m, const char *type,
    struct blob data, struct buf *out)
{
	const struct apple_device *d = m->device;
	bool is_update = strcmp(type, "TokenUpdate") == 0;
	const char *udid = d->udid;
	struct xml x;

	if (is_update && fault_on(m->faults, FAULT_CHECKIN_OTHER_UDID))
		udid = "FFFFFFFF-0000-4000-8000-00000000BEEF";
	xml_start(&x, out);
	if (strcmp(type, "Authenticate") == 0) {
		mdm_client_authenticate(m, &x);
	} else {
		if (is_update)
			xml_bool(&x, "AwaitingConfiguration", m->awaiting);
		if (strcmp(type, "SetBootstrapToken") == 0 && data.n > 0)
			xml_data(&x, "BootstrapToken", data);
		xml_string(&x, "MessageType", type);
	}
	if (is_update) {
		xml_string(&x, "PushMagic", d->push_magic);
		xml_data(
		    &x, "Token", blob_of(d->push_token, sizeof d->push_token));
	}
	xml_string(&x, "Topic",
	    fault_on(m->faults, FAULT_CHECKIN_WRONG_TOPIC)
		? "com.apple.mgmt.External.00000000-0000-4000-8000-00000000BEEF"
		: d->profile.topic);
	xml_string(&x, "UDID", udid);
	xml_finish(&x);
}

static const char *
mdm_client_step(const char *type)
{
	static const char *const table[][2] = {
		{ "Authenticate", "authenticate" },
		{ "TokenUpdate", "token-update" },
		{ "CheckOut", "checkout" },
		{ "SetBootstrapToken", "set-bootstrap-token" },
		{ "GetBootstrapToken", "get-bootstrap-token" },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(type, table[i][0]) == 0)
			return table[i][1];
	return "check-in";
}

int
mdm_client_check_in(const struct mdm_client *m, const char *type,
    struct blob data, struct buf *answer)
{
	struct buf body;
	int rc;

	buf_init(&body, (size_t)1 << 20);
	mdm_client_message(m, type, data, &body);
	rc = buf_status(&body);
	if (rc == OK)
		rc = mdm_client_put(m, mdm_client_step(type),
		    m->device->profile.checkin_url,
		    "Content-Type: application/x-apple-aspen-mdm-checkin; "
		    "charset=UTF-8",
		    buf_blob(&body), answer);
	buf_release(&body);
	return rc;
}
