/*
 * What a device says of itself, in MachineInfo (Apple: SERIAL, UDID, PRODUCT,
 * OS_VERSION, VERSION) or at check-in (SerialNumber, UDID, ProductName,
 * OSVersion, BuildVersion). Nothing but an attestation proves any of it.
 */
#ifndef STORE_DEVICE_H
#define STORE_DEVICE_H

#include "store/db.h"

/* Texts are "" when unknown. */
struct device {
	/* 1..64 letters, digits and '-' */
	char serial[DB_SERIAL_TEXT];
	/* 1..64 hexadecimal digits and '-' */
	char udid[DB_UDID_TEXT];
	/* such as "Mac15,3" */
	char product[DB_NAME_TEXT];
	/* such as "15.1" and "24B83" */
	char os_version[DB_VERSION_TEXT];
	char build_version[DB_VERSION_TEXT];
};

#endif
