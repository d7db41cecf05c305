/*
 * The certificate revocation list (RFC 5280 section 5), DER.
 *
 * It is a static file: `attestmdm crl --publish` writes it to
 * STATE/public/acme/acme.crl or STATE/public/scep/scep.crl in one rename, and
 * nginx serves both under /crl/; that of a renewed CA is acme-2.crl and so on
 * (ca/generation.h). A timer does that within a minute of a
 * revocation; no request waits for it. Entries carry no reason: that stays
 * in the database, where an administrator sees it.
 */
#ifndef CA_CRL_H
#define CA_CRL_H

#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "ca/authority.h"

struct db;

/* How long a list says it is good for; publish it again well before. */
#define CRL_DAYS 7

/* Seconds that thisUpdate is dated back, for clients whose clocks are slow. */
#define CRL_BACKDATE 300

struct crl_entry {
	struct blob serial_number;
	int64_t revoked_at;
};

/* Builds and signs a list; appends its DER to out. ERR_CRYPTO. */
int crl_build(const struct authority *ca, const struct crl_entry *entries,
    size_t n, int64_t number, int64_t now, struct buf *out);

/*
 * The list of every revoked certificate of this CA in the database that is
 * not yet expired, under the next number. Begins and commits a transaction of
 * its own.
 */
int crl_from_store(
    struct db *db, const struct authority *ca, int64_t now, struct buf *out);

/*
 * crl_from_store(), then replaces FOLDER/FILE (mode 0644). One process at a
 * time, by the lock FOLDER/.lock, which only this user can open. ERR_BUSY when
 * another one holds it for 30 seconds, ERR_IO, and the errors of
 * crl_from_store().
 */
int crl_publish(struct db *db, const struct authority *ca, const char *folder,
    const char *file, int64_t now);

/* What a published list says. */
struct crl_facts {
	int64_t number;
	int64_t this_update;
	int64_t next_update;
	size_t entries;
};

/*
 * Reads a published list. ERR_IO when it is absent, ERR_CONFIG when it is not
 * one that this CA signed.
 */
int crl_read(
    const char *path, const struct authority *ca, struct crl_facts *out);

#endif
