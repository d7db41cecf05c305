/* A certificate together with its key: something that signs others. */
#ifndef SIM_CA_H
#define SIM_CA_H

#include <stdbool.h>

#include "sim/sim_cert.h"

struct sim_ca {
	EVP_PKEY *key; /* NULL when only the certificate is known */
	struct buf der;
	struct buf subject; /* DER Name */
};

/* As path_len: a CA whose key usage forbids it to sign certificates. */
#define SIM_CA_NO_SIGNING (-2)

/* What sim_ca_make fills a CA certificate with. */
struct sim_ca_plan {
	const char *kind; /* as for sim_key_make */
	const char *name; /* as for sim_cert_name_text */
	const char *digest;
	int64_t not_before;
	int64_t not_after;
	int path_len;          /* < 0: none; or SIM_CA_NO_SIGNING */
	struct sim_ca *issuer; /* NULL: self-signed */
};

void sim_ca_init(struct sim_ca *ca);
void sim_ca_release(struct sim_ca *ca);

/* Makes key and certificate. */
int sim_ca_make(const struct sim_ca_plan *plan, struct sim_ca *out);

/* Reads and writes DIR/NAME.pem and DIR/NAME.key. */
int sim_ca_load(const char *dir, const char *name, struct sim_ca *out);
int sim_ca_save(const char *dir, const char *name, const struct sim_ca *ca);

/* Reads DIR/NAME.pem alone. */
int sim_ca_load_public(const char *dir, const char *name, struct sim_ca *out);

/* Takes a certificate in DER: fills der and subject. */
int sim_ca_set_der(struct sim_ca *ca, struct blob der);

#endif
