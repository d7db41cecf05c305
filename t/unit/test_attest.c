#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "unit/mda.h"
#include "unit/source.h"
#include "wire/attest.h"
#include "wire/x509.h"

#define DAY 86400L

/* The good chain that every test bends. */
static struct mda_cert root, sub, leaf;
static struct attest_roots *roots;

static struct attest_roots *
load_roots(const void *p, size_t n, int expected)
{
	char path[] = "/tmp/attest-XXXXXX";
	struct attest_roots *out;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
	assert_int_equal(attest_roots_load(path, &out), expected);
	assert_true((out != NULL) == (expected == OK));
	unlink(path);
	return out;
}

static struct attest_roots *
pin(const struct mda_cert *c, int expected)
{
	struct attest_roots *out;
	struct buf pem;

	buf_init(&pem, 10000);
	assert_int_equal(x509_write_pem(buf_blob(&c->der), &pem), OK);
	out = load_roots(pem.p, pem.n, expected);
	buf_release(&pem);
	return out;
}

static int
verify_with(const struct attest_roots *anchor, struct blob object,
    const char *token, int64_t now, struct attestation *out)
{
	int r = attest_verify(anchor, object, blob_str(token), now, out);

	if (r != OK) {
		assert_null(out->spki.p);
		assert_null(out->leaf.p);
		assert_string_equal(out->serial, "");
	}
	return r;
}

static int
verify_object(struct blob object)
{
	struct attestation a;
	int r;

	r = verify_with(roots, object, MDA_TOKEN, MDA_NOW, &a);
	attest_release(&a);
	return r;
}

static void
expect_object(int expected, const struct buf *object)
{
	assert_int_equal(buf_status(object), OK);
	assert_int_equal(verify_object(buf_blob(object)), expected);
}

static void
expect_x5c(int expected, const struct blob *x5c, size_t n)
{
	struct buf object;

	buf_init(&object, 1 << 20);
	mda_object(&object, x5c, n);
	expect_object(expected, &object);
	buf_release(&object);
}

static void
expect_chain(
    int expected, const struct mda_cert *first, const struct mda_cert *second)
{
	struct blob x5c[2] = { buf_blob(&first->der), buf_blob(&second->der) };

	expect_x5c(expected, x5c, 2);
}

static gnutls_x509_privkey_t
leaf_key(void)
{
	return mda_key(GNUTLS_ECC_CURVE_SECP384R1, 9);
}

/* Verifies a chain whose leaf was bent; the code that came of it. */
static void
expect_leaf(int expected, mda_tweak *tweak)
{
	struct mda_cert c;

	mda_leaf(&c, leaf_key(), &sub, tweak, GNUTLS_DIG_SHA384);
	expect_chain(expected, &c, &sub);
	mda_release(&c);
}

/* The same for the intermediate. */
static void
expect_sub(int expected, mda_tweak *tweak)
{
	struct mda_cert ca, c;

	mda_ca(&ca, "CN=sub", 3, &root, tweak);
	mda_leaf(&c, leaf_key(), &ca, NULL, GNUTLS_DIG_SHA384);
	expect_chain(expected, &c, &ca);
	mda_release(&ca);
	mda_release(&c);
}

static void
read_leaf(mda_tweak *tweak, struct attestation *out)
{
	struct mda_cert c;
	struct blob x5c[2];
	struct buf object;

	mda_leaf(&c, leaf_key(), &sub, tweak, GNUTLS_DIG_SHA384);
	x5c[0] = buf_blob(&c.der);
	x5c[1] = buf_blob(&sub.der);
	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	assert_int_equal(
	    verify_with(roots, buf_blob(&object), MDA_TOKEN, MDA_NOW, out), OK);
	buf_release(&object);
	mda_release(&c);
}

/* acme-190, acme-227 */
static void
test_good(void **state)
{
	uint8_t digest[32];
	struct attestation a;

	read_leaf(NULL, &a);
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

	read_leaf(NULL, &a);
	assert_int_equal(a.spki.n, sizeof(p384) + 96);
	assert_memory_equal(a.spki.p, p384, sizeof(p384));
	assert_non_null(memmem(a.leaf.p, a.leaf.n, a.spki.p, a.spki.n));
	attest_release(&a);
}

/* acme-217 */
static void
test_curves(void **state)
{
	gnutls_x509_privkey_t rsa, ed;
	struct mda_cert c;

	mda_leaf(&c, mda_key(GNUTLS_ECC_CURVE_SECP256R1, 1), &sub, NULL,
	    GNUTLS_DIG_SHA256);
	expect_chain(OK, &c, &sub);
	mda_release(&c);
	mda_leaf(&c, mda_key(GNUTLS_ECC_CURVE_SECP521R1, 1), &sub, NULL,
	    GNUTLS_DIG_SHA512);
	expect_chain(ERR_ATT_KEY, &c, &sub);
	mda_release(&c);
	gnutls_x509_privkey_init(&rsa);
	gnutls_x509_privkey_generate(rsa, GNUTLS_PK_RSA, 2048, 0);
	mda_leaf(&c, rsa, &sub, NULL, GNUTLS_DIG_SHA256);
	expect_chain(ERR_ATT_KEY, &c, &sub);
	mda_release(&c);
	gnutls_x509_privkey_deinit(rsa);
	gnutls_x509_privkey_init(&ed);
	gnutls_x509_privkey_generate(ed, GNUTLS_PK_EDDSA_ED25519, 0, 0);
	mda_leaf(&c, ed, &sub, NULL, GNUTLS_DIG_SHA256);
	expect_chain(ERR_ATT_KEY, &c, &sub);
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

	read_leaf(NULL, &a);
	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	memcpy(other, a.spki.p + a.spki.n - 8, 8);
	other[7] ^= 1;
	mda_patch(&c, &sub, (const char *)a.spki.p + a.spki.n - 8, other, 8);
	expect_chain(ERR_ATT_KEY, &c, &sub);
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

	mda_ca(&ca, "CN=sub", 3, &root, big_key);
	ca.key = mda_key(GNUTLS_ECC_CURVE_SECP521R1, 1);
	mda_leaf(&c, leaf_key(), &ca, NULL, GNUTLS_DIG_SHA512);
	expect_chain(ERR_ATT_CHAIN, &c, &ca);
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

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mda_leaf(&c, leaf_key(), &sub, NULL, rows[i].digest);
		expect_chain(rows[i].expected, &c, &sub);
		mda_release(&c);
	}
}

/* acme-166, acme-167, acme-179, acme-180, acme-182 */
static void
test_counts(void **state)
{
	struct blob l = buf_blob(&leaf.der), s = buf_blob(&sub.der),
		    t = buf_blob(&root.der);

	expect_x5c(ERR_ATT_NONE, NULL, 0);
	expect_x5c(ERR_ATT_CHAIN, &l, 1);
	expect_x5c(OK, (struct blob[]){ l, s }, 2);
	expect_x5c(OK, (struct blob[]){ l, s, t }, 3);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, t }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, t, t }, 4);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, s, s, s }, 5);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, l }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, t, s }, 3);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, s }, 3);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, l, s }, 3);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, s, l }, 3);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ t, s }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, t }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ s, s }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ t, t }, 2);
	expect_x5c(ERR_ATT_CHAIN, (struct blob[]){ l, { NULL, 0 } }, 2);
}

/* acme-174, acme-196 */
static void
test_sizes(void **state)
{
	uint8_t *big = calloc(1, 5000);
	struct blob x5c[2];

	assert_non_null(big);
	memcpy(big, leaf.der.p, leaf.der.n);
	x5c[0] = blob_of(big, 4097);
	x5c[1] = buf_blob(&sub.der);
	expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	assert_non_null(strstr(log_reason(), "4097"));
	/* One byte behind the certificate's end. */
	x5c[0] = blob_of(big, leaf.der.n + 1);
	expect_x5c(ERR_ATT_CHAIN, x5c, 2);
	x5c[0] = blob_of(big, leaf.der.n - 1);
	expect_x5c(ERR_ATT_CHAIN, x5c, 2);
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

	mda_ca(&a, "CN=upper", 4, &root, upper);
	mda_ca(&b, "CN=lower", 5, &a, NULL);
	mda_leaf(&c, leaf_key(), &b, NULL, GNUTLS_DIG_SHA384);
	expect_x5c(expected,
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
	expect_sub(OK, path_zero);
}

static void
not_ca(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
}

static void
no_sign(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_CRL_SIGN);
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
	expect_sub(OK, NULL);
	expect_sub(ERR_ATT_CHAIN, not_ca);
	expect_sub(ERR_ATT_CHAIN, no_sign);
	expect_leaf(ERR_ATT_CHAIN, is_ca);
}

/* acme-183: A leaf of the same device factory as issuer of another. */
static void
test_leaf_as_issuer(void **state)
{
	struct mda_cert c;

	mda_leaf(&c, leaf_key(), &leaf, NULL, GNUTLS_DIG_SHA384);
	expect_x5c(ERR_ATT_CHAIN,
	    (struct blob[]){
		buf_blob(&c.der), buf_blob(&leaf.der), buf_blob(&sub.der) },
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
	mda_leaf(&c, leaf_key(), &s, NULL, GNUTLS_DIG_SHA384);
	expect_chain(ERR_ATT_CHAIN, &c, &s);
	expect_x5c(ERR_ATT_CHAIN,
	    (struct blob[]){
		buf_blob(&c.der), buf_blob(&s.der), buf_blob(&r.der) },
	    3);
	expect_chain(ERR_ATT_CHAIN, &c, &sub);
	expect_chain(ERR_ATT_CHAIN, &leaf, &s);
	mda_release(&r);
	mda_release(&s);
	mda_release(&c);
}

/* acme-192 */
static void
test_signature_bits(void **state)
{
	struct mda_cert *const both[] = { &leaf, &sub };
	struct blob x5c[2] = { buf_blob(&leaf.der), buf_blob(&sub.der) };
	uint8_t *copy;
	size_t i;

	for (i = 0; i < 2; i++) {
		copy = malloc(both[i]->der.n);
		assert_non_null(copy);
		memcpy(copy, both[i]->der.p, both[i]->der.n);
		copy[both[i]->der.n - 1] ^= 1;
		x5c[i].p = copy;
		expect_x5c(ERR_ATT_CHAIN, x5c, 2);
		x5c[i].p = both[i]->der.p;
		free(copy);
	}
	expect_x5c(OK, x5c, 2);
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

	expect_leaf(ERR_ATT_TIME, begins_late);
	expect_leaf(ERR_ATT_TIME, ends_early);
	expect_leaf(OK, just_now);
	expect_sub(ERR_ATT_TIME, begins_late);
	expect_sub(ERR_ATT_TIME, ends_early);
	/* The root's own time counts, too. */
	mda_ca(&r, "CN=root", 6, NULL, ends_early);
	mda_ca(&s, "CN=sub", 7, &r, NULL);
	mda_leaf(&c, leaf_key(), &s, NULL, GNUTLS_DIG_SHA384);
	old = pin(&r, OK);
	buf_init(&object, 10000);
	mda_object(
	    &object, (struct blob[]){ buf_blob(&c.der), buf_blob(&s.der) }, 2);
	assert_int_equal(
	    verify_with(old, buf_blob(&object), MDA_TOKEN, MDA_NOW, &a),
	    ERR_ATT_TIME);
	assert_int_equal(
	    verify_with(old, buf_blob(&object), MDA_TOKEN, MDA_NOW - 1, &a),
	    OK);
	attest_release(&a);
	buf_release(&object);
	attest_roots_free(old);
	mda_release(&r);
	mda_release(&s);
	mda_release(&c);
}

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

	mda_extension(crt, "2.5.29.30", der, sizeof(der), critical);
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
	expect_leaf(OK, plain_unknown);
	expect_leaf(ERR_ATT_CHAIN, critical_unknown);
	expect_leaf(ERR_ATT_CHAIN, critical_freshness);
	expect_leaf(ERR_ATT_CHAIN, critical_purpose);
	expect_sub(ERR_ATT_CHAIN, critical_purpose);
	expect_sub(OK, plain_unknown);
	expect_sub(ERR_ATT_CHAIN, critical_unknown);
	expect_sub(ERR_ATT_CHAIN, names_critical);
	expect_sub(ERR_ATT_CHAIN, names_plain);
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
		mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
		mda_patch(&c, &sub, v3, others[i], 5);
		expect_chain(ERR_ATT_CHAIN, &c, &sub);
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
	expect_leaf(expected, set_code);
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
		snprintf(token, sizeof(token), "token-%u", i);
		secret_sha256(blob_str(token), digest);
	}
	code = blob_of(digest, 32);
	mda_leaf(&c, leaf_key(), &sub, set_code, GNUTLS_DIG_SHA384);
	buf_init(&object, 10000);
	mda_object(&object,
	    (struct blob[]){ buf_blob(&c.der), buf_blob(&sub.der) }, 2);
	assert_int_equal(
	    verify_with(roots, buf_blob(&object), token, MDA_NOW, &a), OK);
	attest_release(&a);
	/* And it is not the other token's. */
	assert_int_equal(
	    verify_with(roots, buf_blob(&object), MDA_TOKEN, MDA_NOW, &a),
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

	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &sub, fresh, other, 5);
	expect_chain(ERR_ATT_FRESHNESS, &c, &sub);
	mda_release(&c);
	/* Patched without change: the patching itself does no harm. */
	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &sub, fresh, fresh, 5);
	expect_chain(OK, &c, &sub);
	mda_release(&c);
	/* Two codes, two serial numbers. */
	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &sub, "\x63\x64\x08\x0a\x01", fresh, 5);
	expect_chain(ERR_ATT_CHAIN, &c, &sub);
	mda_release(&c);
	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &sub, "\x63\x64\x08\x09\x02", "\x63\x64\x08\x09\x01", 5);
	expect_chain(ERR_ATT_CHAIN, &c, &sub);
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

	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	mda_patch(&c, &sub, key_usage, odd, 7);
	expect_chain(ERR_ATT_CHAIN, &c, &sub);
	mda_release(&c);
	/* The signature does not cover the outermost length. */
	assert_memory_equal(leaf.der.p, "\x30\x82", 2);
	buf_init(&long_form, 10000);
	buf_add_str(&long_form, "\x30\x83");
	buf_add_byte(&long_form, 0);
	buf_add(&long_form, leaf.der.p + 2, leaf.der.n - 2);
	x5c[0] = buf_blob(&long_form);
	x5c[1] = buf_blob(&sub.der);
	expect_x5c(ERR_ATT_CHAIN, x5c, 2);
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

	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	at = memmem(c.der.p, c.der.n, sha384, 7);
	assert_non_null(at);
	memcpy(at, sha256, 7);
	mda_patch(&c, &sub, sha256, sha256, 7);
	x5c[0] = buf_blob(&c.der);
	x5c[1] = buf_blob(&sub.der);
	expect_x5c(ERR_ATT_CHAIN, x5c, 2);
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
	read_leaf(bend, out);
}

static void
bend_refused(const char *oid, struct blob value)
{
	bent_oid = oid;
	bent = value;
	expect_leaf(ERR_ATT_IDENTITY, bend);
}

/* acme-210, acme-213, acme-214 */
static void
test_identity(void **state)
{
	static const char *const oids[] = { MDA_ARC "9.1", MDA_ARC "9.2" };
	struct attestation a;
	char text[80];
	size_t i;

	memset(text, 'A', sizeof(text));
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

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
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

	mda_leaf(&c, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	for (i = 0; i < 4; i++)
		mda_patch(&c, &sub, oids[i], others[i], 5);
	mda_patch(&c, &sub, "leaf", "C02A", 4);
	buf_init(&object, 10000);
	mda_object(&object,
	    (struct blob[]){ buf_blob(&c.der), buf_blob(&sub.der) }, 2);
	assert_int_equal(
	    verify_with(roots, buf_blob(&object), MDA_TOKEN, MDA_NOW, &a), OK);
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
	struct blob x5c[2] = { buf_blob(&leaf.der), buf_blob(&sub.der) };
	struct buf object;
	uint8_t bit;
	size_t i;

	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	expect_object(OK, &object);
	for (i = 0; i < object.n; i++) {
		bit = (uint8_t)(1 << i % 8);
		object.p[i] ^= bit;
		if (verify_object(buf_blob(&object)) == OK)
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
	    verify_object(blob_of(big, ATTEST_OBJECT_MAX + 1)), ERR_ATT_CBOR);
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
	load_roots("", 0, ERR_CONFIG);
	load_roots("nonsense", 8, ERR_CONFIG);
	pin(&sub, ERR_CONFIG);
	pin(&leaf, ERR_CONFIG);
	/* Two certificates in one file. */
	buf_init(&pem, 20000);
	assert_int_equal(x509_write_pem(buf_blob(&root.der), &pem), OK);
	assert_int_equal(x509_write_pem(buf_blob(&root.der), &pem), OK);
	load_roots(pem.p, pem.n, ERR_CONFIG);
	buf_release(&pem);
	mda_ca(&c, "CN=root", 1, NULL, not_ca);
	pin(&c, ERR_CONFIG);
	mda_release(&c);
	mda_ca(&c, "CN=root", 1, NULL, no_sign);
	pin(&c, ERR_CONFIG);
	mda_release(&c);
	mda_ca(&c, "CN=root", 1, NULL, names_plain);
	pin(&c, ERR_CONFIG);
	mda_release(&c);
}

static void
test_apple_root(void **state)
{
	struct attest_roots *apple;

	assert_int_equal(attest_roots_load(
	    source_path("data/apple-enterprise-attestation-root-ca.pem"),
	    &apple),
	    OK);
	attest_roots_free(apple);
}

static int
setup(void **state)
{
	mda_ca(&root, "CN=root", 1, NULL, NULL);
	mda_ca(&sub, "CN=sub", 2, &root, NULL);
	mda_leaf(&leaf, leaf_key(), &sub, NULL, GNUTLS_DIG_SHA384);
	roots = pin(&root, OK);
	return 0;
}

static int
teardown(void **state)
{
	attest_roots_free(roots);
	mda_release(&root);
	mda_release(&sub);
	mda_release(&leaf);
	mda_keys_free();
	return 0;
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
	return cmocka_run_group_tests_name("attest", tests, setup, teardown);
}
