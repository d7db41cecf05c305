/* What a device says when it asks for its enrollment profile: MachineInfo. */
#ifndef MACHINE_H
#define MACHINE_H

#include "sim/forge/apple.h"
#include "sim/forge/fault.h"

struct machine {
	const char *serial;
	const char *udid;
	const char *product;          /* Mac15,3 */
	const char *os_version;       /* 15.1; NULL leaves it out */
	const char *build;            /* 24B83 */
	const char *language;         /* en-US; NULL leaves it out */
	const char *imei;             /* NULL leaves it out */
	const char *meid;             /* NULL leaves it out */
	const char *pairing_token;    /* of a watch; NULL leaves it out */
	const char *update_device_id; /* NULL leaves it out */
	bool can_update;              /* MDM_CAN_REQUEST_SOFTWARE_UPDATE */
	bool has_attributes;          /* signed attributes in the signature */
};

/*
 * Appends the signed message that says so: by the device's key and certificate,
 * with the three certificates above it.
 */
int machine_sign(const struct machine *m, struct apple *apple, EVP_PKEY *device,
    struct blob certificate, const struct faults *faults, struct buf *out);

#endif
