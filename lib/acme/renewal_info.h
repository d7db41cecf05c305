/* When to renew a certificate: RFC 9773. */
#ifndef ACME_RENEWAL_INFO_H
#define ACME_RENEWAL_INFO_H

#include "base/buf.h"
#include "store/certificates.h"

/* Seconds after which a client should ask again. */
#define RENEWAL_INFO_RETRY 21600

struct renewal_window {
	int64_t start;
	int64_t end;
};

/*
 * The octets that an id names (section 4.1): key identifier of the issuer and
 * serial number, each at most as long as a certificate may have them.
 * ERR_MALFORMED when it is no such id.
 */
struct renewal_id {
	uint8_t key_id[CERTIFICATES_KEY_ID_MAX];
	size_t key_id_len;
	uint8_t number[CERTIFICATES_NUMBER_MAX];
	size_t number_len;
};
int renewal_info_parse(const char *text, struct renewal_id *out);

/* Appends the id of a certificate. */
int renewal_info_id(const struct certificate *c, struct buf *out);

/* The certificate that an id names; codes of renewal_info_parse, or
 * ERR_NOT_FOUND. The caller releases *out. */
int renewal_info_find(struct db *db, const char *text, struct certificate *out);

/*
 * From when a third of its life is left, for two days at most, or, for a
 * revoked one, the hour before `now`. For a certificate that was loaded, see
 * `lifetime`.
 */
struct renewal_window renewal_info_window(
    const struct certificate *c, int64_t now);

/* Appends the RenewalInfo object. */
int renewal_info_write(struct renewal_window window, struct buf *out);

#endif
