/*
 * Apple's ACME client: nine exchanges, no retries, every oddity that a server
 * could notice, and the oddities of an attacker.
 */
#ifndef SIM_ACME_H
#define SIM_ACME_H

#include "sim/sim_device.h"
#include "sim/sim_refusal.h"

struct sim_acme {
	struct sim_http *http;
	struct sim_apple *apple;
	struct sim_device *device;
	const struct sim_knobs *knobs;
	struct sim_refusal *refusal;
};

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused, which is then in
 * `refusal`; other codes when it broke the protocol or was not there.
 */
int sim_acme_run(const struct sim_acme *acme);

#endif
