/* Certificates (lib/wire/x509.h). */
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/x509.h"
#include "unit/unit.h"

#define MAX 65536

static EVP_PKEY *ca_key, *leaf_key;
static X509 *ca, *leaf;

static gnutls_x509_crt_t
import(X509 *crt)
{
	gnutls_x509_crt_t out;
	struct buf b;

	buf_init(&b, MAX);
	testpki_der(crt, &b);
	assert_int_equal(x509_parse(buf_blob(&b), &out), OK);
	buf_release(&b);
	return out;
}

static void
test_parse(void **state)
{
	static uint8_t big[X509_DER_MAX + 1];
	gnutls_x509_crt_t crt;
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	testpki_der(leaf, &b);
	assert_int_equal(x509_parse(buf_blob(&b), &crt), OK);
	x509_free(crt);
	buf_add_byte(&b, 0);
	assert_int_equal(x509_parse(buf_blob(&b), &crt), ERR_MALFORMED);
	assert_null(crt);
	assert_int_equal(
	    x509_parse(blob_of(b.p, b.n - 2), &crt), ERR_MALFORMED);
	assert_int_equal(
	    x509_parse(blob_of("\x30\x00", 2), &crt), ERR_MALFORMED);
	assert_int_equal(x509_parse(blob_of(NULL, 0), &crt), ERR_MALFORMED);
	assert_int_equal(
	    x509_parse(blob_of(big, sizeof big), &crt), ERR_MALFORMED);
	assert_non_null(strstr(log_reason(), "16385 bytes"));
	buf_release(&b);
	x509_free(NULL);
}

/* GnuTLS alone reads a certificate whose outer length is in a longer form. */
static void
test_parse_loose(void **state)
{
	gnutls_x509_crt_t crt;
	struct buf b, loose;

	(void)state;
	buf_init(&b, MAX);
	buf_init(&loose, MAX);
	testpki_der(leaf, &b);
	assert_int_equal(b.p[1], 0x82);
	buf_add(&loose, "\x30\x83\x00", 3);
	buf_add(&loose, b.p + 2, b.n - 2);
	log_forget_reason();
	assert_int_equal(x509_parse(buf_blob(&loose), &crt), ERR_MALFORMED);
	assert_non_null(strstr(log_reason(), "not minimal"));
	buf_release(&loose);
	buf_release(&b);
}

static void
pem_of(struct buf *out, const char *before, const char *after)
{
	struct buf der;

	buf_init(&der, MAX);
	buf_init(out, MAX);
	testpki_der(leaf, &der);
	buf_add_str(out, before);
	assert_int_equal(x509_write_pem(buf_blob(&der), out), OK);
	buf_add_str(out, after);
	buf_release(&der);
}

static void
check_pem(const char *before, const char *after, int want)
{
	gnutls_x509_crt_t crt;
	struct buf pem;

	pem_of(&pem, before, after);
	assert_int_equal(x509_parse_pem(buf_blob(&pem), &crt), want);
	x509_free(crt);
	buf_release(&pem);
}

static void
test_pem(void **state)
{
	gnutls_x509_crt_t crt;
	struct buf pem;

	(void)state;
	check_pem("", "", OK);
	check_pem("\n ", "\r\n", OK);
	check_pem("text", "", ERR_MALFORMED);
	check_pem("", "text", ERR_MALFORMED);
	pem_of(&pem, "", "");
	check_pem(buf_str(&pem), "", ERR_MALFORMED);
	pem.p[40] = '*';
	assert_int_equal(x509_parse_pem(buf_blob(&pem), &crt), ERR_MALFORMED);
	pem.n -= 10;
	assert_int_equal(x509_parse_pem(buf_blob(&pem), &crt), ERR_MALFORMED);
	buf_release(&pem);
	assert_int_equal(x509_parse_pem(blob_str(""), &crt), ERR_MALFORMED);
	assert_int_equal(
	    x509_parse_pem(blob_str("nothing"), &crt), ERR_MALFORMED);
	assert_int_equal(x509_parse_pem(blob_str("-----BEGIN CERTIFICATE-----"
						 "-----END CERTIFICATE-----"),
			     &crt),
	    ERR_MALFORMED);
}

/* OpenSSL reads what we write, lines and all. */
static void
test_write_pem(void **state)
{
	struct buf pem;
	BIO *bio;
	X509 *crt;
	size_t i, column = 0;

	(void)state;
	pem_of(&pem, "", "");
	for (i = 0; i < pem.n; i++) {
		assert_int_not_equal(pem.p[i], '\r');
		column = pem.p[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 64);
	}
	assert_int_equal(pem.p[pem.n - 1], '\n');
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	crt = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(crt);
	assert_int_equal(X509_cmp(crt, leaf), 0);
	X509_free(crt);
	BIO_free(bio);
	buf_release(&pem);
}

static int
load(const char *text, size_t max, size_t *n)
{
	char path[] = "/tmp/attestmdm-x509-XXXXXX";
	gnutls_x509_crt_t crts[4];
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = x509_load(path, max, crts, n);
	unlink(path);
	for (size_t i = 0; i < *n; i++)
		x509_free(crts[i]);
	return r;
}

static void
test_load(void **state)
{
	gnutls_x509_crt_t crt;
	struct buf one, two;
	size_t n;

	(void)state;
	pem_of(&one, "Some words\n", "more words\n");
	pem_of(&two, buf_str(&one), "");
	assert_int_equal(load(buf_str(&one), 4, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(load(buf_str(&two), 4, &n), OK);
	assert_int_equal(n, 2);
	assert_int_equal(load(buf_str(&two), 1, &n), ERR_TOO_LARGE);
	assert_int_equal(n, 0);
	assert_int_equal(load("nothing", 4, &n), ERR_MALFORMED);
	two.p[two.n - 40] = '*';
	assert_int_equal(load(buf_str(&two), 4, &n), ERR_MALFORMED);
	assert_int_equal(n, 0);
	buf_release(&two);
	buf_init(&two, 2 << 20);
	while (two.n < 1 << 20)
		buf_add_str(&two, "Some words that fill a file.\n");
	buf_add_blob(&two, buf_blob(&one));
	assert_int_equal(load(buf_str(&two), 4, &n), ERR_TOO_LARGE);
	assert_int_equal(x509_load("/nonexistent", 1, &crt, &n), ERR_IO);
	assert_int_equal(x509_load("/", 1, &crt, &n), ERR_IO);
	buf_release(&two);
	buf_release(&one);
}

static void
test_fields(void **state)
{
	gnutls_x509_crt_t crt = import(leaf), root = import(ca);
	uint8_t sum[SECRET_SHA256], want[SECRET_SHA256];
	unsigned char *der = NULL;
	struct buf b, c;
	int n;

	(void)state;
	buf_init(&b, MAX);
	buf_init(&c, MAX);
	testpki_der(leaf, &c);
	secret_sha256(buf_blob(&c), want);
	assert_int_equal(x509_sha256(crt, sum), OK);
	assert_memory_equal(sum, want, sizeof sum);
	assert_int_equal(x509_der(crt, &b), OK);
	assert_true(blob_eq(buf_blob(&b), buf_blob(&c)));
	buf_reset(&b);
	n = i2d_PUBKEY(leaf_key, &der);
	assert_int_equal(x509_spki(crt, &b), OK);
	assert_true(blob_eq(buf_blob(&b), blob_of(der, (size_t)n)));
	OPENSSL_free(der);
	buf_reset(&b);
	assert_int_equal(x509_key_id(crt, &b), ERR_NOT_FOUND);
	assert_int_equal(x509_key_id(root, &b), OK);
	assert_int_equal(b.n, 20);
	assert_int_equal(x509_not_after(crt) - x509_not_before(crt), 7200);
	assert_true(x509_is_ca(root));
	assert_false(x509_is_ca(crt));
	x509_free(root);
	x509_free(crt);
	buf_release(&c);
	buf_release(&b);
}

/* A certificate of `what`, checked against an issuer. */
static int
signed_by(struct testpki_cert what, X509 *issuer, unsigned flags)
{
	X509 *crt = testpki_issue(leaf_key, &what);
	gnutls_x509_crt_t a = import(crt), b = import(issuer);
	int r = x509_signed_by(a, b, flags);

	x509_free(a);
	x509_free(b);
	X509_free(crt);
	return r;
}

static void
test_signed_by(void **state)
{
	struct testpki_cert what = {
		.name = "leaf", .serial = 9, .issuer = ca, .issuer_key = ca_key
	};
	EVP_PKEY *other_key = testpki_key("P-256");
	X509 *same_name = testpki_issue(other_key,
	    &(struct testpki_cert){ .name = "ca", .serial = 5, .ca = true });
	X509 *no_ca = testpki_issue(
	    ca_key, &(struct testpki_cert){ .name = "ca", .serial = 5 });

	(void)state;
	assert_int_equal(signed_by(what, ca, 0), OK);
	assert_int_equal(signed_by(what, leaf, 0), ERR_BAD_SIGNATURE);
	assert_int_equal(signed_by(what, same_name, 0), ERR_BAD_SIGNATURE);
	assert_int_equal(signed_by(what, no_ca, 0), ERR_BAD_SIGNATURE);
	what.not_before = -7200;
	what.not_after = -3600;
	assert_int_equal(signed_by(what, ca, 0), OK);
	what.digest = "sha1";
	assert_int_equal(signed_by(what, ca, 0), ERR_BAD_SIGNATURE);
	assert_int_equal(signed_by(what, ca, X509_ALLOW_SHA1), OK);
	X509_free(no_ca);
	X509_free(same_name);
	EVP_PKEY_free(other_key);
}

static void
test_other_issuer_name(void **state)
{
	X509 *other = testpki_issue(ca_key,
	    &(struct testpki_cert){ .name = "CA 2", .serial = 5, .ca = true });

	(void)state;
	log_forget_reason();
	assert_int_equal(signed_by((struct testpki_cert){ .name = "leaf",
				       .serial = 9,
				       .issuer = ca,
				       .issuer_key = ca_key },
			     other, 0),
	    ERR_BAD_SIGNATURE);
	assert_non_null(strstr(log_reason(), "another issuer"));
	X509_free(other);
}

static void
test_pubkey(void **state)
{
	static uint8_t big[X509_DER_MAX + 1];
	unsigned char *der = NULL;
	gnutls_pubkey_t key;
	size_t n = (size_t)i2d_PUBKEY(leaf_key, &der);

	(void)state;
	assert_int_equal(x509_pubkey(blob_of(der, n), &key), OK);
	gnutls_pubkey_deinit(key);
	assert_int_equal(
	    x509_pubkey(blob_of(der, n - 1), &key), ERR_BAD_PUBLIC_KEY);
	assert_non_null(strstr(log_reason(), "points outside"));
	der[n - 1] ^= 1;
	assert_int_equal(
	    x509_pubkey(blob_of(der, n), &key), ERR_BAD_PUBLIC_KEY);
	assert_null(key);
	assert_int_equal(
	    x509_pubkey(blob_of(big, sizeof big), &key), ERR_BAD_PUBLIC_KEY);
	assert_non_null(strstr(log_reason(), "16385 bytes"));
	OPENSSL_free(der);
}

/* Version 1 has no extensions, and old roots are such certificates. */
static void
test_version_1(void **state)
{
	X509 *old = X509_new();
	gnutls_x509_crt_t crt;

	(void)state;
	X509_set_version(old, 0);
	ASN1_INTEGER_set(X509_get_serialNumber(old), 1);
	X509_gmtime_adj(X509_getm_notBefore(old), 0);
	X509_gmtime_adj(X509_getm_notAfter(old), 3600);
	X509_set_pubkey(old, ca_key);
	assert_true(X509_sign(old, ca_key, EVP_sha256()) > 0);
	crt = import(old);
	assert_true(x509_is_ca(crt));
	x509_free(crt);
	X509_free(old);
}

static int
start(void **state)
{
	(void)state;
	ca_key = testpki_key("P-384");
	leaf_key = testpki_key("P-256");
	ca = testpki_issue(ca_key,
	    &(struct testpki_cert){
		.name = "ca", .serial = 5, .ca = true, .key_id = true });
	leaf = testpki_issue(leaf_key,
	    &(struct testpki_cert){ .name = "leaf",
		.serial = 0x8001,
		.issuer = ca,
		.issuer_key = ca_key });
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(ca_key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_loose),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_write_pem),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_signed_by),
		cmocka_unit_test(test_other_issuer_name),
		cmocka_unit_test(test_pubkey),
		cmocka_unit_test(test_version_1),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("x509", tests, start, stop);
}
