/*
 * The two CAs of an installation, one beside the other, each with its
 * generations (ca/generation.h): what each has in the configuration, in STATE
 * and in STATE/public.
 */
#ifndef BIN_AUTHORITIES_H
#define BIN_AUTHORITIES_H

#include "base/conf.h"
#include "bin/owners.h"
#include "ca/authority.h"
#include "ca/crl.h"
#include "ca/generation.h"

#define AUTHORITIES 2

#define AUTHORITIES_PATH 4096
#define AUTHORITIES_NAME 32

struct authorities_one {
	/* "acme" and "scep": in commands, and its folder of STATE/public */
	const char *id;
	/* "CA" and "SCEP CA", as `attestmdm check` calls them */
	const char *name;
	enum generation_ca ca;
	/* from 1; of the conf: PEM file or pkcs11: URL, and PEM file */
	int generation;
	char key[GENERATION_PATH];
	char certificate[GENERATION_PATH];
	/* not the current one, and over: nothing that it signed is valid now */
	bool former;
	bool over;
	/* of a new CA */
	char common_name[AUTHORITIES_NAME];
	enum key_kind kind;
	/* who alone may read the key */
	enum owner owner;
	char crl_file[GENERATION_CRL];
};

/* The current ones, the ACME CA first. */
void authorities_of(
    const struct conf *conf, struct authorities_one out[AUTHORITIES]);

/*
 * The next of all generations, those of the ACME CA first, each CA's newest
 * first; *it begins as zero. False after the last.
 */
bool authorities_next(const struct conf *conf, struct authorities_one *it);

/* The generation after this one. ERR_CONFIG: there can be none. */
int authorities_after(const struct conf *conf,
    const struct authorities_one *current, struct authorities_one *out);

/*
 * The one that signed a certificate with this issuer's key identifier; false
 * when none did whose certificate is valid and can be read.
 */
bool authorities_find(const struct conf *conf, struct blob issuer_key_id,
    struct authorities_one *out);

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
