/* The simulator's own writers and readers (sim/). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <openssl/x509.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "sim/forge/attestation.h"
#include "sim/forge/cert.h"
#include "sim/forge/der.h"
#include "sim/forge/jose.h"
#include "sim/forge/keypair.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/xml.h"
#include "unit/unit.h"

static void
check_hex(struct buf *b, const char *want)
{
	struct buf hex;

	buf_init(&hex, 65536);
	assert_int_equal(buf_status(b), OK);
	assert_int_equal(enc_hex(buf_blob(b), &hex), OK);
	assert_string_equal(buf_str(&hex), want);
	buf_release(&hex);
	buf_reset(b);
}

static void
test_der_numbers(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	der_put_int(&b, 0);
	check_hex(&b, "020100");
	der_put_int(&b, 127);
	check_hex(&b, "02017f");
	der_put_int(&b, 128);
	check_hex(&b, "02020080");
	der_put_oid(&b, "1.2.840.113635.100.8.11.1");
	check_hex(&b, "060a2a864886f76364080b01");
	der_put_oid(&b, "2.999.3");
	check_hex(&b, "0603883703");
	der_put_time(&b, 1795470000);
	check_hex(&b, "170d3236313132333231343030305a");
	der_put_time(&b, 2524608000);
	check_hex(&b, "180f32303530303130313030303030305a");
	buf_release(&b);
}

/* Lengths around each change of form, closed and put. */
static void
test_der_lengths(void **state)
{
	static const struct {
		size_t n;
		const char *head;
	} table[] = { { 0, "0400" }, { 127, "047f" }, { 128, "048180" },
		{ 255, "0481ff" }, { 256, "04820100" },
		{ 65536, "0483010000" } };
	uint8_t *bytes = calloc(1, 65536);
	struct buf put, closed;

	(void)state;
	assert_non_null(bytes);
	buf_init(&put, SCRATCH_MAX);
	buf_init(&closed, SCRATCH_MAX);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		size_t mark = der_open(&closed, DER_OCTETS);

		buf_add(&closed, bytes, table[i].n);
		der_close(&closed, mark);
		der_put(&put, DER_OCTETS, blob_of(bytes, table[i].n));
		assert_true(blob_eq(buf_blob(&put), buf_blob(&closed)));
		put.n = strlen(table[i].head) / 2;
		check_hex(&put, table[i].head);
		buf_reset(&closed);
	}
	buf_release(&put);
	buf_release(&closed);
	free(bytes);
}

static void
test_cbor(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	attestation_head(&b, ATTESTATION_ARRAY, 23);
	check_hex(&b, "97");
	attestation_head(&b, ATTESTATION_ARRAY, 24);
	check_hex(&b, "9818");
	attestation_head(&b, ATTESTATION_BYTES, 256);
	check_hex(&b, "590100");
	attestation_head(&b, ATTESTATION_BYTES, UINT64_C(1) << 32);
	check_hex(&b, "5b0000000100000000");
	/* What Apple's client sends when it got no attestation. */
	attestation_failed(&b);
	check_hex(&b, "a263666d74656170706c656761747453746d74a16378356380");
	buf_release(&b);
}

/* A signature shorter than 64 bytes verifies once its zeros are back. */
/* The extensions of a leaf, by their last numbers. */
static void
check_extensions(const struct faults *faults, const char *want)
{
	struct attestation a = {
		.token = blob_str("token"),
		.serial = "C02TEST00001",
		.udid = "00008122-0014392A0E51801C",
		.os_version = "26.2",
		.board = "J504AP",
		.thumbprint = "",
		.faults = faults,
	};
	char text[300] = "", oid[64];
	const unsigned char *p;
	X509 *crt;
	SCRATCH_APPLE(apple);
	SCRATCH_KEY(key);
	SCRATCH_BUF(der);

	assert_int_equal(apple_make_attestation(&apple), OK);
	assert_int_equal(keypair_make("P-384", &key), OK);
	a.key = key;
	assert_int_equal(
	    attestation_leaf(&a, &apple.attestation_sub, &der), OK);
	p = der.p;
	crt = d2i_X509(NULL, &p, (long)der.n);
	assert_non_null(crt);
	for (int i = 0; i < X509_get_ext_count(crt); i++) {
		X509_EXTENSION *e = X509_get_ext(crt, i);

		OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(e), 1);
		assert_int_equal(X509_EXTENSION_get_critical(e), i < 2);
		snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%s%s", i > 0 ? " " : "",
		    oid + (strncmp(oid, "2.5.29.", 7) == 0 ? 7 : 21));
	}
	assert_string_equal(text, want);
	X509_free(crt);
}

/* In the order that Apple's have, those of 2026 and those before. */
static void
test_leaf(void **state)
{
	struct faults old = { 0 };

	(void)state;
	check_extensions(
	    NULL, "19 15 37 10.2 10.3 10.1 9.4 13.2 13.1 13.3 9.1 9.2 11.1");
	old.on[FAULT_LEAF_2025] = true;
	check_extensions(
	    &old, "19 15 10.2 10.3 10.1 9.4 13.2 13.1 13.3 9.1 9.2 11.1");
}

static void
test_short_signatures(void **state)
{
	struct jose jws = { .alg = "ES256", .short_signature = true };
	json_object *v, *s;
	struct buf out, sig;

	(void)state;
	buf_init(&out, 65536);
	buf_init(&sig, 1024);
	assert_int_equal(keypair_make("P-256", &jws.key), OK);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(
		    jose_write(&jws, blob_str("{}"), blob_str("x"), &out), OK);
		v = json_tokener_parse(buf_str(&out));
		assert_true(json_object_object_get_ex(v, "signature", &s));
		assert_int_equal(enc_base64url_decode(
				     blob_str(json_object_get_string(s)), &sig),
		    OK);
		assert_in_range(sig.n, 56, 63);
		json_object_put(v);
		buf_reset(&out);
		buf_reset(&sig);
	}
	EVP_PKEY_free(jws.key);
	buf_release(&out);
	buf_release(&sig);
}

static void
test_padding(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	jose_base64(blob_str("a"), true, &b);
	assert_string_equal(buf_str(&b), "YQ==");
	buf_reset(&b);
	jose_base64(blob_str("abc"), true, &b);
	assert_string_equal(buf_str(&b), "YWJj");
	buf_reset(&b);
	jose_base64(blob_str("ab"), false, &b);
	assert_string_equal(buf_str(&b), "YWI");
	buf_release(&b);
}

/* What jose.c escapes, json-c reads. */
static void
test_json_string(void **state)
{
	json_object *read;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	jose_string(&b, "a\"\\\n", "x");
	assert_string_equal(buf_str(&b), "\"a\\\"\\\\\\u000ax\"");
	read = json_tokener_parse(buf_str(&b));
	assert_string_equal(json_object_get_string(read), "a\"\\\nx");
	json_object_put(read);
	buf_release(&b);
}

static void
test_plist(void **state)
{
	static const char text[] =
	    "<plist version=\"1.0\"><dict><key>s</key><string>a&amp;b</string>"
	    "<key>d</key><data>AQID</data><key>i</key><integer>7</integer>"
	    "<key>t</key><true/><key>l</key><array><string>x</string></array>"
	    "</dict></plist>";
	plist_t v;

	(void)state;
	assert_int_equal(xml_parse(blob_str(text), &v), OK);
	assert_string_equal(xml_get_text(v, "s"), "a&b");
	assert_true(blob_eq(xml_get_data(v, "d"), blob_of("\1\2\3", 3)));
	assert_int_equal(xml_get_int(v, "i", 1), 7);
	assert_true(xml_get_bool(v, "t"));
	assert_string_equal(
	    xml_get_text(xml_item(xml_get(v, "l"), 0), NULL), "x");
	/* What is absent, of another type, or behind the end. */
	assert_null(xml_get_text(v, "absent"));
	assert_null(xml_get_text(v, "i"));
	assert_int_equal(xml_get_data(v, "s").n, 0);
	assert_int_equal(xml_get_int(v, "s", 1), 1);
	assert_false(xml_get_bool(v, "s"));
	assert_null(xml_item(xml_get(v, "l"), 1));
	assert_null(xml_item(v, 0));
	assert_null(xml_get(xml_get(v, "s"), "s"));
	assert_null(xml_get(NULL, "s"));
	plist_free(v);
	assert_int_equal(xml_parse(blob_str("no list"), &v), ERR_MALFORMED);
	assert_int_equal(xml_parse(blob_of("", 0), &v), ERR_MALFORMED);
}

/* The reader, which is OpenSSL's, opens what the writer made. */
static void
check_cms(struct cms_message *cms)
{
	struct buf message, content;

	buf_init(&message, SCRATCH_MAX);
	buf_init(&content, SCRATCH_MAX);
	assert_int_equal(
	    cms_message_sign(cms, blob_str("some content"), &message), OK);
	assert_int_equal(cms_message_verify(buf_blob(&message), &content), OK);
	assert_true(blob_eq_str(buf_blob(&content), "some content"));
	message.p[message.n - 12] ^= 1;
	assert_int_equal(
	    cms_message_verify(buf_blob(&message), &content), ERR_MALFORMED);
	buf_release(&message);
	buf_release(&content);
}

static void
test_cms(void **state)
{
	struct cms_message cms = { .digest = "sha256", .chunk = 5 };
	struct cert_rdn rdn = { "2.5.4.3", DER_UTF8, "x" };
	SCRATCH_BUF(name);
	SCRATCH_BUF(crt);

	(void)state;
	assert_int_equal(keypair_make("P-384", &cms.key), OK);
	cert_name(&name, &rdn, 1);
	assert_int_equal(cert_sign(&(struct cert){ .subject = buf_blob(&name),
				       .key = cms.key },
			     NULL, &crt),
	    OK);
	cms.signer = buf_blob(&crt);
	for (int i = 0; i < 4; i++) {
		cms.der = (i & 1) != 0;
		cms.attributes = (i & 2) != 0;
		check_cms(&cms);
	}
	EVP_PKEY_free(cms.key);
}

/* PermanentIdentifier as RFC 4043 encodes it. */
static void
test_permanent_identifier(void **state)
{
	static const char want[] = "301ea01c06082b06010505070803a010300e0c0c"
				   "5a5a4e4f544d494e45393939";
	struct faults faults = {
		.on[FAULT_CSR_FOREIGN_PERMANENT_IDENTIFIER] = true,
	};
	struct cert_request csr = { .faults = &faults };
	struct buf der, hex;

	(void)state;
	buf_init(&der, SCRATCH_MAX);
	buf_init(&hex, SCRATCH_MAX);
	assert_int_equal(keypair_make("P-256", &csr.key), OK);
	assert_int_equal(cert_request(&csr, &der), OK);
	enc_hex(buf_blob(&der), &hex);
	assert_non_null(strstr(buf_str(&hex), want));
	EVP_PKEY_free(csr.key);
	buf_release(&der);
	buf_release(&hex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_der_numbers),
		cmocka_unit_test(test_der_lengths),
		cmocka_unit_test(test_cbor),
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_short_signatures),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_json_string),
		cmocka_unit_test(test_plist),
		cmocka_unit_test(test_cms),
		cmocka_unit_test(test_permanent_identifier),
	};

	/* Each cut-off text would be a line of log. */
	log_open("forge", LOG_ERROR);
	return unit_run("forge", tests);
}
