#include "scep/certrep.h"

#include "base/err.h"
#include "base/secret.h"
#include "ca/key.h"
#include "wire/signed_out.h"

#define CERT_REP        "3"
#define ATTRIBUTES_MAX  8
#define ATTRIBUTE_BYTES 512

/* RFC 8894 section 3.2.1.3 */
#define STATUS_SUCCESS "0"
#define STATUS_FAILURE "2"

/* The attributes of one answer. */
struct reply {
	struct signed_out_attribute list[ATTRIBUTES_MAX];
	struct buf values[ATTRIBUTES_MAX];
	size_t n;
};

enum certrep_fail
certrep_fail_of(int code)
{
	switch (code) {
	case ERR_SCEP_ALGORITHM:
		return CERTREP_BAD_ALGORITHM;
	case ERR_SCEP_MESSAGE:
		return CERTREP_BAD_MESSAGE;
	default:
		return CERTREP_BAD_REQUEST;
	}
}

static void
reply_init(struct reply *r)
{
	size_t i;

	r->n = 0;
	for (i = 0; i < ATTRIBUTES_MAX; i++)
		buf_init(&r->values[i], ATTRIBUTE_BYTES);
}

static void
reply_release(struct reply *r)
{
	size_t i;

	for (i = 0; i < ATTRIBUTES_MAX; i++)
		buf_release(&r->values[i]);
}

/* Where the next attribute's value goes. */
static struct buf *
next(struct reply *r, const char *oid)
{
	r->list[r->n].oid = oid;
	return &r->values[r->n++];
}

/* What every answer says. */
static void
add_common(struct reply *r, const struct pkimessage *m, const char *status)
{
	uint8_t nonce[PKIMESSAGE_NONCE];

	secret_random(nonce, sizeof nonce);
	signed_out_printable(CERT_REP, next(r, PKIMESSAGE_OID_TYPE));
	signed_out_printable(status, next(r, PKIMESSAGE_OID_STATUS));
	signed_out_octets(
	    blob_of(nonce, sizeof nonce), next(r, PKIMESSAGE_OID_SENDER_NONCE));
	if (m->sender_nonce.n > 0)
		signed_out_octets(
		    m->sender_nonce, next(r, PKIMESSAGE_OID_RECIPIENT_NONCE));
	if (m->transaction_id[0] != '\0')
		signed_out_printable(
		    m->transaction_id, next(r, PKIMESSAGE_OID_TRANSACTION));
}

static gnutls_digest_algorithm_t
choose_digest(const struct pkimessage *m, bool older)
{
	gnutls_digest_algorithm_t d = cms_signed_digest(m->cms);

	return d == GNUTLS_DIG_UNKNOWN || (d == GNUTLS_DIG_SHA1 && !older)
	    ? GNUTLS_DIG_SHA256
	    : d;
}

static int
sign(const struct authority *ca, const struct pkimessage *m, struct reply *r,
    struct blob content, bool older, struct buf *out)
{
	struct signed_out what = {
		.has_content = true,
		.content = content,
		.key = key_handle(authority_key(ca)),
		.signer = authority_certificate(ca),
		.digest = choose_digest(m, older),
		.attributes = r->list,
		.n_attributes = r->n,
	};
	int code;
	size_t i;

	for (i = 0; i < r->n; i++) {
		if ((code = buf_status(&r->values[i])) != OK)
			return code;
		r->list[i].value = buf_blob(&r->values[i]);
	}
	return signed_out_write(&what, out);
}

int
certrep_failure(const struct authority *ca, const struct pkimessage *m,
    int code, bool older, struct buf *out)
{
	char info[2] = { (char)('0' + certrep_fail_of(code)), '\0' };
	struct reply reply;
	int r;

	reply_init(&reply);
	add_common(&reply, m, STATUS_FAILURE);
	signed_out_printable(info, next(&reply, PKIMESSAGE_OID_FAIL_INFO));
	signed_out_utf8(err_text(code), next(&reply, PKIMESSAGE_OID_FAIL_TEXT));
	/*
	 * RFC 8894 section 3.2 omits the content. Clients that verify with
	 * OpenSSL's PKCS7_verify() cannot read that at all; empty content says
	 * as little, and Apple's client looks only at the attributes.
	 */
	r = sign(ca, m, &reply, blob_of("", 0), older, out);
	reply_release(&reply);
	return r;
}

int
certrep_success(const struct authority *ca, const struct pkimessage *m,
    struct blob certificate, enum enveloped_cipher cipher, bool older,
    struct buf *out)
{
	bool aes = cipher == ENVELOPED_AES128 || cipher == ENVELOPED_AES256;
	struct buf inner, sealed;
	struct reply reply;
	int r;

	reply_init(&reply);
	buf_init(&inner, CMS_BYTES_MAX);
	buf_init(&sealed, CMS_BYTES_MAX);
	add_common(&reply, m, STATUS_SUCCESS);
	if ((r = signed_out_certificate(certificate, &inner)) == OK &&
	    (r = enveloped_seal(buf_blob(&inner), m->signer,
		 aes ? cipher : ENVELOPED_3DES, &sealed)) == OK)
		r = sign(ca, m, &reply, buf_blob(&sealed), older, out);
	buf_release(&sealed);
	buf_release(&inner);
	reply_release(&reply);
	return r;
}
