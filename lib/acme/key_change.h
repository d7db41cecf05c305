/* keyChange: RFC 8555 section 7.3.5. */
#ifndef ACME_KEY_CHANGE_H
#define ACME_KEY_CHANGE_H

#include "acme/request.h"

#define KEY_CHANGE_STEP "key-change"

/*
 * Gives the account the key that signed the inner JWS. ERR_MALFORMED when
 * the inner one is not for this URL, account and key; codes of jws_parse() and
 * jws_verify() for it; ERR_KEY_IN_USE when an account of the enrollment has
 * the key, whose id is then in `other`; ERR_UNAUTHORIZED when the key is known
 * as that of a device. The caller releases *out, the account as it is then.
 */
int key_change_request(
    struct request *rq, char other[DB_ID_TEXT], struct account *out);

#endif
