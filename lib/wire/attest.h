/*
 * Apple's Managed Device Attestation as the "apple" statement of challenge
 * device-attest-01 (draft-ietf-acme-device-attest section 5; Apple's guide
 * "Managed Device Attestation for Apple devices", dep28afbde6a): is this
 * object, made for this token, signed by Apple, and what does it say?
 *
 * Whether the device is ours and the key was seen before is for the caller.
 */
#ifndef WIRE_ATTEST_H
#define WIRE_ATTEST_H

#include <stdint.h>

#include "base/blob.h"

/* The longest attestation object, decoded. */
#define ATTEST_OBJECT_MAX (16 * 1024)

/* Identifiers and versions are at most 64 printable ASCII characters. */
#define ATTEST_TEXT 65

struct attest_roots;

/*
 * Loads the one certificate that attestations must lead to from a PEM file.
 * ERR_CONFIG unless it is exactly one, self-signed, a CA, and on P-384 or
 * P-256. Free with attest_roots_free().
 */
int attest_roots_load(const char *path, struct attest_roots **out);
void attest_roots_free(struct attest_roots *roots);

/* What Apple says of the device. "" is: Apple did not say. */
struct attestation {
	char serial[ATTEST_TEXT];
	char udid[ATTEST_TEXT]; /* a Mac's ProvisioningUDID, not MDM's UDID */
	char software_update_device_id[ATTEST_TEXT];
	char os_version[ATTEST_TEXT];
	char sepos_version[ATTEST_TEXT];
	char llb_version[ATTEST_TEXT];
	const char *sip;               /* "enabled", "disabled", "unknown" */
	const char *kernel_extensions; /* "none", "allowed", "unknown" */
	char secure_boot[ATTEST_TEXT]; /* "Full Security", … */
	struct blob spki; /* of the attested key, DER, in normal form */
	uint8_t spki_sha256[32];
	struct blob leaf; /* Apple's certificate for the key, DER */
	uint8_t leaf_sha256[32];
	int64_t leaf_not_before;
	int64_t leaf_not_after;
};

/*
 * Checks the attestation object against the root, the challenge's token and
 * the time `now`. On success *out is filled; release with attest_release().
 *   ERR_ATT_CBOR       not the strict CBOR that Apple sends, or too large
 *   ERR_ATT_FORMAT     "fmt" is not "apple"
 *   ERR_ATT_NONE       x5c is empty: the device could not attest
 *   ERR_ATT_CHAIN      the certificates do not lead to the root
 *   ERR_ATT_TIME       one of them is not valid at `now`
 *   ERR_ATT_FRESHNESS  not made for this token
 *   ERR_ATT_IDENTITY   serial number or UDID unusable
 *   ERR_ATT_KEY        the attested key is on neither P-256 nor P-384
 */
int attest_verify(const struct attest_roots *roots, struct blob object,
    struct blob token, int64_t now, struct attestation *out);

/* Frees what it holds and leaves it empty. */
void attest_release(struct attestation *a);

#endif
