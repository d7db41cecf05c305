#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/lockfile.h"
#include "base/log.h"
#include "ca/crl.h"
#include "ca/file.h"
#include "store/certificates.h"
#include "store/db.h"

#define CRL_DAY       86400
/* Signing a list, which another process may be at, takes far less. */
#define CRL_WAIT_MS   30000
#define CRL_BYTES_MAX (64 * 1024 * 1024)

static int
fault(int rc, const char *what)
{
	return fail(ERR_CRYPTO, "%s: %s", what, gnutls_strerror(rc));
}

static int
add_entries(gnutls_x509_crl_t crl, const struct crl_entry *entries, size_t n)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = gnutls_x509_crl_set_crt_serial(crl,
		    entries[i].serial_number.p, entries[i].serial_number.n,
		    (time_t)entries[i].revoked_at);
		if (r != 0)
			return fault(r, "a line of the revocation list");
	}
	return OK;
}

static int
sign(const struct authority *ca, gnutls_x509_crl_t crl, int64_t number,
    int64_t now)
{
	const struct key *key = authority_key(ca);
	struct blob issuer = authority_key_id(ca);
	uint8_t octets[8];
	size_t i;
	int r;

	for (i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(number >> (8 * (sizeof octets - 1 - i)));
	for (i = 0; i < sizeof octets - 1 && octets[i] == 0; i++)
		;
	if ((r = gnutls_x509_crl_set_version(crl, 2)) != 0 ||
	    (r = gnutls_x509_crl_set_this_update(
		 crl, (time_t)(now - CRL_BACKDATE))) != 0 ||
	    (r = gnutls_x509_crl_set_next_update(
		 crl, (time_t)(now + CRL_DAYS * CRL_DAY))) != 0 ||
	    (r = gnutls_x509_crl_set_authority_key_id(
		 crl, issuer.p, issuer.n)) != 0 ||
	    (r = gnutls_x509_crl_set_number(
		 crl, octets + i, sizeof octets - i)) != 0 ||
	    (r = gnutls_x509_crl_privkey_sign(crl, authority_certificate(ca),
		 key_handle(key), key_digest(key), 0)) != 0)
		return fault(r, "signing the revocation list");
	return OK;
}

int
crl_build(const struct authority *ca, const struct crl_entry *entries, size_t n,
    int64_t number, int64_t now, struct buf *out)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_crl_t crl;
	int r, rc;

	if (authority_key(ca) == NULL)
		return fail(ERR_CRYPTO, "the CA's key is not loaded");
	if (gnutls_x509_crl_init(&crl) != 0)
		return fail(ERR_NOMEM, "no memory for a revocation list");
	if ((r = add_entries(crl, entries, n)) != OK ||
	    (r = sign(ca, crl, number, now)) != OK)
		goto done;
	rc = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_DER, &der);
	r = rc == 0 ? buf_add(out, der.data, der.size)
		    : fault(rc, "writing the revocation list");
done:
	gnutls_free(der.data);
	gnutls_x509_crl_deinit(crl);
	return r;
}

static int
load(struct db *db, const struct authority *ca,
    struct certificate_revoked_list *revoked, int64_t *number)
{
	int r;

	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = certificates_next_crl_number(
		 db, authority_key_id(ca), number)) == OK &&
	    (r = certificates_list_revoked(
		 db, authority_key_id(ca), revoked)) == OK)
		return db_commit(db);
	db_rollback(db);
	return r;
}

int
crl_from_store(
    struct db *db, const struct authority *ca, int64_t now, struct buf *out)
{
	struct certificate_revoked_list revoked = { NULL, 0 };
	struct crl_entry *entries = NULL;
	int64_t number = 0;
	size_t i;
	int r;

	if ((r = load(db, ca, &revoked, &number)) != OK)
		goto done;
	if ((entries = calloc(revoked.n + 1, sizeof *entries)) == NULL) {
		r = fail(ERR_NOMEM, "no memory for a revocation list");
		goto done;
	}
	for (i = 0; i < revoked.n; i++) {
		entries[i].serial_number =
		    blob_of(revoked.rows[i].serial_number,
			revoked.rows[i].serial_number_len);
		entries[i].revoked_at = revoked.rows[i].revoked_at;
	}
	r = crl_build(ca, entries, revoked.n, number, now, out);
done:
	free(entries);
	certificates_revoked_release(&revoked);
	return r;
}

int
crl_publish(struct db *db, const struct authority *ca, const char *folder,
    const char *file, int64_t now)
{
	char lock[4096], path[4096];
	struct buf der;
	int fd, r;

	snprintf(lock, sizeof lock, "%s/.lock", folder);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	/* One at a time, or an older list could replace a newer one. */
	if ((r = lockfile_open(lock, CRL_WAIT_MS, &fd)) != OK)
		return r;
	buf_init(&der, CRL_BYTES_MAX);
	if ((r = crl_from_store(db, ca, now, &der)) == OK)
		r = file_replace(path, buf_blob(&der), 0644);
	buf_release(&der);
	close(fd);
	return r;
}

static void
take_facts(gnutls_x509_crl_t crl, struct crl_facts *out)
{
	uint8_t octets[32];
	size_t i, n = sizeof octets;
	int count = gnutls_x509_crl_get_crt_count(crl);

	if (gnutls_x509_crl_get_number(crl, octets, &n, NULL) == 0) {
		for (i = 0; i < n; i++)
			out->number =
			    (int64_t)((uint64_t)out->number << 8 | octets[i]);
	}
	out->this_update = gnutls_x509_crl_get_this_update(crl);
	out->next_update = gnutls_x509_crl_get_next_update(crl);
	out->entries = count < 0 ? 0 : (size_t)count;
}

/*
 * Whether the dates are good is the caller's to say, by our clock. GnuTLS
 * checks them by the system's, whatever its flags say; ignore what it finds.
 */
static bool
is_signed(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
	const unsigned dates = GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE |
	    GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED;
	unsigned status = 1;

	if (gnutls_x509_crl_verify(crl, &issuer, 1,
		GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
		    GNUTLS_VERIFY_DISABLE_CRL_CHECKS,
		&status) != 0)
		return false;
	if (status & dates)
		status &= ~(dates | GNUTLS_CERT_INVALID);
	return status == 0;
}

int
crl_read(const char *path, const struct authority *ca, struct crl_facts *out)
{
	gnutls_x509_crl_t crl = NULL;
	gnutls_datum_t der;
	struct buf file;
	int r;

	memset(out, 0, sizeof *out);
	buf_init(&file, CRL_BYTES_MAX);
	if ((r = file_read(path, &file)) != OK)
		goto done;
	der = (gnutls_datum_t){ file.p, (unsigned)file.n };
	if (gnutls_x509_crl_init(&crl) != 0 ||
	    gnutls_x509_crl_import(crl, &der, GNUTLS_X509_FMT_DER) != 0) {
		r = fail(ERR_CONFIG, "%s is not a revocation list", path);
		goto done;
	}
	if (!is_signed(crl, authority_certificate(ca)))
		r = fail(ERR_CONFIG, "%s is not signed by this CA", path);
	else
		take_facts(crl, out);
done:
	if (crl != NULL)
		gnutls_x509_crl_deinit(crl);
	buf_release(&file);
	return r;
}
