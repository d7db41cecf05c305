#include "unit/cmsfix.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/cms.h"
#include "unit/unit.h"

const char cmsfix_text[] = "<plist><dict/></plist>";

EVP_PKEY *cmsfix_key;
X509 *cmsfix_crt;
/* of another issuer, with the same serial number */
X509 *cmsfix_namesake;

static void
add_attribute(
    struct buf *b, const char *oid, uint8_t tag, struct blob value, int times)
{
	size_t at = b->n, set;

	der_put_oid(b, oid);
	set = b->n;
	while (times-- > 0)
		der_put(b, tag, value);
	testpki_enclose(b, set, 0x31);
	testpki_enclose(b, at, 0x30);
}

void
cmsfix_add_attributes(struct buf *b, const struct faults *k)
{
	const char *content = k->content ? k->content : cmsfix_text;
	struct buf oid, sum;
	int i;

	if (k->empty_attributes)
		return;
	buf_init(&oid, 64);
	buf_init(&sum, 64);
	der_put_oid(&oid, k->type ? k->type : OID_DATA);
	for (i = 0; i < 1 + k->types; i++)
		add_attribute(b, OID_CONTENT_TYPE, 0x06,
		    blob_of(oid.p + 2, oid.n - 2), 1);
	buf_release(&oid);
	assert_int_equal(
	    keypair_digest(k->md ? k->md : "sha256", blob_str(content), &sum),
	    OK);
	if (k->other_digest)
		sum.p[0] ^= 1;
	for (i = 0; i < 1 + k->digests; i++)
		add_attribute(b, OID_MESSAGE_DIGEST, 0x04, buf_blob(&sum),
		    1 + k->two_values);
	buf_release(&sum);
	if (k->loose_attribute)
		buf_add(b, "\x30\x81\x07\x06\x01\x2a\x31\x02\x05\x00", 10);
	if (k->long_attribute)
		buf_add(b, "\x30\x09\x06\x01\x2a\x31\x02\x05\x00\x05\x00", 11);
	for (i = 0; i < k->more_attributes; i++)
		buf_add(b, "\x30\x07\x06\x01\x2a\x31\x02\x05\x00", 9);
	if (k->junk_attribute)
		buf_add(b, "\x30\x05\x06\x01\x2a\x05\x00", 7);
}

static void
add_algorithm(struct buf *b, const char *oid)
{
	size_t at = b->n;

	der_put_oid(b, oid);
	testpki_enclose(b, at, 0x30);
}

static void
add_signer_name(struct buf *b, const struct faults *k)
{
	unsigned char *der = NULL;
	size_t at = b->n;
	int n =
	    i2d_X509_NAME(X509_get_issuer_name(
			      k->other_issuer ? cmsfix_namesake : cmsfix_crt),
		&der);

	assert_true(n > 0);
	buf_add(b, der, (size_t)n);
	OPENSSL_free(der);
	der_put(b, 0x02, blob_str(k->other_serial ? "\x08" : "\x07"));
	testpki_enclose(b, at, 0x30);
}

static void
add_signature(struct buf *b, const struct faults *k, struct blob attributes)
{
	const char *content = k->content ? k->content : cmsfix_text;
	struct buf set, signature;

	buf_init(&set, MAX);
	buf_init(&signature, MAX);
	if (k->no_attributes)
		buf_add_str(&set, content);
	else
		der_put(&set, 0x31, attributes);
	testpki_sign(cmsfix_key, k->md, buf_blob(&set), &signature);
	der_put(b, 0x04, buf_blob(&signature));
	buf_release(&signature);
	buf_release(&set);
}

static void
add_signer(struct buf *b, const struct faults *k)
{
	size_t at = b->n;
	struct buf attributes;

	buf_init(&attributes, MAX);
	cmsfix_add_attributes(&attributes, k);
	buf_add(b, "\x02\x01\x01", 3);
	add_signer_name(b, k);
	add_algorithm(b, k->digest ? k->digest : OID_SHA256);
	if (!k->no_attributes)
		der_put(b, 0xa0, buf_blob(&attributes));
	add_algorithm(b, k->algorithm ? k->algorithm : OID_EC);
	add_signature(b, k, buf_blob(&attributes));
	testpki_enclose(b, at, 0x30);
	buf_release(&attributes);
}

static void
add_content(struct buf *b, const struct faults *k)
{
	size_t at = b->n, inner;

	der_put_oid(b, k->inner_type ? k->inner_type : OID_DATA);
	inner = b->n;
	if (k->raw_content != NULL) {
		buf_add(b, k->raw_content, k->raw_length);
		testpki_enclose(b, inner, 0xa0);
	} else if (!k->detached) {
		der_put(
		    b, 0x04, blob_str(k->content ? k->content : cmsfix_text));
		testpki_enclose(b, inner, 0xa0);
	}
	testpki_enclose(b, at, 0x30);
}

void
cmsfix_build(struct buf *b, const struct faults *k)
{
	size_t at, i;

	buf_init(b, MAX);
	der_put_oid(b, k->outer_type ? k->outer_type : OID_SIGNED);
	at = b->n;
	buf_add(b, "\x02\x01\x01\x31\x00", 5);
	add_content(b, k);
	i = b->n;
	if (k->with_namesake)
		testpki_der(cmsfix_namesake, b);
	if (!k->no_certificate)
		testpki_der(cmsfix_crt, b);
	if (k->certificate_twice)
		testpki_der(cmsfix_crt, b);
	for (int n = 0; n < k->more_certificates; n++)
		buf_add(b, "\x30\x00", 2);
	testpki_enclose(b, i, 0xa0);
	i = b->n;
	if (k->empty_signer)
		buf_add(b, "\x30\x00", 2);
	for (int n = 0; n < 1 + k->signers; n++)
		add_signer(b, k);
	testpki_enclose(b, i, 0x31);
	testpki_enclose(b, at, 0x30);
	testpki_enclose(b, at, 0xa0);
	testpki_enclose(b, 0, 0x30);
}

int
cmsfix_judge(struct blob in, const char *content, unsigned flags)
{
	struct cms_signed *cms;
	struct blob body;
	int r;

	log_forget_reason();
	if ((r = cms_signed_parse(in, &cms)) != OK) {
		assert_null(cms);
		return r;
	}
	body = content != NULL ? blob_str(content) : cms->content;
	r = cms_signed_verify(cms, body, flags);
	cms_signed_free(cms);
	return r;
}

void
cmsfix_expect(const struct faults *k, int want, const char *why)
{
	struct buf b;
	int r;

	cmsfix_build(&b, k);
	r = cmsfix_judge(
	    buf_blob(&b), k->content ? k->content : cmsfix_text, 0);
	buf_release(&b);
	if (r != want)
		unit_fail("%s instead of %s: %s", err_name(r), err_name(want),
		    log_reason());
	if (strstr(log_reason(), why) == NULL)
		unit_fail("%s instead of %s", log_reason(), why);
}

int
cmsfix_start(void **state)
{
	EVP_PKEY *another = testpki_key("P-256");

	(void)state;
	cmsfix_key = testpki_key("P-256");
	cmsfix_crt = testpki_issue(cmsfix_key,
	    &(struct testpki_cert){
		.name = "device", .serial = 7, .key_id = true });
	cmsfix_namesake = testpki_issue(
	    another, &(struct testpki_cert){ .name = "another", .serial = 7 });
	EVP_PKEY_free(another);
	return 0;
}

int
cmsfix_stop(void **state)
{
	(void)state;
	X509_free(cmsfix_namesake);
	X509_free(cmsfix_crt);
	EVP_PKEY_free(cmsfix_key);
	return 0;
}
