/* Envelopes made by hand: each with one fault that openssl does not write. */
#include "unit.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "fixture.h"
#include "wire/cms.h"
#include "wire/cmsnode.h"
#include "wire/enveloped.h"
#include "wire/in_der.h"
#include "wire/out_der.h"
#include "wire/x509.h"
#include "unit/recipient.h"

#define AES128    "2.16.840.1.101.3.4.1.2"
#define DES       "1.3.14.3.2.7"
#define RC2       "1.2.840.113549.3.2"
#define DATA      "1.2.840.113549.1.7.1"
#define SIGNED    "1.2.840.113549.1.7.2"
#define ENVELOPED "1.2.840.113549.1.7.3"
#define RSA       "1.2.840.113549.1.1.1"
#define OAEP      "1.2.840.113549.1.1.7"

/* of test-recipient.pem */
#define SERIAL_BYTES 20

#define TEXT "0123456789abcdef"
#define P16  "\x10\x10\x10\x10\x10\x10\x10\x10"
#define E16  "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"
#define IV8  "\x04\x08" P16
#define IV16 "\x04\x10" P16 P16

/* What a member is when it is NULL or 0 stands in make(). */
struct recipe {
	const char *what;
	/* what the reason says, for test_faults() */
	const char *why;
	/* and the code, when it is not ERR_SCEP_MESSAGE */
	int code;
	const char *outer, *transport, *cipher, *inner;
	/* DER of the cipher's parameters */
	const char *iv;
	size_t iv_bytes;
	/* replaces the end of TEXT and its padding */
	const char *tail;
	size_t tail_bytes;
	/* of the content's bytes that are sent */
	size_t content_bytes;
	/* of the content's key that is sent */
	unsigned key_bytes;
	int recipients;
	bool no_iv, no_content, empty_content;
	/* the recipient is named by its key, not by issuer and serial number */
	bool by_key;
	/* a bit of its name is another: of the last byte, or of the issuer */
	bool other_end, other_issuer;
	/* in place of the encrypted key: bytes that decrypt to nothing */
	bool no_key;
	/* each byte of the content's key, when there is none in the message */
	uint8_t guess;
};

/*
 * The content's key is 1, 1, 1..., or the guess: single DES is then triple DES.
 */
static void
encrypt(const struct recipe *recipe, uint8_t text[32])
{
	bool des = recipe->cipher != NULL && strcmp(recipe->cipher, DES) == 0;
	uint8_t bytes[24], iv[16];
	gnutls_datum_t k = { bytes, des ? 24 : 16 }, v = { iv, des ? 8 : 16 };
	gnutls_cipher_hd_t handle;

	memset(bytes, recipe->no_key ? recipe->guess : 1, sizeof bytes);
	memset(iv, 0x10, sizeof iv);
	memcpy(text, TEXT, 16);
	memset(text + 16, des ? 8 : 16, 16);
	if (recipe->tail != NULL)
		memcpy(text + 32 - recipe->tail_bytes, recipe->tail,
		    recipe->tail_bytes);
	assert_true(
	    gnutls_cipher_init(&handle,
		des ? GNUTLS_CIPHER_3DES_CBC : GNUTLS_CIPHER_AES_128_CBC, &k,
		&v) >= 0);
	assert_true(gnutls_cipher_encrypt(handle, text, 32) >= 0);
	gnutls_cipher_deinit(handle);
}

static void
add_key(unsigned n, struct buf *out)
{
	uint8_t bytes[64];
	gnutls_datum_t plain = { bytes, n }, encrypted = { NULL, 0 };
	gnutls_pubkey_t rsa;

	memset(bytes, 1, sizeof bytes);
	assert_true(gnutls_pubkey_init(&rsa) >= 0);
	assert_true(gnutls_pubkey_import_x509(rsa, crt, 0) >= 0);
	assert_true(
	    gnutls_pubkey_encrypt_data(rsa, 0, &plain, &encrypted) >= 0);
	out_der_add(
	    out, IN_DER_OCTET_STRING, blob_of(encrypted.data, encrypted.size));
	gnutls_free(encrypted.data);
	gnutls_pubkey_deinit(rsa);
}

/* As long as a key is, and no padding of PKCS#1 in it. */
static void
add_no_key(struct buf *out)
{
	uint8_t bytes[256];

	memset(bytes, 0x5a, sizeof bytes);
	out_der_add(out, IN_DER_OCTET_STRING, blob_of(bytes, sizeof bytes));
}

/* Appends the name of a recipient whose certificate is `der`. */
static void
add_name(const struct recipe *recipe, struct blob der, struct buf *out)
{
	struct buf id;

	buf_init(&id, 64);
	if (recipe->by_key) {
		assert_int_equal(x509_key_id(crt, &id), OK);
		out_der_add(out, IN_DER_CONTEXT(0), buf_blob(&id));
	} else {
		out_der_issuer_and_serial(out, der);
	}
	buf_release(&id);
	if (recipe->other_end)
		out->p[out->n - 1] ^= 1;
	/* the last letter, before the header and bytes of a serial number */
	if (recipe->other_issuer)
		out->p[out->n - 2 - SERIAL_BYTES - 1] ^= 1;
}

static void
add_recipients(const struct recipe *recipe, struct buf *out)
{
	int i, n = recipe->recipients > 0 ? recipe->recipients : 1;
	struct buf der, inner, set;

	buf_init(&der, X509_DER_MAX);
	buf_init(&inner, X509_DER_MAX);
	buf_init(&set, X509_DER_MAX);
	assert_int_equal(x509_der(crt, &der), OK);
	for (i = 0; i < n; i++) {
		out_der_small(&inner, recipe->by_key ? 2 : 0);
		add_name(recipe, buf_blob(&der), &inner);
		out_der_algorithm(
		    &inner, recipe->transport ? recipe->transport : RSA);
		if (recipe->no_key)
			add_no_key(&inner);
		else
			add_key(
			    recipe->key_bytes ? recipe->key_bytes : 16, &inner);
		out_der_wrap(&set, IN_DER_SEQUENCE, &inner);
	}
	assert_int_equal(out_der_wrap(out, IN_DER_SET, &set), OK);
	buf_release(&set);
	buf_release(&inner);
	buf_release(&der);
}

static void
add_content(const struct recipe *recipe, struct buf *out)
{
	struct buf algorithm, inner;
	uint8_t text[32];

	buf_init(&algorithm, 128);
	buf_init(&inner, 512);
	encrypt(recipe, text);
	out_der_oid(&algorithm, recipe->cipher ? recipe->cipher : AES128);
	if (recipe->iv != NULL)
		buf_add(&algorithm, recipe->iv, recipe->iv_bytes);
	else if (!recipe->no_iv)
		buf_add(&algorithm, IV16, 18);
	out_der_oid(&inner, recipe->inner ? recipe->inner : DATA);
	out_der_wrap(&inner, IN_DER_SEQUENCE, &algorithm);
	if (recipe->empty_content)
		out_der_add(&inner, IN_DER_CONTEXT(0), blob_of(text, 0));
	else if (!recipe->no_content)
		out_der_add(&inner, IN_DER_CONTEXT(0),
		    blob_of(text,
			recipe->content_bytes ? recipe->content_bytes : 32));
	assert_int_equal(out_der_wrap(out, IN_DER_SEQUENCE, &inner), OK);
	buf_release(&inner);
	buf_release(&algorithm);
}

static void
make(const struct recipe *recipe, struct buf *out)
{
	struct buf inner, enveloped, info;

	buf_init(&inner, ENVELOPED_BYTES_MAX);
	buf_init(&enveloped, ENVELOPED_BYTES_MAX);
	buf_init(&info, ENVELOPED_BYTES_MAX);
	buf_reset(out);
	out_der_small(&inner, 0);
	add_recipients(recipe, &inner);
	add_content(recipe, &inner);
	out_der_wrap(&enveloped, IN_DER_SEQUENCE, &inner);
	out_der_oid(&info, recipe->outer ? recipe->outer : ENVELOPED);
	out_der_wrap(&info, IN_DER_CONTEXT_CONSTRUCTED(0), &enveloped);
	assert_int_equal(out_der_wrap(out, IN_DER_SEQUENCE, &info), OK);
	buf_release(&info);
	buf_release(&enveloped);
	buf_release(&inner);
}

static int
open_recipe(const struct recipe *recipe, unsigned flags, struct buf *text)
{
	enum enveloped_cipher cipher;
	struct buf in;
	int r;

	buf_init(&in, ENVELOPED_BYTES_MAX);
	make(recipe, &in);
	buf_reset(text);
	r = enveloped_open(buf_blob(&in), key, crt, flags, &cipher, text);
	buf_release(&in);
	return r;
}

/*
 * Once in 256 times the random key that stands in for none happens to find a
 * sound padding: only what opens each time is a fault.
 */
static int
open_often(const struct recipe *recipe, unsigned flags, struct buf *text)
{
	int i, r = OK;

	for (i = 0; i < 5 && r == OK; i++) {
		r = open_recipe(recipe, flags, text);
		assert_true(r != OK || strcmp(buf_str(text), TEXT) != 0);
	}
	return r;
}

/* What the faults below are compared with: without one, all of it opens. */
static void
test_sound(void **state)
{
	static const struct recipe sound = { .what = "sound" };
	static const struct recipe des = { .cipher = DES,
		.key_bytes = 8,
		.iv = IV8,
		.iv_bytes = 10,
		.tail = P16 "\x08\x08\x08\x08\x08\x08\x08\x08",
		.tail_bytes = 16 };
	static const struct recipe by_key = { .by_key = true };
	struct buf text;

	(void)state;
	buf_init(&text, ENVELOPED_BYTES_MAX);
	assert_int_equal(open_recipe(&by_key, 0, &text), OK);
	assert_string_equal(buf_str(&text), TEXT);
	assert_int_equal(open_recipe(&sound, 0, &text), OK);
	assert_string_equal(buf_str(&text), TEXT);
	assert_int_equal(open_recipe(&des, ENVELOPED_ALLOW_DES, &text), OK);
	assert_string_equal(buf_str(&text), TEXT P16);
	assert_int_equal(
	    open_recipe(&des, ENVELOPED_ALLOW_3DES, &text), ERR_SCEP_ALGORITHM);
	buf_release(&text);
}

/* What is wrong with an envelope, and what is said of it to the log. */
static const struct recipe faults[] = {
	{ .what = "two recipients",
	    .why = "not one recipient",
	    .recipients = 2 },
	{ .what = "OAEP",
	    .why = "other than PKCS#1 v1.5",
	    .code = ERR_SCEP_ALGORITHM,
	    .transport = OAEP },
	{ .what = "another serial number",
	    .why = "another certificate",
	    .other_end = true },
	{ .what = "another issuer",
	    .why = "another certificate",
	    .other_issuer = true },
	{ .what = "another key id",
	    .why = "another certificate",
	    .by_key = true,
	    .other_end = true },
	{ .what = "RC2",
	    .why = "cipher is not",
	    .code = ERR_SCEP_ALGORITHM,
	    .cipher = RC2 },
	{ .what = "no IV", .why = "not one block", .no_iv = true },
	{ .what = "IV too short",
	    .why = "not one block",
	    .iv = IV8,
	    .iv_bytes = 10 },
	{ .what = "IV too long",
	    .why = "not one block",
	    .iv = "\x04\x20" P16 P16 P16 P16,
	    .iv_bytes = 34 },
	{ .what = "bytes after the IV",
	    .why = "EnvelopedData",
	    .iv = IV16 "\x05",
	    .iv_bytes = 20 },
	{ .what = "IV NULL",
	    .why = "not one block",
	    .iv = "\x05",
	    .iv_bytes = 2 },
	{ .what = "IV INTEGER",
	    .why = "not one block",
	    .iv = "\x02\x10\x01" P16 P16,
	    .iv_bytes = 18 },
	{ .what = "two IVs",
	    .why = "not one block",
	    .iv = "\x30\x24" IV16 IV16,
	    .iv_bytes = 38 },
	{ .what = "no padding",
	    .why = "not decrypt",
	    .tail = "",
	    .tail_bytes = 1 },
	{ .what = "too long",
	    .why = "not decrypt",
	    .tail = "\x11",
	    .tail_bytes = 1 },
	{ .what = "longer than the one block there is",
	    .why = "not decrypt",
	    .tail = E16 P16 P16,
	    .tail_bytes = 32,
	    .content_bytes = 16 },
	{ .what = "unlike",
	    .why = "not decrypt",
	    .tail = "\x01\x02",
	    .tail_bytes = 2 },
	{ .what = "unlike at its start",
	    .why = "not decrypt",
	    .tail = "\x0f" P16 P16,
	    .tail_bytes = 16 },
	{ .what = "longer key", .why = "not decrypt", .key_bytes = 24 },
	{ .what = "shorter key", .why = "not decrypt", .key_bytes = 15 },
	{ .what = "other content", .why = "not of type data", .inner = SIGNED },
	{ .what = "other message", .why = "EnvelopedData", .outer = SIGNED },
	{ .what = "no content", .why = "not whole blocks", .no_content = true },
	{ .what = "empty content",
	    .why = "not whole blocks",
	    .empty_content = true },
	{ .what = "half a block",
	    .why = "not whole blocks",
	    .content_bytes = 24 },
};

/*
 * mdm-81: one code for all but what names its algorithm, which is no secret, and
 * not a byte of content.
 */
static void
test_faults(void **state)
{
	struct buf text;
	size_t i;

	(void)state;
	buf_init(&text, ENVELOPED_BYTES_MAX);
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		printf("# %s\n", faults[i].what);
		log_forget_reason();
		assert_int_equal(open_often(&faults[i], 0, &text),
		    faults[i].code != OK ? faults[i].code : ERR_SCEP_MESSAGE);
		if (strstr(log_reason(), faults[i].why) == NULL)
			unit_fail("%s: %s", faults[i].what, log_reason());
		assert_int_equal(text.n, 0);
	}
	buf_release(&text);
}

/*
 * mdm-81: with no key in the message, the content is opened with one that
 * nobody can guess. Whoever knew it would see by the answer whether his bytes
 * held a key: that opens every other envelope (RFC 3218 section 2.3.2).
 */
static void
test_no_known_key(void **state)
{
	static const struct recipe des = { .cipher = DES,
		.iv = IV8,
		.iv_bytes = 10,
		.tail = P16 "\x08\x08\x08\x08\x08\x08\x08\x08",
		.tail_bytes = 16,
		.no_key = true,
		.guess = 0 };
	struct recipe aes = { .no_key = true };
	struct buf text;
	int guess;

	(void)state;
	buf_init(&text, ENVELOPED_BYTES_MAX);
	for (guess = 0; guess <= 255; guess++) {
		aes.guess = (uint8_t)guess;
		assert_int_equal(open_often(&aes, 0, &text), ERR_SCEP_MESSAGE);
		assert_int_equal(text.n, 0);
	}
	assert_int_equal(
	    open_often(&des, ENVELOPED_ALLOW_DES, &text), ERR_SCEP_MESSAGE);
	buf_release(&text);
}

/* Bounded before a library sees it. */
static void
test_bounds(void **state)
{
	static uint8_t big[ENVELOPED_BYTES_MAX + 1];
	enum enveloped_cipher cipher;
	struct buf deep, text;
	int i;

	(void)state;
	buf_init(&deep, ENVELOPED_BYTES_MAX);
	buf_init(&text, ENVELOPED_BYTES_MAX);
	for (i = 0; i < 1000; i++)
		buf_add(&deep, "\x30\x80", 2);
	for (i = 0; i < 1000; i++)
		buf_add(&deep, "\0\0", 2);
	log_forget_reason();
	assert_int_equal(
	    enveloped_open(buf_blob(&deep), key, crt, 0, &cipher, &text),
	    ERR_SCEP_MESSAGE);
	assert_string_equal(log_reason(), "envelope: neither BER nor DER");
	memcpy(big, "\x04\x82\xff\xfd", 4);
	log_forget_reason();
	assert_int_equal(enveloped_open(blob_of(big, sizeof big), key, crt, 0,
			     &cipher, &text),
	    ERR_SCEP_MESSAGE);
	assert_string_equal(log_reason(), "envelope: neither BER nor DER");
	assert_int_equal(text.n, 0);
	buf_release(&text);
	buf_release(&deep);
}

/* The key inside of a sealed message. */
static void
content_key(struct blob sealed, uint8_t out[32])
{
	gnutls_datum_t encrypted;
	asn1_node node;
	struct buf a, b;

	buf_init(&a, ENVELOPED_BYTES_MAX);
	buf_init(&b, ENVELOPED_BYTES_MAX);
	node = cmsnode_decode("Cms.Envelope", sealed);
	assert_int_equal(cmsnode_bytes(node, "content", &a), OK);
	asn1_delete_structure(&node);
	node = cmsnode_decode("Cms.Enveloped", buf_blob(&a));
	assert_int_equal(cmsnode_bytes(node, "recipients.?1", &b), OK);
	asn1_delete_structure(&node);
	buf_reset(&a);
	node = cmsnode_decode("Cms.KeyTransport", buf_blob(&b));
	assert_int_equal(cmsnode_bytes(node, "encryptedKey", &a), OK);
	asn1_delete_structure(&node);
	encrypted = (gnutls_datum_t){ a.p, (unsigned)a.n };
	assert_int_equal(
	    gnutls_privkey_decrypt_data2(key, 0, &encrypted, out, 32), 0);
	buf_release(&b);
	buf_release(&a);
}

/* Nothing of one message opens another. */
static void
test_fresh_keys(void **state)
{
	uint8_t keys[2][32], zero[32] = { 0 };
	struct buf sealed[2];
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		buf_init(&sealed[i], ENVELOPED_BYTES_MAX);
		assert_int_equal(enveloped_seal(blob_str(TEXT), crt,
				     ENVELOPED_AES256, &sealed[i]),
		    OK);
		content_key(buf_blob(&sealed[i]), keys[i]);
	}
	assert_memory_not_equal(keys[0], keys[1], 32);
	assert_memory_not_equal(keys[0], zero, 32);
	/* nor is the second half of a key left as it was */
	assert_memory_not_equal(keys[0] + 16, keys[1] + 16, 16);
	buf_release(&sealed[0]);
	buf_release(&sealed[1]);
}

/* A real message: signed, with attributes, around an envelope for another key. */
static void
check_real(const char *name)
{
	unsigned flags =
	    CMS_ALLOW_SHA1 | CMS_ALLOW_RSA1024 | CMS_WANT_ATTRIBUTES;
	enum enveloped_cipher cipher;
	struct cms_signed *cms = NULL;
	struct buf in, text;
	asn1_node node;

	if (!fixture_read(name, &in)) {
		buf_release(&in);
		return;
	}
	buf_init(&text, ENVELOPED_BYTES_MAX);
	assert_int_equal(cms_signed_parse(buf_blob(&in), &cms), OK);
	assert_int_equal(cms_signed_verify(cms, cms->content, flags), OK);
	assert_int_not_equal(cms_signed_digest(cms), GNUTLS_DIG_UNKNOWN);
	node = cmsnode_decode("Cms.Envelope", cms->content);
	assert_non_null(node);
	assert_true(cmsnode_oid_is(node, "contentType", ENVELOPED));
	asn1_delete_structure(&node);
	assert_int_equal(enveloped_open(cms->content, key, crt,
			     ENVELOPED_ALLOW_3DES, &cipher, &text),
	    ERR_SCEP_MESSAGE);
	cms_signed_free(cms);
	buf_release(&text);
	buf_release(&in);
}

static void
test_real_messages(void **state)
{
	(void)state;
	check_real("scep-PKCSReq.der");
	check_real("scep-CertRep.der");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_no_known_key),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_fresh_keys),
		cmocka_unit_test(test_real_messages),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, load, unload);
}
