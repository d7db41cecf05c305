/* Devices with certificates, and CMS made by GnuTLS: for tests of lib/mdm and
 * lib/enroll. */
#ifndef T_MDMFIX_H
#define T_MDMFIX_H

#include "storefix.h"

#include <gnutls/abstract.h>
#include <gnutls/pkcs7.h>
#include <gnutls/x509.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/conf.h"
#include "store/certificates.h"

#define MDMFIX_TOPIC "com.apple.mgmt.External.test"

/* A configuration as far as lib/mdm and lib/enroll look at it. */
extern const struct conf mdmfix_conf;

struct mdmfix_cert {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	struct buf der;
};

/*
 * A certificate: EC P-256 or, with `rsa`, RSA-1024 signed with SHA-1. Signed by
 * `issuer`, or by itself when that is NULL.
 */
void mdmfix_cert_make(struct mdmfix_cert *c, const char *name, bool ca,
    bool rsa, const struct mdmfix_cert *issuer);
void mdmfix_cert_release(struct mdmfix_cert *c);

/* Appends SignedData over `content`; `flags` of gnutls_pkcs7_sign(). */
void mdmfix_sign(const struct mdmfix_cert *c, struct blob content,
    gnutls_digest_algorithm_t digest, unsigned flags, struct buf *out);

struct mdmfix_device {
	struct mdmfix_cert cert;
	struct certificate row;
};

/*
 * Assigns a serial number to us and gives it an issued certificate from an
 * order that is valid.
 */
void mdmfix_device_make(struct db *db, const char *serial,
    enum enrollment_purpose purpose, bool attested, struct mdmfix_device *out);
void mdmfix_device_release(struct mdmfix_device *d);

#endif
