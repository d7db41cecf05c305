#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/err.h"
#include "unit/testpki.h"
#include "unit/unit.h"

#define BYTES_MAX (1 << 20)

EVP_PKEY *
testpki_ec(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	assert_non_null(key);
	return key;
}

EVP_PKEY *
testpki_rsa(int bits)
{
	EVP_PKEY *key = EVP_RSA_gen((unsigned)bits);

	assert_non_null(key);
	return key;
}

static void
add_extension(X509 *crt, int nid, const char *text)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, crt, crt, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(crt, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

X509 *
testpki_issue(EVP_PKEY *key, const struct testpki_cert *what)
{
	bool any = what->not_before == 0 && what->not_after == 0;
	const EVP_MD *md = what->digest ? what->digest : EVP_sha256();
	X509 *crt = X509_new();
	X509_NAME *name;

	assert_non_null(crt);
	X509_set_version(crt, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(crt), what->serial);
	X509_gmtime_adj(
	    X509_getm_notBefore(crt), any ? -3600 : (long)what->not_before);
	X509_gmtime_adj(
	    X509_getm_notAfter(crt), any ? 3600 : (long)what->not_after);
	name = X509_get_subject_name(crt);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)what->name, -1, -1, 0);
	X509_set_issuer_name(
	    crt, what->issuer ? X509_get_subject_name(what->issuer) : name);
	X509_set_pubkey(crt, key);
	add_extension(crt, NID_basic_constraints,
	    what->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (what->key_id)
		add_extension(crt, NID_subject_key_identifier, "hash");
	assert_true(
	    X509_sign(crt, what->issuer ? what->issuer_key : key, md) > 0);
	return crt;
}

void
testpki_der(X509 *crt, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(crt, &der);

	assert_true(n > 0);
	assert_int_equal(buf_add(out, der, (size_t)n), OK);
	OPENSSL_free(der);
}

void
testpki_sign(EVP_PKEY *key, const EVP_MD *md, struct blob in, struct buf *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t signature[1024];
	size_t n = sizeof(signature);

	assert_int_equal(EVP_DigestSignInit(context, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &n, in.p, in.n), 1);
	EVP_MD_CTX_free(context);
	assert_int_equal(buf_add(out, signature, n), OK);
}

void
testpki_wrap(struct buf *out, uint8_t tag, struct blob content)
{
	size_t n = content.n;

	buf_add_byte(out, tag);
	if (n >= 0x10000) {
		buf_add_byte(out, 0x83);
		buf_add_byte(out, (uint8_t)(n >> 16));
	} else if (n >= 0x100) {
		buf_add_byte(out, 0x82);
	} else if (n >= 0x80) {
		buf_add_byte(out, 0x81);
	}
	if (n >= 0x100)
		buf_add_byte(out, (uint8_t)(n >> 8));
	buf_add_byte(out, (uint8_t)n);
	buf_add_blob(out, content);
	assert_int_equal(buf_status(out), OK);
}

void
testpki_oid(struct buf *out, const char *dotted)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(dotted, 1);
	unsigned char *der = NULL;
	int n;

	assert_non_null(oid);
	assert_true((n = i2d_ASN1_OBJECT(oid, &der)) > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_OBJECT_free(oid);
}

void
testpki_enclose(struct buf *b, size_t from, uint8_t tag)
{
	struct buf inner;

	buf_init(&inner, BYTES_MAX);
	buf_add(&inner, b->p + from, b->n - from);
	b->n = from;
	testpki_wrap(b, tag, buf_blob(&inner));
	buf_release(&inner);
}
