/*
 * A stand-in for Apple: the attestation CAs (root and sub CA, P-384) and the
 * CA of the certificates that devices sign MachineInfo with (four levels, RSA
 * and SHA-1, with the dates of the real ones, long past).
 */
#ifndef APPLE_H
#define APPLE_H

#include "sim/forge/ca.h"
#include "sim/forge/fault.h"

struct apple {
	struct ca attestation_root;
	struct ca attestation_sub;
	struct ca device_root;
	struct ca device_authority;
	struct ca device_ca;
};

/* An Apple of a function's own, released when it returns. */
#define APPLE_EMPTY                                                            \
	{                                                                      \
		CA_EMPTY, CA_EMPTY, CA_EMPTY, CA_EMPTY, CA_EMPTY               \
	}
#define SCRATCH_APPLE(a)                                                       \
	__attribute__((cleanup(apple_release))) struct apple a = APPLE_EMPTY

void apple_init(struct apple *a);
void apple_release(struct apple *a);

/* Makes all keys and certificates anew. */
int apple_make(struct apple *a);

/* The attestation CAs alone: for a foreign Apple. */
int apple_make_attestation(struct apple *a);

int apple_save(const char *dir, const struct apple *a);
int apple_load(const char *dir, struct apple *a);

/*
 * The certificate that a device's software signs MachineInfo with: RSA-1024,
 * CN a random UUID as IA5String, one year from now, signed with SHA-1.
 */
int apple_device_certificate(
    struct apple *a, EVP_PKEY *device, struct buf *der);

/*
 * What a device says when it asks for its enrollment profile: MachineInfo.
 * NULL leaves a key out.
 */
struct apple_machine {
	const char *serial;
	const char *udid;
	const char *product;    /* Mac15,3 */
	const char *os_version; /* 15.1 */
	const char *build;      /* 24B83 */
	const char *language;   /* en-US */
	const char *imei;
	const char *meid;
	const char *pairing_token; /* of a watch */
	const char *update_device_id;
	bool can_update;     /* MDM_CAN_REQUEST_SOFTWARE_UPDATE */
	bool must_update;    /* MANDATORY_SOFTWARE_UPDATE_REQUIRED */
	bool has_attributes; /* signed attributes in the signature */
};

/*
 * Appends MachineInfo, signed by the device's key and certificate, with the
 * three certificates above it.
 */
int apple_machineinfo(const struct apple_machine *m, struct apple *apple,
    EVP_PKEY *device, struct blob certificate, const struct faults *faults,
    struct buf *out);

#endif
