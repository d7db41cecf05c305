/* Apple's SCEP client: GetCACert, GetCACaps, one PKIOperation. */
#ifndef SCEP_CLIENT_H
#define SCEP_CLIENT_H

#include "sim/client/player.h"

/*
 * Runs the protocol for the device's profile; on success the device holds its
 * identity. ERR_UNAUTHORIZED when the server refused; other codes when it
 * broke the protocol or was not there.
 */
int scep_client_run(struct player *p);

/* Is that a hash of the certificate? Its length says which: MD5 to SHA-512. */
bool scep_client_is_fingerprint(struct blob certificate, struct blob hash);

#endif
