#include <stdio.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/der.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/scep_message.h"
#include "sim/forge/keypair.h"

/* VeriSign's attributes */
#define MESSAGE_TYPE    "2.16.840.1.113733.1.9.2"
#define PKI_STATUS      "2.16.840.1.113733.1.9.3"
#define FAIL_INFO       "2.16.840.1.113733.1.9.4"
#define SENDER_NONCE    "2.16.840.1.113733.1.9.5"
#define RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define TRANSACTION_ID  "2.16.840.1.113733.1.9.7"
#define FAIL_INFO_TEXT  "1.3.6.1.5.5.7.24.1"

/* Bytes of a challenge that is longer than any. */
#define LONG_CHALLENGE 256

void
scep_message_init(struct scep_message *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->certificate, SCRATCH_MAX);
}

void
scep_message_release(struct scep_message *m)
{
	EVP_PKEY_free(m->signer);
	buf_release(&m->certificate);
	scep_message_init(m);
}

/* A certificate by itself, for nobody: its subject is a random UUID. */
static int
make_certificate(struct scep_message *m)
{
	char uuid[KEYPAIR_UUID];
	struct cert_rdn cn = { "2.5.4.3", DER_PRINTABLE, uuid };
	SCRATCH_BUF(name);
	SCRATCH_BUF(extensions);

	keypair_uuid(uuid);
	cert_name(&name, &cn, 1);
	cert_usage(&extensions, 0xa0);
	return cert_sign(
	    &(struct cert){
		.subject = buf_blob(&name),
		.key = m->signer,
		.extensions = buf_blob(&extensions),
	    },
	    NULL, &m->certificate);
}

int
scep_message_prepare(struct scep_message *m)
{
	unsigned char *der = NULL;
	SCRATCH_BUF(md);
	int n, r = OK;

	/* A small key would not get past the signature of the message. */
	if (fault_on(m->faults, FAULT_SCEP_OTHER_SIGNER) ||
	    fault_on(m->faults, FAULT_SCEP_SMALL_KEY))
		r = keypair_make("RSA-2048", &m->signer);
	else
		m->signer = keypair_share(m->key);
	if (r != OK || (r = make_certificate(m)) != OK)
		return r;
	/* The transaction: SHA-1 of the bare public key, in capitals. */
	if ((n = i2d_PublicKey(m->key, &der)) <= 0)
		return fail(ERR_CRYPTO, "the key has no public part");
	r = keypair_digest("sha1", blob_of(der, (size_t)n), &md);
	for (size_t i = 0; i < md.n && 2 * i + 2 < sizeof m->transaction; i++)
		snprintf(m->transaction + 2 * i, 3, "%02X", md.p[i]);
	OPENSSL_free(der);
	return r;
}

static int
write_request(const struct scep_message *m, struct buf *out)
{
	const struct faults *f = m->faults;
	char padded[LONG_CHALLENGE + 1] = "";
	struct faults odd = { 0 };
	struct cert_request csr = {
		.key = m->key,
		.subject = m->subject,
		.digest = m->digest,
		.usage = m->usage,
		.challenge = m->challenge,
		.challenge_twice = fault_on(f, FAULT_SCEP_TWO_CHALLENGES),
		.faults = &odd,
	};

	if (m->request.n > 0)
		return buf_add_blob(out, m->request);
	if (fault_on(f, FAULT_SCEP_NO_CHALLENGE))
		csr.challenge = NULL;
	if (fault_on(f, FAULT_SCEP_WRONG_CHALLENGE))
		csr.challenge = "0123456789abcdefghijABCDEFGHIJXY";
	if (fault_on(f, FAULT_SCEP_LONG_CHALLENGE))
		csr.challenge = memset(padded, 'A', LONG_CHALLENGE);
	if (fault_on(f, FAULT_SCEP_CSR_SHA1))
		csr.digest = "sha1";
	odd.on[FAULT_CSR_BAD_SIGNATURE] =
	    fault_on(f, FAULT_SCEP_CSR_BAD_SIGNATURE);
	odd.on[FAULT_CSR_CA_TRUE] = fault_on(f, FAULT_SCEP_CA_TRUE);
	return cert_request(&csr, out);
}

/* A certificate of the CA's name and serial number with a key of our own. */
static int
forge_ca(struct blob ca, struct buf *out)
{
	const unsigned char *p = ca.p;
	X509 *crt = d2i_X509(NULL, &p, (long)ca.n);
	unsigned char *der = NULL;
	SCRATCH_KEY(key);
	int n = 0, r = keypair_make("RSA-3072", &key);

	if (r == OK && crt != NULL && X509_set_pubkey(crt, key) == 1 &&
	    X509_sign(crt, key, EVP_sha256()) > 0)
		n = i2d_X509(crt, &der);
	if (n > 0)
		r = buf_add(out, der, (size_t)n);
	else if (r == OK)
		r = fail(ERR_CRYPTO, "cannot forge a certificate");
	OPENSSL_free(der);
	X509_free(crt);
	return r;
}

static int
write_envelope(const struct scep_message *m, struct buf *out)
{
	const struct faults *f = m->faults;
	const char *cipher = m->cipher;
	struct blob recipient = m->ca;
	SCRATCH_BUF(request);
	SCRATCH_BUF(forged);
	int r = write_request(m, &request);

	if (fault_on(f, FAULT_SCEP_DES3))
		cipher = "DES-EDE3-CBC";
	if (fault_on(f, FAULT_SCEP_AES256))
		cipher = "AES-256-CBC";
	if (fault_on(f, FAULT_SCEP_OTHER_RECIPIENT))
		recipient = buf_blob(&m->certificate);
	if (r == OK && fault_on(f, FAULT_SCEP_WRONG_KEY)) {
		r = forge_ca(m->ca, &forged);
		recipient = buf_blob(&forged);
	}
	if (r != OK)
		return r;
	return cms_message_seal(recipient, cipher, buf_blob(&request), out);
}

/* What was sent in these attributes: the answer has to repeat it. */
static struct blob
sent_transaction(const struct scep_message *m)
{
	if (fault_on(m->faults, FAULT_SCEP_NO_ATTRIBUTES) ||
	    fault_on(m->faults, FAULT_SCEP_NO_TRANSACTION))
		return blob_of(NULL, 0);
	return blob_str(m->transaction);
}

static struct blob
sent_nonce(const struct scep_message *m)
{
	if (fault_on(m->faults, FAULT_SCEP_NO_ATTRIBUTES) ||
	    fault_on(m->faults, FAULT_SCEP_NO_NONCE))
		return blob_of(NULL, 0);
	return blob_of(m->nonce,
	    fault_on(m->faults, FAULT_SCEP_SHORT_NONCE) ? SCEP_MESSAGE_NONCE / 2
							: SCEP_MESSAGE_NONCE);
}

/* `value` is a buffer for the attribute's DER. */
static void
add_attribute(struct cms_message *cms, const char *oid, uint8_t tag,
    struct blob text, struct buf *value)
{
	if (text.n == 0)
		return;
	der_put(value, tag, text);
	cms->more[cms->more_count].oid = oid;
	cms->more[cms->more_count++].value = buf_blob(value);
}

static int
sign(const struct scep_message *m, struct blob envelope, struct buf *out)
{
	const struct faults *f = m->faults;
	struct cms_message cms = {
		.key = m->signer,
		.signer = buf_blob(&m->certificate),
		.digest = fault_on(f, FAULT_SCEP_SHA1) ? "sha1" : m->digest,
		.attributes = !fault_on(f, FAULT_SCEP_NO_ATTRIBUTES),
	};
	const char *type = "19";
	SCRATCH_BUF(type_value);
	SCRATCH_BUF(transaction);
	SCRATCH_BUF(nonce);

	if (fault_on(f, FAULT_SCEP_RENEWAL))
		type = "17";
	if (fault_on(f, FAULT_SCEP_POLL))
		type = "20";
	add_attribute(
	    &cms, MESSAGE_TYPE, DER_PRINTABLE, blob_str(type), &type_value);
	add_attribute(&cms, TRANSACTION_ID, DER_PRINTABLE, sent_transaction(m),
	    &transaction);
	add_attribute(&cms, SENDER_NONCE, DER_OCTETS, sent_nonce(m), &nonce);
	return cms_message_sign(&cms, envelope, out);
}

int
scep_message_write(struct scep_message *m, struct buf *out)
{
	/* Of the signature, before three ends of contents. */
	size_t last = 3 * 2 + 1;
	SCRATCH_BUF(envelope);
	int r;

	keypair_random(m->nonce, sizeof m->nonce);
	r = m->envelope.n > 0 ? buf_add_blob(&envelope, m->envelope)
			      : write_envelope(m, &envelope);
	if (r == OK && fault_on(m->faults, FAULT_SCEP_UNSIGNED))
		r = buf_add_blob(out, buf_blob(&envelope));
	else if (r == OK)
		r = sign(m, buf_blob(&envelope), out);
	if (r == OK && fault_on(m->faults, FAULT_SCEP_TAMPERED))
		out->p[out->n - last] ^= 1;
	return r;
}

/* The one value of a signed attribute that is there once; empty otherwise. */
static struct blob
get_attribute(CMS_SignerInfo *signer, const char *oid, int type)
{
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	const ASN1_STRING *value = obj == NULL
	    ? NULL
	    : CMS_signed_get0_data_by_OBJ(signer, obj, -3, type);

	ASN1_OBJECT_free(obj);
	if (value == NULL)
		return blob_of("", 0);
	return blob_of(
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

/* A number of one digit, as all of SCEP's are; -1 when it is none. */
static int
get_digit(CMS_SignerInfo *signer, const char *oid)
{
	struct blob text = get_attribute(signer, oid, V_ASN1_PRINTABLESTRING);

	if (text.n != 1 || text.p[0] < '0' || text.p[0] > '9')
		return -1;
	return text.p[0] - '0';
}

static int
read_attributes(const struct scep_message *m, CMS_SignerInfo *signer,
    struct scep_message_reply *out)
{
	struct blob transaction =
	    get_attribute(signer, TRANSACTION_ID, V_ASN1_PRINTABLESTRING);
	struct blob nonce =
	    get_attribute(signer, RECIPIENT_NONCE, V_ASN1_OCTET_STRING);

	if (get_digit(signer, MESSAGE_TYPE) != 3)
		return fail(ERR_MALFORMED, "the answer is no CertRep");
	out->status = get_digit(signer, PKI_STATUS);
	if (out->status != SCEP_MESSAGE_SUCCESS &&
	    out->status != SCEP_MESSAGE_FAILURE &&
	    out->status != SCEP_MESSAGE_PENDING)
		return fail(ERR_MALFORMED, "the answer has no status");
	if (!blob_eq(transaction, sent_transaction(m)))
		return fail(ERR_MALFORMED, "the answer is to another request");
	if (!blob_eq(nonce, sent_nonce(m)))
		return fail(ERR_MALFORMED, "the answer has another nonce");
	out->fail_info = get_digit(signer, FAIL_INFO);
	return buf_add_blob(&out->text,
	    get_attribute(signer, FAIL_INFO_TEXT, V_ASN1_UTF8STRING));
}

/* Refusals have no content: their digest is that of nothing. */
static int
verify(CMS_ContentInfo *cms, X509 *ca, struct buf *content)
{
	ASN1_OCTET_STRING **held = CMS_get0_content(cms);
	bool is_empty = held == NULL || *held == NULL;
	BIO *nothing = is_empty ? BIO_new_mem_buf("", 0) : NULL;
	BIO *out = BIO_new(BIO_s_mem());
	STACK_OF(X509) *list = sk_X509_new_null();
	char *data = NULL;
	int r;

	if (out == NULL || list == NULL || sk_X509_push(list, ca) == 0 ||
	    (is_empty && nothing == NULL)) {
		r = fail(ERR_NOMEM, "no memory");
	} else if (CMS_verify(cms, list, NULL, nothing, out,
		       CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) !=
	    1) {
		r = fail(ERR_MALFORMED, "the answer is not signed by the CA");
	} else {
		long n = BIO_get_mem_data(out, &data);

		r = buf_add(content, data, (size_t)n);
	}
	sk_X509_free(list);
	BIO_free(nothing);
	BIO_free(out);
	return r;
}

int
scep_message_read(const struct scep_message *m, struct blob answer,
    struct scep_message_reply *out)
{
	const unsigned char *p = m->ca.p;
	BIO *in = BIO_new_mem_buf(answer.p, (int)answer.n);
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	X509 *crt = d2i_X509(NULL, &p, (long)m->ca.n);
	STACK_OF(CMS_SignerInfo) *signers =
	    cms == NULL ? NULL : CMS_get0_SignerInfos(cms);
	int r;

	out->status = out->fail_info = -1;
	buf_init(&out->text, SCRATCH_MAX);
	buf_init(&out->content, SCRATCH_MAX);
	if (crt == NULL || signers == NULL ||
	    sk_CMS_SignerInfo_num(signers) != 1)
		r = fail(ERR_MALFORMED, "the answer is no signed message");
	else
		r = verify(cms, crt, &out->content);
	if (r == OK)
		r = read_attributes(
		    m, sk_CMS_SignerInfo_value(signers, 0), out);
	X509_free(crt);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return r;
}

int
scep_message_certificate(struct blob message, struct buf *der)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	STACK_OF(X509) *list = cms == NULL ? NULL : CMS_get1_certs(cms);
	unsigned char *bytes = NULL;
	int n = 0, r;

	if (list != NULL && sk_X509_num(list) > 0)
		n = i2d_X509(sk_X509_value(list, 0), &bytes);
	if (n > 0)
		r = buf_add(der, bytes, (size_t)n);
	else
		r = fail(ERR_MALFORMED, "the answer has no certificate");
	OPENSSL_free(bytes);
	sk_X509_pop_free(list, X509_free);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return r;
}

const char *
scep_message_fail_name(int fail_info)
{
	static const char *const names[] = { "badAlg", "badMessageCheck",
		"badRequest", "badTime", "badCertId" };

	if (fail_info < 0 ||
	    (size_t)fail_info >= sizeof names / sizeof names[0])
		return "unknown";
	return names[fail_info];
}
