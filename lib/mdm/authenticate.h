/*
 * The Authenticate message: the one place where a certificate meets a UDID.
 *
 * A certificate is bound to a serial number when it is signed. The message's
 * SerialNumber must be that one; without it (devices may leave it out) the
 * UDID must be the one known from the profile request or the host. The UDID of
 * an enrolled host never changes, and never belongs to two hosts.
 */
#ifndef MDM_AUTHENTICATE_H
#define MDM_AUTHENTICATE_H

#include "mdm/mdm_request.h"

/* A mdm_request_handler. */
int authenticate_handle(struct mdm_request *c);

#endif
