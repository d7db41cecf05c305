/* A device: what it is, its keys, what it got, and its folder on disk. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "sim/sim_apple.h"
#include "sim/sim_machine.h"
#include "sim/sim_profile.h"

struct sim_device {
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
	EVP_PKEY *hardware_key; /* of the identity, in hardware or not */
	struct buf identity;    /* certificate, DER */
	struct buf attestation; /* the object last sent */
	struct buf profile_bytes;
	struct sim_profile profile;
};

void sim_device_init(struct sim_device *d);
void sim_device_release(struct sim_device *d);

/* Gives a new device its UDIDs, push token, software key and certificate. */
int sim_device_make(struct sim_device *d, struct sim_apple *apple);

/* The same, but with the software key and certificate of another. */
int sim_device_make_shared(
    struct sim_device *d, const struct sim_device *other);

/* The parts of MachineInfo. */
struct sim_machine sim_device_machine(const struct sim_device *d);

/* Writes everything to a folder and reads it again. */
int sim_device_save(const char *dir, const struct sim_device *d);
int sim_device_load(const char *dir, struct sim_device *d);

/* Copies text into a field of fixed size; ERR_USAGE when it is too long. */
int sim_device_set(char *field, size_t room, const char *text);

/* Says what a new device is; NULL leaves version and build to its kind. */
int sim_device_describe(struct sim_device *d, const char *serial,
    const char *product, const char *os_version, const char *build);

#endif
