/* EnvelopedData and our own SignedData, both ways with openssl. */
#include "unit.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/cms.h"
#include "wire/enveloped.h"
#include "wire/signed_out.h"
#include "wire/x509.h"

#define TEXT "the request of a device, longer than one block of any cipher"

static char dir[] = "/tmp/attestmdm-enveloped-XXXXXX";
static gnutls_x509_crt_t crt, other_crt;
static gnutls_privkey_t key, other_key;

/* Runs a shell command in the test's folder; true when it exits with 0. */
static bool
shell(const char *command)
{
	char line[1024];

	snprintf(line, sizeof line, "cd %s && { %s; } >log 2>&1", dir, command);
	return system(line) == 0;
}

static void
write_file(const char *name, struct blob bytes)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
	fclose(f);
}

static void
read_file(const char *name, struct buf *out)
{
	char path[256];
	uint8_t bytes[65536];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_reset(out);
	buf_add(out, bytes, fread(bytes, 1, sizeof bytes, f));
	fclose(f);
}

static void
load_pair(const char *name, gnutls_x509_crt_t *c, gnutls_privkey_t *k)
{
	char file[64];
	struct buf pem;
	gnutls_datum_t d;

	buf_init(&pem, 65536);
	snprintf(file, sizeof file, "%s.key", name);
	read_file(file, &pem);
	d = (gnutls_datum_t){ pem.p, (unsigned)pem.n };
	assert_true(gnutls_privkey_init(k) >= 0);
	assert_true(gnutls_privkey_import_x509_raw(
			*k, &d, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0);
	snprintf(file, sizeof file, "%s.pem", name);
	read_file(file, &pem);
	assert_int_equal(x509_parse_pem(buf_blob(&pem), c), OK);
	buf_release(&pem);
}

static int
make_keys(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	if (!shell("for n in ca other; do openssl req -x509 -newkey rsa:2048"
		   " -nodes -subj /CN=$n -keyout $n.key -out $n.pem; done"))
		return -1;
	load_pair("ca", &crt, &key);
	load_pair("other", &other_crt, &other_key);
	write_file("text", blob_str(TEXT));
	return 0;
}

static int
remove_keys(void **state)
{
	char line[128];

	(void)state;
	x509_free(crt);
	x509_free(other_crt);
	gnutls_privkey_deinit(key);
	gnutls_privkey_deinit(other_key);
	snprintf(line, sizeof line, "rm -rf %s", dir);
	return system(line);
}

/* Opens bytes; the content, or "" with the code. */
static int
open_bytes(struct blob in, unsigned flags, struct buf *out)
{
	enum enveloped_cipher cipher;

	buf_reset(out);
	return enveloped_open(in, key, crt, flags, &cipher, out);
}

static int
open_file(const char *name, unsigned flags, struct buf *out)
{
	struct buf in;
	int r;

	buf_init(&in, 2 * ENVELOPED_BYTES_MAX);
	read_file(name, &in);
	r = open_bytes(buf_blob(&in), flags, out);
	buf_release(&in);
	return r;
}

static void
test_openssl_to_us(void **state)
{
	static const struct {
		const char *options;
		unsigned flags;
	} cases[] = {
		{ "-aes128", 0 },
		{ "-aes256", 0 },
		{ "-aes128 -stream -indef", 0 },
		{ "-aes128 -keyid", 0 },
		{ "-des3", ENVELOPED_ALLOW_3DES },
	};
	char command[512];
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, ENVELOPED_BYTES_MAX);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(command, sizeof command,
		    "openssl cms -encrypt -binary -in text -outform DER "
		    "-out in.der %s %s",
		    cases[i].options,
		    strstr(cases[i].options, "keyid") != NULL ? "-recip ca.pem"
							      : "ca.pem");
		assert_true(shell(command));
		assert_int_equal(open_file("in.der", cases[i].flags, &out), OK);
		assert_string_equal(buf_str(&out), TEXT);
	}
	buf_release(&out);
}

static void
test_us_to_openssl(void **state)
{
	static const enum enveloped_cipher ciphers[] = { ENVELOPED_AES128,
		ENVELOPED_AES256, ENVELOPED_3DES };
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, ENVELOPED_BYTES_MAX);
	for (i = 0; i < 3; i++) {
		buf_reset(&out);
		assert_int_equal(
		    enveloped_seal(blob_str(TEXT), crt, ciphers[i], &out), OK);
		write_file("out.der", buf_blob(&out));
		assert_true(
		    shell("openssl cms -decrypt -inform DER -in out.der"
			  " -recip ca.pem -inkey ca.key -binary -out plain"
			  " && cmp plain text"));
	}
	buf_release(&out);
}

/* mdm-81: every kind of unusable envelope has the one code. */
static void
test_refused(void **state)
{
	static const struct {
		const char *options;
		int code;
	} bad[] = {
		{ "-aes128 other.pem", ERR_SCEP_MESSAGE },
		{ "-aes128 ca.pem other.pem", ERR_SCEP_MESSAGE },
		{ "-aes-128-gcm ca.pem", ERR_SCEP_MESSAGE },
		{ "-aes128 -recip ca.pem -keyopt rsa_padding_mode:oaep",
		    ERR_SCEP_ALGORITHM },
		{ "-des3 ca.pem", ERR_SCEP_ALGORITHM },
		{ "-aes192 ca.pem", ERR_SCEP_ALGORITHM },
	};
	char command[512];
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, ENVELOPED_BYTES_MAX);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(command, sizeof command,
		    "openssl cms -encrypt -binary -in text -outform DER "
		    "-out bad.der %s",
		    bad[i].options);
		assert_true(shell(command));
		assert_int_equal(open_file("bad.der", 0, &out), bad[i].code);
		assert_int_equal(out.n, 0);
	}
	assert_true(shell("openssl cms -sign -binary -in text -signer ca.pem"
			  " -inkey ca.key -outform DER -out bad.der"));
	assert_int_equal(open_file("bad.der", 0, &out), ERR_SCEP_MESSAGE);
	buf_release(&out);
}

/* mdm-81: a byte changed anywhere: another content, or the one code. */
static void
test_changed_bytes(void **state)
{
	struct buf sealed, out;
	size_t i;
	int r;

	(void)state;
	buf_init(&sealed, ENVELOPED_BYTES_MAX);
	buf_init(&out, ENVELOPED_BYTES_MAX);
	assert_int_equal(
	    enveloped_seal(blob_str(TEXT), crt, ENVELOPED_AES128, &sealed), OK);
	assert_int_equal(open_bytes(buf_blob(&sealed), 0, &out), OK);
	for (i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 0x10;
		r = open_bytes(buf_blob(&sealed), 0, &out);
		assert_true(r == OK || r == ERR_SCEP_MESSAGE ||
		    r == ERR_SCEP_ALGORITHM);
		sealed.p[i] ^= 0x10;
	}
	buf_add_byte(&sealed, 0);
	assert_int_equal(
	    open_bytes(buf_blob(&sealed), 0, &out), ERR_SCEP_MESSAGE);
	assert_int_equal(open_bytes(blob_of(sealed.p, sealed.n / 2), 0, &out),
	    ERR_SCEP_MESSAGE);
	buf_release(&out);
	buf_release(&sealed);
}

static struct signed_out
what_to_sign(void)
{
	return (struct signed_out){
		.key = key, .signer = crt, .digest = GNUTLS_DIG_SHA256
	};
}

/* mdm-85: an answer without content, with attributes of ours. */
static void
test_sign_nothing(void **state)
{
	static const char *const type = "2.16.840.1.113733.1.9.2";
	struct signed_out what = what_to_sign();
	struct signed_out_attribute attribute = { .oid = type };
	struct cms_signed *cms = NULL;
	struct buf value, out;
	struct blob der;

	(void)state;
	buf_init(&value, 64);
	buf_init(&out, CMS_BYTES_MAX);
	assert_int_equal(signed_out_printable("3", &value), OK);
	attribute.value = buf_blob(&value);
	what.attributes = &attribute;
	what.n_attributes = 1;
	assert_int_equal(signed_out_write(&what, &out), OK);
	write_file("signed.der", buf_blob(&out));
	write_file("empty", blob_of("", 0));
	assert_true(shell("openssl cms -verify -inform DER -in signed.der"
			  " -content empty -binary -CAfile ca.pem"
			  " -purpose any -out /dev/null"));
	assert_int_equal(cms_signed_parse(buf_blob(&out), &cms), OK);
	assert_false(cms->has_content);
	assert_int_equal(cms_signed_verify(cms, blob_of("", 0), 0), OK);
	assert_int_equal(cms_signed_attribute(cms, type, &der), OK);
	assert_true(blob_eq(der, buf_blob(&value)));
	cms_signed_free(cms);
	buf_release(&out);
	buf_release(&value);
}

static void
test_sign_content(void **state)
{
	struct signed_out what = what_to_sign();
	struct buf out;

	(void)state;
	buf_init(&out, CMS_BYTES_MAX);
	what.has_content = true;
	what.content = blob_str(TEXT);
	what.digest = GNUTLS_DIG_SHA512;
	assert_int_equal(signed_out_write(&what, &out), OK);
	write_file("signed.der", buf_blob(&out));
	assert_true(shell("openssl cms -verify -inform DER -in signed.der"
			  " -binary -CAfile ca.pem -purpose any -out plain"
			  " && cmp plain text"));
	buf_release(&out);
}

/* mdm-84: the inner message has one certificate and no signer. */
static void
test_certificate_only(void **state)
{
	struct buf der, out;

	(void)state;
	buf_init(&der, X509_DER_MAX);
	buf_init(&out, CMS_BYTES_MAX);
	assert_int_equal(x509_der(crt, &der), OK);
	assert_int_equal(signed_out_certificate(buf_blob(&der), &out), OK);
	write_file("certs.der", buf_blob(&out));
	assert_true(
	    shell("openssl pkcs7 -inform DER -in certs.der"
		  " -print_certs -out certs.pem"
		  " && openssl x509 -in certs.pem -out one.pem"
		  " && openssl x509 -in ca.pem -out two.pem"
		  " && cmp one.pem two.pem"
		  " && openssl cms -cmsout -print -inform DER"
		  " -in certs.der | grep -q 'eContentType: pkcs7-data'"));
	buf_release(&out);
	buf_release(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_to_us),
		cmocka_unit_test(test_us_to_openssl),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_changed_bytes),
		cmocka_unit_test(test_sign_nothing),
		cmocka_unit_test(test_sign_content),
		cmocka_unit_test(test_certificate_only),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
