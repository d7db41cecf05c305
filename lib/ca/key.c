#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#include "base/log.h"
#include "base/secret.h"
#include "ca/file.h"
#include "ca/key.h"

#define KEY_FILE_MAX 65536

struct key {
	gnutls_privkey_t handle;
	gnutls_pubkey_t public;
	gnutls_digest_algorithm_t digest;
	const char *name;
};

static int
fault(int rc, const char *what)
{
	return fail(ERR_CRYPTO, "%s: %s", what, gnutls_strerror(rc));
}

bool
key_is_url(const char *where)
{
	return strncmp(where, "pkcs11:", 7) == 0;
}

void
key_free(struct key *key)
{
	if (key == NULL)
		return;
	if (key->public != NULL)
		gnutls_pubkey_deinit(key->public);
	if (key->handle != NULL)
		gnutls_privkey_deinit(key->handle);
	free(key);
}

static int new (struct key **out)
{
	struct key *key;

	*out = NULL;
	if ((key = calloc(1, sizeof *key)) == NULL)
		return fail(ERR_NOMEM, "no memory for a key");
	if (gnutls_privkey_init(&key->handle) != 0 ||
	    gnutls_pubkey_init(&key->public) != 0) {
		key_free(key);
		return fail(ERR_NOMEM, "no memory for a key");
	}
	*out = key;
	return OK;
}

static int
import_file(struct key *key, const char *path)
{
	gnutls_datum_t pem;
	struct buf text;
	int r, rc;

	buf_init(&text, KEY_FILE_MAX);
	if ((r = file_check_secret(path)) != OK ||
	    (r = file_read(path, &text)) != OK)
		goto done;
	pem = (gnutls_datum_t){ text.p, (unsigned)text.n };
	rc = gnutls_privkey_import_x509_raw(
	    key->handle, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc != 0)
		r = fail(ERR_CRYPTO, "%s holds no usable private key: %s", path,
		    gnutls_strerror(rc));
done:
	buf_wipe(&text);
	return r;
}

static int
import_url(struct key *key, const char *url)
{
	int r;

	/* The URL may hold a PIN: it stays out of the log. */
	r = gnutls_privkey_import_url(key->handle, url, 0);
	if (r != 0)
		return fault(r, "the pkcs11: URL leads to no usable key");
	return OK;
}

static int
look_at_curve(struct key *key)
{
	gnutls_ecc_curve_t curve;
	int r;

	r = gnutls_pubkey_export_ecc_raw2(key->public, &curve, NULL, NULL, 0);
	if (r != 0)
		return fault(r, "the key's curve is unreadable");
	if (curve == GNUTLS_ECC_CURVE_SECP256R1) {
		key->name = "EC P-256";
	} else if (curve == GNUTLS_ECC_CURVE_SECP384R1) {
		key->name = "EC P-384";
		key->digest = GNUTLS_DIG_SHA384;
	} else {
		return fail(ERR_CRYPTO, "the key is on curve %s",
		    gnutls_ecc_curve_get_name(curve));
	}
	return OK;
}

/* Finds the public half and refuses what is too weak or too odd to sign. */
static int
look(struct key *key)
{
	unsigned bits = 0;
	int r;

	key->digest = GNUTLS_DIG_SHA256;
	r = gnutls_pubkey_import_privkey(
	    key->public, key->handle, GNUTLS_KEY_DIGITAL_SIGNATURE, 0);
	if (r != 0)
		return fault(r, "the key has no public half");
	switch (gnutls_pubkey_get_pk_algorithm(key->public, &bits)) {
	case GNUTLS_PK_ECDSA:
		return look_at_curve(key);
	case GNUTLS_PK_RSA:
		if (bits < 2048 || bits > 4096)
			return fail(
			    ERR_CRYPTO, "the RSA key has %u bits", bits);
		key->name = bits < 3072 ? "RSA 2048"
		    : bits < 4096       ? "RSA 3072"
					: "RSA 4096";
		return OK;
	default:
		return fail(ERR_CRYPTO, "the key is neither EC nor RSA");
	}
}

int
key_load(const char *where, struct key **out)
{
	struct key *key;
	int r;

	*out = NULL;
	if ((r = new (&key)) != OK)
		return r;
	r = key_is_url(where) ? import_url(key, where)
			      : import_file(key, where);
	if (r == OK)
		r = look(key);
	if (r != OK) {
		key_free(key);
		return r;
	}
	*out = key;
	return OK;
}

int
key_generate(enum key_kind kind, struct key **out)
{
	static const struct {
		gnutls_pk_algorithm_t algorithm;
		unsigned bits;
	} kinds[] = {
		[KEY_P256] = { GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
		[KEY_P384] = { GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1) },
		[KEY_RSA_2048] = { GNUTLS_PK_RSA, 2048 },
		[KEY_RSA_3072] = { GNUTLS_PK_RSA, 3072 },
	};
	struct key *key;
	int r, rc;

	*out = NULL;
	if ((r = new (&key)) != OK)
		return r;
	rc = gnutls_privkey_generate(
	    key->handle, kinds[kind].algorithm, kinds[kind].bits, 0);
	r = rc == 0 ? look(key) : fault(rc, "no key was generated");
	if (r != OK) {
		key_free(key);
		return r;
	}
	*out = key;
	return OK;
}

int
key_write(const struct key *key, struct buf *out)
{
	gnutls_x509_privkey_t plain = NULL;
	gnutls_datum_t pem = { NULL, 0 };
	int r, rc;

	rc = gnutls_privkey_export_x509(key->handle, &plain);
	if (rc == 0)
		rc = gnutls_x509_privkey_export2_pkcs8(
		    plain, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
	r = rc == 0 ? buf_add(out, pem.data, pem.size)
		    : fault(rc, "the key cannot be written");
	secret_wipe(pem.data, pem.size);
	gnutls_free(pem.data);
	if (plain != NULL)
		gnutls_x509_privkey_deinit(plain);
	return r;
}

int
key_save(const struct key *key, const char *path)
{
	struct buf pem;
	int r;

	buf_init(&pem, KEY_FILE_MAX);
	if ((r = key_write(key, &pem)) == OK)
		r = file_create(path, buf_blob(&pem), 0600);
	buf_wipe(&pem);
	return r;
}

gnutls_privkey_t
key_handle(const struct key *key)
{
	return key->handle;
}

gnutls_digest_algorithm_t
key_digest(const struct key *key)
{
	return key->digest;
}

bool
key_is_rsa(const struct key *key)
{
	return gnutls_pubkey_get_pk_algorithm(key->public, NULL) ==
	    GNUTLS_PK_RSA;
}

const char *
key_name(const struct key *key)
{
	return key->name;
}

int
key_spki(const struct key *key, struct buf *out)
{
	gnutls_datum_t der;
	int r, rc;

	rc = gnutls_pubkey_export2(key->public, GNUTLS_X509_FMT_DER, &der);
	if (rc != 0)
		return fault(rc, "the public key cannot be written");
	r = buf_add(out, der.data, der.size);
	gnutls_free(der.data);
	return r;
}

int
key_public(const struct key *key, gnutls_pubkey_t *out)
{
	gnutls_pubkey_t copy;
	int r;

	*out = NULL;
	if (gnutls_pubkey_init(&copy) != 0)
		return fail(ERR_NOMEM, "no memory for a key");
	r = gnutls_pubkey_import_privkey(
	    copy, key->handle, GNUTLS_KEY_DIGITAL_SIGNATURE, 0);
	if (r != 0) {
		gnutls_pubkey_deinit(copy);
		return fault(r, "the key has no public half");
	}
	*out = copy;
	return OK;
}
