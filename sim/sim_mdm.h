/*
 * Apple's MDM client: check-in messages, and the loop that fetches commands
 * and answers them.
 */
#ifndef SIM_MDM_H
#define SIM_MDM_H

#include "sim/sim_device.h"
#include "sim/sim_refusal.h"

struct sim_mdm {
	struct sim_http *http;
	struct sim_device *device;
	const struct sim_knobs *knobs;
	struct sim_refusal *refusal;
	bool awaiting; /* still in Setup Assistant */
};

/*
 * Presents the device's identity in TLS, unless a knob forbids; the odd
 * certificates of some knobs are made here. Undo with sim_mdm_leave.
 */
int sim_mdm_present(const struct sim_mdm *m);
void sim_mdm_leave(const struct sim_mdm *m);

/*
 * Sends one check-in message, named by its MessageType. ERR_UNAUTHORIZED
 * when the server refused. The body of the answer is appended to `answer`
 * unless that is NULL. `data` is what SetBootstrapToken escrows.
 */
int sim_mdm_check_in(const struct sim_mdm *m, const char *type,
    struct blob data, struct buf *answer);

/* PUTs a body to the server URL; the same outcomes. */
int sim_mdm_connect(
    const struct sim_mdm *m, struct blob body, struct buf *answer);

#endif
