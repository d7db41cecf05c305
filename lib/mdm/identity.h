/*
 * Who sends a check-in message or asks for a command. The device proves that it
 * holds the key of a certificate that was issued here, in two ways:
 *
 * - by its TLS client certificate. nginx passes a certificate on only after the
 *   handshake, in which the client signed with the certificate's key (RFC 8446
 *   section 4.4.3); that proof belongs to this connection and cannot be
 *   replayed.
 * - by the Mdm-Signature header (Apple: com.apple.mdm, SignMessage). It covers
 *   the body alone, neither time nor address: whoever saw a message can send it
 *   again. It is therefore not enough by itself where [mdm] client_certificate
 *   is "required", nor for a host that showed its certificate in TLS since it
 *   enrolled; and it never yields a SCEP challenge or a bootstrap token.
 *
 * When both are there they must be of the same certificate, with one exception:
 * while a host renews, its connection may still show the previous certificate.
 * The table of issued certificates says which device a certificate belongs to;
 * names inside the certificate are never looked at.
 */
#ifndef MDM_IDENTITY_H
#define MDM_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/secret.h"
#include "store/certificates.h"
#include "store/context.h"
#include "store/enrollments.h"
#include "store/hosts.h"

#define IDENTITY_HEADER_MAX 16384

/*
 * Seconds after the first use of a renewed certificate in which TLS may still
 * show the previous one: as long as nginx keeps a connection (keepalive_time).
 */
#define IDENTITY_TLS_LAG 3600

struct identity_proof {
	/* value of Mdm-Signature, or NULL */
	const char *signature;
	/* nginx's $ssl_client_escaped_cert: PEM in URL escapes; NULL or "" */
	const char *client_certificate;
	/* the signed bytes */
	struct blob body;
};

struct identity {
	/* The certificate that was shown is one of ours: `cert` is its row. */
	bool known;
	/* The sender proved that it holds the certificate's key. */
	bool proven;
	/* TLS showed a certificate, whose SHA-256 is tls_sha256. */
	bool by_tls;
	uint8_t tls_sha256[SECRET_SHA256];
	struct certificate cert;
	/* What follows is set by identity_check(). */
	struct enrollment enrollment;
	/* The certificate is unused, and of an attested order that is valid. */
	bool attested;
	/* The certificate has expired, but within the grace. */
	bool expired;
	/* The host with the certificate's serial number. */
	bool has_host;
	struct host host;
};

void identity_release(struct identity *id);

/*
 * Finds the certificate and checks the proof, in this order: the header's
 * form, the certificate by its SHA-256 in the table, the signature over the
 * body. Says nothing yet of whether the certificate is good, nor of whether
 * both ways agree. Reads the database outside of any transaction. On failure
 * *out may still say whose certificate was shown. The caller releases in any
 * case. ERR_MDM_IDENTITY: no identity, or it cannot be read;
 * ERR_MDM_CERTIFICATE: not issued here; ERR_MDM_SIGNATURE.
 */
int identity_prove(
    struct db *db, const struct identity_proof *proof, struct identity *out);

/*
 * Inside the transaction, for a proven identity: loads certificate, enrollment
 * and host as they are now and checks what holds for every message.
 * ERR_MDM_BLOCKED: the certificate is revoked, or the host blocked.
 * ERR_MDM_CERTIFICATE: it was replaced, its enrollment was revoked, it is not
 * within its dates nor expired less than `grace` seconds ago, or TLS showed
 * another certificate, except the previous one of a host that is renewing or
 * did so within IDENTITY_TLS_LAG. ERR_MDM_CLIENT_CERTIFICATE: TLS showed none,
 * although the configuration requires one or this host has shown one since it
 * enrolled.
 */
int identity_check(const struct context *c, struct identity *id, int64_t grace);

/*
 * After identity_check(): the certificate is the host's present one or a
 * renewed one; the host is enrolled or becomes so; the UDID is the host's.
 * Changes nothing. ERR_MDM_CERTIFICATE, ERR_MDM_DEVICE.
 */
int identity_recognize(const struct identity *id, const char *udid);

#endif
