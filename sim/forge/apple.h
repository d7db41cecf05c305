/*
 * A stand-in for Apple: the attestation CAs (root and sub CA, P-384) and the
 * CA of the certificates that devices sign MachineInfo with (four levels, RSA
 * and SHA-1, with the dates of the real ones, long past).
 */
#ifndef APPLE_H
#define APPLE_H

#include "sim/forge/ca.h"

struct apple {
	struct ca attestation_root;
	struct ca attestation_sub;
	struct ca device_root;      /* certificate only */
	struct ca device_authority; /* certificate only */
	struct ca device_ca;
};

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

#endif
