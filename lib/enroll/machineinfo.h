/*
 * MachineInfo: what a device says of itself when it asks for its enrollment
 * profile, as a property list inside of CMS that is signed with the key Apple
 * gave the device (Apple: device management, "MachineInfo").
 *
 * The signature shows that genuine Apple software speaks, an Apple virtual
 * machine perhaps. The serial number in it is a claim, not a proof.
 */
#ifndef ENROLL_MACHINEINFO_H
#define ENROLL_MACHINEINFO_H

#include <gnutls/x509.h>
#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/secret.h"
#include "store/device.h"

#define MACHINEINFO_BYTES_MAX 65536

struct machineinfo {
	/*
	 * Product and versions are "" too when they are too long or hold other
	 * than letters, digits and ',' (product), digits and dots (os_version),
	 * letters and digits (build_version).
	 */
	struct device device;
	/* of the key that signed it: one for each device */
	uint8_t signer_sha256[SECRET_SHA256];
	/* the device can install a system update during enrollment */
	bool can_update;
	/* it has to install one before it goes on (macOS 26.1) */
	bool must_update;
};

/*
 * Verifies that the one signer's certificate was signed directly by the pinned
 * device CA key, that it is no CA itself, and that its key signed the content;
 * then appends the content to `out` and sets signer_sha256. Dates are ignored,
 * SHA-1 and RSA of 1024 bits are accepted: Apple's device CA expired in 2014
 * and still signs so. ERR_ENROLL_SIGNATURE, whose reason names the serial
 * number that was claimed; ERR_ENROLL_MACHINEINFO when it is no CMS with
 * content.
 */
int machineinfo_verify(struct blob cms, gnutls_x509_crt_t device_ca,
    uint8_t signer_sha256[SECRET_SHA256], struct buf *out);

/*
 * Reads the property list. Unknown keys are ignored.
 * ERR_ENROLL_MACHINEINFO when SERIAL or UDID are absent or unusable.
 */
int machineinfo_parse(struct blob plist, struct machineinfo *out);

/* Both. */
int machineinfo_read(
    struct blob cms, gnutls_x509_crt_t device_ca, struct machineinfo *out);

#endif
