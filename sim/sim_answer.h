/* What a simulated Mac answers to MDM commands. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/sim_device.h"
#include "sim/sim_knob.h"
#include "sim/sim_value.h"

/*
 * Appends the answer to one command dictionary ({RequestType: …}); an unknown
 * one is answered with Error 12021. `knobs` may spoil a result. Returns its
 * Status, a static text.
 */
const char *sim_answer_write(const struct sim_device *d,
    const struct sim_knobs *knobs, const char *uuid,
    const struct sim_value *command, struct buf *out);

/*
 * Appends the answer to an InstallProfile command: Acknowledged, or Error with
 * the domain and code of a profile that could not be installed. Returns its
 * Status, a static text.
 */
const char *sim_answer_installed(
    const char *udid, const char *uuid, bool installed, struct buf *out);

/* Appends a message without results: Idle (uuid NULL) or NotNow. */
void sim_answer_status(
    const char *udid, const char *uuid, const char *status, struct buf *out);

#endif
