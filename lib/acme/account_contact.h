/* How to reach the holder of an account (RFC 8555 section 7.3). */
#ifndef ACME_ACCOUNT_CONTACT_H
#define ACME_ACCOUNT_CONTACT_H

#include "base/buf.h"
#include "wire/in_json.h"

#define CONTACT_MAX       4
#define CONTACT_BYTES_MAX 256

/*
 * Appends the member "contact" of `payload` to `out` as a JSON array, "[]" when
 * there is none. ERR_MALFORMED unless it is an array of few and short strings,
 * ERR_CONTACT_SCHEME unless each is a mailto URL, ERR_CONTACT unless that is
 * one plain address.
 */
int account_contact_read(const struct json *payload, struct buf *out);

#endif
