/* Attestations: what the leaf says, and how it may say it. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "unit/mda.h"
#include "unit/source.h"
#include "wire/attest.h"
#include "wire/x509.h"
#include "unit/attestfix.h"

static void
critical_unknown(gnutls_x509_crt_t crt)
{
	mda_extension(crt, "1.2.3.4", "\x05\x00", 2, 1);
}

static void
plain_unknown(gnutls_x509_crt_t crt)
{
	mda_extension(crt, "1.2.3.4", "\x05\x00", 2, 0);
}

static void
critical_freshness(gnutls_x509_crt_t crt)
{
	uint8_t digest[32];

	secret_sha256(blob_str(MDA_TOKEN), digest);
	mda_extension(crt, MDA_ARC "11.1", digest, 32, 1);
}

/* An extension that GnuTLS knows, and that we do not look at. */
static void
critical_purpose(gnutls_x509_crt_t crt)
{
	mda_extension(crt, "2.5.29.37",
	    "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02", 12, 1);
}

/* Permits names below "CN=other", and lies outside of GnuTLS's checks. */
static void
name_constraints(gnutls_x509_crt_t crt, int critical)
{
	static const uint8_t der[] = { 0x30, 0x18, 0xa0, 0x16, 0x30, 0x14, 0xa4,
		0x12, 0x30, 0x10, 0x31, 0x0e, 0x30, 0x0c, 0x06, 0x03, 0x55,
		0x04, 0x03, 0x0c, 0x05, 'o', 't', 'h', 'e', 'r' };

	mda_extension(crt, "2.5.29.30", der, sizeof der, critical);
}

static void
names_critical(gnutls_x509_crt_t crt)
{
	name_constraints(crt, 1);
}

static void
names_plain(gnutls_x509_crt_t crt)
{
	name_constraints(crt, 0);
}

/* acme-195, acme-207 */
static void
test_extensions(void **state)
{
	attestfix_expect_leaf(OK, plain_unknown);
	attestfix_expect_leaf(ERR_ATT_CHAIN, critical_unknown);
	attestfix_expect_leaf(ERR_ATT_CHAIN, critical_freshness);
	attestfix_expect_leaf(ERR_ATT_CHAIN, critical_purpose);
	attestfix_expect_sub(ERR_ATT_CHAIN, critical_purpose);
	attestfix_expect_sub(OK, plain_unknown);
	attestfix_expect_sub(ERR_ATT_CHAIN, critical_unknown);
	attestfix_expect_sub(ERR_ATT_CHAIN, names_critical);
	attestfix_expect_sub(ERR_ATT_CHAIN, names_plain);
}

/* acme-191: The version is 2 in the certificate's own count from 0. */
static void
test_version(void **state)
{
	static const char v3[] = "\xa0\x03\x02\x01\x02";
	static const char *const others[] = { "\xa0\x03\x02\x01\x00",
		"\xa0\x03\x02\x01\x01", "\xa0\x03\x02\x01\x03" };
	struct mda_cert c;
	size_t i;

	for (i = 0; i < 3; i++) {
		mda_leaf(&c, attestfix_leaf_key(), &attestfix_sub, NULL,
		    GNUTLS_DIG_SHA384);
		mda_patch(&c, &attestfix_sub, v3, others[i], 5);
		attestfix_expect_chain(ERR_ATT_CHAIN, &c, &attestfix_sub);
		mda_release(&c);
	}
}

/* Builds a leaf with a freshness code of these bytes. */
static struct blob code;

static void
set_code(gnutls_x509_crt_t crt)
{
	mda_extension(crt, MDA_ARC "11.1", code.p, code.n, 0);
}

static void
expect_code(int expected, const void *p, size_t n)
{
	code = blob_of(p, n);
	attestfix_expect_leaf(expected, set_code);
}

/*
 * acme-199, acme-200, acme-201, acme-204, acme-206: known digests, of the token
 * and of a key authorization.
 */
static void
test_freshness(void **state)
{
	static const uint8_t right[] = { 0x9e, 0xf0, 0x30, 0xb4, 0xf0, 0x63,
		0x4f, 0x8a, 0xf3, 0x83, 0xf7, 0x5f, 0x99, 0x59, 0xfd, 0xa4,
		0xf6, 0x85, 0x0a, 0x5f, 0xf3, 0xb9, 0x54, 0x06, 0x62, 0xbf,
		0xab, 0xa2, 0x13, 0xc4, 0x47, 0x83 };
	static const uint8_t authorization[] = { 0x5b, 0xd8, 0x9f, 0xf0, 0xc4,
		0xfd, 0xa6, 0x91, 0x61, 0x01, 0x84, 0x93, 0x89, 0x2e, 0xdc,
		0x43, 0xae, 0x8e, 0x13, 0x5f, 0xbb, 0xde, 0x4a, 0x5a, 0x86,
		0xf9, 0x5a, 0x43, 0x31, 0xb6, 0x43, 0x89 };
	uint8_t other[34] = { 0x04, 0x20 };

	expect_code(OK, right, 32);
	expect_code(ERR_ATT_FRESHNESS, authorization, 32);
	expect_code(ERR_ATT_FRESHNESS, MDA_TOKEN, 43);
	expect_code(ERR_ATT_FRESHNESS, right, 31);
	memcpy(other + 2, right, 32);
	expect_code(ERR_ATT_FRESHNESS, other, 34);
	expect_code(ERR_ATT_FRESHNESS, other, 33);
	memcpy(other, right, 32);
	expect_code(ERR_ATT_FRESHNESS, other, 33);
	other[31] ^= 1;
	expect_code(ERR_ATT_FRESHNESS, other, 32);
	expect_code(ERR_ATT_FRESHNESS, "", 0);
}

/* acme-205: A token whose digest begins like a DER OCTET STRING of 30 bytes. */
static void
test_freshness_like_der(void **state)
{
	uint8_t digest[32] = { 0 };
	struct attestation a;
	struct buf object;
	struct mda_cert c;
	char token[32];
	unsigned i;

	for (i = 0; digest[0] != 0x04 || digest[1] != 0x1e; i++) {
		snprintf(token, sizeof token, "token-%u", i);
		secret_sha256(blob_str(token), digest);
	}
	code = blob_of(digest, 32);
	mda_leaf(&c, attestfix_leaf_key(), &attestfix_sub, set_code,
	    GNUTLS_DIG_SHA384);
	buf_init(&object, 10000);
	mda_object(&object,
	    (struct blob[]){ buf_blob(&c.der), buf_blob(&attestfix_sub.der) },
	    2);
	assert_int_equal(attestfix_verify_with(attestfix_roots,
			     buf_blob(&object), token, MDA_NOW, &a),
	    OK);
	attest_release(&a);
	/* And it is not the other token's. */
	assert_int_equal(attestfix_verify_with(attestfix_roots,
			     buf_blob(&object), MDA_TOKEN, MDA_NOW, &a),
	    ERR_ATT_FRESHNESS);
	buf_release(&object);
	mda_release(&c);
}

/*
 * acme-198, acme-206, acme-212: DER of the last arcs 11.1 becomes 11.9 and
 * another name becomes 11.1.
 */
static void
test_freshness_place(void **state)
{
	static const char fresh[] = "\x63\x64\x08\x0b\x01";
	static const char other[] = "\x63\x64\x08\x0b\x09";
	struct mda_cert c;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &attestfix_sub, fresh, other, 5);
	attestfix_expect_chain(ERR_ATT_FRESHNESS, &c, &attestfix_sub);
	mda_release(&c);
	/* Patched without change: the patching itself does no harm. */
	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &attestfix_sub, fresh, fresh, 5);
	attestfix_expect_chain(OK, &c, &attestfix_sub);
	mda_release(&c);
	/* Two codes, two serial numbers. */
	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &attestfix_sub, "\x63\x64\x08\x0a\x01", fresh, 5);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &attestfix_sub);
	mda_release(&c);
	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &attestfix_sub, "\x63\x64\x08\x09\x02",
	    "\x63\x64\x08\x09\x01", 5);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &attestfix_sub);
	mda_release(&c);
}

/*
 * acme-197: BER that is not DER: a critical that is not FF, a length with a
 * zero.
 */
static void
test_not_der(void **state)
{
	static const char key_usage[] = "\x03\x55\x1d\x0f\x01\x01\xff";
	static const char odd[] = "\x03\x55\x1d\x0f\x01\x01\x01";
	struct buf long_form;
	struct blob x5c[2];
	struct mda_cert c;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &attestfix_sub, key_usage, odd, 7);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &attestfix_sub);
	mda_release(&c);
	/* The signature does not cover the outermost length. */
	assert_memory_equal(attestfix_leaf.der.p, "\x30\x82", 2);
	buf_init(&long_form, 10000);
	buf_add_str(&long_form, "\x30\x83");
	buf_add_byte(&long_form, 0);
	buf_add(&long_form, attestfix_leaf.der.p + 2, attestfix_leaf.der.n - 2);
	x5c[0] = buf_blob(&long_form);
	x5c[1] = buf_blob(&attestfix_sub.der);
	attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	buf_release(&long_form);
}

/*
 * acme-194: The inner signature algorithm says SHA-256, the outer one SHA-384.
 */
static void
test_inner_algorithm(void **state)
{
	static const char sha384[] = "\x86\x48\xce\x3d\x04\x03\x03";
	static const char sha256[] = "\x86\x48\xce\x3d\x04\x03\x02";
	struct blob x5c[2];
	struct mda_cert c;
	uint8_t *at;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	at = memmem(c.der.p, c.der.n, sha384, 7);
	assert_non_null(at);
	memcpy(at, sha256, 7);
	mda_patch(&c, &attestfix_sub, sha256, sha256, 7);
	x5c[0] = buf_blob(&c.der);
	x5c[1] = buf_blob(&attestfix_sub.der);
	attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	mda_release(&c);
}

/* Bends of one extension of the leaf. */
static const char *bent_oid;
static struct blob bent;

static void
bend(gnutls_x509_crt_t crt)
{
	mda_extension(crt, bent_oid, bent.p, bent.n, 0);
}

static void
bend_read(const char *oid, struct blob value, struct attestation *out)
{
	bent_oid = oid;
	bent = value;
	attestfix_read_leaf(bend, out);
}

static void
bend_refused(const char *oid, struct blob value)
{
	bent_oid = oid;
	bent = value;
	attestfix_expect_leaf(ERR_ATT_IDENTITY, bend);
}

/* acme-210, acme-213, acme-214 */
static void
test_identity(void **state)
{
	static const char *const oids[] = { MDA_ARC "9.1", MDA_ARC "9.2" };
	struct attestation a;
	char text[80];
	size_t i;

	memset(text, 'A', sizeof text);
	for (i = 0; i < 2; i++) {
		bend_refused(oids[i], blob_of("C02A\0evil", 9));
		bend_refused(oids[i],
		    blob_str("\x0c\x0a"
			     "C02TEST123"));
		bend_refused(oids[i], blob_str("C02\xc3\xa4"));
		bend_refused(oids[i], blob_str("C02\x7f"));
		bend_refused(oids[i], blob_of(text, 65));
		bend_read(oids[i], blob_of(text, 64), &a);
		assert_int_equal(strlen(i == 0 ? a.serial : a.udid), 64);
		attest_release(&a);
		bend_read(oids[i], blob_str("   "), &a);
		assert_string_equal(i == 0 ? a.serial : a.udid, "");
		attest_release(&a);
		bend_read(oids[i], blob_str(""), &a);
		assert_string_equal(i == 0 ? a.serial : a.udid, "");
		attest_release(&a);
	}
	bend_read(MDA_ARC "9.1", blob_str("C02 "), &a);
	assert_string_equal(a.serial, "C02 ");
	attest_release(&a);
}

/* acme-223 */
static void
test_number(void **state)
{
	static const struct {
		struct blob value;
		const char *sip;
		const char *kernel_extensions;
	} rows[] = {
		{ { (const uint8_t *)"\x02\x01\x00", 3 }, "enabled", "none" },
		{ { (const uint8_t *)"\x02\x01\x01", 3 }, "disabled",
		    "allowed" },
		{ { (const uint8_t *)"\x02\x01\x02", 3 }, "unknown",
		    "allowed" },
		{ { (const uint8_t *)"\x02\x04\x01\x00\x00\x00", 6 }, "unknown",
		    "allowed" },
		{ { (const uint8_t *)"\x02\x01\xff", 3 }, "unknown",
		    "unknown" },
		{ { (const uint8_t *)"\x00", 1 }, "unknown", "unknown" },
		{ { (const uint8_t *)"\x01", 1 }, "unknown", "unknown" },
		{ { (const uint8_t *)"0", 1 }, "unknown", "unknown" },
		{ { (const uint8_t *)"\x02\x00", 2 }, "unknown", "unknown" },
		{ { (const uint8_t *)"\x02\x02\x00\x00", 4 }, "unknown",
		    "unknown" },
		{ { (const uint8_t *)"\x02\x01\x00\x00", 4 }, "unknown",
		    "unknown" },
		{ { (const uint8_t *)"\x01\x01\x00", 3 }, "unknown",
		    "unknown" },
		{ { (const uint8_t *)"", 0 }, "unknown", "unknown" },
	};
	struct attestation a;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bend_read(MDA_ARC "13.1", rows[i].value, &a);
		assert_string_equal(a.sip, rows[i].sip);
		attest_release(&a);
		bend_read(MDA_ARC "13.3", rows[i].value, &a);
		assert_string_equal(
		    a.kernel_extensions, rows[i].kernel_extensions);
		attest_release(&a);
	}
}

static void
test_versions(void **state)
{
	struct attestation a;

	bend_read(MDA_ARC "10.1", blob_str("26\n"), &a);
	assert_string_equal(a.os_version, "");
	attest_release(&a);
	bend_read(MDA_ARC "13.2", blob_str(" "), &a);
	assert_string_equal(a.secure_boot, "");
	attest_release(&a);
}

/*
 * acme-211, acme-215: a leaf without any of Apple's extensions but the
 * freshness code; what its subject says is no serial number.
 */
static void
test_user_enrollment(void **state)
{
	static const char *const oids[] = { "\x63\x64\x08\x09\x01",
		"\x63\x64\x08\x09\x02", "\x63\x64\x08\x0d\x01",
		"\x63\x64\x08\x0d\x03" };
	static const char *const others[] = { "\x63\x64\x08\x4f\x01",
		"\x63\x64\x08\x4f\x02", "\x63\x64\x08\x4f\x03",
		"\x63\x64\x08\x4f\x04" };
	struct attestation a;
	struct mda_cert c;
	struct buf object;
	size_t i;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	for (i = 0; i < 4; i++)
		mda_patch(&c, &attestfix_sub, oids[i], others[i], 5);
	mda_patch(&c, &attestfix_sub, "leaf", "C02A", 4);
	buf_init(&object, 10000);
	mda_object(&object,
	    (struct blob[]){ buf_blob(&c.der), buf_blob(&attestfix_sub.der) },
	    2);
	assert_int_equal(attestfix_verify_with(attestfix_roots,
			     buf_blob(&object), MDA_TOKEN, MDA_NOW, &a),
	    OK);
	assert_string_equal(a.serial, "");
	assert_string_equal(a.udid, "");
	assert_string_equal(a.sip, "unknown");
	assert_string_equal(a.kernel_extensions, "unknown");
	attest_release(&a);
	buf_release(&object);
	mda_release(&c);
}

/* acme-175: no byte of a good object can be another. */
static void
test_every_byte(void **state)
{
	struct blob x5c[2] = { buf_blob(&attestfix_leaf.der),
		buf_blob(&attestfix_sub.der) };
	struct buf object;
	uint8_t bit;
	size_t i;

	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	attestfix_expect_object(OK, &object);
	for (i = 0; i < object.n; i++) {
		bit = (uint8_t)(1 << i % 8);
		object.p[i] ^= bit;
		if (attestfix_verify_object(buf_blob(&object)) == OK)
			unit_fail("byte %zu", i);
		object.p[i] ^= bit;
	}
	buf_release(&object);
}

/* acme-173 */
static void
test_too_large(void **state)
{
	uint8_t *big = calloc(1, ATTEST_OBJECT_MAX + 1);

	assert_non_null(big);
	assert_int_equal(
	    attestfix_verify_object(blob_of(big, ATTEST_OBJECT_MAX + 1)),
	    ERR_ATT_CBOR);
	assert_non_null(strstr(log_reason(), "16385 bytes"));
	free(big);
}

/* acme-292 */
static void
test_roots(void **state)
{
	struct attest_roots *none;
	struct mda_cert c;
	struct buf pem;

	assert_int_equal(
	    attest_roots_load("/nonexistent/root.pem", &none), ERR_CONFIG);
	assert_null(none);
	attest_roots_free(NULL);
	attestfix_load_roots("", 0, ERR_CONFIG);
	attestfix_load_roots("nonsense", 8, ERR_CONFIG);
	attestfix_pin(&attestfix_sub, ERR_CONFIG);
	attestfix_pin(&attestfix_leaf, ERR_CONFIG);
	/* Two certificates in one file. */
	buf_init(&pem, 20000);
	assert_int_equal(
	    x509_write_pem(buf_blob(&attestfix_root.der), &pem), OK);
	assert_int_equal(
	    x509_write_pem(buf_blob(&attestfix_root.der), &pem), OK);
	attestfix_load_roots(pem.p, pem.n, ERR_CONFIG);
	buf_release(&pem);
	mda_ca(&c, "CN=root", 1, NULL, attestfix_not_ca);
	attestfix_pin(&c, ERR_CONFIG);
	mda_release(&c);
	mda_ca(&c, "CN=root", 1, NULL, attestfix_no_sign);
	attestfix_pin(&c, ERR_CONFIG);
	mda_release(&c);
	mda_ca(&c, "CN=root", 1, NULL, names_plain);
	attestfix_pin(&c, ERR_CONFIG);
	mda_release(&c);
}

static void
test_apple_root(void **state)
{
	struct attest_roots *apple;

	assert_int_equal(
	    attest_roots_load(
		source_path("data/apple-enterprise-attestation-root-ca.pem"),
		&apple),
	    OK);
	attest_roots_free(apple);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_freshness_like_der),
		cmocka_unit_test(test_freshness_place),
		cmocka_unit_test(test_not_der),
		cmocka_unit_test(test_inner_algorithm),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_user_enrollment),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_apple_root),
	};

	log_open("t", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "attest_leaf", tests, attestfix_setup, attestfix_teardown);
}
