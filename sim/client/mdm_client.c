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

static X509 *
mdm_client_x509(const struct buf *der)
{
	const unsigned char *p = der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

int
mdm_client_present(const struct mdm_client *m)
{
	const struct apple_device *d = m->device;
	struct buf der;
	int rc = OK;

	if (fault_on(m->faults, FAULT_NO_TLS_CERTIFICATE) ||
	    fault_on(m->faults, FAULT_CHECKIN_NO_SIGNATURE) ||
	    fault_on(m->faults, FAULT_CHECKIN_FOREIGN_CERTIFICATE))
		return OK;
	if (!fault_on(m->faults, FAULT_CHECKIN_OTHER_TLS)) {
		m->http->certificate = mdm_client_x509(&d->identity);
		m->http->key = d->hardware_key;
		EVP_PKEY_up_ref(d->hardware_key);
	} else {
		buf_init(&der, DER_MAX);
		rc = keypair_make("P-256", &m->http->key);
		if (rc == OK)
			rc = mdm_client_copy(d, m->http->key, &der);
		if (rc == OK)
			m->http->certificate = mdm_client_x509(&der);
		buf_release(&der);
	}
	if (rc == OK && m->http->certificate == NULL)
		rc = fail(ERR_MALFORMED, "the identity is no certificate");
	return rc;
}

void
mdm_client_leave(const struct mdm_client *m)
{
	X509_free(m->http->certificate);
	EVP_PKEY_free(m->http->key);
	m->http->certificate = NULL;
	m->http->key = NULL;
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
mdm_client_headers(const struct mdm_client *m, const char *type,
    struct blob body, struct buf *out)
{
	int rc = OK;

	buf_printf(out,
	    "User-Agent: MDM/1.0\r\n"
	    "Content-Type: %s\r\n",
	    type);
	if (m->device->profile.sign_message &&
	    !fault_on(m->faults, FAULT_NO_SIGNATURE) &&
	    !fault_on(m->faults, FAULT_CHECKIN_NO_SIGNATURE)) {
		buf_add_str(out, "Mdm-Signature: ");
		rc = mdm_client_sign(m, body, out);
		buf_add_str(out, "\r\n");
	}
	return rc != OK ? rc : buf_status(out);
}

static int
mdm_client_put(const struct mdm_client *m, const char *step, const char *url,
    const char *type, struct blob body, struct buf *answer)
{
	struct http_request q = {
		.method = "PUT",
		.url = url,
		.body = body,
		.has_body = true,
	};
	struct http_reply reply;
	struct buf headers;
	int rc;

	http_reply_init(&reply);
	buf_init(&headers, (size_t)1 << 20);
	rc = mdm_client_headers(m, type, body, &headers);
	q.headers = buf_str(&headers);
	if (rc == OK)
		rc = http_send(m->http, &q, &reply);
	if (rc == OK && reply.status != 200)
		rc = refusal_set(m->refusal, step, &reply);
	if (rc == OK && answer != NULL)
		rc = buf_add_blob(answer, buf_blob(&reply.body));
	buf_release(&headers);
	http_reply_release(&reply);
	return rc;
}

int
mdm_client_connect(
    const struct mdm_client *m, struct blob body, struct buf *answer)
{
	return mdm_client_put(m, "command", m->device->profile.server_url,
	    "application/x-apple-aspen-mdm; charset=UTF-8", body, answer);
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
		    "application/x-apple-aspen-mdm-checkin; charset=UTF-8",
		    buf_blob(&body), answer);
	buf_release(&body);
	return rc;
}
