#include "ca/ade_identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "ca/file.h"
#include "wire/x509.h"

/* Apple takes no notice of when the certificate ends. */
#define YEARS  10
#define YEAR   (365 * 86400)
#define HOUR   3600
#define SERIAL 16

void
ade_identity_path(const struct conf *conf, const char *account,
    enum ade_identity_file file, char out[ADE_IDENTITY_PATH])
{
	static const char *const ends[] = {
		[ADE_IDENTITY_KEY] = "key",
		[ADE_IDENTITY_CERTIFICATE] = "pem",
		[ADE_IDENTITY_TOKEN] = "json",
	};

	snprintf(out, ADE_IDENTITY_PATH, "%s/apple/ade-%s.%s", conf->state,
	    account, ends[file]);
}

static int
fill(gnutls_x509_crt_t crt, const struct key *key, const char *name)
{
	uint8_t serial[SERIAL];
	gnutls_pubkey_t public;
	time_t now = (time_t)clock_now();
	int r;

	if ((r = key_public(key, &public)) != OK)
		return r;
	secret_random(serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	if (gnutls_x509_crt_set_version(crt, 3) < 0 ||
	    gnutls_x509_crt_set_serial(crt, serial, sizeof serial) < 0 ||
	    gnutls_x509_crt_set_pubkey(crt, public) < 0 ||
	    gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0,
		name, (unsigned)strlen(name)) < 0 ||
	    gnutls_x509_crt_set_activation_time(crt, now - HOUR) < 0 ||
	    gnutls_x509_crt_set_expiration_time(
		crt, now + (time_t)YEARS * YEAR) < 0 ||
	    gnutls_x509_crt_set_key_usage(crt,
		GNUTLS_KEY_KEY_ENCIPHERMENT | GNUTLS_KEY_DIGITAL_SIGNATURE) <
		0 ||
	    gnutls_x509_crt_privkey_sign(
		crt, crt, key_handle(key), GNUTLS_DIG_SHA256, 0) < 0)
		r = fail(ERR_CRYPTO,
		    "a certificate for Apple Business cannot "
		    "be made");
	gnutls_pubkey_deinit(public);
	return r;
}

static int
write_certificate(const struct key *key, const char *account, const char *path)
{
	gnutls_x509_crt_t crt;
	struct buf der, pem;
	char name[100];
	int r;

	if (gnutls_x509_crt_init(&crt) < 0)
		return fail(ERR_NOMEM, "no memory for a certificate");
	buf_init(&der, X509_DER_MAX);
	buf_init(&pem, (size_t)2 * X509_DER_MAX);
	snprintf(name, sizeof name, "attestmdm %s", account);
	if ((r = fill(crt, key, name)) == OK &&
	    (r = x509_der(crt, &der)) == OK &&
	    (r = x509_write_pem(buf_blob(&der), &pem)) == OK)
		r = file_replace(path, buf_blob(&pem), 0644);
	buf_release(&pem);
	buf_release(&der);
	gnutls_x509_crt_deinit(crt);
	return r;
}

/* The certificate comes last: what was cut short is made anew. */
int
ade_identity_make(const struct conf *conf, const char *account, bool anew)
{
	char key_path[ADE_IDENTITY_PATH], path[ADE_IDENTITY_PATH];
	struct key *key;
	int r;

	ade_identity_path(conf, account, ADE_IDENTITY_KEY, key_path);
	ade_identity_path(conf, account, ADE_IDENTITY_CERTIFICATE, path);
	if (!anew && access(key_path, F_OK) == 0 && access(path, F_OK) == 0)
		return OK;
	if ((r = key_generate(KEY_RSA_2048, &key)) != OK)
		return r;
	if ((unlink(key_path) != 0 && errno != ENOENT) ||
	    (unlink(path) != 0 && errno != ENOENT))
		r = fail(ERR_IO, "%s: %s", key_path, strerror(errno));
	if (r == OK && (r = key_save(key, key_path)) == OK)
		r = write_certificate(key, account, path);
	key_free(key);
	return r;
}

int
ade_identity_load(const struct conf *conf, const char *account,
    struct key **key, gnutls_x509_crt_t *crt)
{
	char path[ADE_IDENTITY_PATH];
	size_t n;
	int r;

	*crt = NULL;
	ade_identity_path(conf, account, ADE_IDENTITY_KEY, path);
	if ((r = key_load(path, key)) != OK)
		return r;
	ade_identity_path(conf, account, ADE_IDENTITY_CERTIFICATE, path);
	if ((r = x509_load(path, 1, crt, &n)) != OK) {
		key_free(*key);
		*key = NULL;
	}
	return r;
}
