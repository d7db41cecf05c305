/* A good chain that every test of attestations bends, and what came of it. */
#ifndef UNIT_ATTESTFIX_H
#define UNIT_ATTESTFIX_H

#include "unit/mda.h"
#include "wire/attest.h"

/* The good chain that every test bends. */
extern struct mda_cert attestfix_root, attestfix_sub, attestfix_leaf;
extern struct attest_roots *attestfix_roots;
struct attest_roots *attestfix_load_roots(
    const void *p, size_t n, int expected);
struct attest_roots *attestfix_pin(const struct mda_cert *c, int expected);
int attestfix_verify_with(const struct attest_roots *anchor, struct blob object,
    const char *token, int64_t now, struct attestation *out);
int attestfix_verify_object(struct blob object);
void attestfix_expect_object(int expected, const struct buf *object);
void attestfix_expect_x5c(int expected, const struct blob *x5c, size_t n);
void attestfix_expect_chain(
    int expected, const struct mda_cert *first, const struct mda_cert *second);
gnutls_x509_privkey_t attestfix_leaf_key(void);

/* Verifies a chain whose leaf was bent; the code that came of it. */
void attestfix_expect_leaf(int expected, mda_tweak *tweak);

/* The same for the intermediate. */
void attestfix_expect_sub(int expected, mda_tweak *tweak);
void attestfix_read_leaf(mda_tweak *tweak, struct attestation *out);
void attestfix_not_ca(gnutls_x509_crt_t crt);
void attestfix_no_sign(gnutls_x509_crt_t crt);
int attestfix_setup(void **state);
int attestfix_teardown(void **state);

#endif
