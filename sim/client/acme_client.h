/*
 * Apple's ACME client: nine exchanges, no retries, every oddity that a server
 * could notice, and the oddities of an attacker.
 */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "sim/client/player.h"

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused; other codes when it
 * broke the protocol or was not there.
 */
int acme_client_run(struct player *p);

#endif
