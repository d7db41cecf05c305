/*
 * Apple's MDM client: check-in messages, and the loop that fetches commands
 * and answers them.
 */
#ifndef MDM_CLIENT_H
#define MDM_CLIENT_H

#include "sim/client/apple_device.h"
#include "sim/client/refusal.h"

struct mdm_client {
	struct http *http;
	struct apple_device *device;
	const struct faults *faults;
	struct refusal *refusal;
	bool awaiting; /* still in Setup Assistant */
};

/*
 * Presents the device's identity in TLS, unless a fault forbids; the odd
 * certificates of some faults are made here.
 */
int mdm_client_present(const struct mdm_client *m);

/*
 * Sends one check-in message, named by its MessageType. ERR_UNAUTHORIZED
 * when the server refused. The body of the answer is appended to `answer`
 * unless that is NULL. `data` is what SetBootstrapToken escrows.
 */
int mdm_client_check_in(const struct mdm_client *m, const char *type,
    struct blob data, struct buf *answer);

/* PUTs a body to the server URL; the same outcomes. */
int mdm_client_connect(
    const struct mdm_client *m, struct blob body, struct buf *answer);

#endif
