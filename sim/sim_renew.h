/*
 * What a device does with an InstallProfile command that carries its enrollment
 * profile anew: a new identity, then Authenticate and TokenUpdate with it.
 */
#ifndef SIM_RENEW_H
#define SIM_RENEW_H

#include "sim/sim_session.h"
#include "sim/sim_value.h"

/*
 * Follows the profile in a command dictionary. OK: the device has the new
 * identity, the server knows it and the device's folder holds it. On failure
 * the device has the old identity and profile still; a refusal is in the
 * session.
 */
int sim_renew_install(struct sim_session *s, const struct sim_value *command);

#endif
