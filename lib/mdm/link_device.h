/*
 * The first Authenticate of a device that enrolls by hand: the message says
 * which device it is, for nothing said so before, or the link did.
 */
#ifndef MDM_LINK_DEVICE_H
#define MDM_LINK_DEVICE_H

#include "mdm/mdm_request.h"

/*
 * For an unused certificate of a manual enrollment, inside of the transaction:
 * gives enrollment and certificate the message's serial number when they have
 * none yet, and loads the host. ERR_MDM_DEVICE: the message names none;
 * ERR_MDM_BLOCKED; ERR_ENROLL_OTHER_DEVICE: the link was not made for it, and
 * it is enrolled, or was with another UDID, or Apple Business assigned it:
 * then it comes by itself, or an administrator makes a link for it.
 */
int link_device_identify(struct mdm_request *c);

#endif
