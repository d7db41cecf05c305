/*
 * PKIOperation (scep/operation.h) from message to CertRep, with messages that
 * no well-behaved client sends.
 */
#include "storefix.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "scep/certrep.h"
#include "scep/operation.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/renewals.h"
#include "store/scep_challenges.h"
#include "wire/csr.h"
#include "wire/in_der.h"
#include "wire/out_der.h"
#include "wire/signed_out.h"
#include "wire/x509.h"

#define SERIAL "C02SCEP00001"
#define NONCE  "0123456789abcdef"
#define HEX    (2 * SECRET_SHA256 + 1)

/* A key and a certificate that it made for itself. */
struct client {
	gnutls_x509_privkey_t rsa;
	gnutls_privkey_t key;
	gnutls_x509_crt_t crt;
};

/* A message as tests vary it. */
struct message {
	/* whose key is to be certified, and who signs */
	const struct client *subject, *signer;
	const char *challenge, *transaction, *type;
	uint8_t type_tag;
	const char *nonce;
	/* put behind the transaction, NUL bytes too */
	const char *junk;
	size_t junk_bytes;
	/* one more than the one that is always there */
	bool second_time;
};

struct reply {
	char status, fail_info;
	bool echoed;
	uint8_t sender_nonce[PKIMESSAGE_NONCE];
	/* of the certificate that came; empty when none did */
	char sha256[HEX];
};

static char folder[] = "/tmp/attestmdm-scep-XXXXXX";
static char key_path[64], certificate_path[64];
static struct authority *ca;
static struct client first, second, small, curve;

static void
client_make(struct client *c, gnutls_pk_algorithm_t kind, unsigned bits)
{
	time_t now = (time_t)clock_now();

	assert_int_equal(gnutls_x509_privkey_init(&c->rsa), 0);
	assert_int_equal(
	    gnutls_x509_privkey_generate(c->rsa, kind, bits, 0), 0);
	assert_int_equal(gnutls_privkey_init(&c->key), 0);
	assert_int_equal(gnutls_privkey_import_x509(c->key, c->rsa, 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&c->crt), 0);
	gnutls_x509_crt_set_version(c->crt, 3);
	gnutls_x509_crt_set_serial(c->crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(c->crt, now - 60);
	gnutls_x509_crt_set_expiration_time(c->crt, now + 3600);
	gnutls_x509_crt_set_key(c->crt, c->rsa);
	gnutls_x509_crt_set_dn(c->crt, "CN=client", NULL);
	assert_int_equal(
	    gnutls_x509_crt_sign2(c->crt, c->crt, c->rsa, GNUTLS_DIG_SHA256, 0),
	    0);
}

static void
client_release(struct client *c)
{
	gnutls_x509_crt_deinit(c->crt);
	gnutls_privkey_deinit(c->key);
	gnutls_x509_privkey_deinit(c->rsa);
}

static int
group_setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(key_path, sizeof(key_path), "%s/ca.key", folder);
	snprintf(
	    certificate_path, sizeof(certificate_path), "%s/ca.pem", folder);
	client_make(&first, GNUTLS_PK_RSA, 2048);
	client_make(&second, GNUTLS_PK_RSA, 2048);
	client_make(&small, GNUTLS_PK_RSA, 1024);
	client_make(&curve, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1));
	if (authority_create(key_path, certificate_path, "SCEP", "Example",
		KEY_RSA_3072, 10) != OK)
		return -1;
	return authority_load(key_path, certificate_path, &ca);
}

static int
group_teardown(void **state)
{
	(void)state;
	authority_free(ca);
	client_release(&first);
	client_release(&second);
	client_release(&small);
	client_release(&curve);
	unlink(key_path);
	unlink(certificate_path);
	return rmdir(folder);
}

static struct conf
conf_of(bool renewal_requests)
{
	static char url[] = "https://mdm.example.com";
	static char organization[] = "Example";

	return (struct conf){ .url = url,
		.organization = organization,
		.scep_certificate_days = 365,
		.premium = true,
		.renewal_requests = renewal_requests };
}

static void
write_request(const struct message *m, struct buf *out)
{
	gnutls_x509_crq_t crq;
	gnutls_datum_t der;

	assert_int_equal(gnutls_x509_crq_init(&crq), 0);
	gnutls_x509_crq_set_version(crq, 1);
	gnutls_x509_crq_set_dn(crq, "CN=somebody", NULL);
	gnutls_x509_crq_set_key(crq, m->subject->rsa);
	if (m->challenge != NULL)
		gnutls_x509_crq_set_challenge_password(crq, m->challenge);
	assert_int_equal(
	    gnutls_x509_crq_sign2(crq, m->subject->rsa, GNUTLS_DIG_SHA256, 0),
	    0);
	gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);
	buf_add(out, der.data, der.size);
	gnutls_free(der.data);
	gnutls_x509_crq_deinit(crq);
}

static void
write_message(const struct message *m, struct buf *out)
{
	struct buf request, envelope, type, transaction, nonce, time;
	struct signed_out_attribute list[4];

	buf_init(&request, CSR_BYTES_MAX);
	buf_init(&envelope, ENVELOPED_BYTES_MAX);
	buf_init(&type, 64);
	buf_init(&transaction, 512);
	buf_init(&nonce, 64);
	buf_init(&time, 64);
	write_request(m, &request);
	assert_int_equal(
	    enveloped_seal(buf_blob(&request), authority_certificate(ca),
		ENVELOPED_AES128, &envelope),
	    OK);
	signed_out_printable(m->type, &type);
	type.p[0] = m->type_tag;
	signed_out_printable(m->transaction, &transaction);
	buf_add(&transaction, m->junk, m->junk_bytes);
	transaction.p[1] = (uint8_t)(transaction.p[1] + m->junk_bytes);
	signed_out_octets(blob_str(m->nonce), &nonce);
	list[0] = (struct signed_out_attribute){ PKIMESSAGE_OID_TYPE,
		buf_blob(&type) };
	list[1] = (struct signed_out_attribute){ PKIMESSAGE_OID_TRANSACTION,
		buf_blob(&transaction) };
	list[2] = (struct signed_out_attribute){ PKIMESSAGE_OID_SENDER_NONCE,
		buf_blob(&nonce) };
	out_der_add(&time, IN_DER_UTC_TIME, blob_str("491231235959Z"));
	list[3] = (struct signed_out_attribute){ PKIMESSAGE_OID_SIGNING_TIME,
		buf_blob(&time) };
	assert_int_equal(
	    signed_out_write(&(struct signed_out){ .has_content = true,
				 .content = buf_blob(&envelope),
				 .key = m->signer->key,
				 .signer = m->signer->crt,
				 .digest = GNUTLS_DIG_SHA256,
				 .attributes = list,
				 .n_attributes = m->second_time ? 4 : 3 },
		out),
	    OK);
	buf_release(&request);
	buf_release(&envelope);
	buf_release(&type);
	buf_release(&transaction);
	buf_release(&nonce);
	buf_release(&time);
}

static struct message
message_of(const struct client *c, const char *challenge)
{
	return (struct message){ .subject = c,
		.signer = c,
		.challenge = challenge,
		.transaction = "T1",
		.type = "19",
		.type_tag = IN_DER_PRINTABLE,
		.nonce = NONCE };
}

/* The bytes of an attribute's one value, without its header. */
static struct blob
value_of(const struct cms_signed *cms, const char *oid)
{
	struct blob der;

	if (cms_signed_attribute(cms, oid, &der) != OK)
		return blob_of(NULL, 0);
	assert_true(der.n >= 2 && der.p[1] == der.n - 2);
	return blob_of(der.p + 2, der.n - 2);
}

/* mdm-84: one certificate and no signer, for who asked. */
static void
read_certificate(
    const struct message *m, const struct cms_signed *cms, struct reply *out)
{
	enum enveloped_cipher cipher;
	uint8_t sha256[SECRET_SHA256];
	gnutls_pkcs7_t inner;
	gnutls_datum_t data, der;
	struct buf content, hex;

	buf_init(&content, CMS_BYTES_MAX);
	buf_init(&hex, HEX);
	assert_int_equal(enveloped_open(cms->content, m->signer->key,
			     m->signer->crt, 0, &cipher, &content),
	    OK);
	data = (gnutls_datum_t){ content.p, (unsigned)content.n };
	assert_int_equal(gnutls_pkcs7_init(&inner), 0);
	assert_int_equal(
	    gnutls_pkcs7_import(inner, &data, GNUTLS_X509_FMT_DER), 0);
	assert_int_equal(gnutls_pkcs7_get_crt_count(inner), 1);
	assert_int_equal(gnutls_pkcs7_get_crt_raw2(inner, 0, &der), 0);
	secret_sha256(blob_of(der.data, der.size), sha256);
	enc_hex(blob_of(sha256, sizeof(sha256)), &hex);
	snprintf(out->sha256, sizeof(out->sha256), "%s", buf_str(&hex));
	gnutls_free(der.data);
	gnutls_pkcs7_deinit(inner);
	buf_release(&content);
	buf_release(&hex);
}

static void
read_reply(const struct message *m, struct blob in, struct reply *out)
{
	struct cms_signed *cms;
	struct blob status, info, nonce, der;
	struct buf own;

	*out = (struct reply){ 0 };
	assert_int_equal(cms_signed_parse(in, &cms), OK);
	assert_int_equal(
	    cms_signed_verify(cms, cms->content, CMS_WANT_ATTRIBUTES), OK);
	buf_init(&own, X509_DER_MAX);
	assert_int_equal(x509_der(authority_certificate(ca), &own), OK);
	assert_int_equal(cms_signed_signer(cms, &der), OK);
	assert_true(blob_eq(der, buf_blob(&own)));
	buf_release(&own);
	status = value_of(cms, PKIMESSAGE_OID_STATUS);
	info = value_of(cms, PKIMESSAGE_OID_FAIL_INFO);
	nonce = value_of(cms, PKIMESSAGE_OID_SENDER_NONCE);
	assert_int_equal(nonce.n, sizeof(out->sender_nonce));
	memcpy(out->sender_nonce, nonce.p, nonce.n);
	out->status = (char)status.p[0];
	out->fail_info = info.n == 1 ? (char)info.p[0] : '-';
	out->echoed = blob_eq(value_of(cms, PKIMESSAGE_OID_RECIPIENT_NONCE),
			  blob_str(m->nonce)) &&
	    blob_eq(value_of(cms, PKIMESSAGE_OID_TRANSACTION),
		blob_str(m->transaction));
	assert_int_equal(cms->has_content, out->status == '0');
	if (out->status == '0')
		read_certificate(m, cms, out);
	cms_signed_free(cms);
}

/* The server with or without RenewalReq, asked once. */
static void
ask(struct db *db, bool renewal_requests, const struct message *m,
    struct reply *out)
{
	struct conf conf = conf_of(renewal_requests);
	struct scep scep = { .conf = &conf, .db = db, .ca = ca };
	struct buf message, reply;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	buf_init(&reply, CMS_BYTES_MAX);
	write_message(m, &message);
	assert_int_equal(
	    operation_pki(&scep, buf_blob(&message), "192.0.2.1", &reply), OK);
	read_reply(m, buf_blob(&reply), out);
	assert_true(out->echoed);
	buf_release(&message);
	buf_release(&reply);
}

static void
assert_granted(struct db *db, bool renewal_requests, const struct message *m,
    struct reply *out)
{
	ask(db, renewal_requests, m, out);
	assert_int_equal(out->status, '0');
}

/* FAILURE with this failInfo, and this code at the end of the trail. */
static void
assert_refused(struct db *db, bool renewal_requests, const struct message *m,
    char fail_info, const char *code)
{
	int before = storefix_sql(db, "SELECT count(*) FROM certificates");
	struct reply reply;
	char sql[256];

	ask(db, renewal_requests, m, &reply);
	assert_int_equal(reply.status, '2');
	assert_int_equal(reply.fail_info, fail_info);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM certificates"), before);
	snprintf(sql, sizeof(sql),
	    "SELECT code = '%s' AND step = 'scep' AND outcome = 'refused'"
	    " FROM trail ORDER BY id DESC LIMIT 1",
	    code);
	assert_int_equal(storefix_sql(db, sql), 1);
}

/* What the trail says last. */
static void
assert_reason(struct db *db, const char *reason)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	    "SELECT reason = '%s' FROM trail ORDER BY id DESC LIMIT 1", reason);
	assert_int_equal(storefix_sql(db, sql), 1);
}

static void
open_enrollment(struct db *db, enum enrollment_purpose purpose,
    struct enrollment *e, char challenge[SCEP_CHALLENGES_TEXT])
{
	*e = (struct enrollment){ .source = purpose == ENROLLMENT_RENEW
		    ? ENROLLMENT_COMMAND
		    : ENROLLMENT_ADE,
		.purpose = purpose,
		.method = ENROLLMENT_SCEP,
		.serial = SERIAL };
	WRITE(db, enrollments_create(db, e, 24));
	WRITE(db, scep_challenges_create(db, e->id, challenge));
}

/* An assigned device with its challenge. */
static void
begin(struct db *db, char challenge[SCEP_CHALLENGES_TEXT])
{
	struct ade_device d = { .source = "test", .serial = SERIAL };
	struct enrollment e;

	WRITE(db, ade_devices_put(db, &d));
	open_enrollment(db, ENROLLMENT_ENROLL, &e, challenge);
}

static void
test_reply(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct reply one, two;
	struct message m;

	begin(db, challenge);
	m = message_of(&first, challenge);
	assert_granted(db, false, &m, &one);
	assert_granted(db, false, &m, &two);
	assert_string_equal(one.sha256, two.sha256);
	assert_memory_not_equal(
	    one.sender_nonce, two.sender_nonce, PKIMESSAGE_NONCE);
	assert_memory_not_equal(one.sender_nonce, NONCE, PKIMESSAGE_NONCE);
	assert_int_equal(
	    storefix_sql(db, "SELECT state = 'issued' FROM enrollments"), 1);
	storefix_sql(db, "UPDATE enrollments SET state = 'revoked'");
	assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
}

/* mdm-75: what was revoked or replaced meanwhile is not given out again. */
static void
test_answered_again(void **state)
{
	static const char *const over[] = { "revoked", "retired" };
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], text[128];
	struct reply one, two;
	struct message m;
	size_t i;

	begin(db, challenge);
	m = message_of(&first, challenge);
	assert_granted(db, false, &m, &one);
	for (i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		snprintf(text, sizeof(text),
		    "UPDATE certificates SET state = '%s'", over[i]);
		storefix_sql(db, text);
		assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
		snprintf(text, sizeof(text), "the certificate is %s", over[i]);
		assert_reason(db, text);
	}
	storefix_sql(db, "UPDATE certificates SET state = 'current'");
	assert_granted(db, false, &m, &two);
	assert_string_equal(one.sha256, two.sha256);
}

/* mdm-80: the kinds of message that are not served, each answered in kind. */
static void
test_types(void **state)
{
	static const char *const types[] = { "0", "3", "17", "18", "20", "21",
		"22", "99", "999", "1900", "-1", "1 9", "" };
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct message m;
	size_t i;

	begin(db, challenge);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		m = message_of(&first, challenge);
		m.type = types[i];
		assert_refused(db, false, &m, '2', "SCEP_REQUEST");
	}
	m = message_of(&first, challenge);
	m.type = "\x13";
	m.type_tag = 0x02;
	assert_refused(db, false, &m, '2', "SCEP_REQUEST");
	assert_reason(db, "no usable message type");
	m = message_of(&first, challenge);
	m.nonce = "";
	assert_refused(db, false, &m, '2', "SCEP_REQUEST");
	assert_reason(db, "no usable nonce");
}

/* mdm-79 */
static void
test_keys(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], other[SCEP_CHALLENGES_TEXT];
	struct enrollment e;
	struct reply reply;
	struct message m;

	begin(db, challenge);
	m = message_of(&second, challenge);
	m.signer = &first;
	/* whatever a stranger wraps, he hears the same */
	assert_refused(db, false, &m, '1', "SCEP_MESSAGE");
	assert_reason(
	    db, "the request''s key is not the one that signed for it");
	m.subject = &small;
	assert_refused(db, false, &m, '1', "SCEP_MESSAGE");
	m.subject = &curve;
	assert_refused(db, false, &m, '1', "SCEP_MESSAGE");
	m.subject = &first;
	assert_granted(db, false, &m, &reply);
	open_enrollment(db, ENROLLMENT_ENROLL, &e, other);
	m.challenge = other;
	m.transaction = "T2";
	assert_refused(db, false, &m, '2', "SCEP_REQUEST");
}

/* mdm-76 */
static void
test_challenges(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct reply reply;
	struct message m;

	begin(db, challenge);
	m = message_of(&first, NULL);
	assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	assert_reason(db, "there is no challenge");
	m.challenge = "wrong";
	assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	m.challenge = challenge;
	assert_granted(db, false, &m, &reply);
	m.transaction = "T2";
	assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	assert_reason(db, "the challenge was used");
	m = message_of(&second, challenge);
	assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
}

/* mdm-76: what became of the enrollment since its profile was handed out. */
static void
test_enrollment_is_over(void **state)
{
	static const struct {
		const char *spoil, *reason;
	} faults[] = {
		{ "state = 'revoked'", "the enrollment is revoked" },
		{ "state = 'enrolled'", "the enrollment is enrolled" },
		{ "state = 'open', expires_at = 1",
		    "the enrollment is expired" },
	};
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], sql[128];
	struct message m;
	size_t i;

	begin(db, challenge);
	m = message_of(&first, challenge);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE enrollments SET %s",
		    faults[i].spoil);
		storefix_sql(db, sql);
		assert_refused(db, false, &m, '2', "SCEP_CHALLENGE");
		assert_reason(db, faults[i].reason);
	}
}

/* A host that an administrator blocked since its profile was handed out. */
static void
test_blocked_host(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct reply reply;
	struct message m;
	struct host h;

	begin(db, challenge);
	storefix_host(db, SERIAL, 1, &h);
	m = message_of(&first, challenge);
	storefix_sql(db, "UPDATE hosts SET state = 'blocked'");
	assert_refused(db, false, &m, '2', "MDM_BLOCKED");
	storefix_sql(db, "UPDATE hosts SET state = 'unenrolled'");
	assert_granted(db, false, &m, &reply);
}

/* Reads the message, and says why it is refused; "" when it is not. */
static const char *
fault_of(const struct message *m, bool older)
{
	struct pkimessage parsed;
	struct buf message;
	int r;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	write_message(m, &message);
	log_forget_reason();
	assert_int_equal(pkimessage_parse(buf_blob(&message), &parsed), OK);
	r = pkimessage_verify(&parsed, older);
	assert_true(r == OK || r == ERR_SCEP_REQUEST);
	if (r == OK && m->junk_bytes == 0)
		assert_string_equal(parsed.transaction_id, m->transaction);
	pkimessage_release(&parsed);
	buf_release(&message);
	return r == OK ? "" : log_reason();
}

/* Both come back in the answer, and the one is kept in the database. */
static void
test_transactions_and_nonces(void **state)
{
	static const char *const junk[] = { "\0", "\n", "\x1f", "\x7f", "\x80",
		"\0A" };
	static const size_t bytes[] = { 1, 1, 1, 1, 1, 2 };
	struct message m = message_of(&first, "challenge");
	size_t i;

	(void)state;
	assert_string_equal(fault_of(&m, false), "");
	for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		m.junk = junk[i];
		m.junk_bytes = bytes[i];
		assert_string_equal(
		    fault_of(&m, false), "no usable transaction id");
	}
	m = message_of(&first, "challenge");
	m.transaction = "";
	assert_string_equal(fault_of(&m, false), "no usable transaction id");
	m = message_of(&first, "challenge");
	m.nonce = NONCE "g";
	assert_string_equal(fault_of(&m, false), "no usable nonce");
	assert_string_equal(fault_of(&m, true), "no usable nonce");
	m.nonce = "0123456789abcde";
	assert_string_equal(fault_of(&m, false), "no usable nonce");
	assert_string_equal(fault_of(&m, true), "");
	m.nonce = "01234567";
	assert_string_equal(fault_of(&m, true), "");
	m.nonce = "0123456";
	assert_string_equal(fault_of(&m, true), "no usable nonce");
}

/* An enrolled host, its client with the certificate it got, and a renewal. */
struct renewing {
	struct client client;
	uint8_t sha256[SECRET_SHA256];
	struct host host;
	struct enrollment renewal;
	char challenge[SCEP_CHALLENGES_TEXT];
};

/* The client signs from now on with the certificate that it was given. */
static void
take_certificate(struct db *db, const char *hex, struct renewing *r)
{
	struct certificate c;
	struct buf sha256;

	buf_init(&sha256, SECRET_SHA256);
	assert_int_equal(enc_hex_decode(blob_str(hex), &sha256), OK);
	memcpy(r->sha256, sha256.p, SECRET_SHA256);
	buf_release(&sha256);
	assert_int_equal(certificates_load(db, r->sha256, &c), OK);
	r->client = first;
	assert_int_equal(x509_parse(c.der, &r->client.crt), OK);
	certificates_release(&c);
}

static void
enroll(struct db *db, struct renewing *r)
{
	struct host_identity identity = { .serial = SERIAL,
		.udid = "UDID-1",
		.certificate_sha256 = r->sha256 };
	struct host_vitals vitals = { .device_name = "Mac" };
	struct host_tokens tokens = { .push_token = blob_str("token"),
		.push_magic = "magic" };
	char challenge[SCEP_CHALLENGES_TEXT];
	struct message m;
	struct reply reply;
	bool is_first;

	begin(db, challenge);
	m = message_of(&first, challenge);
	assert_granted(db, true, &m, &reply);
	take_certificate(db, reply.sha256, r);
	WRITE(db, certificates_make_current(db, r->sha256));
	identity.enrollment_id = "e";
	WRITE(db, hosts_authenticate(db, &identity, &vitals, &r->host));
	WRITE(db, hosts_token_update(db, r->host.id, &tokens, &is_first));
}

static void
open_renewal(struct db *db, struct renewing *r)
{
	open_enrollment(db, ENROLLMENT_RENEW, &r->renewal, r->challenge);
	WRITE(db, renewals_open(db, r->host.id, r->renewal.id, "uuid"));
}

/* RenewalReq for a new key, signed by the present certificate. */
static struct message
renewal_of(const struct renewing *r)
{
	struct message m = message_of(&second, NULL);

	m.signer = &r->client;
	m.type = "17";
	return m;
}

static void
release(struct renewing *r)
{
	x509_free(r->client.crt);
}

static void
test_renewal_request(void **state)
{
	struct db *db = storefix_db(state);
	struct reply reply, again;
	struct renewing r;
	struct message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	assert_refused(db, false, &m, '2', "SCEP_REQUEST");
	assert_granted(db, true, &m, &reply);
	assert_granted(db, true, &m, &again);
	assert_string_equal(reply.sha256, again.sha256);
	assert_int_equal(
	    storefix_sql(db,
		"SELECT count(*) FROM certificates c JOIN enrollments e"
		" ON e.id = c.enrollment_id WHERE c.purpose = 'renew'"
		" AND c.serial = '" SERIAL "' AND e.purpose = 'renew'"),
	    1);
	m.transaction = "T2";
	assert_refused(db, true, &m, '2', "SCEP_CHALLENGE");
	m = message_of(&second, r.challenge);
	m.transaction = "T3";
	assert_refused(db, true, &m, '2', "SCEP_CHALLENGE");
	release(&r);
}

/* mdm-83: the key that is certified already is no new one. */
static void
test_renewal_of_same_key(void **state)
{
	struct db *db = storefix_db(state);
	struct renewing r;
	struct message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	m.subject = &first;
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	m.subject = &curve;
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	assert_reason(db, "the request''s key is not RSA");
	release(&r);
}

/* mdm-83: neither a stranger's certificate nor one that names ours. */
static void
test_renewal_by_stranger(void **state)
{
	struct db *db = storefix_db(state);
	struct client copy = second;
	struct renewing r;
	struct message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	m.signer = &second;
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	copy.crt = r.client.crt;
	m.signer = &copy;
	assert_refused(db, true, &m, '1', "SCEP_MESSAGE");
	release(&r);
}

static void
test_renewal_not_open(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment acme = { .source = ENROLLMENT_COMMAND,
		.purpose = ENROLLMENT_RENEW,
		.method = ENROLLMENT_ACME,
		.serial = SERIAL };
	struct renewing r;
	struct message m;

	enroll(db, &r);
	m = renewal_of(&r);
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	WRITE(db, enrollments_create(db, &acme, 24));
	WRITE(db, renewals_open(db, r.host.id, acme.id, "uuid"));
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	assert_reason(db, "the open renewal is not for SCEP");
	/* one that is over leaves its row */
	storefix_sql(db, "UPDATE renewals SET enrollment_id = NULL");
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	assert_reason(
	    db, "host " SERIAL " asks for a renewal, but none is open");
	release(&r);
}

/* A message that was refused before the renewal was opened comes again. */
static void
test_renewal_replayed(void **state)
{
	struct db *db = storefix_db(state);
	struct renewing r;
	struct message m;
	struct reply reply;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	storefix_sql(db, "UPDATE renewals SET opened_at = opened_at + 3700");
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	storefix_sql(db, "UPDATE renewals SET opened_at = opened_at - 200");
	/* nobody knows which of two times is true */
	m.second_time = true;
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	assert_reason(db,
	    "the message has no signing time, or was signed before the renewal "
	    "was opened");
	m.second_time = false;
	assert_granted(db, true, &m, &reply);
	release(&r);
}

/* mdm-83: a certificate that is not in use any more asks for nothing. */
static void
test_renewal_by_old_certificate(void **state)
{
	static const struct {
		const char *spoil, *mend;
	} faults[] = {
		{ "UPDATE certificates SET state = 'revoked'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET state = 'retired'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET state = 'issued'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET not_after = not_after - 366 * 86400",
		    "UPDATE certificates SET not_after = not_after"
		    " + 366 * 86400" },
		{ "UPDATE certificates SET not_before = not_before + 86400",
		    "UPDATE certificates SET not_before = not_before - 86400" },
		{ "UPDATE hosts SET state = 'unenrolled'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET state = 'blocked'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET state = 'pending'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET certificate_sha256 = NULL",
		    "UPDATE hosts SET certificate_sha256 ="
		    " (SELECT sha256 FROM certificates)" },
		{ "UPDATE hosts SET serial = 'C02OTHER0001'",
		    "UPDATE hosts SET serial = '" SERIAL "'" },
		{ "UPDATE hosts SET certificate_sha256 = zeroblob(32)",
		    "UPDATE hosts SET certificate_sha256 ="
		    " (SELECT sha256 FROM certificates)" },
	};
	struct db *db = storefix_db(state);
	struct renewing r;
	struct message m;
	struct reply reply;
	size_t i;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		storefix_sql(db, faults[i].spoil);
		assert_refused(db, true, &m, '2', "SCEP_REQUEST");
		storefix_sql(db, faults[i].mend);
	}
	assert_granted(db, true, &m, &reply);
	release(&r);
}

/* The key of the first client, in SQL. */
static void
key_of_first(char out[HEX])
{
	uint8_t sha256[SECRET_SHA256];
	struct buf spki, hex;

	buf_init(&spki, X509_DER_MAX);
	buf_init(&hex, HEX);
	assert_int_equal(x509_spki(first.crt, &spki), OK);
	secret_sha256(buf_blob(&spki), sha256);
	enc_hex(blob_of(sha256, sizeof(sha256)), &hex);
	snprintf(out, HEX, "%s", buf_str(&hex));
	buf_release(&spki);
	buf_release(&hex);
}

/* One that is over by the time of the commit gets nothing: all is as it was. */
static void
test_changed_meanwhile(void **state)
{
	static const struct {
		const char *change, *back, *code, *reason;
	} changes[] = {
		{ "UPDATE ade_devices SET removed_at = 1",
		    "UPDATE ade_devices SET removed_at = NULL",
		    "ENROLL_UNASSIGNED", NULL },
		{ "UPDATE hosts SET state = 'blocked'",
		    "UPDATE hosts SET state = 'enrolled'", "MDM_BLOCKED",
		    NULL },
		{ "INSERT INTO settings VALUES"
		  " ('apple_require_hardware_attestation', 'true', 1, 'x'),"
		  " ('apple_business_enrollments_only', 'true', 1, 'x')",
		    "DELETE FROM settings", "ENROLL_DOWNGRADE", NULL },
		{ "UPDATE enrollments SET state = 'revoked'"
		  " WHERE id = (SELECT enrollment_id FROM scep_challenges"
		  " WHERE used_at IS NULL)",
		    "UPDATE enrollments SET state = 'open'", "SCEP_CHALLENGE",
		    "the enrollment is revoked" },
		{ "UPDATE scep_challenges SET used_at = 1, transaction_id = 'x'"
		  " WHERE used_at IS NULL",
		    "UPDATE scep_challenges SET used_at = NULL"
		    " WHERE transaction_id = 'x'",
		    "SCEP_CHALLENGE",
		    "challenge or enrollment was used meanwhile" },
	};
	struct db *db = storefix_db(state);
	char other[SCEP_CHALLENGES_TEXT], challenge[SCEP_CHALLENGES_TEXT];
	char key[HEX], sql[256];
	struct enrollment e;
	struct message m;
	struct reply reply;
	struct host h;
	size_t i;

	begin(db, other);
	m = message_of(&second, other);
	assert_granted(db, false, &m, &reply);
	storefix_host(db, SERIAL, 1, &h);
	open_enrollment(db, ENROLLMENT_ENROLL, &e, challenge);
	m = message_of(&first, challenge);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		storefix_meanwhile(state, changes[i].change);
		assert_refused(db, false, &m, '2', changes[i].code);
		storefix_meanwhile_end(state);
		if (changes[i].reason != NULL)
			assert_reason(db, changes[i].reason);
		storefix_sql(db, changes[i].back);
	}
	/* mdm-79 */
	key_of_first(key);
	snprintf(sql, sizeof(sql),
	    "UPDATE certificates SET spki_sha256 = x'%s'", key);
	storefix_meanwhile(state, sql);
	assert_refused(db, false, &m, '2', "SCEP_REQUEST");
	storefix_meanwhile_end(state);
	assert_reason(db, "the request''s key was certified before");
	storefix_sql(db, "UPDATE certificates SET spki_sha256 = zeroblob(32)");
	assert_granted(db, false, &m, &reply);
}

static void
test_renewal_changed_meanwhile(void **state)
{
	static const struct {
		const char *change, *back;
	} changes[] = {
		{ "UPDATE renewals SET enrollment_id = NULL", NULL },
		{ "UPDATE certificates SET state = 'revoked'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE hosts SET state = 'unenrolled'",
		    "UPDATE hosts SET state = 'enrolled'" },
	};
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], sql[256];
	struct enrollment other;
	struct renewing r;
	struct message m;
	struct reply reply;
	size_t i;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		storefix_meanwhile(state, changes[i].change);
		assert_refused(db, true, &m, '2', "SCEP_REQUEST");
		storefix_meanwhile_end(state);
		if (changes[i].back != NULL)
			storefix_sql(db, changes[i].back);
		else
			WRITE(db,
			    renewals_open(db, r.host.id, r.renewal.id, "uuid"));
	}
	open_enrollment(db, ENROLLMENT_RENEW, &other, challenge);
	snprintf(sql, sizeof(sql), "UPDATE renewals SET enrollment_id = '%s'",
	    other.id);
	storefix_meanwhile(state, sql);
	assert_refused(db, true, &m, '2', "SCEP_REQUEST");
	storefix_meanwhile_end(state);
	assert_reason(db, "another renewal was opened meanwhile");
	assert_granted(db, true, &m, &reply);
	release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { STOREFIX_TEST(test_reply),
		STOREFIX_TEST(test_answered_again), STOREFIX_TEST(test_types),
		STOREFIX_TEST(test_keys), STOREFIX_TEST(test_challenges),
		STOREFIX_TEST(test_enrollment_is_over),
		STOREFIX_TEST(test_blocked_host),
		cmocka_unit_test(test_transactions_and_nonces),
		STOREFIX_TEST(test_changed_meanwhile),
		STOREFIX_TEST(test_renewal_request),
		STOREFIX_TEST(test_renewal_of_same_key),
		STOREFIX_TEST(test_renewal_by_stranger),
		STOREFIX_TEST(test_renewal_not_open),
		STOREFIX_TEST(test_renewal_replayed),
		STOREFIX_TEST(test_renewal_by_old_certificate),
		STOREFIX_TEST(test_renewal_changed_meanwhile) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
