/*
 * A CA is renewed by a new key and a new certificate beside the former ones,
 * which stay where they are: generation 1 is what the configuration names, say
 * acme-ca.key and acme-ca.pem; generation 2 is acme-ca.2.key and acme-ca.2.pem.
 * A generation exists once its certificate does, so that one rename makes it
 * the current one, which alone issues. Each has a revocation list of its own,
 * whose address is in the certificates that it signed.
 */
#ifndef CA_GENERATION_H
#define CA_GENERATION_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/conf.h"
#include "ca/authority.h"

/* Their number has one digit in paths and URLs. */
#define GENERATIONS 9

#define GENERATION_PATH 4096
#define GENERATION_CRL  16

enum generation_ca { GENERATION_ACME, GENERATION_SCEP, GENERATION_CAS };

struct generation {
	/* 1 to GENERATIONS */
	int number;
	/* PEM files; the key of the first may be a pkcs11: URL */
	char key[GENERATION_PATH];
	char certificate[GENERATION_PATH];
	/* its list in STATE/public/acme or scep, and under /crl/ */
	char crl_file[GENERATION_CRL];
};

/* The names of a generation, whether it exists or not. */
void generation_names(const struct conf *conf, enum generation_ca ca,
    int number, struct generation *out);

/* Is its certificate there? */
bool generation_exists(const struct generation *g);

/* The one with the highest number; the first when there is none. */
void generation_current(
    const struct conf *conf, enum generation_ca ca, struct generation *out);

/*
 * The certificate, without its key, of the generation that has this key
 * identifier. ERR_NOT_FOUND when there is none that is valid now. The caller
 * frees *out.
 */
int generation_find(const struct conf *conf, enum generation_ca ca,
    struct blob key_id, struct authority **out);

#endif
