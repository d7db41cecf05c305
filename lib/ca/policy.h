/*
 * May this have a certificate? The one place that says yes.
 *
 * A pure function of what the caller has loaded: no store, no clock, no
 * input but the facts. A field that was forgotten is zero, and zero is always
 * refused, so a caller can only err on the side of no.
 */
#ifndef CA_POLICY_H
#define CA_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

struct csr;

struct policy_facts {
	/* Seconds since 1970. */
	int64_t now;

	/* The row of table enrollments. */
	const char *enrollment_id;
	const char *enrollment_serial;
	const char *enrollment_method;
	const char *enrollment_state;
	int64_t enrollment_expires_at;

	/* True while ade_devices says that the serial number is ours. */
	bool assigned;

	/* The row of table orders and its account's. */
	const char *order_id;
	const char *order_enrollment_id;
	const char *order_status;
	const char *authorization_status;
	const char *identifier_type;
	const char *identifier_value;
	int64_t order_expires_at;
	const char *account_status;
	/* DER SubjectPublicKeyInfo of the account's key. */
	struct blob account_spki;

	/* The row of table attestations. */
	const char *attested_order_id;
	const char *attested_enrollment_id;
	const char *attested_serial;
	struct blob attested_spki;

	/* What csr_parse accepted. */
	const struct csr *csr;
};

/*
 * OK, or the first reason against it:
 * ERR_UNAUTHORIZED   the enrollment is over, not for ACME, or not this
 *                    order's; the device is not ours any more; the account
 *                    is dead; the evidence is another's
 * ERR_ORDER_NOT_READY the order or its authorization is in another state, or
 *                    expired
 * ERR_CSR_KEY        the request's key is not the attested one, byte by byte
 *                    of its SubjectPublicKeyInfo
 * ERR_BAD_CSR        the request's key is the account's own (RFC 8555 section
 *                    11.1), or it names an identifier that was not ordered
 *                    (draft-ietf-acme-device-attest section 3)
 */
int policy_check(const struct policy_facts *facts);

#endif
