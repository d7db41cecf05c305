/* What an order may be for (draft-ietf-acme-device-attest sections 3 and 4). */
#ifndef ACME_IDENTIFIER_H
#define ACME_IDENTIFIER_H

#include "base/blob.h"

#define IDENTIFIER_TYPE_TEXT "permanent-identifier"

/* Bytes of a value, without NUL. */
#define IDENTIFIER_MAX 256

/*
 * ERR_IDENTIFIER_TYPE for any type but permanent-identifier; hardware-module
 * is known and not offered. ERR_MALFORMED when the value does not follow the
 * grammar: a device identifier without slash, and perhaps a slash and the OID
 * of who assigned it. The value must be valid UTF-8 already.
 */
int identifier_check(struct blob type, struct blob value);

#endif
