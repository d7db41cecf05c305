#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "sim/sim_cert.h"
#include "sim/sim_cms.h"
#include "sim/sim_csr.h"
#include "sim/sim_der.h"
#include "sim/sim_envelope.h"
#include "sim/sim_pkimessage.h"
#include "sim/sim_uuid.h"

#define SIM_PKIMESSAGE_TYPE        "2.16.840.1.113733.1.9.2"
#define SIM_PKIMESSAGE_SENDER      "2.16.840.1.113733.1.9.5"
#define SIM_PKIMESSAGE_TRANSACTION "2.16.840.1.113733.1.9.7"

/* Bytes of a challenge that is longer than any */
#define SIM_PKIMESSAGE_LONG 256

/* The attributes of one message, each with its value. */
struct sim_pkimessage_list {
	struct sim_cms *cms;
	struct buf values[SIM_CMS_ATTRIBUTES];
};

void
sim_pkimessage_init(struct sim_pkimessage *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->certificate, SIM_DER_MAX);
}

void
sim_pkimessage_release(struct sim_pkimessage *m)
{
	EVP_PKEY_free(m->signer);
	buf_release(&m->certificate);
	sim_pkimessage_init(m);
}

static bool
sim_pkimessage_on(const struct sim_pkimessage *m, enum sim_knob_id id)
{
	return sim_knob_on(m->knobs, id);
}

/* A certificate by itself, for nobody: its subject is a random UUID. */
static int
sim_pkimessage_certificate(EVP_PKEY *key, struct buf *out)
{
	char uuid[SIM_UUID_TEXT];
	struct sim_cert_rdn cn = { "2.5.4.3", SIM_DER_PRINTABLE, uuid };
	struct buf extensions;
	int rc;

	buf_init(&extensions, SIM_DER_MAX);
	sim_uuid_make(uuid);
	sim_cert_usage(&extensions, 0xa0);
	rc = sim_cert_self_signed(
	    &cn, buf_blob(&extensions), "sha256", key, out);
	buf_release(&extensions);
	return rc;
}

/* SHA-1 of the bare public key, in capitals. */
static int
sim_pkimessage_name(struct sim_pkimessage *m)
{
	unsigned char *der = NULL;
	int n = i2d_PublicKey(m->key, &der);
	struct buf md;
	int rc;

	if (n <= 0)
		return fail(ERR_CRYPTO, "the key has no public part");
	buf_init(&md, 64);
	rc = sim_key_digest("sha1", blob_of(der, (size_t)n), &md);
	for (size_t i = 0; i < md.n && 2 * i + 2 < sizeof m->transaction; i++)
		snprintf(m->transaction + 2 * i, 3, "%02X", md.p[i]);
	OPENSSL_free(der);
	buf_release(&md);
	return rc;
}

int
sim_pkimessage_prepare(struct sim_pkimessage *m)
{
	int rc = OK;

	/* A small key would not get past the signature of the message. */
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_OTHER_SIGNER) ||
	    sim_pkimessage_on(m, SIM_KNOB_SCEP_SMALL_KEY)) {
		rc = sim_key_make("RSA-2048", &m->signer);
	} else {
		m->signer = m->key;
		EVP_PKEY_up_ref(m->signer);
	}
	if (rc == OK)
		rc = sim_pkimessage_certificate(m->signer, &m->certificate);
	return rc == OK ? sim_pkimessage_name(m) : rc;
}

static int
sim_pkimessage_request(const struct sim_pkimessage *m, struct buf *out)
{
	char padded[SIM_PKIMESSAGE_LONG + 1] = "";
	struct sim_knobs odd = { 0 };
	struct sim_csr csr = {
		.key = m->key,
		.subject = buf_blob(&m->profile->subject),
		.digest = m->digest,
		.usage = m->profile->usage,
		.challenge = m->profile->challenge,
		.knobs = &odd,
	};

	if (m->request.n > 0)
		return buf_add_blob(out, m->request);
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_NO_CHALLENGE))
		csr.challenge = NULL;
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_WRONG_CHALLENGE))
		csr.challenge = "0123456789abcdefghijABCDEFGHIJXY";
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_LONG_CHALLENGE))
		csr.challenge = memset(padded, 'A', SIM_PKIMESSAGE_LONG);
	csr.challenge_twice =
	    sim_pkimessage_on(m, SIM_KNOB_SCEP_TWO_CHALLENGES);
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_CSR_SHA1))
		csr.digest = "sha1";
	odd.on[SIM_KNOB_CSR_BAD_SIGNATURE] =
	    sim_pkimessage_on(m, SIM_KNOB_SCEP_CSR_BAD_SIGNATURE);
	odd.on[SIM_KNOB_CSR_CA_TRUE] =
	    sim_pkimessage_on(m, SIM_KNOB_SCEP_CA_TRUE);
	return sim_csr_write(&csr, out);
}

/* A certificate of the CA's name and serial number with a key of our own. */
static int
sim_pkimessage_forge(struct blob ca, struct buf *out)
{
	const unsigned char *p = ca.p;
	X509 *crt = d2i_X509(NULL, &p, (long)ca.n);
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	int n = 0, rc = sim_key_make("RSA-3072", &key);

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
sim_pkimessage_seal(const struct sim_pkimessage *m, struct buf *out)
{
	const char *cipher = m->cipher;
	struct blob recipient = m->ca;
	struct buf request, forged;
	int rc;

	buf_init(&request, SIM_DER_MAX);
	buf_init(&forged, SIM_DER_MAX);
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_DES3))
		cipher = "DES-EDE3-CBC";
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_AES256))
		cipher = "AES-256-CBC";
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_OTHER_RECIPIENT))
		recipient = buf_blob(&m->certificate);
	rc = sim_pkimessage_request(m, &request);
	if (rc == OK && sim_pkimessage_on(m, SIM_KNOB_SCEP_WRONG_KEY)) {
		rc = sim_pkimessage_forge(m->ca, &forged);
		recipient = buf_blob(&forged);
	}
	if (rc == OK)
		rc = sim_envelope_seal(
		    recipient, cipher, buf_blob(&request), out);
	buf_release(&request);
	buf_release(&forged);
	return rc;
}

static void
sim_pkimessage_add(struct sim_pkimessage_list *list, const char *oid,
    uint8_t tag, struct blob value)
{
	size_t i = list->cms->more_count++;

	sim_der_put(&list->values[i], tag, value);
	list->cms->more[i].oid = oid;
	list->cms->more[i].value = buf_blob(&list->values[i]);
}

static const char *
sim_pkimessage_type(const struct sim_pkimessage *m)
{
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_RENEWAL))
		return "17";
	return sim_pkimessage_on(m, SIM_KNOB_SCEP_POLL) ? "20" : "19";
}

struct sim_certrep_request
sim_pkimessage_expected(const struct sim_pkimessage *m)
{
	bool bare = sim_pkimessage_on(m, SIM_KNOB_SCEP_NO_ATTRIBUTES);
	size_t nonce = SIM_PKIMESSAGE_NONCE;

	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_SHORT_NONCE))
		nonce /= 2;
	if (bare || sim_pkimessage_on(m, SIM_KNOB_SCEP_NO_NONCE))
		nonce = 0;
	if (sim_pkimessage_on(m, SIM_KNOB_SCEP_NO_TRANSACTION))
		bare = true;
	return (struct sim_certrep_request){
		.transaction = bare ? "" : m->transaction,
		.nonce = blob_of(m->nonce, nonce),
	};
}

static void
sim_pkimessage_attributes(
    const struct sim_pkimessage *m, struct sim_pkimessage_list *list)
{
	struct sim_certrep_request sent = sim_pkimessage_expected(m);

	sim_pkimessage_add(list, SIM_PKIMESSAGE_TYPE, SIM_DER_PRINTABLE,
	    blob_str(sim_pkimessage_type(m)));
	if (sent.transaction[0] != '\0')
		sim_pkimessage_add(list, SIM_PKIMESSAGE_TRANSACTION,
		    SIM_DER_PRINTABLE, blob_str(sent.transaction));
	if (sent.nonce.n > 0)
		sim_pkimessage_add(
		    list, SIM_PKIMESSAGE_SENDER, SIM_DER_OCTETS, sent.nonce);
}

static int
sim_pkimessage_sign(
    const struct sim_pkimessage *m, struct blob envelope, struct buf *out)
{
	struct sim_cms cms = {
		.key = m->signer,
		.signer = buf_blob(&m->certificate),
		.digest = sim_pkimessage_on(m, SIM_KNOB_SCEP_SHA1) ? "sha1"
								   : m->digest,
		.attributes =
		    !sim_pkimessage_on(m, SIM_KNOB_SCEP_NO_ATTRIBUTES),
	};
	struct sim_pkimessage_list list = { .cms = &cms };
	int rc;

	for (size_t i = 0; i < SIM_CMS_ATTRIBUTES; i++)
		buf_init(&list.values[i], 1024);
	sim_pkimessage_attributes(m, &list);
	rc = sim_cms_sign(&cms, envelope, out);
	for (size_t i = 0; i < SIM_CMS_ATTRIBUTES; i++)
		buf_release(&list.values[i]);
	return rc;
}

/* Flips a bit of the signature, which comes before three ends of contents. */
static void
sim_pkimessage_tamper(struct buf *message)
{
	size_t at = 3 * 2 + 1;

	if (message->n > at)
		message->p[message->n - at] ^= 1;
}

int
sim_pkimessage_write(struct sim_pkimessage *m, struct buf *out)
{
	struct buf envelope;
	int rc;

	buf_init(&envelope, SIM_DER_MAX);
	sim_key_random(m->nonce, sizeof m->nonce);
	rc = m->envelope.n > 0 ? buf_add_blob(&envelope, m->envelope)
			       : sim_pkimessage_seal(m, &envelope);
	if (rc == OK && sim_pkimessage_on(m, SIM_KNOB_SCEP_UNSIGNED))
		rc = buf_add_blob(out, buf_blob(&envelope));
	else if (rc == OK)
		rc = sim_pkimessage_sign(m, buf_blob(&envelope), out);
	if (rc == OK && sim_pkimessage_on(m, SIM_KNOB_SCEP_TAMPERED))
		sim_pkimessage_tamper(out);
	buf_release(&envelope);
	return rc;
}
