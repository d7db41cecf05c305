#include <string.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/forge/envelope.h"
#include "sim/forge/scratch.h"

#define DATA_OID      "1.2.840.113549.1.7.1"
#define ENVELOPED_OID "1.2.840.113549.1.7.3"
#define RSA_OID       "1.2.840.113549.1.1.1"
#define PIECE         512

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
	r = signed_data_issuer_and_serial(certificate, out);
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
put_content(const struct envelope *e, const char *cipher, struct buf *out)
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
envelope_seal(struct blob certificate, const char *cipher, struct blob content,
    struct buf *out)
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
		put_content(&e, cipher, out);
	for (int i = 0; i < 3; i++)
		der_end_of_contents(out);
	buf_release(&e.secret);
	buf_release(&e.sealed);
	return r != OK ? r : buf_status(out);
}

int
envelope_open(struct blob message, EVP_PKEY *key, struct blob certificate,
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
