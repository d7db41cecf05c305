/* mdm-86: the server token of Apple Business. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "recipient.h"
#include "wire/ade_token.h"
#include "wire/enveloped.h"

#define JSON                                                                   \
	"{\"consumer_key\":\"CK_1\",\"consumer_secret\":\"CS_1\","             \
	"\"access_token\":\"AT_1\",\"access_secret\":\"AS_1\","                \
	"\"access_token_expiry\":\"2027-09-01T10:00:00Z\"}"
#define INNER(json)                                                            \
	"Content-Type: text/plain;charset=UTF-8\nContent-Transfer-Encoding: "  \
	"7bit\n\n-----BEGIN MESSAGE-----\n" json "\n-----END MESSAGE-----\n"
#define HEADER                                                                 \
	"Content-Type: application/pkcs7-mime; name=\"smime.p7m\";\n"          \
	"\tsmime-type=enveloped-data\nContent-Transfer-Encoding: base64\n"     \
	"Content-Disposition: attachment; filename=\"smime.p7m\"\n\n"

/* A token file; `end` is what its lines, 64 characters long, end with. */
static void
make(const char *header, const char *inner, enum enveloped_cipher cipher,
    const char *end, struct buf *out)
{
	struct buf der, text;
	const char *p;

	buf_init(out, 1 << 20);
	buf_init(&der, 1 << 20);
	buf_init(&text, 1 << 20);
	for (p = header; *p != '\0'; p++)
		if (*p == '\n')
			buf_add_str(out, end);
		else
			buf_add_byte(out, (uint8_t)*p);
	assert_int_equal(
	    enveloped_seal(blob_str(inner), crt, cipher, &der), OK);
	assert_int_equal(enc_base64(buf_blob(&der), &text), OK);
	for (size_t i = 0; i < text.n; i++) {
		buf_add_byte(out, text.p[i]);
		if (i % 64 == 63 || i + 1 == text.n)
			buf_add_str(out, end);
	}
	buf_release(&text);
	buf_release(&der);
}

static int
open_file(struct buf *file, struct ade_token *token)
{
	int r = ade_token_open(buf_blob(file), key, crt, token);

	buf_release(file);
	return r;
}

static void
assert_token(const struct ade_token *token)
{
	assert_string_equal(token->consumer_key, "CK_1");
	assert_string_equal(token->consumer_secret, "CS_1");
	assert_string_equal(token->access_token, "AT_1");
	assert_string_equal(token->access_secret, "AS_1");
	assert_int_equal(token->expires_at, 1819792800);
}

static void
test_ciphers_and_line_ends(void **state)
{
	static const enum enveloped_cipher ciphers[] = { ENVELOPED_AES128,
		ENVELOPED_AES256, ENVELOPED_3DES };
	static const char *const ends[] = { "\n", "\r\n" };
	struct ade_token token;
	struct buf file;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 2; j++) {
			make(HEADER, INNER(JSON), ciphers[i], ends[j], &file);
			assert_int_equal(open_file(&file, &token), OK);
			assert_token(&token);
		}
}

static void
test_headers(void **state)
{
	static const char *const good[] = {
		"Content-Transfer-Encoding:\n base64\nContent-Type: x/y\n\n",
		"content-transfer-encoding:BASE64\n\n",
		"Content-Type: application/pkcs7-mime\n\n",
		"\n",
	};
	static const char *const bad[] = {
		"Content-Transfer-Encoding: 7bit\n\n",
		"Content-Transfer-Encoding:\n\tquoted-printable\n\n",
		"Content-Type: x/y\nno name\n\n",
		"Content-Type: x/y\n",
	};
	struct ade_token token;
	struct buf file;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		make(good[i], INNER(JSON), ENVELOPED_AES256, "\r\n", &file);
		assert_int_equal(open_file(&file, &token), OK);
		assert_token(&token);
		make(bad[i], INNER(JSON), ENVELOPED_AES256, "\r\n", &file);
		assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
		assert_string_equal(token.consumer_secret, "");
	}
}

static void
test_contents_that_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"no marks " JSON,
		"-----BEGIN MESSAGE-----" JSON,
		INNER("{}"),
		INNER("[]"),
		INNER("{\"consumer_key\":1}"),
		INNER("{\"consumer_key\":\"\",\"consumer_secret\":\"CS_1\","
		      "\"access_token\":\"AT_1\",\"access_secret\":\"AS_1\","
		      "\"access_token_expiry\":\"2027-09-01T10:00:00Z\"}"),
		INNER("{\"consumer_key\":\"C K\",\"consumer_secret\":\"CS_1\","
		      "\"access_token\":\"AT_1\",\"access_secret\":\"AS_1\","
		      "\"access_token_expiry\":\"2027-09-01T10:00:00Z\"}"),
		INNER("{\"consumer_key\":\"CK\",\"consumer_secret\":\"CS_1\","
		      "\"access_token\":\"AT_1\",\"access_secret\":\"AS_1\","
		      "\"access_token_expiry\":\"some day\"}"),
	};
	struct ade_token token;
	struct buf file;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		/* an envelope is never empty */
		make(HEADER, bad[i][0] == '\0' ? " " : bad[i], ENVELOPED_AES128,
		    "\n", &file);
		assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
		assert_string_equal(token.consumer_secret, "");
	}
}

static void
test_files_that_are_refused(void **state)
{
	struct ade_token token;
	struct buf file;

	(void)state;
	buf_init(&file, 1 << 20);
	assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
	buf_add_str(&file, HEADER "!!!!\n");
	assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
	buf_add_str(&file, HEADER "AAAA\n");
	assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
	make(HEADER, INNER(JSON), ENVELOPED_AES128, "\n", &file);
	while (file.n <= ADE_TOKEN_FILE_MAX)
		buf_add_byte(&file, '\n');
	assert_int_equal(open_file(&file, &token), ERR_TOO_LARGE);
}

/* Made for another certificate of ours. */
static void
test_wrong_key(void **state)
{
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t ours = crt, other;
	struct ade_token token;
	struct buf file;

	(void)state;
	assert_true(gnutls_x509_crt_init(&other) >= 0);
	assert_true(gnutls_x509_privkey_init(&k) >= 0);
	assert_true(
	    gnutls_x509_privkey_generate(k, GNUTLS_PK_RSA, 2048, 0) >= 0);
	assert_true(gnutls_x509_crt_set_key(other, k) >= 0);
	assert_true(gnutls_x509_crt_set_version(other, 3) >= 0);
	assert_true(gnutls_x509_crt_set_serial(other, "\1", 1) >= 0);
	assert_true(gnutls_x509_crt_set_activation_time(other, 0) >= 0);
	assert_true(gnutls_x509_crt_set_expiration_time(other, 9999) >= 0);
	assert_true(gnutls_x509_crt_set_dn(other, "CN=other", NULL) >= 0);
	assert_true(
	    gnutls_x509_crt_sign2(other, other, k, GNUTLS_DIG_SHA256, 0) >= 0);
	crt = other;
	make(HEADER, INNER(JSON), ENVELOPED_AES256, "\n", &file);
	crt = ours;
	assert_int_equal(open_file(&file, &token), ERR_ADE_TOKEN);
	gnutls_x509_crt_deinit(other);
	gnutls_x509_privkey_deinit(k);
}

static void
test_what_is_kept(void **state)
{
	struct ade_token token, again;
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(ade_token_read(blob_str(JSON), &token), OK);
	assert_int_equal(ade_token_write(&token, &out), OK);
	assert_string_equal(buf_str(&out), JSON);
	assert_int_equal(ade_token_read(buf_blob(&out), &again), OK);
	assert_memory_equal(&token, &again, sizeof token);
	buf_release(&out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ciphers_and_line_ends),
	cmocka_unit_test(test_headers),
	cmocka_unit_test(test_contents_that_are_refused),
	cmocka_unit_test(test_files_that_are_refused),
	cmocka_unit_test(test_wrong_key),
	cmocka_unit_test(test_what_is_kept),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, load, unload);
}
