/* What the tests of JWS requests share: a good request and its parts. */
#ifndef UNIT_JWSFIX_H
#define UNIT_JWSFIX_H

#include "base/buf.h"

#define URL   "https://ca.example/acme/x/new-order"
#define NONCE "bm9uY2U"
#define KID   "https://ca.example/acme/x/account/1"

void jwsfix_encode(const char *text, struct buf *out);

/* A body with these three members, the first one encoded here. */
void jwsfix_body(struct buf *out, const char *header, const char *payload,
    const char *signature);

#endif
