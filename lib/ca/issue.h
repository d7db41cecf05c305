/*
 * Builds and signs a device's identity certificate. Everything in it is ours:
 * of what the device sent only the public key goes in (RFC 5280 section 4).
 */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include <stdint.h>

#include "base/blob.h"
#include "base/conf.h"
#include "base/secret.h"
#include "ca/authority.h"
#include "store/certificates.h"

#define ISSUE_SERIAL_NUMBER 16

/* How far in the past a certificate begins, for clocks that are behind. */
#define ISSUE_BACKDATE 300

struct issue_request {
	/* DER SubjectPublicKeyInfo to certify. */
	struct blob spki;
	/* Subject: CN is the enrollment's id, O the organization. */
	const char *common_name;
	const char *organization;
	/*
	 * The device's serial number for the subjectAltName's
	 * PermanentIdentifier (RFC 4043), no assigner. NULL in privacy mode:
	 * the certificate then has no subjectAltName.
	 */
	const char *permanent_identifier;
	/* CRL distribution point; issue_crl_url() writes it. */
	const char *crl_url;
	/* Seconds since 1970, usually clock_now(). */
	int64_t now;
	/* Life in days; cut short where the CA's own life ends. */
	int days;
};

/*
 * Signs, then verifies the result as a relying party would. Of the row, *out
 * gets what the certificate itself says; the caller releases it. ERR_FIELD when
 * a request's text does not fit (empty, over 64 bytes of subject, control
 * characters), ERR_BAD_PUBLIC_KEY when the key is not EC P-256, EC P-384 or RSA
 * 2048..4096, ERR_CRYPTO when signing fails, ERR_CONFIG when the CA has no day
 * left. *out is empty on failure.
 */
int issue_certificate(const struct authority *ca,
    const struct issue_request *req, struct certificate *out);

/*
 * The certificate of an enrollment, as its method says: by ACME one for an
 * attested key, by SCEP one for a key that was not. The list of this CA is
 * crl_file. *out is the whole row but
 * for the order's id; nobody may see the certificate before issue_store() is
 * committed. Codes of issue_certificate().
 */
int issue_for_enrollment(const struct authority *ca, const char *crl_file,
    const struct conf *conf, const struct enrollment *e, struct blob spki,
    struct certificate *out);

/*
 * Stores the row and marks its enrollment issued. ERR_CONFLICT when that is not
 * open any more, or when enrollment, order or key has a certificate already.
 */
int issue_store(struct db *db, const struct certificate *c);

/* Appends the DER GeneralNames with this one PermanentIdentifier. */
int issue_permanent_identifier(const char *value, struct buf *out);

/*
 * The chain that the ACME certificate resource returns (RFC 8555 section
 * 7.4.2): the leaf's PEM, then the CA's; LF line ends. Appends to out.
 */
int issue_chain(
    const struct authority *ca, struct blob leaf_der, struct buf *out);

/* Appends SERVER_URL/crl/FILE, the crl_file of a struct generation. */
int issue_crl_url(const char *server_url, const char *file, struct buf *out);

#endif
