#include "scepfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "wire/csr.h"
#include "wire/in_der.h"
#include "wire/out_der.h"
#include "wire/signed_out.h"
#include "wire/x509.h"

static char folder[] = "/tmp/attestmdm-scep-XXXXXX";
static char key_path[64], certificate_path[64];
static struct authority *ca;
struct scepfix_client scepfix_first, scepfix_second, scepfix_small,
    scepfix_curve;

static void
client_make(struct scepfix_client *c, gnutls_pk_algorithm_t kind, unsigned bits)
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
client_release(struct scepfix_client *c)
{
	gnutls_x509_crt_deinit(c->crt);
	gnutls_privkey_deinit(c->key);
	gnutls_x509_privkey_deinit(c->rsa);
}

int
scepfix_setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(key_path, sizeof key_path, "%s/ca.key", folder);
	snprintf(
	    certificate_path, sizeof certificate_path, "%s/ca.pem", folder);
	client_make(&scepfix_first, GNUTLS_PK_RSA, 2048);
	client_make(&scepfix_second, GNUTLS_PK_RSA, 2048);
	client_make(&scepfix_small, GNUTLS_PK_RSA, 1024);
	client_make(&scepfix_curve, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1));
	if (authority_create(key_path, certificate_path, "SCEP", "Example",
		KEY_RSA_3072, 10) != OK)
		return -1;
	return authority_load(key_path, certificate_path, &ca);
}

int
scepfix_teardown(void **state)
{
	(void)state;
	authority_free(ca);
	client_release(&scepfix_first);
	client_release(&scepfix_second);
	client_release(&scepfix_small);
	client_release(&scepfix_curve);
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
write_request(const struct scepfix_message *m, struct buf *out)
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

void
scepfix_write(const struct scepfix_message *m, struct buf *out)
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

struct scepfix_message
scepfix_message(const struct scepfix_client *c, const char *challenge)
{
	return (struct scepfix_message){ .subject = c,
		.signer = c,
		.challenge = challenge,
		.transaction = "T1",
		.type = "19",
		.type_tag = IN_DER_PRINTABLE,
		.nonce = SCEPFIX_NONCE };
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
read_certificate(const struct scepfix_message *m, const struct cms_signed *cms,
    struct scepfix_reply *out)
{
	enum enveloped_cipher cipher;
	uint8_t sha256[SECRET_SHA256];
	gnutls_pkcs7_t inner;
	gnutls_datum_t data, der;
	struct buf content, hex;

	buf_init(&content, CMS_BYTES_MAX);
	buf_init(&hex, SCEPFIX_HEX);
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
	enc_hex(blob_of(sha256, sizeof sha256), &hex);
	snprintf(out->sha256, sizeof out->sha256, "%s", buf_str(&hex));
	gnutls_free(der.data);
	gnutls_pkcs7_deinit(inner);
	buf_release(&content);
	buf_release(&hex);
}

void
scepfix_read(
    const struct scepfix_message *m, struct blob in, struct scepfix_reply *out)
{
	struct cms_signed *cms;
	struct blob status, info, nonce, der;
	struct buf own;

	*out = (struct scepfix_reply){ 0 };
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
	assert_int_equal(nonce.n, sizeof out->sender_nonce);
	memcpy(out->sender_nonce, nonce.p, nonce.n);
	out->status = (char)status.p[0];
	out->fail_info = info.n == 1 ? (char)info.p[0] : '-';
	out->echoed = blob_eq(value_of(cms, PKIMESSAGE_OID_RECIPIENT_NONCE),
			  blob_str(m->nonce)) &&
	    blob_eq(value_of(cms, PKIMESSAGE_OID_TRANSACTION),
		blob_str(m->transaction));
	assert_true(cms->has_content);
	assert_int_equal(cms->content.n > 0, out->status == '0');
	if (out->status == '0')
		read_certificate(m, cms, out);
	cms_signed_free(cms);
}

int
scepfix_serve(struct db *db, bool renewal_requests, struct blob message,
    struct buf *reply)
{
	struct conf conf = conf_of(renewal_requests);
	struct scep scep = { .context = { .conf = &conf,
				 .db = db,
				 .step = PKCSREQ_STEP,
				 .remote_address = "192.0.2.1" },
		.ca = ca,
		.issuer = ca,
		.crl_file = "scep.crl" };

	return operation_pki(&scep, message, reply);
}

/* The server with or without RenewalReq, asked once. */
void
scepfix_ask(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, struct scepfix_reply *out)
{
	struct buf message, reply;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	buf_init(&reply, CMS_BYTES_MAX);
	scepfix_write(m, &message);
	assert_int_equal(
	    scepfix_serve(db, renewal_requests, buf_blob(&message), &reply),
	    OK);
	scepfix_read(m, buf_blob(&reply), out);
	assert_true(out->echoed);
	buf_release(&message);
	buf_release(&reply);
}

void
scepfix_granted(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, struct scepfix_reply *out)
{
	scepfix_ask(db, renewal_requests, m, out);
	assert_int_equal(out->status, '0');
}

/* FAILURE with this failInfo, and this code at the end of the event log. */
void
scepfix_refused(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, char fail_info, const char *code)
{
	int before = storefix_sql(db, "SELECT count(*) FROM certificates");
	struct scepfix_reply reply;
	char sql[256];

	scepfix_ask(db, renewal_requests, m, &reply);
	assert_int_equal(reply.status, '2');
	assert_int_equal(reply.fail_info, fail_info);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM certificates"), before);
	snprintf(sql, sizeof sql,
	    "SELECT code = '%s' AND step = 'scep' AND outcome = 'refused'"
	    " FROM events ORDER BY id DESC LIMIT 1",
	    code);
	assert_int_equal(storefix_sql(db, sql), 1);
}

/* What the event log says last. */
void
scepfix_reason(struct db *db, const char *reason)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "SELECT reason = '%s' FROM events ORDER BY id DESC LIMIT 1",
	    reason);
	assert_int_equal(storefix_sql(db, sql), 1);
}

void
scepfix_open(struct db *db, enum enrollment_purpose purpose,
    struct enrollment *e, char challenge[SCEP_CHALLENGES_TEXT])
{
	*e = (struct enrollment){ .source = purpose == ENROLLMENT_RENEW
		    ? ENROLLMENT_COMMAND
		    : ENROLLMENT_ADE,
		.purpose = purpose,
		.method = ENROLLMENT_SCEP,
		.device.serial = SCEPFIX_SERIAL };
	WRITE(db, enrollments_create(db, e, 24));
	WRITE(db, scep_challenges_create(db, e->id, challenge));
}

/* An assigned device with its challenge. */
void
scepfix_begin(struct db *db, char challenge[SCEP_CHALLENGES_TEXT])
{
	struct ade_device d = { .account = ADE_DEVICES_FILE,
		.serial = SCEPFIX_SERIAL };
	struct enrollment e;

	WRITE(db, ade_devices_put(db, &d));
	scepfix_open(db, ENROLLMENT_ENROLL, &e, challenge);
}
