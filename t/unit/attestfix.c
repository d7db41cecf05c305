#include "unit/attestfix.h"

#include "unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "unit/mda.h"
#include "wire/attest.h"
#include "wire/x509.h"

/* The good chain that every test bends. */
struct mda_cert attestfix_root, attestfix_sub, attestfix_leaf;
struct attest_roots *attestfix_roots;

struct attest_roots *
attestfix_load_roots(const void *p, size_t n, int expected)
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

struct attest_roots *
attestfix_pin(const struct mda_cert *c, int expected)
{
	struct attest_roots *out;
	struct buf pem;

	buf_init(&pem, 10000);
	assert_int_equal(x509_write_pem(buf_blob(&c->der), &pem), OK);
	out = attestfix_load_roots(pem.p, pem.n, expected);
	buf_release(&pem);
	return out;
}

int
attestfix_verify_with(const struct attest_roots *anchor, struct blob object,
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

int
attestfix_verify_object(struct blob object)
{
	struct attestation a;
	int r;

	r = attestfix_verify_with(
	    attestfix_roots, object, MDA_TOKEN, MDA_NOW, &a);
	attest_release(&a);
	return r;
}

void
attestfix_expect_object(int expected, const struct buf *object)
{
	assert_int_equal(buf_status(object), OK);
	assert_int_equal(attestfix_verify_object(buf_blob(object)), expected);
}

void
attestfix_expect_x5c(int expected, const struct blob *x5c, size_t n)
{
	struct buf object;

	buf_init(&object, 1 << 20);
	mda_object(&object, x5c, n);
	attestfix_expect_object(expected, &object);
	buf_release(&object);
}

void
attestfix_expect_chain(
    int expected, const struct mda_cert *first, const struct mda_cert *second)
{
	struct blob x5c[2] = { buf_blob(&first->der), buf_blob(&second->der) };

	attestfix_expect_x5c(expected, x5c, 2);
}

gnutls_x509_privkey_t
attestfix_leaf_key(void)
{
	return mda_key(GNUTLS_ECC_CURVE_SECP384R1, 9);
}

void
attestfix_expect_leaf(int expected, mda_tweak *tweak)
{
	struct mda_cert c;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, tweak, GNUTLS_DIG_SHA384);
	attestfix_expect_chain(expected, &c, &attestfix_sub);
	mda_release(&c);
}

void
attestfix_expect_sub(int expected, mda_tweak *tweak)
{
	struct mda_cert ca, c;

	mda_ca(&ca, "CN=sub", 3, &attestfix_root, tweak);
	mda_leaf(&c, attestfix_leaf_key(), &ca, NULL, GNUTLS_DIG_SHA384);
	attestfix_expect_chain(expected, &c, &ca);
	mda_release(&ca);
	mda_release(&c);
}

void
attestfix_read_leaf(mda_tweak *tweak, struct attestation *out)
{
	struct mda_cert c;
	struct blob x5c[2];
	struct buf object;

	mda_leaf(
	    &c, attestfix_leaf_key(), &attestfix_sub, tweak, GNUTLS_DIG_SHA384);
	x5c[0] = buf_blob(&c.der);
	x5c[1] = buf_blob(&attestfix_sub.der);
	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	assert_int_equal(attestfix_verify_with(attestfix_roots,
			     buf_blob(&object), MDA_TOKEN, MDA_NOW, out),
	    OK);
	buf_release(&object);
	mda_release(&c);
}

void
attestfix_not_ca(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
}

void
attestfix_no_sign(gnutls_x509_crt_t crt)
{
	gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_CRL_SIGN);
}

int
attestfix_setup(void **state)
{
	mda_ca(&attestfix_root, "CN=root", 1, NULL, NULL);
	mda_ca(&attestfix_sub, "CN=sub", 2, &attestfix_root, NULL);
	mda_leaf(&attestfix_leaf, attestfix_leaf_key(), &attestfix_sub, NULL,
	    GNUTLS_DIG_SHA384);
	attestfix_roots = attestfix_pin(&attestfix_root, OK);
	return 0;
}

int
attestfix_teardown(void **state)
{
	attest_roots_free(attestfix_roots);
	mda_release(&attestfix_root);
	mda_release(&attestfix_sub);
	mda_release(&attestfix_leaf);
	mda_keys_free();
	return 0;
}
