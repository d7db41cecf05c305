#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/keypair.h"

/* Takes a file away from the folder; only one process gets each. */
static bool
take_file(const char *dir, const char *name, char taken[DISK_PATH])
{
	char path[DISK_PATH];
	SCRATCH_BUF(hidden);

	buf_printf(&hidden, "taken-%s", name);
	return disk_path(dir, name, path) == OK &&
	    disk_path(dir, buf_str(&hidden), taken) == OK &&
	    rename(path, taken) == 0;
}

/*
 * A key of the folder ATTESTMDM_SIM_KEYS, or NULL. OpenSSL needs a quarter of
 * a second to make one.
 */
static EVP_PKEY *
take_key(const char *kind)
{
	const char *top = getenv("ATTESTMDM_SIM_KEYS");
	DIR *dir = top != NULL ? opendir(top) : NULL;
	char taken[DISK_PATH];
	const struct dirent *file;
	size_t n = strlen(kind);
	EVP_PKEY *key = NULL;

	while (key == NULL && dir != NULL && (file = readdir(dir)) != NULL)
		if (strncmp(file->d_name, kind, n) == 0 &&
		    file->d_name[n] == '.' &&
		    take_file(top, file->d_name, taken))
			keypair_load(NULL, taken, &key);
	if (dir != NULL)
		closedir(dir);
	return key;
}

int
keypair_make(const char *kind, EVP_PKEY **out)
{
	*out = NULL;
	if (strncmp(kind, "RSA-", 4) == 0) {
		unsigned long bits = strtoul(kind + 4, NULL, 10);

		if (bits < 512 || bits > 8192)
			return fail(ERR_USAGE, "no such key: %s", kind);
		if ((*out = take_key(kind)) == NULL)
			*out = EVP_RSA_gen((unsigned int)bits);
	} else if (strcmp(kind, "Ed25519") == 0) {
		*out = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	} else {
		*out = EVP_EC_gen(kind);
	}
	return *out != NULL ? OK : fail(ERR_USAGE, "no such key: %s", kind);
}

int
keypair_load(const char *dir, const char *name, EVP_PKEY **out)
{
	SCRATCH_BUF(text);
	int r = disk_read(dir, name, &text);
	BIO *bio;

	*out = NULL;
	if (r != OK)
		return r;
	bio = BIO_new_mem_buf(text.p, (int)text.n);
	if (bio != NULL)
		*out = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return *out != NULL ? OK : fail(ERR_CRYPTO, "%s: no private key", name);
}

int
keypair_save(const char *dir, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	int r;

	if (bio == NULL ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) !=
		1) {
		r = fail(ERR_CRYPTO, "%s: cannot write the key", name);
	} else {
		long n = BIO_get_mem_data(bio, &text);

		r = disk_write(dir, name, blob_of(text, (size_t)n), 0600);
	}
	BIO_free(bio);
	return r;
}

EVP_PKEY *
keypair_share(EVP_PKEY *key)
{
	int good = EVP_PKEY_up_ref(key);

	assert(good == 1);
	return key;
}

size_t
keypair_field(const EVP_PKEY *key)
{
	if (!EVP_PKEY_is_a(key, "EC"))
		return 0;
	return ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
}

int
keypair_point(const EVP_PKEY *key, struct buf *out)
{
	uint8_t point[256];
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(
		key, "pub", point, sizeof point, &n) != 1)
		return fail(ERR_CRYPTO, "the key has no point");
	return buf_add(out, point, n);
}

static const char *
curve_oid(const EVP_PKEY *key)
{
	switch (keypair_field(key)) {
	case 32:
		return "1.2.840.10045.3.1.7";
	case 48:
		return "1.3.132.0.34";
	default:
		return NULL;
	}
}

int
keypair_spki(const EVP_PKEY *key, struct buf *out)
{
	const char *curve = curve_oid(key);
	unsigned char *der = NULL;
	SCRATCH_BUF(point);
	size_t spki, algorithm;
	int n, r;

	if (curve == NULL) {
		if ((n = i2d_PUBKEY(key, &der)) <= 0)
			return fail(ERR_CRYPTO, "the key has no public part");
		buf_add(out, der, (size_t)n);
		OPENSSL_free(der);
		return buf_status(out);
	}
	/* OpenSSL's own encoder takes a third of a millisecond for this. */
	if ((r = keypair_point(key, &point)) != OK)
		return r;
	spki = der_open(out, DER_SEQUENCE);
	algorithm = der_open(out, DER_SEQUENCE);
	der_put_oid(out, "1.2.840.10045.2.1");
	der_put_oid(out, curve);
	der_close(out, algorithm);
	der_put_bits(out, buf_blob(&point));
	der_close(out, spki);
	return buf_status(out);
}

int
keypair_sign(
    EVP_PKEY *key, const char *digest, struct blob msg, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[1024];
	size_t n = sizeof sig;
	bool good;

	if (EVP_PKEY_is_a(key, "ED25519"))
		digest = NULL;
	good = ctx != NULL &&
	    EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) ==
		1 &&
	    EVP_DigestSign(ctx, sig, &n, msg.p, msg.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good)
		return fail(ERR_CRYPTO, "cannot sign");
	return buf_add(out, sig, n);
}

static const char *
signature_oid(const EVP_PKEY *key, const char *digest)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");

	if (EVP_PKEY_is_a(key, "ED25519"))
		return "1.3.101.112";
	if (strcmp(digest, "sha1") == 0)
		return rsa ? "1.2.840.113549.1.1.5" : "1.2.840.10045.4.1";
	if (strcmp(digest, "sha384") == 0)
		return rsa ? "1.2.840.113549.1.1.12" : "1.2.840.10045.4.3.3";
	if (strcmp(digest, "sha512") == 0)
		return rsa ? "1.2.840.113549.1.1.13" : "1.2.840.10045.4.3.4";
	return rsa ? "1.2.840.113549.1.1.11" : "1.2.840.10045.4.3.2";
}

void
keypair_algorithm(const EVP_PKEY *key, const char *digest, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	der_put_oid(out, signature_oid(key, digest));
	if (EVP_PKEY_is_a(key, "RSA"))
		der_put(out, DER_NULL, blob_of("", 0));
	der_close(out, mark);
}

const char *
keypair_digest_oid(const char *digest)
{
	if (strcmp(digest, "sha1") == 0)
		return "1.3.14.3.2.26";
	if (strcmp(digest, "sha384") == 0)
		return "2.16.840.1.101.3.4.2.2";
	if (strcmp(digest, "sha512") == 0)
		return "2.16.840.1.101.3.4.2.3";
	return "2.16.840.1.101.3.4.2.1";
}

int
keypair_rs(struct blob der, size_t field, uint8_t *out)
{
	const unsigned char *p = der.p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
	int n = (int)field;
	bool good = sig != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, n) == n &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + field, n) == n;

	ECDSA_SIG_free(sig);
	return good ? OK : fail(ERR_CRYPTO, "no ECDSA signature");
}

void
keypair_sha256(struct blob in, uint8_t out[KEYPAIR_SHA256])
{
	unsigned int n = 0;
	int good = EVP_Digest(in.p, in.n, out, &n, EVP_sha256(), NULL);

	assert(good == 1 && n == KEYPAIR_SHA256);
}

int
keypair_digest(const char *digest, struct blob in, struct buf *out)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t n = 0;

	if (EVP_Q_digest(NULL, digest, NULL, in.p, in.n, md, &n) != 1)
		return fail(ERR_CRYPTO, "no digest %s", digest);
	return buf_add(out, md, n);
}

void
keypair_random(void *p, size_t n)
{
	int good = RAND_bytes(p, (int)n);

	assert(good == 1);
}

void
keypair_uuid(char out[KEYPAIR_UUID])
{
	uint8_t r[16];
	size_t n = 0;

	keypair_random(r, sizeof r);
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	for (size_t i = 0; i < sizeof r; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[n++] = '-';
		snprintf(out + n, 3, "%02X", (unsigned int)r[i]);
		n += 2;
	}
}
