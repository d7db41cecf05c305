/* Attestations: the chain from the leaf to the root. */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "unit/mda.h"
#include "wire/attest.h"
#include "wire/x509.h"
#include "unit/attestfix.h"

#define DAY 86400L

/* acme-190, acme-227 */
static void
test_good(void **state)
{
	uint8_t digest[32];
	struct attestation a;

	attestfix_read_leaf(NULL, &a);
	assert_string_equal(a.serial, "C02TEST12345");
	assert_string_equal(a.udid, "00008112-000A1B2C3D4E5F60");
	assert_string_equal(a.software_update_device_id, "J514sAP");
	assert_string_equal(a.os_version, "15.5");
	assert_string_equal(a.sepos_version, "2622.1");
	assert_string_equal(a.llb_version, "11881.121.1");
	assert_string_equal(a.sip, "enabled");
	assert_string_equal(a.secure_boot, "Full Security");
	assert_string_equal(a.kernel_extensions, "none");
	assert_int_equal(a.leaf_not_before, MDA_NOW - DAY);
	assert_int_equal(a.leaf_not_after, MDA_NOW + 90 * DAY);
	secret_sha256(a.spki, digest);
	assert_memory_equal(a.spki_sha256, digest, 32);
	secret_sha256(a.leaf, digest);
	assert_memory_equal(a.leaf_sha256, digest, 32);
	attest_release(&a);
	assert_null(a.spki.p);
	attest_release(&a);
}

/* RFC 5480: SEQUENCE, id-ecPublicKey, the named curve, 04 and the point. */
static void
test_spki(void **state)
{
	static const uint8_t p384[] = { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
		0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04 };
	struct attestation a;

	attestfix_read_leaf(NULL, &a);
	assert_int_equal(a.spki.n, sizeof p384 + 96);
	assert_memory_equal(a.spki.p, p384, sizeof p384);
	assert_non_null(memmem(a.leaf.p, a.leaf.n, a.spki.p, a.spki.n));
	attest_release(&a);
}

/* acme-217 */
static void
test_curves(void **state)
{
	gnutls_x509_privkey_t rsa, ed;
	struct mda_cert c;

	mda_leaf(&c, mda_key(GNUTLS_ECC_CURVE_SECP256R1, 1), &attestfix_sub,
	    NULL, GNUTLS_DIG_SHA256);
	attestfix_expect_chain(OK, &c, &attestfix_sub);
	mda_release(&c);
	mda_leaf(&c, mda_key(GNUTLS_ECC_CURVE_SECP521R1, 1), &attestfix_sub,
	    NULL, GNUTLS_DIG_SHA512);
	attestfix_expect_chain(ERR_ATT_KEY, &c, &attestfix_sub);
	mda_release(&c);
	gnutls_x509_privkey_init(&rsa);
	gnutls_x509_privkey_generate(rsa, GNUTLS_PK_RSA, 2048, 0);
	mda_leaf(&c, rsa, &attestfix_sub, NULL, GNUTLS_DIG_SHA256);
	attestfix_expect_chain(ERR_ATT_KEY, &c, &attestfix_sub);
	mda_release(&c);
	gnutls_x509_privkey_deinit(rsa);
	gnutls_x509_privkey_init(&ed);
	gnutls_x509_privkey_generate(ed, GNUTLS_PK_EDDSA_ED25519, 0, 0);
	mda_leaf(&c, ed, &attestfix_sub, NULL, GNUTLS_DIG_SHA256);
	attestfix_expect_chain(ERR_ATT_KEY, &c, &attestfix_sub);
	mda_release(&c);
	gnutls_x509_privkey_deinit(ed);
}

/* A leaf whose key's last bytes are others: the point is off its curve. */
static void
test_off_curve(void **state)
{
	struct attestation a;
	struct mda_cert c;
	char other[8];

	attestfix_read_leaf(NULL, &a);
	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, NULL, GNUTLS_DIG_SHA384);
	memcpy(other, a.spki.p + a.spki.n - 8, 8);
	other[7] ^= 1;
	mda_patch(&c, &attestfix_sub, (const char *)a.spki.p + a.spki.n - 8,
	    other, 8);
	attestfix_expect_chain(ERR_ATT_KEY, &c, &attestfix_sub);
	mda_release(&c);
	attest_release(&a);
}

static void
big_key(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_key(crt, mda_key(GNUTLS_ECC_CURVE_SECP521R1, 1));
}

/* acme-193 */
static void
test_ca_curve(void **state)
{
	struct mda_cert ca, c;

	mda_ca(&ca, "CN=sub", 3, &attestfix_root, big_key);
	ca.key = mda_key(GNUTLS_ECC_CURVE_SECP521R1, 1);
	mda_leaf(&c, attestfix_leaf_key(), &ca, NULL, GNUTLS_DIG_SHA512);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &ca);
	mda_release(&ca);
	mda_release(&c);
}

/* acme-193 */
static void
test_digests(void **state)
{
	static const struct {
		gnutls_digest_algorithm_t digest;
		int expected;
	} rows[] = {
		{ GNUTLS_DIG_SHA256, OK },
		{ GNUTLS_DIG_SHA384, OK },
		{ GNUTLS_DIG_SHA512, OK },
		{ GNUTLS_DIG_SHA1, ERR_ATT_CHAIN },
		{ GNUTLS_DIG_SHA224, ERR_ATT_CHAIN },
		{ GNUTLS_DIG_SHA3_256, ERR_ATT_CHAIN },
	};
	struct mda_cert c;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		mda_leaf(&c, attestfix_leaf_key(), &attestfix_sub, NULL,
		    rows[i].digest);
		attestfix_expect_chain(rows[i].expected, &c, &attestfix_sub);
		mda_release(&c);
	}
}

/* acme-166, acme-167, acme-179, acme-180, acme-182 */
static void
test_counts(void **state)
{
	struct blob l = buf_blob(&attestfix_leaf.der),
		    s = buf_blob(&attestfix_sub.der),
		    t = buf_blob(&attestfix_root.der);

	attestfix_expect_x5c(ERR_ATT_NONE, NULL, 0);
	attestfix_expect_x5c(ERR_ATT_CHAIN, &l, 1);
	attestfix_expect_x5c(OK, (struct blob[]){ l, s }, 2);
	attestfix_expect_x5c(OK, (struct blob[]){ l, s, t }, 3);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, t }, 2);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, t, t }, 4);
	attestfix_expect_x5c(
	    ERR_ATT_CHAIN, (struct blob[]){ l, s, s, s, s }, 5);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, l }, 2);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, t, s }, 3);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, s }, 3);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, l, s }, 3);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, l }, 3);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ t, s }, 2);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, t }, 2);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, s }, 2);
	attestfix_expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ t, t }, 2);
	attestfix_expect_x5c(
	    ERR_ATT_CHAIN, (struct blob[]){ l, { NULL, 0 } }, 2);
}

/* acme-174, acme-196 */
static void
test_sizes(void **state)
{
	uint8_t *big = calloc(1, 5000);
	struct blob x5c[2];

	assert_non_null(big);
	memcpy(big, attestfix_leaf.der.p, attestfix_leaf.der.n);
	x5c[0] = blob_of(big, 4097);
	x5c[1] = buf_blob(&attestfix_sub.der);
	attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	assert_non_null(strstr(log_reason(), "4097"));
	/* One byte behind the certificate's end. */
	x5c[0] = blob_of(big, attestfix_leaf.der.n + 1);
	attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	x5c[0] = blob_of(big, attestfix_leaf.der.n - 1);
	attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	free(big);
}

/* Two intermediates, and the limit on the path that the first may set. */
static void
path_zero(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
}

static void
path_one(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_basic_constraints(crt, 1, 1);
}

/* acme-184 */
static void
expect_two_subs(int expected, mda_tweak *upper)
{
	struct mda_cert a, b, c;

	mda_ca(&a, "CN=upper", 4, &attestfix_root, upper);
	mda_ca(&b, "CN=lower", 5, &a, NULL);
	mda_leaf(&c, attestfix_leaf_key(), &b, NULL, GNUTLS_DIG_SHA384);
	attestfix_expect_x5c(expected,
	    (struct blob[]){
		buf_blob(&c.der), buf_blob(&b.der), buf_blob(&a.der) },
	    3);
	mda_release(&a);
	mda_release(&b);
	mda_release(&c);
}

static void
test_path(void **state)
{
	expect_two_subs(OK, NULL);
	expect_two_subs(OK, path_one);
	expect_two_subs(ERR_ATT_CHAIN, path_zero);
	attestfix_expect_sub(OK, path_zero);
}

static void
is_ca(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
}

/* acme-181, acme-184 */
static void
test_ca_bits(void **state)
{
	attestfix_expect_sub(OK, NULL);
	attestfix_expect_sub(ERR_ATT_CHAIN, attestfix_not_ca);
	attestfix_expect_sub(ERR_ATT_CHAIN, attestfix_no_sign);
	attestfix_expect_leaf(ERR_ATT_CHAIN, is_ca);
}

/* acme-183: A leaf of the same device factory as issuer of another. */
static void
test_leaf_as_issuer(void **state)
{
	struct mda_cert c;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_leaf, NULL, GNUTLS_DIG_SHA384);
	attestfix_expect_x5c(ERR_ATT_CHAIN,
	    (struct blob[]){ buf_blob(&c.der), buf_blob(&attestfix_leaf.der),
		buf_blob(&attestfix_sub.der) },
	    3);
	mda_release(&c);
}

/* acme-177, acme-178, acme-185 */
static void
test_foreign_root(void **state)
{
	struct mda_cert r, s, c;

	/* The same names, other keys. */
	mda_ca(&r, "CN=root", 6, NULL, NULL);
	mda_ca(&s, "CN=sub", 7, &r, NULL);
	mda_leaf(&c, attestfix_leaf_key(), &s, NULL, GNUTLS_DIG_SHA384);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &s);
	attestfix_expect_x5c(ERR_ATT_CHAIN,
	    (struct blob[]){
		buf_blob(&c.der), buf_blob(&s.der), buf_blob(&r.der) },
	    3);
	attestfix_expect_chain(ERR_ATT_CHAIN, &c, &attestfix_sub);
	attestfix_expect_chain(ERR_ATT_CHAIN, &attestfix_leaf, &s);
	mda_release(&r);
	mda_release(&s);
	mda_release(&c);
}

/* acme-192 */
static void
test_signature_bits(void **state)
{
	struct mda_cert *const both[] = { &attestfix_leaf, &attestfix_sub };
	struct blob x5c[2] = { buf_blob(&attestfix_leaf.der),
		buf_blob(&attestfix_sub.der) };
	uint8_t *copy;
	size_t i;

	for (i = 0; i < 2; i++) {
		copy = malloc(both[i]->der.n);
		assert_non_null(copy);
		memcpy(copy, both[i]->der.p, both[i]->der.n);
		copy[both[i]->der.n - 1] ^= 1;
		x5c[i].p = copy;
		attestfix_expect_x5c(ERR_ATT_CHAIN, x5c, 2);
		x5c[i].p = both[i]->der.p;
		free(copy);
	}
	attestfix_expect_x5c(OK, x5c, 2);
}

static void
begins_late(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_activation_time(crt, MDA_NOW + 1);
}

static void
ends_early(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_expiration_time(crt, MDA_NOW - 1);
}

static void
just_now(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_activation_time(crt, MDA_NOW);
	gnutls_x509_crt_set_expiration_time(crt, MDA_NOW);
}

/* acme-189 */
static void
test_time(void **state)
{
	struct attest_roots *old;
	struct attestation a;
	struct mda_cert r, s, c;
	struct buf object;

	attestfix_expect_leaf(ERR_ATT_TIME, begins_late);
	attestfix_expect_leaf(ERR_ATT_TIME, ends_early);
	attestfix_expect_leaf(OK, just_now);
	attestfix_expect_sub(ERR_ATT_TIME, begins_late);
	attestfix_expect_sub(ERR_ATT_TIME, ends_early);
	/* The root's own time counts, too. */
	mda_ca(&r, "CN=root", 6, NULL, ends_early);
	mda_ca(&s, "CN=sub", 7, &r, NULL);
	mda_leaf(&c, attestfix_leaf_key(), &s, NULL, GNUTLS_DIG_SHA384);
	old = attestfix_pin(&r, OK);
	buf_init(&object, 10000);
	mda_object(
	    &object, (struct blob[]){ buf_blob(&c.der), buf_blob(&s.der) }, 2);
	assert_int_equal(attestfix_verify_with(
			     old, buf_blob(&object), MDA_TOKEN, MDA_NOW, &a),
	    ERR_ATT_TIME);
	assert_int_equal(attestfix_verify_with(old, buf_blob(&object),
			     MDA_TOKEN, MDA_NOW - 1, &a),
	    OK);
	attest_release(&a);
	buf_release(&object);
	attest_roots_free(old);
	mda_release(&r);
	mda_release(&s);
	mda_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_spki),
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_off_curve),
		cmocka_unit_test(test_ca_curve),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_ca_bits),
		cmocka_unit_test(test_leaf_as_issuer),
		cmocka_unit_test(test_foreign_root),
		cmocka_unit_test(test_signature_bits),
		cmocka_unit_test(test_time),
	};

	log_open("t", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "attest", tests, attestfix_setup, attestfix_teardown);
}
