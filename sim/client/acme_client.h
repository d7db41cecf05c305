/*
 * Apple's ACME client: nine exchanges, no retries, every oddity that a server
 * could notice, and the oddities of an attacker.
 */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "sim/client/apple_device.h"
#include "sim/client/refusal.h"

struct acme_client {
	struct http *http;
	struct apple *apple;
	struct apple_device *device;
	const struct faults *faults;
	struct refusal *refusal;
};

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused, which is then in
 * `refusal`; other codes when it broke the protocol or was not there.
 */
int acme_client_run(const struct acme_client *acme);

#endif
