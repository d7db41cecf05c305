/*
 * Real certificates of Apple's: what a leaf says is read right, and a chain
 * leads to the root that we ship. The devices' own names are looked at by their
 * shape only.
 */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/secret.h"
#include "unit/fixture.h"
#include "unit/mda.h"
#include "unit/source.h"
#include "wire/attest.h"
#include "wire/attleaf.h"
#include "wire/x509.h"

#define LEAF  "apple-mda-leaf-mac-j514s-2025-07.pem"
#define CHAIN "apple-mda-chain-mac-j575d-2026-05.pem"

/* While that chain is valid, and after. */
#define JUNE_2026      INT64_C(1780272000)
#define SEPTEMBER_2026 INT64_C(1788220800)

/* The point at the end of a P-384 SubjectPublicKeyInfo. */
#define POINT 97

static gnutls_x509_crt_t leaf;
static struct attestation read;

static bool
matches(const char *s, const char *shape)
{
	for (; *s != '\0' && *shape != '\0'; s++, shape++) {
		if (*shape == 'X' && strchr("0123456789ABCDEF", *s) != NULL)
			continue;
		if (*shape == 'A' &&
		    ((*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9')))
			continue;
		if (*shape != *s)
			return false;
	}
	return *s == *shape;
}

static void
test_properties(void **state)
{
	if (leaf == NULL)
		return;
	assert_int_equal(attleaf_read(leaf, &read), OK);
	assert_true(matches(read.serial, "AAAAAAAAAA"));
	assert_true(matches(read.udid, "XXXXXXXX-XXXXXXXXXXXXXXXX"));
	assert_string_equal(read.software_update_device_id, "J514sAP");
	assert_string_equal(read.os_version, "15.5");
	assert_string_equal(read.sepos_version, "15.5");
	assert_string_equal(read.llb_version, "15.5");
	assert_string_equal(read.sip, "enabled");
	assert_string_equal(read.secure_boot, "Full Security");
	assert_string_equal(read.kernel_extensions, "none");
	assert_int_equal(
	    read.leaf_not_after - read.leaf_not_before, 91 * 86400);
}

/* Its subject's CN is the SHA-256 of the point in lower-case hex. */
static void
test_key(void **state)
{
	uint8_t digest[SECRET_SHA256];
	struct buf hex;
	char cn[80];
	size_t n = sizeof cn;

	if (leaf == NULL)
		return;
	assert_int_equal(read.spki.n, 23 + POINT);
	secret_sha256(
	    blob_of(read.spki.p + read.spki.n - POINT, POINT), digest);
	buf_init(&hex, 100);
	assert_int_equal(enc_hex(blob_of(digest, sizeof digest), &hex), OK);
	assert_int_equal(gnutls_x509_crt_get_dn_by_oid(
			     leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &n),
	    0);
	assert_string_equal(cn, buf_str(&hex));
	buf_release(&hex);
}

static void
test_digest(void **state)
{
	static const uint8_t known[] = { 0x6c, 0x25, 0xbf, 0xd9, 0xaa, 0x09,
		0xf2, 0x09, 0x89, 0x2b, 0x8b, 0x48, 0x08, 0xab, 0x44, 0x80,
		0x30, 0x45, 0xf5, 0xbc, 0x2e, 0x2c, 0x17, 0x2f, 0x7e, 0x6c,
		0x78, 0x32, 0xc3, 0x82, 0x92, 0xc2 };

	if (leaf != NULL)
		assert_memory_equal(read.leaf_sha256, known, sizeof known);
}

/* The token is not known: whatever we offer, it is another. */
static void
test_freshness(void **state)
{
	if (leaf != NULL)
		assert_int_equal(
		    attleaf_check_freshness(leaf, blob_str("token")),
		    ERR_ATT_FRESHNESS);
}

/*
 * The real chain at a time: on its way from the shipped root to the leaf all is
 * right, until the freshness, which was made for somebody else's token.
 */
static int
verify_chain(gnutls_x509_crt_t *crts, size_t count, int64_t now)
{
	struct attest_roots *roots;
	struct attestation a;
	gnutls_datum_t der[2];
	struct blob x5c[2];
	struct buf object;
	int r;

	buf_init(&object, ATTEST_OBJECT_MAX);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(gnutls_x509_crt_export2(
				     crts[i], GNUTLS_X509_FMT_DER, &der[i]),
		    0);
		x5c[i] = blob_of(der[i].data, der[i].size);
	}
	mda_object(&object, x5c, count);
	assert_int_equal(
	    attest_roots_load(
		source_path("data/apple-enterprise-attestation-root-ca.pem"),
		&roots),
	    OK);
	r = attest_verify(roots, buf_blob(&object), blob_str("token"), now, &a);
	attest_release(&a);
	attest_roots_free(roots);
	buf_release(&object);
	for (size_t i = 0; i < count; i++)
		gnutls_free(der[i].data);
	return r;
}

/* A leaf of 2026 has an extended key usage, which is not critical. */
static void
test_chain_of_2026(void **state)
{
	gnutls_x509_crt_t crts[2] = { NULL, NULL };
	struct attestation a = { 0 };
	char path[4096], oid[64];
	size_t count = 0, n = sizeof oid;
	unsigned int critical = 1;
	struct buf pem;

	if (!fixture_read(CHAIN, &pem))
		return;
	buf_release(&pem);
	snprintf(
	    path, sizeof path, "%s/%s", getenv("ATTESTMDM_FIXTURES"), CHAIN);
	assert_int_equal(x509_load(path, 2, crts, &count), OK);
	assert_int_equal(count, 2);
	assert_int_equal(
	    gnutls_x509_crt_get_key_purpose_oid(crts[0], 0, oid, &n, &critical),
	    0);
	assert_string_equal(oid, "1.2.840.113635.100.4.24");
	assert_int_equal(critical, 0);
	assert_int_equal(attleaf_read(crts[0], &a), OK);
	assert_string_equal(a.software_update_device_id, "J575dAP");
	assert_string_equal(a.os_version, "26.2");
	assert_string_equal(a.sepos_version, "26.2");
	attest_release(&a);

	assert_int_equal(verify_chain(crts, 2, JUNE_2026), ERR_ATT_FRESHNESS);
	assert_int_equal(verify_chain(crts, 2, SEPTEMBER_2026), ERR_ATT_TIME);
	assert_int_equal(verify_chain(crts, 1, JUNE_2026), ERR_ATT_CHAIN);
	x509_free(crts[0]);
	x509_free(crts[1]);
}

static int
setup(void **state)
{
	struct buf pem;

	if (fixture_read(LEAF, &pem) &&
	    x509_parse_pem(buf_blob(&pem), &leaf) != OK)
		return -1;
	buf_release(&pem);
	return 0;
}

static int
teardown(void **state)
{
	attest_release(&read);
	x509_free(leaf);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_chain_of_2026),
	};

	log_open("t", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("attleaf", tests, setup, teardown);
}
