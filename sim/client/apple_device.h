/* A device: what it is, its keys, what it got, and its folder on disk. */
#ifndef APPLE_DEVICE_H
#define APPLE_DEVICE_H

#include "sim/client/payload.h"
#include "sim/forge/apple.h"

struct apple_device {
	char serial[65];
	char udid[65];
	char product[33];
	char os_version[33];
	char build[33];
	char provisioning_udid[65]; /* what Apple attests */
	char imei[16];              /* "" on what has none */
	bool is_manual;             /* by a link, not by automated enrollment */
	char push_magic[37];
	uint8_t push_token[32];
	EVP_PKEY *software_key; /* signs MachineInfo */
	struct buf software_certificate;
	EVP_PKEY *account_key;  /* of the next ACME run; made when NULL */
	struct buf attestation; /* the object last sent */
	/* What the profile gives it. */
	EVP_PKEY *hardware_key; /* of the identity, in hardware or not */
	struct buf identity;    /* certificate, DER */
	struct buf profile_bytes;
	struct payload profile;
};

void apple_device_init(struct apple_device *d);
void apple_device_release(struct apple_device *d);

/* Forgets what the profile gave it. */
void apple_device_forget(struct apple_device *d);

/* Gives a new device its UDIDs, push token, software key and certificate. */
int apple_device_make(struct apple_device *d, struct apple *apple);

/* The same, but with the software key and certificate of another. */
int apple_device_make_shared(
    struct apple_device *d, const struct apple_device *other);

/* The parts of MachineInfo. */
struct apple_machine apple_device_machine(const struct apple_device *d);

/* Writes everything to a folder and reads it again. */
int apple_device_save(const char *dir, const struct apple_device *d);
int apple_device_load(const char *dir, struct apple_device *d);

/* Copies text into a field of fixed size; ERR_USAGE when it is too long. */
int apple_device_set(char *field, size_t room, const char *text);

/* Says what a new device is; NULL leaves version and build to its kind. */
int apple_device_describe(struct apple_device *d, const char *serial,
    const char *product, const char *os_version, const char *build);

#endif
