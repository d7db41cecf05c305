#include "scep/pkimessage.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_der.h"
#include "wire/x509.h"

/* Clients of before RFC 8894 send shorter nonces, but none less than this. */
#define OLD_NONCE_MIN 8

/* The content of an attribute of that string type; empty when unusable. */
static struct blob
attribute(const struct pkimessage *m, const char *oid, uint8_t tag)
{
	struct blob der, value;

	if (cms_signed_attribute(m->cms, oid, &der) != OK ||
	    !in_der_take(&der, tag, &value) || der.n > 0)
		return blob_of(NULL, 0);
	return value;
}

static void
take_transaction(struct pkimessage *m)
{
	struct blob id =
	    attribute(m, PKIMESSAGE_OID_TRANSACTION, IN_DER_PRINTABLE);
	size_t i;

	if (id.n == 0 || id.n >= sizeof m->transaction_id)
		return;
	for (i = 0; i < id.n; i++)
		if (id.p[i] < 0x20 || id.p[i] > 0x7e)
			return;
	memcpy(m->transaction_id, id.p, id.n);
}

/* A decimal number of at most three digits, as text. */
static void
take_type(struct pkimessage *m)
{
	struct blob text = attribute(m, PKIMESSAGE_OID_TYPE, IN_DER_PRINTABLE);
	int type = 0;
	size_t i;

	if (text.n == 0 || text.n > 3)
		return;
	for (i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return;
		type = type * 10 + (text.p[i] - '0');
	}
	m->type = type;
}

static void
take_nonce(struct pkimessage *m)
{
	struct blob nonce =
	    attribute(m, PKIMESSAGE_OID_SENDER_NONCE, IN_DER_OCTET_STRING);

	if (nonce.n <= PKIMESSAGE_NONCE)
		m->sender_nonce = nonce;
}

/* RFC 5652 section 11.3 */
static void
take_signing_time(struct pkimessage *m)
{
	struct in_der element;
	struct blob der;

	if (cms_signed_attribute(m->cms, PKIMESSAGE_OID_SIGNING_TIME, &der) !=
		OK ||
	    !in_der_next(&der, &element) || der.n > 0 ||
	    !in_der_time(&element, &m->signing_time))
		m->signing_time = 0;
}

int
pkimessage_parse(struct blob in, struct pkimessage *out)
{
	struct blob der;
	int r;

	*out = (struct pkimessage){ .type = -1 };
	if (in.n > PKIMESSAGE_BYTES_MAX)
		return fail(ERR_TOO_LARGE, "SCEP message of %zu bytes", in.n);
	if ((r = cms_signed_parse(in, &out->cms)) != OK)
		return r;
	if (cms_signed_signer(out->cms, &der) == OK)
		(void)x509_parse(der, &out->signer);
	take_transaction(out);
	take_type(out);
	take_nonce(out);
	take_signing_time(out);
	return OK;
}

void
pkimessage_release(struct pkimessage *m)
{
	x509_free(m->signer);
	cms_signed_free(m->cms);
	*m = (struct pkimessage){ .type = -1 };
}

static int
check_attributes(const struct pkimessage *m, bool older)
{
	size_t least = older ? OLD_NONCE_MIN : PKIMESSAGE_NONCE;

	const char *missing = m->transaction_id[0] == '\0' ? "transaction id"
	    : m->type < 0                                  ? "message type"
	    : m->sender_nonce.n < least                    ? "nonce"
							   : NULL;

	return missing == NULL
	    ? OK
	    : fail(ERR_SCEP_REQUEST, "no usable %s", missing);
}

int
pkimessage_verify(const struct pkimessage *m, bool older)
{
	unsigned flags = CMS_WANT_ATTRIBUTES | (older ? CMS_ALLOW_SHA1 : 0);
	int r;

	if (m->signer == NULL || !m->cms->has_content)
		return fail(
		    ERR_SCEP_MESSAGE, "a message without signer or content");
	/* The answer is encrypted for it. */
	if (gnutls_x509_crt_get_pk_algorithm(m->signer, NULL) != GNUTLS_PK_RSA)
		return fail(ERR_SCEP_ALGORITHM, "the signer's key is not RSA");
	r = cms_signed_verify(m->cms, m->cms->content, flags);
	if (r == ERR_BAD_ALGORITHM)
		r = ERR_SCEP_ALGORITHM;
	else if (r == ERR_MALFORMED || r == ERR_BAD_SIGNATURE)
		r = ERR_SCEP_MESSAGE;
	return r == OK ? check_attributes(m, older) : r;
}
