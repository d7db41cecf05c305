/*
 * A stand-in for Apple: the attestation CAs (root and sub CA, P-384) and the
 * CA of the certificates that devices sign MachineInfo with (four levels, RSA
 * and SHA-1, with the dates of the real ones, long past).
 */
#ifndef SIM_APPLE_H
#define SIM_APPLE_H

#include "sim/sim_ca.h"

struct sim_apple {
	struct sim_ca attestation_root;
	struct sim_ca attestation_sub;
	struct sim_ca device_root;      /* certificate only */
	struct sim_ca device_authority; /* certificate only */
	struct sim_ca device_ca;
};

void sim_apple_init(struct sim_apple *a);
void sim_apple_release(struct sim_apple *a);

/* Makes all keys and certificates anew. */
int sim_apple_make(struct sim_apple *a);

/* The attestation CAs alone: for a foreign Apple. */
int sim_apple_make_attestation(struct sim_apple *a);

int sim_apple_save(const char *dir, const struct sim_apple *a);
int sim_apple_load(const char *dir, struct sim_apple *a);

/*
 * The certificate that a device's software signs MachineInfo with: RSA-1024,
 * CN a random UUID as IA5String, one year from now, signed with SHA-1.
 */
int sim_apple_device_certificate(
    struct sim_apple *a, EVP_PKEY *device, struct buf *der);

#endif
