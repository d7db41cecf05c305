/* A certificate together with its key: something that signs others. */
#ifndef CA_H
#define CA_H

#include <stdbool.h>

#include "sim/forge/cert.h"
#include "sim/forge/keypair.h"

struct ca {
	EVP_PKEY *key; /* NULL when only the certificate is known */
	struct buf der;
	struct buf subject; /* DER Name */
};

/* A CA of a function's own, released when it returns. */
#define CA_EMPTY                                                               \
	{                                                                      \
		.der = { .max = SCRATCH_MAX },                                 \
		.subject = { .max = SCRATCH_MAX },                             \
	}
#define SCRATCH_CA(c)                                                          \
	__attribute__((cleanup(ca_release))) struct ca c = CA_EMPTY

/* As path_len: a CA whose key usage forbids it to sign certificates. */
#define CA_NO_SIGNING (-2)

/* What ca_make fills a CA certificate with. */
struct ca_plan {
	const char *kind; /* as for keypair_make */
	const char *name; /* as for cert_name_text */
	const char *digest;
	int64_t not_before;
	int64_t not_after;
	int path_len;      /* < 0: none; or CA_NO_SIGNING */
	struct ca *issuer; /* NULL: self-signed */
};

void ca_release(struct ca *ca);

/* Makes key and certificate. */
int ca_make(const struct ca_plan *plan, struct ca *out);

/* Reads and writes DIR/NAME.pem and DIR/NAME.key; the key may be missing. */
int ca_load(const char *dir, const char *name, struct ca *out);
int ca_save(const char *dir, const char *name, const struct ca *ca);

/* A certificate that is no CA's. */
struct ca_end {
	const char *subject; /* as for cert_name_text */
	const char *host;    /* of a server; NULL: a client */
	EVP_PKEY *key;
	int64_t not_before;
	int64_t not_after;
};

/* Appends it in DER; issuer NULL: signed by its own key. */
int ca_certify(
    const struct ca *issuer, const struct ca_end *end, struct buf *out);

/* Makes a TLS CA, and key and certificate of a server of that name. */
int ca_make_server(
    const char *host, int days, struct ca *ca, struct ca *server);

/* Takes a certificate in DER: fills der and subject. */
int ca_set_der(struct ca *ca, struct blob der);

#endif
