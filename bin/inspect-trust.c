#include <stdio.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/secret.h"
#include "bin/inspect.h"
#include "ca/key.h"
#include "wire/attest.h"
#include "wire/x509.h"

/* SHA-256 of the certificates that this program is shipped with. */
#define ATTESTATION_ROOT                                                       \
	"ccf59ef8fcb3017d97f8b5fa6fa90e7a3f9283f76b55ac6cf6eda8b8b949f05b"
#define DEVICE_CA                                                              \
	"76f27d00e1333bc88de0e2916c38c9a7f2b75774c25a794c092a80e3c4c66cce"

static int
inspect_fingerprint(const char *path, struct buf *hex)
{
	gnutls_x509_crt_t crt;
	uint8_t sha256[SECRET_SHA256];
	size_t n;
	int r;

	if ((r = x509_load(path, 1, &crt, &n)) != OK)
		return r;
	if ((r = x509_sha256(crt, sha256)) == OK)
		r = enc_hex(blob_of(sha256, sizeof sha256), hex);
	x509_free(crt);
	return r;
}

static void
inspect_anchor(struct verdict *v, const char *subject, const char *path,
    bool replaced, const char *shipped)
{
	struct buf hex;
	int r;

	buf_init(&hex, 2 * SECRET_SHA256 + 1);
	if ((r = inspect_fingerprint(path, &hex)) != OK)
		verdict_of(v, r, subject, "unreadable");
	else if (strcmp(buf_str(&hex), shipped) == 0)
		verdict_add(
		    v, VERDICT_OK, subject, "Apple's, SHA-256 %s", shipped);
	else if (replaced)
		verdict_add(v, VERDICT_TEST, subject,
		    "REPLACED by %s: not Apple's, SHA-256 %s", path,
		    buf_str(&hex));
	else
		verdict_add(v, VERDICT_BAD, subject,
		    "%s was changed: SHA-256 %s, Apple's is %s", path,
		    buf_str(&hex), shipped);
	buf_release(&hex);
}

static void
inspect_attestation_root(struct verdict *v, const struct conf *conf)
{
	struct attest_roots *roots = NULL;
	int r = attest_roots_load(conf->attestation_root, &roots);

	if (r != OK)
		verdict_of(v, r, "attestation", "unreadable");
	else
		inspect_anchor(v, "attestation", conf->attestation_root,
		    conf->attestation_root_replaced, ATTESTATION_ROOT);
	attest_roots_free(roots);
}

/* Whose service it is that says which devices are ours. */
static void
inspect_business(struct verdict *v, const struct conf *conf)
{
	if (strcmp(conf->enrollment_url, CONF_ENROLLMENT_URL) != 0)
		verdict_add(v, VERDICT_TEST, "Apple Business",
		    "REPLACED by %s: [apple] enrollment_url",
		    conf->enrollment_url);
	if (*conf->apple_server_ca != '\0')
		verdict_add(v, VERDICT_TEST, "Apple's servers",
		    "are believed by %s alone: [apple] server_ca",
		    conf->apple_server_ca);
}

static int
inspect_same_key(const struct key *key, gnutls_x509_crt_t crt)
{
	struct buf ours, theirs;
	int r;

	buf_init(&ours, 4096);
	buf_init(&theirs, 4096);
	if ((r = key_spki(key, &ours)) == OK &&
	    (r = x509_spki(crt, &theirs)) == OK &&
	    !blob_eq(buf_blob(&ours), buf_blob(&theirs)))
		r = fail(ERR_CONFIG,
		    "[profile] signing_key and signing_certificate do not "
		    "belong together");
	if (r == OK && x509_not_after(crt) <= clock_now())
		r = fail(ERR_CONFIG, "the signing certificate is expired");
	buf_release(&ours);
	buf_release(&theirs);
	return r;
}

static void
inspect_signing(struct verdict *v, const struct conf *conf)
{
	gnutls_x509_crt_t chain[8];
	struct key *key = NULL;
	size_t i, n = 0;
	int r;

	if (*conf->signing_key == '\0') {
		verdict_add(v, VERDICT_OK, "profiles", "leave unsigned");
		return;
	}
	if ((r = key_load(conf->signing_key, &key)) == OK &&
	    (r = x509_load(conf->signing_certificate, 8, chain, &n)) == OK)
		r = inspect_same_key(key, chain[0]);
	verdict_of(
	    v, r, "profiles", "are signed with %s", conf->signing_certificate);
	for (i = 0; i < n; i++)
		x509_free(chain[i]);
	key_free(key);
}

/*
 * Apple's devices sign with SHA-1 and RSA of 1024 bits. A system-wide policy
 * that forbids these to GnuTLS would refuse every device.
 */
static int
inspect_old_signatures(void)
{
	static uint8_t text[] = "attestmdm";
	gnutls_datum_t data = { text, sizeof text - 1 };
	gnutls_datum_t signature = { NULL, 0 };
	gnutls_privkey_t key = NULL;
	gnutls_pubkey_t public = NULL;
	int r;

	if ((r = gnutls_privkey_init(&key)) == 0 &&
	    (r = gnutls_pubkey_init(&public)) == 0 &&
	    (r = gnutls_privkey_generate(key, GNUTLS_PK_RSA, 1024, 0)) == 0 &&
	    (r = gnutls_pubkey_import_privkey(public, key, 0, 0)) == 0 &&
	    (r = gnutls_privkey_sign_data(
		 key, GNUTLS_DIG_SHA1, 0, &data, &signature)) == 0)
		r = gnutls_pubkey_verify_data2(public, GNUTLS_SIGN_RSA_SHA1,
		    GNUTLS_VERIFY_ALLOW_BROKEN, &data, &signature);
	gnutls_free(signature.data);
	if (public != NULL)
		gnutls_pubkey_deinit(public);
	if (key != NULL)
		gnutls_privkey_deinit(key);
	if (r >= 0)
		return OK;
	return fail(ERR_CONFIG,
	    "this system's policy forbids SHA-1 or RSA with 1024 bits, which "
	    "Apple's devices use: %s (see /etc/gnutls/config)",
	    gnutls_strerror(r));
}

void
inspect_trust(struct verdict *v, const struct conf *conf)
{
	inspect_attestation_root(v, conf);
	inspect_anchor(v, "device CA", conf->device_ca,
	    conf->device_ca_replaced, DEVICE_CA);
	inspect_business(v, conf);
	inspect_signing(v, conf);
	verdict_of(v, inspect_old_signatures(), "GnuTLS",
	    "%s takes the signatures of Apple's devices",
	    gnutls_check_version(NULL));
}
