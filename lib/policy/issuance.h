/*
 * May this have a certificate? The one place that says yes.
 *
 * A pure function of what the caller has loaded: no store, no clock, no
 * input but the facts. A row or key that the caller forgot is NULL or empty
 * and refused, so a caller can only err on the side of no.
 */
#ifndef POLICY_ISSUANCE_H
#define POLICY_ISSUANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

struct account;
struct attestation;
struct attestation_row;
struct csr;
struct enrollment;
struct order;
struct device_state;

struct issuance_acme {
	/* Seconds since 1970. */
	int64_t now;
	const struct enrollment *enrollment;
	/* Of the enrollment's serial number. */
	const struct device_state *state;
	const struct account *account;
	/* DER SubjectPublicKeyInfo of the account's key. */
	struct blob account_spki;
	const struct order *order;
	/* The row, and what the attestation object in it says when it is
	 * verified now: only the latter decides. */
	const struct attestation_row *attestation;
	const struct attestation *attested;
	const struct csr *csr;
};

/*
 * OK, or the first reason against it:
 * ERR_UNAUTHORIZED   the enrollment is over or not for ACME, or the rows do not
 *                    belong together
 * ERR_ACCOUNT_DEAD   the account is not valid
 * ERR_ORDER_NOT_READY the order or its authorization is in another state, or
 *                    expired
 * ERR_CSR_KEY        the request's key is not the attested one, byte by byte
 *                    of its SubjectPublicKeyInfo
 * ERR_BAD_CSR        the request's key is the account's own (RFC 8555 section
 *                    11.1), or it names an identifier that was not ordered
 *                    (draft-ietf-acme-device-attest section 3)
 * and the codes of decision_check_issue().
 */
int issuance_check_acme(const struct issuance_acme *facts);

struct issuance_scep {
	/* Seconds since 1970. */
	int64_t now;
	const struct enrollment *enrollment;
	/* Of the enrollment's serial number. */
	const struct device_state *state;
	const struct csr *csr;
	/* The request's key was certified before, whoever has it. */
	bool key_known;
};

/*
 * The same for a new certificate by SCEP; the caller has looked at the
 * challenge and answers retries by itself. OK, or the first reason against it:
 * ERR_UNAUTHORIZED   the enrollment is not for SCEP, or names no device
 * ERR_SCEP_CHALLENGE the enrollment is over, and its challenge with it
 * ERR_SCEP_REQUEST   the key is not RSA, or not a new one
 * and the codes of decision_check_issue().
 */
int issuance_check_scep(const struct issuance_scep *facts);

#endif
