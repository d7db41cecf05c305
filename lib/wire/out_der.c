#include "wire/out_der.h"

#include <libtasn1.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_der.h"

#define HEADER_MAX 8
#define OID_MAX    64

int
out_der_add(struct buf *out, uint8_t tag, struct blob content)
{
	unsigned char length[HEADER_MAX];
	int n = sizeof length;

	asn1_length_der(content.n, length, &n);
	buf_add_byte(out, tag);
	buf_add(out, length, (size_t)n);
	return buf_add_blob(out, content);
}

int
out_der_wrap(struct buf *out, uint8_t tag, struct buf *content)
{
	int r = buf_status(content);

	if (r == OK)
		r = out_der_add(out, tag, buf_blob(content));
	buf_reset(content);
	return r;
}

int
out_der_oid(struct buf *out, const char *dotted)
{
	unsigned char der[OID_MAX];
	int n = sizeof der;

	if (asn1_object_id_der(dotted, der, &n, 0) != ASN1_SUCCESS)
		return fail(ERR_INTERNAL, "no object identifier: %s", dotted);
	return buf_add(out, der, (size_t)n);
}

int
out_der_algorithm(struct buf *out, const char *dotted)
{
	struct buf inner;
	int r;

	buf_init(&inner, OID_MAX * 2);
	if ((r = out_der_oid(&inner, dotted)) == OK &&
	    (r = out_der_add(&inner, IN_DER_NULL, blob_of(NULL, 0))) == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &inner);
	buf_release(&inner);
	return r;
}

int
out_der_small(struct buf *out, uint8_t value)
{
	return out_der_add(out, IN_DER_INTEGER, blob_of(&value, 1));
}

int
out_der_issuer_and_serial(struct buf *out, struct blob certificate)
{
	struct in_der serial, issuer, skipped;
	struct blob crt, tbs;
	struct buf inner;
	int r;

	if (!in_der_take(&certificate, IN_DER_SEQUENCE, &crt) ||
	    !in_der_take(&crt, IN_DER_SEQUENCE, &tbs) ||
	    (in_der_peek(tbs, IN_DER_CONTEXT_CONSTRUCTED(0)) &&
		!in_der_next(&tbs, &skipped)) ||
	    !in_der_next(&tbs, &serial) || !in_der_next(&tbs, &skipped) ||
	    !in_der_next(&tbs, &issuer))
		return fail(ERR_MALFORMED, "a certificate's names");
	buf_init(&inner, issuer.whole.n + serial.whole.n);
	buf_add_blob(&inner, issuer.whole);
	buf_add_blob(&inner, serial.whole);
	r = out_der_wrap(out, IN_DER_SEQUENCE, &inner);
	buf_release(&inner);
	return r;
}
