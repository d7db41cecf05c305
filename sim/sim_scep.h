/*
 * Apple's SCEP client: GetCACert, GetCACaps, PKIOperation; and the oddities of
 * an attacker.
 */
#ifndef SIM_SCEP_H
#define SIM_SCEP_H

#include "sim/sim_device.h"
#include "sim/sim_refusal.h"

struct sim_scep {
	struct sim_http *http;
	struct sim_device *device;
	const struct sim_knobs *knobs;
	struct sim_refusal *refusal;
};

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused, which is then in
 * `refusal`, a CertRep as text; other codes when the server is not the one that
 * the profile names, broke the protocol or was not there.
 */
int sim_scep_run(const struct sim_scep *scep);

/* True when a certificate (DER) has that hash; its length tells which. */
bool sim_scep_is_fingerprint(struct blob certificate, struct blob hash);

#endif
