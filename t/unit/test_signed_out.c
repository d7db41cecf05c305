/* SignedData that we write, taken apart; openssl reads it in enveloped.t. */
#include "unit.h"

#include <gnutls/abstract.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/cms.h"
#include "wire/cmsnode.h"
#include "wire/signed_out.h"
#include "wire/x509.h"
#include "unit/recipient.h"

#define TEXT      "an answer"
#define TYPE      "2.16.840.1.113733.1.9.2"
#define SENDER    "2.16.840.1.113733.1.9.5"
#define ID        "2.16.840.1.113733.1.9.7"
#define SIGN_TIME "1.2.840.113549.1.9.5"

static void
write_signed(gnutls_digest_algorithm_t digest, struct buf *out)
{
	struct signed_out_attribute attributes[3] = { { .oid = ID },
		{ .oid = SENDER }, { .oid = TYPE } };
	struct signed_out what = { .has_content = true,
		.content = blob_str(TEXT),
		.key = key,
		.signer = crt,
		.digest = digest,
		.attributes = attributes,
		.n_attributes = 3 };
	struct buf values[3];
	size_t i;

	for (i = 0; i < 3; i++)
		buf_init(&values[i], 128);
	/* Not in the order in which they have to be written. */
	signed_out_printable(
	    "a transaction of a longer name than all others", &values[0]);
	signed_out_octets(blob_str("0123456789abcdef"), &values[1]);
	signed_out_utf8("3", &values[2]);
	for (i = 0; i < 3; i++)
		attributes[i].value = buf_blob(&values[i]);
	assert_int_equal(signed_out_write(&what, out), OK);
	for (i = 0; i < 3; i++)
		buf_release(&values[i]);
}

/* X.690 section 11.6: ascending, the shorter one first when it is a start. */
static bool
ascending(struct blob a, struct blob b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = memcmp(a.p, b.p, n);

	return c < 0 || (c == 0 && a.n < b.n);
}

static asn1_node
decode_signed(struct blob in)
{
	asn1_node info = cmsnode_decode("Cms.Envelope", in), node;
	struct buf inner;

	buf_init(&inner, CMS_BYTES_MAX);
	assert_non_null(info);
	assert_int_equal(cmsnode_bytes(info, "content", &inner), OK);
	node = cmsnode_decode("Cms.Signed", buf_blob(&inner));
	assert_non_null(node);
	asn1_delete_structure(&info);
	buf_release(&inner);
	return node;
}

static void
test_attributes_sorted(void **state)
{
	struct buf out, attribute[2];
	asn1_node node;
	char name[64];
	int i;

	(void)state;
	buf_init(&out, CMS_BYTES_MAX);
	buf_init(&attribute[0], 1024);
	buf_init(&attribute[1], 1024);
	write_signed(GNUTLS_DIG_SHA256, &out);
	node = decode_signed(buf_blob(&out));
	assert_int_equal(cmsnode_count(node, "signers.?1.signedAttributes"), 6);
	for (i = 0; i < 6; i++) {
		struct buf *now = &attribute[i % 2];

		snprintf(name, sizeof name, "signers.?1.signedAttributes.?%d",
		    i + 1);
		buf_reset(now);
		assert_int_equal(cmsnode_bytes(node, name, now), OK);
		assert_true(i == 0 ||
		    ascending(buf_blob(&attribute[1 - i % 2]), buf_blob(now)));
	}
	/* What strongSwan wants: no digest inside of the algorithm's name. */
	assert_true(cmsnode_oid_is(node,
	    "signers.?1.signatureAlgorithm.algorithm", "1.2.840.113549.1.1.1"));
	asn1_delete_structure(&node);
	buf_release(&attribute[1]);
	buf_release(&attribute[0]);
	buf_release(&out);
}

static void
test_digests(void **state)
{
	static const gnutls_digest_algorithm_t digests[] = { GNUTLS_DIG_SHA1,
		GNUTLS_DIG_SHA256, GNUTLS_DIG_SHA384, GNUTLS_DIG_SHA512 };
	struct cms_signed *cms;
	struct blob der;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, CMS_BYTES_MAX);
	for (i = 0; i < 4; i++) {
		buf_reset(&out);
		write_signed(digests[i], &out);
		assert_int_equal(cms_signed_parse(buf_blob(&out), &cms), OK);
		assert_int_equal(cms_signed_digest(cms), digests[i]);
		assert_int_equal(cms_signed_verify(cms, blob_str(TEXT),
				     CMS_WANT_ATTRIBUTES | CMS_ALLOW_SHA1),
		    OK);
		assert_int_equal(
		    cms_signed_attribute(cms, SIGN_TIME, &der), OK);
		cms_signed_free(cms);
	}
	buf_release(&out);
}

/* A digest that is not ours to use, and more attributes than there is room. */
static void
test_not_written(void **state)
{
	struct signed_out what = {
		.key = key, .signer = crt, .digest = GNUTLS_DIG_MD5
	};
	struct buf out;

	(void)state;
	buf_init(&out, CMS_BYTES_MAX);
	assert_int_equal(signed_out_write(&what, &out), ERR_INTERNAL);
	what.digest = GNUTLS_DIG_SHA256;
	what.n_attributes = SIGNED_OUT_ATTRIBUTES_MAX + 1;
	assert_int_equal(signed_out_write(&what, &out), ERR_INTERNAL);
	assert_int_equal(out.n, 0);
	buf_release(&out);
}

/* A signature right over the content is none over attributes. */
static void
test_attributes_wanted(void **state)
{
	unsigned char text[] = TEXT;
	gnutls_datum_t data = { text, sizeof text - 1 }, der = { NULL, 0 };
	struct cms_signed *cms;
	gnutls_pkcs7_t p7;

	(void)state;
	assert_true(gnutls_pkcs7_init(&p7) >= 0);
	assert_true(
	    gnutls_pkcs7_sign(p7, crt, key, &data, NULL, NULL,
		GNUTLS_DIG_SHA256,
		GNUTLS_PKCS7_EMBED_DATA | GNUTLS_PKCS7_INCLUDE_CERT) >= 0);
	assert_true(gnutls_pkcs7_export2(p7, GNUTLS_X509_FMT_DER, &der) >= 0);
	assert_int_equal(
	    cms_signed_parse(blob_of(der.data, der.size), &cms), OK);
	assert_int_equal(cms_signed_verify(cms, blob_str(TEXT), 0), OK);
	assert_int_equal(
	    cms_signed_verify(cms, blob_str(TEXT), CMS_WANT_ATTRIBUTES),
	    ERR_MALFORMED);
	cms_signed_free(cms);
	gnutls_free(der.data);
	gnutls_pkcs7_deinit(p7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes_sorted),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_not_written),
		cmocka_unit_test(test_attributes_wanted),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, load, unload);
}
