/*
 * Apple's SCEP client: GetCACert, GetCACaps, PKIOperation; and the oddities of
 * an attacker.
 */
#ifndef SCEP_CLIENT_H
#define SCEP_CLIENT_H

#include "sim/client/apple_device.h"
#include "sim/client/refusal.h"

struct scep_client {
	struct http *http;
	struct apple_device *device;
	const struct faults *faults;
	struct refusal *refusal;
};

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused, which is then in
 * `refusal`, a CertRep as text; other codes when the server is not the one that
 * the profile names, broke the protocol or was not there.
 */
int scep_client_run(const struct scep_client *scep);

/* True when a certificate (DER) has that hash; its length tells which. */
bool scep_client_is_fingerprint(struct blob certificate, struct blob hash);

#endif
