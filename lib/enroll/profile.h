/*
 * The enrollment profile (Apple: TopLevel, com.apple.mdm,
 * com.apple.security.acme or .scep, com.apple.security.root), built as a
 * property list key by key.
 *
 * A device takes a renewal only with the identifiers, ServerURL, CheckInURL and
 * Topic that it has. They are noted in the enrollment, and stay when the
 * configuration changes; URLs of ACME and SCEP always are the configuration's.
 */
#ifndef ENROLL_PROFILE_H
#define ENROLL_PROFILE_H

#include <gnutls/x509.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/secret.h"
#include "enroll/new_enrollment.h"

struct key;

#define PROFILE_BYTES_MAX   65536
#define PROFILE_SERVER_CAS  4
#define PROFILE_CHAIN_CERTS 8

/* Paths behind [server] url. */
#define PROFILE_SERVER_PATH  "/mdm/server"
#define PROFILE_CHECKIN_PATH "/mdm/checkin"
#define PROFILE_SCEP_PATH    "/scep"

/* Files that profiles need; opened once by a program. */
struct profile_files {
	/*
	 * the current SCEP CA: for CAFingerprint the SHA-256 of its
	 * certificate, and its generation, which the URL names
	 */
	uint8_t scep_ca_sha256[SECRET_SHA256];
	int scep_generation;
	/* com.apple.security.root payloads */
	gnutls_x509_crt_t server_cas[PROFILE_SERVER_CAS];
	size_t n_server_cas;
	/* signer first; NULL key: profiles leave unsigned */
	struct key *key;
	gnutls_x509_crt_t chain[PROFILE_CHAIN_CERTS];
	size_t n_chain;
};

/*
 * Loads what [profile] names: server_ca, and signing_key with
 * signing_certificate, each "" for none; and the SCEP CA's certificate.
 * ERR_CONFIG, ERR_IO, ERR_MALFORMED, ERR_CRYPTO. Released with
 * profile_files_release, also after a failure.
 */
int profile_files_load(const struct conf *conf, struct profile_files *out);
/* Without the signing key, for profiles that a command carries. */
int profile_files_load_unsigned(
    const struct conf *conf, struct profile_files *out);
void profile_files_release(struct profile_files *files);

/*
 * Appends the profile of one enrollment, which sends the device to its ACME
 * directory, with hardware-bound key and attestation, or to SCEP with its
 * challenge; signed (CMS, SHA-256) when there is a key. Whatever the method,
 * identifiers and UUIDs are the same, so that one profile replaces the other.
 */
int profile_write(const struct conf *conf, const struct profile_files *files,
    const struct new_enrollment *new, struct buf *out);

/*
 * The same as a bare property list, as an InstallProfile command carries it
 * over the connection that device and server trust already.
 */
int profile_write_plist(const struct conf *conf,
    const struct profile_files *files, const struct new_enrollment *new,
    struct buf *out);

/*
 * A UUID that always is the same for the same profile identifier and name, in
 * the form of RFC 9562 version 8.
 */
void profile_uuid(
    const char *identifier, const char *name, char out[SECRET_UUID_TEXT]);

#endif
