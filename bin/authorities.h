/*
 * The two CAs of an installation, one beside the other: what each has in the
 * configuration, in STATE and in STATE/public.
 */
#ifndef BIN_AUTHORITIES_H
#define BIN_AUTHORITIES_H

#include "base/conf.h"
#include "bin/owners.h"
#include "ca/authority.h"
#include "ca/crl.h"

#define AUTHORITIES 2

#define AUTHORITIES_PATH 4096

struct authorities_one {
	/* "acme" and "scep": in commands, and its folder of STATE/public */
	const char *id;
	/* "CA" and "SCEP CA", as `attestmdm check` calls them */
	const char *name;
	/* of the conf: PEM file or pkcs11: URL, and PEM file */
	const char *key;
	const char *certificate;
	/* of a new CA */
	const char *common_name;
	enum key_kind kind;
	/* who alone may read the key */
	enum owner owner;
	/* CRL_FILE_... */
	const char *crl_file;
};

/* The ACME CA first. All text belongs to conf or is static. */
void authorities_of(
    const struct conf *conf, struct authorities_one out[AUTHORITIES]);

/*
 * The one that signed a certificate with this issuer's key identifier; NULL
 * when neither did or the certificate of neither can be read.
 */
const struct authorities_one *authorities_find(
    const struct authorities_one all[AUTHORITIES], struct blob issuer_key_id);

/* The file of its revocation list. */
void authorities_crl_path(const struct authorities_one *one,
    const struct conf *conf, char out[AUTHORITIES_PATH]);

/*
 * Completes an authorities_create() that was killed after its key was renamed
 * and before its certificate was. *resumed says whether there was one.
 */
int authorities_resume(const struct authorities_one *one,
    const struct owners *owners, bool *resumed);

/*
 * Makes key and certificate, and gives the key to the user who signs. Both get
 * their final names only when they are complete. ERR_EXISTS when either is
 * there already.
 */
int authorities_create(const struct authorities_one *one,
    const struct owners *owners, const char *organization);

/*
 * Signs and publishes the revocation list; needs the key. Root does it as the
 * user of that authority, in a process of its own, so that the files are that
 * user's. ERR_NOT_FOUND when the users are missing, ERR_BUSY when another
 * process holds the lock for too long.
 */
int authorities_publish(
    const struct authorities_one *one, const struct conf *conf);

#endif
