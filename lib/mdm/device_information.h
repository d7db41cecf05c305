/*
 * What an answer to DeviceInformation changes in what we know of a host: its
 * name and system version, so that the next decision about it is made with
 * those it has today (Apple: DeviceInformationResponse.QueryResponses).
 */
#ifndef MDM_DEVICE_INFORMATION_H
#define MDM_DEVICE_INFORMATION_H

#include "mdm/mdm_request.h"

/*
 * Takes DeviceName, OSVersion and BuildVersion out of an answer; one that is
 * absent or no text leaves what was known, and an answer without QueryResponses
 * changes nothing. ERR_DB and its kind.
 */
int device_information_learn(struct mdm_request *req);

#endif
