#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/der.h"
#include "sim/forge/keypair.h"

#define DATA_OID      "1.2.840.113549.1.7.1"
#define SIGNED_OID    "1.2.840.113549.1.7.2"
#define ENVELOPED_OID "1.2.840.113549.1.7.3"
#define RSA_OID       "1.2.840.113549.1.1.1"
#define PIECE         512

/* A constructed value of either kind; returns the mark of a definite one. */
static size_t
begin(const struct cms_message *cms, uint8_t tag, struct buf *out)
{
	if (cms->der)
		return der_open(out, tag);
	der_open_indefinite(out, tag);
	return 0;
}

static void
end(const struct cms_message *cms, size_t mark, struct buf *out)
{
	if (cms->der)
		der_close(out, mark);
	else
		der_end_of_contents(out);
}

static void
put_digest(const char *digest, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	der_put_oid(out, keypair_digest_oid(digest));
	der_put(out, DER_NULL, blob_of("", 0));
	der_close(out, mark);
}

static void
put_octets(const struct cms_message *cms, struct blob content, struct buf *out)
{
	size_t chunk = cms->chunk > 0 ? cms->chunk : 512;

	if (cms->der) {
		der_put(out, DER_OCTETS, content);
		return;
	}
	der_open_indefinite(out, DER_OCTETS | 0x20);
	for (size_t at = 0; at < content.n; at += chunk) {
		size_t n = content.n - at < chunk ? content.n - at : chunk;

		der_put(out, DER_OCTETS, blob_of(content.p + at, n));
	}
	der_end_of_contents(out);
}

static void
put_content(const struct cms_message *cms, struct blob content, struct buf *out)
{
	size_t info = begin(cms, DER_SEQUENCE, out), mark;

	der_put_oid(out, DATA_OID);
	if (!cms->detached) {
		mark = begin(cms, DER_CONTEXT_CONS, out);
		put_octets(cms, content, out);
		end(cms, mark, out);
	}
	end(cms, info, out);
}

static void
put_certificates(const struct cms_message *cms, struct buf *out)
{
	size_t mark;

	if (cms->no_certificates)
		return;
	mark = der_open(out, DER_CONTEXT_CONS);
	buf_add_blob(out, cms->signer);
	for (size_t i = 0; i < cms->others_count; i++)
		buf_add_blob(out, cms->others[i]);
	der_close(out, mark);
}

static void
put_attribute(const char *oid, struct blob value, struct buf *out)
{
	size_t seq = der_open(out, DER_SEQUENCE);

	der_put_oid(out, oid);
	der_put(out, DER_SET, value);
	der_close(out, seq);
}

static int
compare(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int order = n > 0 ? memcmp(x->p, y->p, n) : 0;

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static int
put_attributes(
    const struct cms_message *cms, struct blob content, struct buf *out)
{
	struct buf list[3 + CMS_MESSAGE_ATTRIBUTES];
	size_t n = 3 + cms->more_count;
	SCRATCH_BUF(v);
	SCRATCH_BUF(md);
	int r;

	assert(cms->more_count <= CMS_MESSAGE_ATTRIBUTES);
	for (size_t i = 0; i < n; i++)
		buf_init(&list[i], SCRATCH_MAX);
	der_put_oid(&v, DATA_OID);
	put_attribute("1.2.840.113549.1.9.3", buf_blob(&v), &list[0]);
	buf_reset(&v);
	der_put_time(&v, clock_now());
	put_attribute("1.2.840.113549.1.9.5", buf_blob(&v), &list[1]);
	buf_reset(&v);
	r = keypair_digest(cms->digest, content, &md);
	der_put(&v, DER_OCTETS, buf_blob(&md));
	put_attribute("1.2.840.113549.1.9.4", buf_blob(&v), &list[2]);
	for (size_t i = 0; i < cms->more_count; i++)
		put_attribute(
		    cms->more[i].oid, cms->more[i].value, &list[3 + i]);
	/* In the order that DER wants of a SET OF (X.690 section 11.6). */
	qsort(list, n, sizeof *list, compare);
	for (size_t i = 0; i < n; i++) {
		if (r == OK)
			r = buf_status(&list[i]);
		buf_add_blob(out, buf_blob(&list[i]));
		buf_release(&list[i]);
	}
	return r != OK ? r : buf_status(out);
}

int
cms_message_issuer_and_serial(struct blob signer, struct buf *out)
{
	const unsigned char *p = signer.p;
	X509 *crt = d2i_X509(NULL, &p, (long)signer.n);
	unsigned char *name = NULL, *serial = NULL;
	int names = 0, serials = 0;
	size_t mark;

	if (crt == NULL)
		return fail(ERR_MALFORMED, "the signer is no certificate");
	names = i2d_X509_NAME(X509_get_issuer_name(crt), &name);
	serials = i2d_ASN1_INTEGER(X509_get0_serialNumber(crt), &serial);
	mark = der_open(out, DER_SEQUENCE);
	if (names > 0)
		buf_add(out, name, (size_t)names);
	if (serials > 0)
		buf_add(out, serial, (size_t)serials);
	der_close(out, mark);
	OPENSSL_free(name);
	OPENSSL_free(serial);
	X509_free(crt);
	return names > 0 && serials > 0 ? buf_status(out)
					: fail(ERR_CRYPTO, "no issuer");
}

/* RSA is named by what was hashed as well, as Apple's clients do. */
static int
put_signer(const struct cms_message *cms, struct blob content, struct buf *out)
{
	SCRATCH_BUF(attributes);
	SCRATCH_BUF(signed_set);
	SCRATCH_BUF(sig);
	size_t set = der_open(out, DER_SET), seq;
	int r;

	seq = der_open(out, DER_SEQUENCE);
	der_put_int(out, 1);
	if ((r = cms_message_issuer_and_serial(cms->signer, out)) != OK)
		return r;
	put_digest(cms->digest, out);
	if (cms->attributes) {
		if ((r = put_attributes(cms, content, &attributes)) != OK)
			return r;
		der_put(out, DER_CONTEXT_CONS, buf_blob(&attributes));
		der_put(&signed_set, DER_SET, buf_blob(&attributes));
		content = buf_blob(&signed_set);
	}
	keypair_algorithm(cms->key, cms->digest, out);
	if ((r = keypair_sign(cms->key, cms->digest, content, &sig)) != OK)
		return r;
	der_put(out, DER_OCTETS, buf_blob(&sig));
	der_close(out, seq);
	der_close(out, set);
	return buf_status(out);
}

int
cms_message_sign(
    const struct cms_message *cms, struct blob content, struct buf *out)
{
	size_t info = begin(cms, DER_SEQUENCE, out);
	size_t wrap, seq, set;
	int r;

	der_put_oid(out, SIGNED_OID);
	wrap = begin(cms, DER_CONTEXT_CONS, out);
	seq = begin(cms, DER_SEQUENCE, out);
	der_put_int(out, 1);
	set = der_open(out, DER_SET);
	put_digest(cms->digest, out);
	der_close(out, set);
	put_content(cms, content, out);
	put_certificates(cms, out);
	r = put_signer(cms, content, out);
	end(cms, seq, out);
	end(cms, wrap, out);
	end(cms, info, out);
	return r != OK ? r : buf_status(out);
}

int
cms_message_verify(struct blob message, struct buf *content)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	char *data = NULL;
	long n;
	int r;

	if (cms == NULL || out == NULL ||
	    CMS_verify(cms, NULL, NULL, NULL, out,
		CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
		r = fail(ERR_MALFORMED, "the signed message does not verify");
	} else {
		n = BIO_get_mem_data(out, &data);
		r = buf_add(content, data, (size_t)n);
	}
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	return r;
}

/* Encrypted messages */

/* The key and what was made with it. */
struct envelope {
	const EVP_CIPHER *cipher;
	uint8_t key[EVP_MAX_KEY_LENGTH];
	uint8_t iv[EVP_MAX_IV_LENGTH];
	struct buf secret; /* the key, encrypted for the recipient */
	struct buf sealed;
};

static X509 *
read_x509(struct blob der)
{
	const unsigned char *p = der.p;

	return d2i_X509(NULL, &p, (long)der.n);
}

static int
encrypt(struct envelope *e, struct blob content)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t last[EVP_MAX_BLOCK_LENGTH] = { 0 };
	SCRATCH_BUF(text);
	int n = 0, more = 0;
	bool good;

	buf_add_blob(&text, content);
	buf_add(&text, last, sizeof last); /* room for the padding */
	good = ctx != NULL && buf_status(&text) == OK &&
	    EVP_EncryptInit_ex(ctx, e->cipher, NULL, e->key, e->iv) == 1 &&
	    EVP_EncryptUpdate(ctx, text.p, &n, content.p, (int)content.n) ==
		1 &&
	    EVP_EncryptFinal_ex(ctx, last, &more) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return fail(ERR_CRYPTO, "cannot encrypt");
	buf_add(&e->sealed, text.p, (size_t)n);
	return buf_add(&e->sealed, last, (size_t)more);
}

static int
wrap_key(struct envelope *e, struct blob certificate)
{
	X509 *crt = read_x509(certificate);
	EVP_PKEY *key = crt == NULL ? NULL : X509_get0_pubkey(crt);
	EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new(key, NULL);
	size_t n = (size_t)EVP_CIPHER_get_key_length(e->cipher);
	uint8_t secret[1024];
	size_t room = sizeof secret;
	bool good = ctx != NULL && EVP_PKEY_is_a(key, "RSA") &&
	    EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_encrypt(ctx, secret, &room, e->key, n) == 1;

	EVP_PKEY_CTX_free(ctx);
	X509_free(crt);
	return good ? buf_add(&e->secret, secret, room)
		    : fail(ERR_MALFORMED, "the CA has no RSA key");
}

static const char *
cipher_oid(const char *cipher)
{
	if (strcmp(cipher, "AES-256-CBC") == 0)
		return "2.16.840.1.101.3.4.1.42";
	if (strcmp(cipher, "DES-EDE3-CBC") == 0)
		return "1.2.840.113549.3.7";
	return "2.16.840.1.101.3.4.1.2";
}

static int
put_recipient(
    const struct envelope *e, struct blob certificate, struct buf *out)
{
	size_t set = der_open(out, DER_SET);
	size_t seq = der_open(out, DER_SEQUENCE), mark;
	int r;

	der_put_int(out, 0);
	r = cms_message_issuer_and_serial(certificate, out);
	mark = der_open(out, DER_SEQUENCE);
	der_put_oid(out, RSA_OID);
	der_put(out, DER_NULL, blob_of("", 0));
	der_close(out, mark);
	der_put(out, DER_OCTETS, buf_blob(&e->secret));
	der_close(out, seq);
	der_close(out, set);
	return r;
}

static void
put_sealed(const struct envelope *e, const char *cipher, struct buf *out)
{
	size_t iv = (size_t)EVP_CIPHER_get_iv_length(e->cipher), mark;
	struct blob rest = buf_blob(&e->sealed);

	der_open_indefinite(out, DER_SEQUENCE);
	der_put_oid(out, DATA_OID);
	mark = der_open(out, DER_SEQUENCE);
	der_put_oid(out, cipher_oid(cipher));
	der_put(out, DER_OCTETS, blob_of(e->iv, iv));
	der_close(out, mark);
	der_open_indefinite(out, DER_CONTEXT_CONS);
	while (rest.n > 0) {
		size_t n = rest.n < PIECE ? rest.n : PIECE;

		der_put(out, DER_OCTETS, blob_of(rest.p, n));
		rest = blob_of(rest.p + n, rest.n - n);
	}
	der_end_of_contents(out);
	der_end_of_contents(out);
}

int
cms_message_seal(struct blob certificate, const char *cipher,
    struct blob content, struct buf *out)
{
	struct envelope e = { .cipher = EVP_get_cipherbyname(cipher) };
	int r;

	if (e.cipher == NULL)
		return fail(ERR_USAGE, "no such cipher: %s", cipher);
	buf_init(&e.secret, SCRATCH_MAX);
	buf_init(&e.sealed, SCRATCH_MAX);
	keypair_random(e.key, sizeof e.key);
	keypair_random(e.iv, sizeof e.iv);
	der_open_indefinite(out, DER_SEQUENCE);
	der_put_oid(out, ENVELOPED_OID);
	der_open_indefinite(out, DER_CONTEXT_CONS);
	der_open_indefinite(out, DER_SEQUENCE);
	der_put_int(out, 0);
	if ((r = encrypt(&e, content)) == OK &&
	    (r = wrap_key(&e, certificate)) == OK &&
	    (r = put_recipient(&e, certificate, out)) == OK)
		put_sealed(&e, cipher, out);
	for (int i = 0; i < 3; i++)
		der_end_of_contents(out);
	buf_release(&e.secret);
	buf_release(&e.sealed);
	return r != OK ? r : buf_status(out);
}

int
cms_message_open(struct blob message, EVP_PKEY *key, struct blob certificate,
    struct buf *content)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	X509 *crt = read_x509(certificate);
	char *data = NULL;
	long n;
	int r;

	if (cms == NULL || out == NULL || crt == NULL ||
	    CMS_decrypt(cms, key, crt, NULL, out, CMS_BINARY) != 1) {
		r = fail(ERR_MALFORMED, "the envelope cannot be opened");
	} else {
		n = BIO_get_mem_data(out, &data);
		r = buf_add(content, data, (size_t)n);
	}
	X509_free(crt);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	return r;
}
