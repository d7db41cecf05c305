#include "wire/enveloped.h"

#include <gnutls/crypto.h>
#include <libtasn1.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "wire/cmsnode.h"
#include "wire/in_der.h"
#include "wire/out_der.h"
#include "wire/x509.h"

#define OID_DATA      "1.2.840.113549.1.7.1"
#define OID_ENVELOPED "1.2.840.113549.1.7.3"
#define OID_RSA       "1.2.840.113549.1.1.1"

#define BLOCK_MAX    16
#define KEY_MAX      32
#define RSA_KEY_MAX  512
#define DES_KEY      8
#define KEY_ID_BYTES 64

static const struct cipher {
	const char *oid;
	gnutls_cipher_algorithm_t algorithm;
	/* of the key inside of the message */
	size_t key_bytes;
	size_t block;
	unsigned flag;
} ciphers[] = {
	[ENVELOPED_AES128] = { "2.16.840.1.101.3.4.1.2",
	    GNUTLS_CIPHER_AES_128_CBC, 16, 16, 0 },
	[ENVELOPED_AES256] = { "2.16.840.1.101.3.4.1.42",
	    GNUTLS_CIPHER_AES_256_CBC, 32, 16, 0 },
	[ENVELOPED_3DES] = { "1.2.840.113549.3.7", GNUTLS_CIPHER_3DES_CBC, 24,
	    8, ENVELOPED_ALLOW_3DES },
	[ENVELOPED_DES] = { "1.3.14.3.2.7", GNUTLS_CIPHER_3DES_CBC, DES_KEY, 8,
	    ENVELOPED_ALLOW_DES },
};

#define CIPHERS (sizeof ciphers / sizeof ciphers[0])

/* What a message holds; nothing of it is trusted. */
struct parts {
	struct buf encrypted_key;
	struct buf content;
	uint8_t iv[BLOCK_MAX];
	enum enveloped_cipher cipher;
};

static int
refuse(const char *why)
{
	return fail(ERR_SCEP_MESSAGE, "envelope: %s", why);
}

/*
 * RFC 8894 section 3.2.1.4.5: badAlg. The algorithms are not encrypted, and are
 * checked before the private key is used: the answer reveals nothing about the
 * content.
 */
static int
refuse_algorithm(const char *why)
{
	return fail(ERR_SCEP_ALGORITHM, "envelope: %s", why);
}

/* The recipient is our certificate, by one of its two names. */
static bool
names_us(asn1_node node, gnutls_x509_crt_t recipient)
{
	struct buf theirs, ours, part;
	bool same = false;

	buf_init(&theirs, X509_DER_MAX);
	buf_init(&ours, X509_DER_MAX);
	buf_init(&part, X509_DER_MAX);
	if (cmsnode_bytes(node, "name.byKey", &theirs) == OK) {
		same = x509_key_id(recipient, &ours) == OK;
	} else if (cmsnode_bytes(node, "name.bySerial.issuer", &part) == OK) {
		struct buf number, der;

		buf_init(&number, KEY_ID_BYTES);
		buf_init(&der, X509_DER_MAX);
		same = cmsnode_bytes(
			   node, "name.bySerial.serialNumber", &number) == OK &&
		    out_der_wrap(&part, IN_DER_INTEGER, &number) == OK &&
		    out_der_wrap(&theirs, IN_DER_SEQUENCE, &part) == OK &&
		    x509_der(recipient, &der) == OK &&
		    out_der_issuer_and_serial(&ours, buf_blob(&der)) == OK;
		buf_release(&der);
		buf_release(&number);
	}
	same = same && blob_eq(buf_blob(&theirs), buf_blob(&ours));
	buf_release(&part);
	buf_release(&ours);
	buf_release(&theirs);
	return same;
}

static int
take_recipient(
    asn1_node enveloped, gnutls_x509_crt_t recipient, struct parts *out)
{
	asn1_node node = NULL;
	struct buf der;
	int r = OK;

	if (cmsnode_count(enveloped, "recipients") != 1)
		return refuse("not one recipient");
	buf_init(&der, ENVELOPED_BYTES_MAX);
	if (cmsnode_bytes(enveloped, "recipients.?1", &der) != OK ||
	    (node = cmsnode_decode("Cms.KeyTransport", buf_blob(&der))) == NULL)
		r = refuse("a recipient of another kind");
	else if (!names_us(node, recipient))
		r = refuse("it is for another certificate");
	else if (!cmsnode_oid_is(node, "keyAlgorithm.algorithm", OID_RSA))
		r = refuse_algorithm("key transport other than PKCS#1 v1.5");
	else if (cmsnode_bytes(node, "encryptedKey", &out->encrypted_key) != OK)
		r = refuse("no encrypted key");
	if (node != NULL)
		asn1_delete_structure(&node);
	buf_release(&der);
	return r;
}

static bool
find_cipher(const char oid[CMSNODE_OID_TEXT], unsigned flags,
    enum enveloped_cipher *out)
{
	size_t i;

	for (i = 0; i < CIPHERS; i++) {
		if (strcmp(ciphers[i].oid, oid) != 0)
			continue;
		*out = (enum enveloped_cipher)i;
		return (ciphers[i].flag & ~flags) == 0;
	}
	return false;
}

static bool
take_iv(asn1_node node, size_t block, uint8_t iv[BLOCK_MAX])
{
	struct blob rest, value;
	struct buf der;
	bool good;

	buf_init(&der, 64);
	good =
	    cmsnode_bytes(node, "encrypted.algorithm.parameters", &der) == OK;
	rest = buf_blob(&der);
	good = good && in_der_take(&rest, IN_DER_OCTET_STRING, &value) &&
	    rest.n == 0 && value.n == block;
	if (good)
		memcpy(iv, value.p, block);
	buf_release(&der);
	return good;
}

static int
take_content(asn1_node node, unsigned flags, struct parts *out)
{
	char oid[CMSNODE_OID_TEXT];

	if (!cmsnode_oid_is(node, "encrypted.contentType", OID_DATA))
		return refuse("the content is not of type data");
	if (!cmsnode_oid(node, "encrypted.algorithm.algorithm", oid) ||
	    !find_cipher(oid, flags, &out->cipher))
		return refuse_algorithm("the cipher is not allowed");
	if (!take_iv(node, ciphers[out->cipher].block, out->iv))
		return refuse("the IV is not one block");
	if (cmsnode_bytes(node, "encrypted.content", &out->content) != OK ||
	    out->content.n == 0 ||
	    out->content.n % ciphers[out->cipher].block != 0)
		return refuse("the content is not whole blocks");
	return OK;
}

static int
take_parts(struct blob in, gnutls_x509_crt_t recipient, unsigned flags,
    struct parts *out)
{
	asn1_node info = NULL, node = NULL;
	struct buf inner;
	int r;

	if (in.n > ENVELOPED_BYTES_MAX || in_der_fault(in, false) != NULL)
		return refuse("neither BER nor DER");
	buf_init(&inner, ENVELOPED_BYTES_MAX);
	if ((info = cmsnode_decode("Cms.Envelope", in)) == NULL ||
	    !cmsnode_oid_is(info, "contentType", OID_ENVELOPED) ||
	    cmsnode_bytes(info, "content", &inner) != OK ||
	    (node = cmsnode_decode("Cms.Enveloped", buf_blob(&inner))) == NULL)
		r = refuse("it is no EnvelopedData");
	else if ((r = take_recipient(node, recipient, out)) == OK)
		r = take_content(node, flags, out);
	if (node != NULL)
		asn1_delete_structure(&node);
	if (info != NULL)
		asn1_delete_structure(&info);
	buf_release(&inner);
	return r;
}

/*
 * The content's key, or a random one of the same length when the message holds
 * none: what follows is the same for both (RFC 3218 section 2.3.2).
 */
static int
recover_key(
    const struct parts *parts, gnutls_privkey_t rsa, uint8_t key[KEY_MAX])
{
	gnutls_datum_t encrypted = { parts->encrypted_key.p,
		(unsigned)parts->encrypted_key.n };

	if (gnutls_rnd(GNUTLS_RND_RANDOM, key, KEY_MAX) < 0)
		return fail(ERR_CRYPTO, "no random bytes");
	(void)gnutls_privkey_decrypt_data2(
	    rsa, 0, &encrypted, key, ciphers[parts->cipher].key_bytes);
	return OK;
}

/* Single DES is triple DES with three times the same key. */
static size_t
widen_key(enum enveloped_cipher cipher, uint8_t key[KEY_MAX])
{
	if (cipher != ENVELOPED_DES)
		return ciphers[cipher].key_bytes;
	memcpy(key + DES_KEY, key, DES_KEY);
	memcpy(key + 2 * DES_KEY, key, DES_KEY);
	return 3 * DES_KEY;
}

static int
run_cipher(enum enveloped_cipher cipher, uint8_t key[KEY_MAX],
    uint8_t iv[BLOCK_MAX], struct buf *text, bool encrypt)
{
	gnutls_datum_t k = { key, (unsigned)widen_key(cipher, key) };
	gnutls_datum_t v = { iv, (unsigned)ciphers[cipher].block };
	gnutls_cipher_hd_t handle;
	int r;

	if (gnutls_cipher_init(&handle, ciphers[cipher].algorithm, &k, &v) < 0)
		return fail(ERR_CRYPTO, "a cipher cannot be used");
	r = encrypt ? gnutls_cipher_encrypt(handle, text->p, text->n)
		    : gnutls_cipher_decrypt(handle, text->p, text->n);
	gnutls_cipher_deinit(handle);
	return r < 0 ? fail(ERR_CRYPTO, "a cipher fails") : OK;
}

/*
 * How many bytes of padding end the text (RFC 5652 section 6.3), 0 when it is
 * wrong. Looks at every byte of the last block, whatever is in it.
 */
static size_t
padding(struct blob text, size_t block)
{
	unsigned last = text.p[text.n - 1], bad = 0, i;

	bad |= (unsigned)(last - 1u) & ~(unsigned)(block - 1);
	for (i = 0; i < block; i++) {
		unsigned inside = ((i - last) >> 31) & 1u;
		unsigned differs = text.p[text.n - 1 - i] ^ last;

		bad |= differs & (0u - inside);
	}
	return bad == 0 ? last : 0;
}

int
enveloped_open(struct blob in, gnutls_privkey_t key,
    gnutls_x509_crt_t recipient, unsigned flags, enum enveloped_cipher *cipher,
    struct buf *out)
{
	struct parts parts = { .cipher = ENVELOPED_AES128 };
	uint8_t content_key[KEY_MAX];
	size_t pad;
	int r;

	buf_init(&parts.encrypted_key, RSA_KEY_MAX);
	buf_init(&parts.content, ENVELOPED_BYTES_MAX);
	if ((r = take_parts(in, recipient, flags, &parts)) != OK ||
	    (r = recover_key(&parts, key, content_key)) != OK ||
	    (r = run_cipher(parts.cipher, content_key, parts.iv, &parts.content,
		 false)) != OK)
		goto done;
	pad = padding(buf_blob(&parts.content), ciphers[parts.cipher].block);
	*cipher = parts.cipher;
	r = pad == 0 ? refuse("it does not decrypt")
		     : buf_add(out, parts.content.p, parts.content.n - pad);
done:
	secret_wipe(content_key, sizeof content_key);
	buf_wipe(&parts.content);
	buf_release(&parts.encrypted_key);
	return r;
}

static int
encrypt_key(gnutls_x509_crt_t recipient, struct blob key, struct buf *out)
{
	gnutls_datum_t plain, encrypted = { NULL, 0 };
	gnutls_pubkey_t rsa = NULL;
	uint8_t copy[KEY_MAX];
	int r;

	memcpy(copy, key.p, key.n);
	plain = (gnutls_datum_t){ copy, (unsigned)key.n };
	if (gnutls_pubkey_init(&rsa) < 0 ||
	    gnutls_pubkey_import_x509(rsa, recipient, 0) < 0 ||
	    gnutls_pubkey_encrypt_data(rsa, 0, &plain, &encrypted) < 0)
		r = fail(ERR_CRYPTO, "a key cannot be encrypted");
	else
		r = out_der_add(out, IN_DER_OCTET_STRING,
		    blob_of(encrypted.data, encrypted.size));
	gnutls_free(encrypted.data);
	if (rsa != NULL)
		gnutls_pubkey_deinit(rsa);
	secret_wipe(copy, sizeof copy);
	return r;
}

/* Appends the RecipientInfos. */
static int
add_recipient(gnutls_x509_crt_t recipient, struct blob key, struct buf *out)
{
	struct buf der, inner, info;
	int r;

	buf_init(&der, X509_DER_MAX);
	buf_init(&inner, X509_DER_MAX);
	buf_init(&info, X509_DER_MAX);
	if ((r = x509_der(recipient, &der)) == OK &&
	    (r = out_der_small(&inner, 0)) == OK &&
	    (r = out_der_issuer_and_serial(&inner, buf_blob(&der))) == OK &&
	    (r = out_der_algorithm(&inner, OID_RSA)) == OK &&
	    (r = encrypt_key(recipient, key, &inner)) == OK &&
	    (r = out_der_wrap(&info, IN_DER_SEQUENCE, &inner)) == OK)
		r = out_der_wrap(out, IN_DER_SET, &info);
	buf_release(&info);
	buf_release(&inner);
	buf_release(&der);
	return r;
}

/* Appends the EncryptedContentInfo. */
static int
add_content(const struct parts *parts, struct buf *out)
{
	const struct cipher *c = &ciphers[parts->cipher];
	struct buf algorithm, inner;
	int r;

	buf_init(&algorithm, 128);
	buf_init(&inner, 2 * ENVELOPED_BYTES_MAX);
	if ((r = out_der_oid(&algorithm, c->oid)) == OK &&
	    (r = out_der_add(&algorithm, IN_DER_OCTET_STRING,
		 blob_of(parts->iv, c->block))) == OK &&
	    (r = out_der_oid(&inner, OID_DATA)) == OK &&
	    (r = out_der_wrap(&inner, IN_DER_SEQUENCE, &algorithm)) == OK &&
	    (r = out_der_add(
		 &inner, IN_DER_CONTEXT(0), buf_blob(&parts->content))) == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &inner);
	buf_release(&inner);
	buf_release(&algorithm);
	return r;
}

/* Appends the ContentInfo. */
static int
add_all(const struct parts *parts, struct blob key, gnutls_x509_crt_t recipient,
    struct buf *out)
{
	struct buf inner, enveloped, info;
	int r;

	buf_init(&inner, 2 * ENVELOPED_BYTES_MAX);
	buf_init(&enveloped, 2 * ENVELOPED_BYTES_MAX);
	buf_init(&info, 2 * ENVELOPED_BYTES_MAX);
	if ((r = out_der_small(&inner, 0)) == OK &&
	    (r = add_recipient(recipient, key, &inner)) == OK &&
	    (r = add_content(parts, &inner)) == OK &&
	    (r = out_der_wrap(&enveloped, IN_DER_SEQUENCE, &inner)) == OK &&
	    (r = out_der_oid(&info, OID_ENVELOPED)) == OK &&
	    (r = out_der_wrap(
		 &info, IN_DER_CONTEXT_CONSTRUCTED(0), &enveloped)) == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &info);
	buf_release(&info);
	buf_release(&enveloped);
	buf_release(&inner);
	return r;
}

static int
add_padding(struct blob content, size_t block, struct buf *out)
{
	size_t i, n = block - content.n % block;

	buf_add_blob(out, content);
	for (i = 0; i < n; i++)
		buf_add_byte(out, (uint8_t)n);
	return buf_status(out);
}

int
enveloped_seal(struct blob content, gnutls_x509_crt_t recipient,
    enum enveloped_cipher cipher, struct buf *out)
{
	struct parts parts = { .cipher = cipher };
	uint8_t key[KEY_MAX], iv[BLOCK_MAX];
	int r;

	if (cipher == ENVELOPED_DES)
		return fail(ERR_INTERNAL, "single DES is not written");
	if (gnutls_rnd(GNUTLS_RND_KEY, key, sizeof key) < 0 ||
	    gnutls_rnd(GNUTLS_RND_NONCE, iv, sizeof iv) < 0)
		return fail(ERR_CRYPTO, "no random bytes");
	memcpy(parts.iv, iv, sizeof iv);
	buf_init(&parts.content, ENVELOPED_BYTES_MAX);
	if ((r = add_padding(content, ciphers[cipher].block, &parts.content)) ==
		OK &&
	    (r = run_cipher(cipher, key, iv, &parts.content, true)) == OK)
		r = add_all(&parts, blob_of(key, ciphers[cipher].key_bytes),
		    recipient, out);
	secret_wipe(key, sizeof key);
	buf_wipe(&parts.content);
	return r;
}
