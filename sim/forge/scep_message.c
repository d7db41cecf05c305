#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/certreq.h"
#include "sim/forge/der.h"
#include "sim/forge/envelope.h"
#include "sim/forge/scep_message.h"
#include "sim/forge/uuid.h"

#define SCEP_MESSAGE_TYPE        "2.16.840.1.113733.1.9.2"
#define SCEP_MESSAGE_SENDER      "2.16.840.1.113733.1.9.5"
#define SCEP_MESSAGE_TRANSACTION "2.16.840.1.113733.1.9.7"

/* Bytes of a challenge that is longer than any */
#define SCEP_MESSAGE_LONG 256

/* The attributes of one message, each with its value. */
struct scep_message_list {
	struct signed_data *cms;
	struct buf values[SIGNED_DATA_ATTRIBUTES];
};

void
scep_message_init(struct scep_message *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->certificate, DER_MAX);
}

void
scep_message_release(struct scep_message *m)
{
	EVP_PKEY_free(m->signer);
	buf_release(&m->certificate);
	scep_message_init(m);
}

static bool
scep_message_on(const struct scep_message *m, enum fault_id id)
{
	return fault_on(m->faults, id);
}

/* A certificate by itself, for nobody: its subject is a random UUID. */
static int
scep_message_certificate(EVP_PKEY *key, struct buf *out)
{
	char uuid[UUID_TEXT];
	struct cert_rdn cn = { "2.5.4.3", DER_PRINTABLE, uuid };
	struct buf extensions;
	int rc;

	buf_init(&extensions, DER_MAX);
	uuid_make(uuid);
	cert_usage(&extensions, 0xa0);
	rc = cert_self_signed(&cn, buf_blob(&extensions), "sha256", key, out);
	buf_release(&extensions);
	return rc;
}

/* SHA-1 of the bare public key, in capitals. */
static int
scep_message_name(struct scep_message *m)
{
	unsigned char *der = NULL;
	int n = i2d_PublicKey(m->key, &der);
	struct buf md;
	int rc;

	if (n <= 0)
		return fail(ERR_CRYPTO, "the key has no public part");
	buf_init(&md, 64);
	rc = keypair_digest("sha1", blob_of(der, (size_t)n), &md);
	for (size_t i = 0; i < md.n && 2 * i + 2 < sizeof m->transaction; i++)
		snprintf(m->transaction + 2 * i, 3, "%02X", md.p[i]);
	OPENSSL_free(der);
	buf_release(&md);
	return rc;
}

int
scep_message_prepare(struct scep_message *m)
{
	int rc = OK;

	/* A small key would not get past the signature of the message. */
	if (scep_message_on(m, FAULT_SCEP_OTHER_SIGNER) ||
	    scep_message_on(m, FAULT_SCEP_SMALL_KEY)) {
		rc = keypair_make("RSA-2048", &m->signer);
	} else {
		m->signer = m->key;
		EVP_PKEY_up_ref(m->signer);
	}
	if (rc == OK)
		rc = scep_message_certificate(m->signer, &m->certificate);
	return rc == OK ? scep_message_name(m) : rc;
}

static int
scep_message_request(const struct scep_message *m, struct buf *out)
{
	char padded[SCEP_MESSAGE_LONG + 1] = "";
	struct faults odd = { 0 };
	struct certreq csr = {
		.key = m->key,
		.subject = buf_blob(&m->profile->subject),
		.digest = m->digest,
		.usage = m->profile->usage,
		.challenge = m->profile->challenge,
		.faults = &odd,
	};

	if (m->request.n > 0)
		return buf_add_blob(out, m->request);
	if (scep_message_on(m, FAULT_SCEP_NO_CHALLENGE))
		csr.challenge = NULL;
	if (scep_message_on(m, FAULT_SCEP_WRONG_CHALLENGE))
		csr.challenge = "0123456789abcdefghijABCDEFGHIJXY";
	if (scep_message_on(m, FAULT_SCEP_LONG_CHALLENGE))
		csr.challenge = memset(padded, 'A', SCEP_MESSAGE_LONG);
	csr.challenge_twice = scep_message_on(m, FAULT_SCEP_TWO_CHALLENGES);
	if (scep_message_on(m, FAULT_SCEP_CSR_SHA1))
		csr.digest = "sha1";
	odd.on[FAULT_CSR_BAD_SIGNATURE] =
	    scep_message_on(m, FAULT_SCEP_CSR_BAD_SIGNATURE);
	odd.on[FAULT_CSR_CA_TRUE] = scep_message_on(m, FAULT_SCEP_CA_TRUE);
	return certreq_write(&csr, out);
}

/* A certificate of the CA's name and serial number with a key of our own. */
static int
scep_message_forge(struct blob ca, struct buf *out)
{
	const unsigned char *p = ca.p;
	X509 *crt = d2i_X509(NULL, &p, (long)ca.n);
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	int n = 0, rc = keypair_make("RSA-3072", &key);

	if (rc == OK && crt != NULL && X509_set_pubkey(crt, key) == 1 &&
	    X509_sign(crt, key, EVP_sha256()) > 0)
		n = i2d_X509(crt, &der);
	if (n > 0)
		rc = buf_add(out, der, (size_t)n);
	else if (rc == OK)
		rc = fail(ERR_CRYPTO, "cannot forge a certificate");
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	X509_free(crt);
	return rc;
}

static int
scep_message_seal(const struct scep_message *m, struct buf *out)
{
	const char *cipher = m->cipher;
	struct blob recipient = m->ca;
	struct buf request, forged;
	int rc;

	buf_init(&request, DER_MAX);
	buf_init(&forged, DER_MAX);
	if (scep_message_on(m, FAULT_SCEP_DES3))
		cipher = "DES-EDE3-CBC";
	if (scep_message_on(m, FAULT_SCEP_AES256))
		cipher = "AES-256-CBC";
	if (scep_message_on(m, FAULT_SCEP_OTHER_RECIPIENT))
		recipient = buf_blob(&m->certificate);
	rc = scep_message_request(m, &request);
	if (rc == OK && scep_message_on(m, FAULT_SCEP_WRONG_KEY)) {
		rc = scep_message_forge(m->ca, &forged);
		recipient = buf_blob(&forged);
	}
	if (rc == OK)
		rc = envelope_seal(recipient, cipher, buf_blob(&request), out);
	buf_release(&request);
	buf_release(&forged);
	return rc;
}

static void
scep_message_add(struct scep_message_list *list, const char *oid, uint8_t tag,
    struct blob value)
{
	size_t i = list->cms->more_count++;

	der_put(&list->values[i], tag, value);
	list->cms->more[i].oid = oid;
	list->cms->more[i].value = buf_blob(&list->values[i]);
}

static const char *
scep_message_type(const struct scep_message *m)
{
	if (scep_message_on(m, FAULT_SCEP_RENEWAL))
		return "17";
	return scep_message_on(m, FAULT_SCEP_POLL) ? "20" : "19";
}

struct scep_reply_request
scep_message_expected(const struct scep_message *m)
{
	bool bare = scep_message_on(m, FAULT_SCEP_NO_ATTRIBUTES);
	size_t nonce = SCEP_MESSAGE_NONCE;

	if (scep_message_on(m, FAULT_SCEP_SHORT_NONCE))
		nonce /= 2;
	if (bare || scep_message_on(m, FAULT_SCEP_NO_NONCE))
		nonce = 0;
	if (scep_message_on(m, FAULT_SCEP_NO_TRANSACTION))
		bare = true;
	return (struct scep_reply_request){
		.transaction = bare ? "" : m->transaction,
		.nonce = blob_of(m->nonce, nonce),
	};
}

static void
scep_message_attributes(
    const struct scep_message *m, struct scep_message_list *list)
{
	struct scep_reply_request sent = scep_message_expected(m);

	scep_message_add(list, SCEP_MESSAGE_TYPE, DER_PRINTABLE,
	    blob_str(scep_message_type(m)));
	if (sent.transaction[0] != '\0')
		scep_message_add(list, SCEP_MESSAGE_TRANSACTION, DER_PRINTABLE,
		    blob_str(sent.transaction));
	if (sent.nonce.n > 0)
		scep_message_add(
		    list, SCEP_MESSAGE_SENDER, DER_OCTETS, sent.nonce);
}

static int
scep_message_sign(
    const struct scep_message *m, struct blob envelope, struct buf *out)
{
	struct signed_data cms = {
		.key = m->signer,
		.signer = buf_blob(&m->certificate),
		.digest =
		    scep_message_on(m, FAULT_SCEP_SHA1) ? "sha1" : m->digest,
		.attributes = !scep_message_on(m, FAULT_SCEP_NO_ATTRIBUTES),
	};
	struct scep_message_list list = { .cms = &cms };
	int rc;

	for (size_t i = 0; i < SIGNED_DATA_ATTRIBUTES; i++)
		buf_init(&list.values[i], 1024);
	scep_message_attributes(m, &list);
	rc = signed_data_sign(&cms, envelope, out);
	for (size_t i = 0; i < SIGNED_DATA_ATTRIBUTES; i++)
		buf_release(&list.values[i]);
	return rc;
}

/* Flips a bit of the signature, which comes before three ends of contents. */
static void
scep_message_tamper(struct buf *message)
{
	size_t at = 3 * 2 + 1;

	if (message->n > at)
		message->p[message->n - at] ^= 1;
}

int
scep_message_write(struct scep_message *m, struct buf *out)
{
	struct buf envelope;
	int rc;

	buf_init(&envelope, DER_MAX);
	keypair_random(m->nonce, sizeof m->nonce);
	rc = m->envelope.n > 0 ? buf_add_blob(&envelope, m->envelope)
			       : scep_message_seal(m, &envelope);
	if (rc == OK && scep_message_on(m, FAULT_SCEP_UNSIGNED))
		rc = buf_add_blob(out, buf_blob(&envelope));
	else if (rc == OK)
		rc = scep_message_sign(m, buf_blob(&envelope), out);
	if (rc == OK && scep_message_on(m, FAULT_SCEP_TAMPERED))
		scep_message_tamper(out);
	buf_release(&envelope);
	return rc;
}
