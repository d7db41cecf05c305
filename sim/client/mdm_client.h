/*
 * Apple's MDM client: check-in messages, and the loop that fetches commands
 * and answers them. ERR_UNAUTHORIZED when the server refused.
 */
#ifndef MDM_CLIENT_H
#define MDM_CLIENT_H

#include "sim/client/player.h"

/* Authenticate and TokenUpdate over a connection of their own. */
int mdm_client_enroll(struct player *p);

/*
 * The same with one message: authenticate, token-update, checkout,
 * set-bootstrap-token or get-bootstrap-token. The answer is left in p->http.
 */
int mdm_client_check_in(struct player *p, const char *message);

/*
 * Polls until no command is left, and prints CommandUUID, RequestType and
 * Status of each.
 */
int mdm_client_poll(struct player *p);

#endif
