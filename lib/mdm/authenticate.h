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

/*
 * A mdm_request_handler. ERR_MDM_DEVICE: the message is from another device
 * than the certificate's, or its UDID is another host's; with a link
 * enrollment, it names no device. ERR_ENROLL_OTHER_DEVICE: a link for any
 * device, and the device that uses it is enrolled, or was with another UDID, or
 * Apple Business assigned it. ERR_MDM_BLOCKED; ERR_MDM_MESSAGE; and the codes
 * of first_use_check() and identity_recognize().
 */
int authenticate_handle(struct mdm_request *req);

#endif
