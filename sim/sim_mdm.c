#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_cms.h"
#include "sim/sim_der.h"
#include "sim/sim_mdm.h"
#include "sim/sim_product.h"
#include "sim/sim_xml.h"

/* A certificate with the subject and serial of ours, by nobody we know. */
static int
sim_mdm_copy(const struct sim_device *d, EVP_PKEY *key, struct buf *out)
{
	struct sim_ca own;
	struct buf spki;
	int rc;

	sim_ca_init(&own);
	buf_init(&spki, SIM_DER_MAX);
	if ((rc = sim_ca_set_der(&own, buf_blob(&d->identity))) == OK &&
	    (rc = sim_key_spki(key, &spki)) == OK)
		rc = sim_cert_sign(
		    &(struct sim_cert){
			.serial = blob_of("\1", 1),
			.issuer = buf_blob(&own.subject),
			.subject = buf_blob(&own.subject),
			.spki = buf_blob(&spki),
			.not_before = clock_now() - 300,
			.not_after = clock_now() + SIM_CERT_DAY,
			.digest = "sha256",
		    },
		    key, out);
	sim_ca_release(&own);
	buf_release(&spki);
	return rc;
}

static X509 *
sim_mdm_x509(const struct buf *der)
{
	const unsigned char *p = der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

int
sim_mdm_present(const struct sim_mdm *m)
{
	const struct sim_device *d = m->device;
	struct buf der;
	int rc = OK;

	if (sim_knob_on(m->knobs, SIM_KNOB_NO_TLS_CERTIFICATE) ||
	    sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_NO_SIGNATURE) ||
	    sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_FOREIGN_CERTIFICATE))
		return OK;
	if (!sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_OTHER_TLS)) {
		m->http->certificate = sim_mdm_x509(&d->identity);
		m->http->key = d->hardware_key;
		EVP_PKEY_up_ref(d->hardware_key);
	} else {
		buf_init(&der, SIM_DER_MAX);
		rc = sim_key_make("P-256", &m->http->key);
		if (rc == OK)
			rc = sim_mdm_copy(d, m->http->key, &der);
		if (rc == OK)
			m->http->certificate = sim_mdm_x509(&der);
		buf_release(&der);
	}
	if (rc == OK && m->http->certificate == NULL)
		rc = fail(ERR_MALFORMED, "the identity is no certificate");
	return rc;
}

void
sim_mdm_leave(const struct sim_mdm *m)
{
	X509_free(m->http->certificate);
	EVP_PKEY_free(m->http->key);
	m->http->certificate = NULL;
	m->http->key = NULL;
}

static int
sim_mdm_sign(const struct sim_mdm *m, struct blob body, struct buf *out)
{
	const struct sim_device *d = m->device;
	struct sim_cms cms = {
		.key = d->hardware_key,
		.signer = buf_blob(&d->identity),
		.digest = sim_knob_on(m->knobs, SIM_KNOB_MDM_SHA1) ? "sha1"
								   : "sha256",
		.attributes = sim_knob_on(m->knobs, SIM_KNOB_MDM_ATTRIBUTES),
		.der = sim_knob_on(m->knobs, SIM_KNOB_MDM_DER),
		.detached = true,
	};
	EVP_PKEY *foreign = NULL;
	struct buf crt, message;
	int rc = OK;

	buf_init(&crt, SIM_DER_MAX);
	buf_init(&message, SIM_DER_MAX);
	if (sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_WRONG_BODY))
		body = blob_str("<plist version=\"1.0\"><dict/></plist>");
	if (sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_FOREIGN_CERTIFICATE)) {
		rc = sim_key_make("P-384", &foreign);
		if (rc == OK)
			rc = sim_mdm_copy(d, foreign, &crt);
		cms.key = foreign;
		cms.signer = buf_blob(&crt);
	}
	if (rc == OK)
		rc = sim_cms_sign(&cms, body, &message);
	if (rc == OK)
		rc = enc_base64(buf_blob(&message), out);
	EVP_PKEY_free(foreign);
	buf_release(&crt);
	buf_release(&message);
	return rc;
}

static int
sim_mdm_headers(const struct sim_mdm *m, const char *type, struct blob body,
    struct buf *out)
{
	int rc = OK;

	buf_printf(out,
	    "User-Agent: MDM/1.0\r\n"
	    "Content-Type: %s\r\n",
	    type);
	if (m->device->profile.sign_message &&
	    !sim_knob_on(m->knobs, SIM_KNOB_NO_SIGNATURE) &&
	    !sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_NO_SIGNATURE)) {
		buf_add_str(out, "Mdm-Signature: ");
		rc = sim_mdm_sign(m, body, out);
		buf_add_str(out, "\r\n");
	}
	return rc != OK ? rc : buf_status(out);
}

static int
sim_mdm_put(const struct sim_mdm *m, const char *step, const char *url,
    const char *type, struct blob body, struct buf *answer)
{
	struct sim_http_request q = {
		.method = "PUT",
		.url = url,
		.body = body,
		.has_body = true,
	};
	struct sim_http_reply reply;
	struct buf headers;
	int rc;

	sim_http_reply_init(&reply);
	buf_init(&headers, (size_t)1 << 20);
	rc = sim_mdm_headers(m, type, body, &headers);
	q.headers = buf_str(&headers);
	if (rc == OK)
		rc = sim_http_send(m->http, &q, &reply);
	if (rc == OK && reply.status != 200)
		rc = sim_refusal_set(m->refusal, step, &reply);
	if (rc == OK && answer != NULL)
		rc = buf_add_blob(answer, buf_blob(&reply.body));
	buf_release(&headers);
	sim_http_reply_release(&reply);
	return rc;
}

int
sim_mdm_connect(const struct sim_mdm *m, struct blob body, struct buf *answer)
{
	return sim_mdm_put(m, "command", m->device->profile.server_url,
	    "application/x-apple-aspen-mdm; charset=UTF-8", body, answer);
}

/* The keys of Authenticate on a Mac or, without the models, on the others. */
static void
sim_mdm_authenticate(const struct sim_mdm *m, struct sim_xml *x)
{
	const struct sim_device *d = m->device;
	struct sim_product p = sim_product_of(d->product);
	bool is_mac = sim_product_is_mac(&p);

	sim_xml_string(x, "BuildVersion", d->build);
	if (is_mac)
		sim_xml_string(x, "DeviceName", "Simulated Mac");
	if (d->imei[0] != '\0')
		sim_xml_string(x, "IMEI", d->imei);
	sim_xml_string(x, "MessageType", "Authenticate");
	if (is_mac) {
		sim_xml_string(x, "Model", d->product);
		sim_xml_string(x, "ModelName", p.model);
	}
	sim_xml_string(x, "OSVersion", d->os_version);
	sim_xml_string(x, "ProductName", d->product);
	sim_xml_string(x, "SerialNumber",
	    sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_OTHER_SERIAL)
		? "ZZNOTMINE999"
		: d->serial);
}

static void
sim_mdm_message(const struct sim_mdm *m, const char *type, struct blob data,
    struct buf *out)
{
	const struct sim_device *d = m->device;
	bool is_update = strcmp(type, "TokenUpdate") == 0;
	const char *udid = d->udid;
	struct sim_xml x;

	if (is_update && sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_OTHER_UDID))
		udid = "FFFFFFFF-0000-4000-8000-00000000BEEF";
	sim_xml_start(&x, out);
	if (strcmp(type, "Authenticate") == 0) {
		sim_mdm_authenticate(m, &x);
	} else {
		if (is_update)
			sim_xml_bool(&x, "AwaitingConfiguration", m->awaiting);
		if (strcmp(type, "SetBootstrapToken") == 0 && data.n > 0)
			sim_xml_data(&x, "BootstrapToken", data);
		sim_xml_string(&x, "MessageType", type);
	}
	if (is_update) {
		sim_xml_string(&x, "PushMagic", d->push_magic);
		sim_xml_data(
		    &x, "Token", blob_of(d->push_token, sizeof d->push_token));
	}
	sim_xml_string(&x, "Topic",
	    sim_knob_on(m->knobs, SIM_KNOB_CHECKIN_WRONG_TOPIC)
		? "com.apple.mgmt.External.00000000-0000-4000-8000-00000000BEEF"
		: d->profile.topic);
	sim_xml_string(&x, "UDID", udid);
	sim_xml_finish(&x);
}

static const char *
sim_mdm_step(const char *type)
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
sim_mdm_check_in(const struct sim_mdm *m, const char *type, struct blob data,
    struct buf *answer)
{
	struct buf body;
	int rc;

	buf_init(&body, (size_t)1 << 20);
	sim_mdm_message(m, type, data, &body);
	rc = buf_status(&body);
	if (rc == OK)
		rc = sim_mdm_put(m, sim_mdm_step(type),
		    m->device->profile.checkin_url,
		    "application/x-apple-aspen-mdm-checkin; charset=UTF-8",
		    buf_blob(&body), answer);
	buf_release(&body);
	return rc;
}
