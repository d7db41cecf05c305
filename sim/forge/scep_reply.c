#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/scep_reply.h"
#include "sim/forge/der.h"

#define SCEP_REPLY_OID "2.16.840.1.113733.1.9."

void
scep_reply_init(struct scep_reply *r)
{
	r->status = -1;
	r->fail_info = -1;
	buf_init(&r->text, DER_MAX);
	buf_init(&r->content, DER_MAX);
}

void
scep_reply_release(struct scep_reply *r)
{
	buf_release(&r->text);
	buf_release(&r->content);
	scep_reply_init(r);
}

/* The one value of a signed attribute that is there once; empty otherwise. */
static struct blob
scep_reply_attribute(CMS_SignerInfo *signer, const char *oid, int type)
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
scep_reply_digit(CMS_SignerInfo *signer, const char *oid)
{
	struct blob text =
	    scep_reply_attribute(signer, oid, V_ASN1_PRINTABLESTRING);

	if (text.n != 1 || text.p[0] < '0' || text.p[0] > '9')
		return -1;
	return text.p[0] - '0';
}

static int
scep_reply_attributes(CMS_SignerInfo *signer,
    const struct scep_reply_request *request, struct scep_reply *out)
{
	struct blob transaction = scep_reply_attribute(
	    signer, SCEP_REPLY_OID "7", V_ASN1_PRINTABLESTRING);
	struct blob nonce = scep_reply_attribute(
	    signer, SCEP_REPLY_OID "6", V_ASN1_OCTET_STRING);

	if (scep_reply_digit(signer, SCEP_REPLY_OID "2") != 3)
		return fail(ERR_MALFORMED, "the answer is no CertRep");
	out->status = scep_reply_digit(signer, SCEP_REPLY_OID "3");
	if (out->status != SCEP_REPLY_SUCCESS &&
	    out->status != SCEP_REPLY_FAILURE &&
	    out->status != SCEP_REPLY_PENDING)
		return fail(ERR_MALFORMED, "the answer has no status");
	if (!blob_eq(transaction, blob_str(request->transaction)))
		return fail(ERR_MALFORMED, "the answer is to another request");
	if (!blob_eq(nonce, request->nonce))
		return fail(ERR_MALFORMED, "the answer has another nonce");
	out->fail_info = scep_reply_digit(signer, SCEP_REPLY_OID "4");
	return buf_add_blob(&out->text,
	    scep_reply_attribute(
		signer, "1.3.6.1.5.5.7.24.1", V_ASN1_UTF8STRING));
}

/* Refusals have no content: their digest is that of nothing. */
static int
scep_reply_verify(CMS_ContentInfo *cms, X509 *ca, struct buf *content)
{
	ASN1_OCTET_STRING **held = CMS_get0_content(cms);
	bool is_empty = held == NULL || *held == NULL;
	BIO *nothing = is_empty ? BIO_new_mem_buf("", 0) : NULL;
	BIO *out = BIO_new(BIO_s_mem());
	STACK_OF(X509) *list = sk_X509_new_null();
	char *data = NULL;
	int rc;

	if (out == NULL || list == NULL || sk_X509_push(list, ca) == 0 ||
	    (is_empty && nothing == NULL)) {
		rc = fail(ERR_NOMEM, "no memory");
	} else if (CMS_verify(cms, list, NULL, nothing, out,
		       CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) !=
	    1) {
		rc = fail(ERR_MALFORMED, "the answer is not signed by the CA");
	} else {
		long n = BIO_get_mem_data(out, &data);

		rc = buf_add(content, data, (size_t)n);
	}
	sk_X509_free(list);
	BIO_free(nothing);
	BIO_free(out);
	return rc;
}

int
scep_reply_read(struct blob message, struct blob ca,
    const struct scep_reply_request *request, struct scep_reply *out)
{
	const unsigned char *p = ca.p;
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	X509 *crt = d2i_X509(NULL, &p, (long)ca.n);
	STACK_OF(CMS_SignerInfo) *signers =
	    cms == NULL ? NULL : CMS_get0_SignerInfos(cms);
	int rc;

	if (crt == NULL || signers == NULL ||
	    sk_CMS_SignerInfo_num(signers) != 1)
		rc = fail(ERR_MALFORMED, "the answer is no signed message");
	else
		rc = scep_reply_verify(cms, crt, &out->content);
	if (rc == OK)
		rc = scep_reply_attributes(
		    sk_CMS_SignerInfo_value(signers, 0), request, out);
	X509_free(crt);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return rc;
}

int
scep_reply_certificate(struct blob message, struct buf *der)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	STACK_OF(X509) *list = cms == NULL ? NULL : CMS_get1_certs(cms);
	unsigned char *bytes = NULL;
	int n = 0, rc;

	if (list != NULL && sk_X509_num(list) > 0)
		n = i2d_X509(sk_X509_value(list, 0), &bytes);
	if (n > 0)
		rc = buf_add(der, bytes, (size_t)n);
	else
		rc = fail(ERR_MALFORMED, "the answer has no certificate");
	OPENSSL_free(bytes);
	sk_X509_pop_free(list, X509_free);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	return rc;
}

const char *
scep_reply_fail_name(int fail_info)
{
	static const char *const names[] = { "badAlg", "badMessageCheck",
		"badRequest", "badTime", "badCertId" };

	if (fail_info < 0 ||
	    (size_t)fail_info >= sizeof names / sizeof names[0])
		return "unknown";
	return names[fail_info];
}
