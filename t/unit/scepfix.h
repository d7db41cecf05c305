/*
 * A SCEP server (scep/operation.h) in a test, with clients that send whatever
 * the test wants.
 */
#ifndef UNIT_SCEPFIX_H
#define UNIT_SCEPFIX_H

#include "storefix.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "scep/operation.h"
#include "store/enrollments.h"
#include "store/scep_challenges.h"

#define SCEPFIX_SERIAL "C02SCEP00001"
#define SCEPFIX_NONCE  "0123456789abcdef"
#define SCEPFIX_HEX    (2 * SECRET_SHA256 + 1)

/* A key and a certificate that it made for itself. */
struct scepfix_client {
	gnutls_x509_privkey_t rsa;
	gnutls_privkey_t key;
	gnutls_x509_crt_t crt;
};

/* A message as tests vary it. */
struct scepfix_message {
	/* whose key is to be certified, and who signs */
	const struct scepfix_client *subject, *signer;
	const char *challenge, *transaction, *type;
	uint8_t type_tag;
	const char *nonce;
	/* put behind the transaction, NUL bytes too */
	const char *junk;
	size_t junk_bytes;
	/* one more than the one that is always there */
	bool second_time;
};

struct scepfix_reply {
	char status, fail_info;
	bool echoed;
	uint8_t sender_nonce[PKIMESSAGE_NONCE];
	/* of the certificate that came; empty when none did */
	char sha256[SCEPFIX_HEX];
};

/* RSA with 2048 bits, twice; RSA that is too small; P-256. */
extern struct scepfix_client scepfix_first, scepfix_second, scepfix_small,
    scepfix_curve;

/* Of a group: makes the CA and the clients, and removes them. */
int scepfix_setup(void **state);
int scepfix_teardown(void **state);

/* A sound PKCSReq for a client's key; `challenge` NULL: without. */
struct scepfix_message scepfix_message(
    const struct scepfix_client *c, const char *challenge);

/* Appends the message's bytes. */
void scepfix_write(const struct scepfix_message *m, struct buf *out);

/* The server's answer to these bytes, and what that says to the sender of m. */
int scepfix_serve(struct db *db, bool renewal_requests, struct blob message,
    struct buf *reply);
void scepfix_read(
    const struct scepfix_message *m, struct blob in, struct scepfix_reply *out);

/* The server with or without RenewalReq, asked once. */
void scepfix_ask(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, struct scepfix_reply *out);

/* SUCCESS. */
void scepfix_granted(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, struct scepfix_reply *out);

/* FAILURE with this failInfo, and this code at the end of the event log. */
void scepfix_refused(struct db *db, bool renewal_requests,
    const struct scepfix_message *m, char fail_info, const char *code);

/* What the event log says last. */
void scepfix_reason(struct db *db, const char *reason);

/* An enrollment for SCEPFIX_SERIAL with its challenge. */
void scepfix_open(struct db *db, enum enrollment_purpose purpose,
    struct enrollment *e, char challenge[SCEP_CHALLENGES_TEXT]);

/* The same for a device that becomes assigned. */
void scepfix_begin(struct db *db, char challenge[SCEP_CHALLENGES_TEXT]);

#endif
