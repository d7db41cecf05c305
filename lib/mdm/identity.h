/*
 * Who sends a check-in message or asks for a command. The device proves that it
 * holds the key of a certificate that was signed here, by the Mdm-Signature
 * header (Apple: com.apple.mdm, SignMessage), by its TLS client certificate, or
 * by both, which then must be the same. The table of issued certificates says
 * which device that is; names inside of the certificate are never looked at.
 */
#ifndef MDM_IDENTITY_H
#define MDM_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/secret.h"
#include "store/certificates.h"
#include "store/db.h"
#include "store/enrollments.h"
#include "store/hosts.h"

#define IDENTITY_HEADER_MAX 16384

struct identity_proof {
	/* value of Mdm-Signature, or NULL */
	const char *signature;
	/* nginx's $ssl_client_escaped_cert: PEM in URL escapes; NULL or "" */
	const char *client_certificate;
	/* the signed bytes */
	struct blob body;
};

struct identity {
	/* The row in `cert` is one of ours, */
	bool known;
	/* and the sender holds its key. */
	bool proven;
	struct certificate cert;
	/* Which the certificate is of; since identity_check(). */
	struct enrollment enrollment;
	/* It ended, not longer ago than identity_check() was told to bear. */
	bool expired;
	/* It took over in this very message. */
	bool renewed;
	/* The host with the certificate's serial number. */
	bool has_host;
	struct host host;
};

void identity_release(struct identity *id);

/*
 * SHA-256 of the DER of the certificate in an escaped PEM. ERR_MDM_IDENTITY.
 */
int identity_client_certificate(
    const char *escaped, uint8_t sha256[SECRET_SHA256]);

/*
 * Finds the certificate and checks the proof, in this order: the header's
 * form, the certificate by its SHA-256 in the table, agreement of both ways,
 * the signature over the body. Says nothing yet of whether the certificate is
 * good. Reads the database outside of any transaction. On failure *out may
 * still say whose certificate was shown. The caller releases in any case.
 * ERR_MDM_IDENTITY: no identity, or it cannot be read; ERR_MDM_CERTIFICATE:
 * not signed here, or two different ones; ERR_MDM_SIGNATURE.
 */
int identity_prove(
    struct db *db, const struct identity_proof *proof, struct identity *out);

/*
 * Inside of a transaction, for a proven identity: loads certificate, enrollment
 * and host as they are now and checks what holds for every message: not
 * replaced, its enrollment not revoked, within its dates or ended less than
 * `grace` seconds ago (ERR_MDM_CERTIFICATE), host not blocked, and the
 * certificate not revoked (ERR_MDM_BLOCKED).
 */
int identity_check(struct db *db, struct identity *id, int64_t grace);

/*
 * After identity_check(): the certificate is the host's present one or a
 * renewed one; the host is enrolled or becomes so; the UDID is the host's.
 * Changes nothing. ERR_MDM_CERTIFICATE, ERR_MDM_DEVICE.
 */
int identity_recognize(const struct identity *id, const char *udid);

/*
 * After identity_recognize(): a renewed certificate takes the place of the
 * present one. ERR_MDM_CERTIFICATE: its renewal was revoked.
 */
int identity_take_over(struct db *db, struct identity *id);

/*
 * True exactly when the certificate came from an attested order that is valid,
 * and is not revoked.
 */
int identity_attested(struct db *db, const struct identity *id, bool *out);

#endif
