/*
 * What a device does with an InstallProfile command that carries its enrollment
 * profile anew: a new identity, then Authenticate and TokenUpdate with it.
 */
#ifndef RENEW_H
#define RENEW_H

#include "sim/client/player.h"
#include "sim/forge/value.h"

/*
 * Follows the profile in a command dictionary. OK: the device has the new
 * identity, the server knows it and the device's folder holds it. On failure
 * the device has the old identity and profile still; a refusal is in the
 * session.
 */
int renew_install(struct player *s, const struct value *command);

#endif
