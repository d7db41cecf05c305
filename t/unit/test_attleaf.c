/*
 * One real leaf certificate of Apple's: what it says is read right. Its
 * device's own names are looked at by their shape only.
 */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/secret.h"
#include "unit/fixture.h"
#include "wire/attleaf.h"
#include "wire/x509.h"

#define LEAF "apple-mda-leaf-mac-j514s-2025-07.pem"

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
	};

	log_open("t", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("attleaf", tests, setup, teardown);
}
