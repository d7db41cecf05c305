/*
 * Apple attests a second identifier in addition to the serial number (OID
 * 1.2.840.113635.100.8.9.2). On an iPhone and iPad it is the UDID of the MDM
 * protocol; on a Mac it is another one, the ProvisioningUDID of
 * DeviceInformation. What the host reports has to agree with what Apple
 * attested.
 */
#ifndef MDM_ATTESTED_UDID_H
#define MDM_ATTESTED_UDID_H

#include "mdm/mdm_request.h"

/*
 * Inside of the transaction, for the host of the request with its present
 * certificate: compares what was attested with what is known of the host.
 * Raises ALARM_UDID_MISMATCH when they differ, and closes it when they agree;
 * the message is served in either case. Does nothing for a host that is not
 * attested or whose attestation names no UDID, for a Mac that has not reported
 * its ProvisioningUDID, and for other kinds of devices.
 */
int attested_udid_check(struct mdm_request *req);

/*
 * Queues DeviceInformation for the ProvisioningUDID of an attested Mac that has
 * not reported it; does nothing for other hosts.
 */
int attested_udid_ask(struct mdm_request *req);

#endif
