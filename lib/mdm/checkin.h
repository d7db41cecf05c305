/*
 * The check-in protocol: the life of an enrollment (Apple: device management,
 * "Check-in"). Contracts of the messages:
 *
 *	Authenticate           a certificate that is new begins a generation:
 *	                       queue cancelled, tokens erased, the certificate
 *	                       before retired; the present one keeps everything
 *	TokenUpdate            push data; the first one ends the enrollment
 *	CheckOut               unenrolled
 *	SetBootstrapToken      stores, an empty one deletes
 *	GetBootstrapToken      the stored one; key absent when there is none
 *	UserAuthenticate       410: users are not managed
 *	DeclarativeManagement  404, status reports 200: not used yet
 *	GetToken, ReturnToService, anything else  400
 *
 * All are idempotent: a device that missed the answer simply repeats.
 */
#ifndef MDM_CHECKIN_H
#define MDM_CHECKIN_H

#include "mdm/mdm_request.h"

#define CHECKIN_BODY_MAX (1u << 20)

/*
 * Serves one check-in request; the answer is in req->reply. Codes of
 * mdm_request.h, ERR_MDM_MESSAGE, ERR_MDM_TOPIC, ERR_MDM_DEVICE,
 * ERR_MDM_CERTIFICATE, ERR_MDM_USER_CHANNEL, ERR_ENROLL_UNASSIGNED,
 * ERR_NOT_FOUND.
 */
int checkin_serve(struct mdm_request *req);

#endif
