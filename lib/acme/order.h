/*
 * Orders and their authorizations: RFC 8555 sections 7.4 and 7.5. One order
 * has one identifier, one authorization and one challenge, and is always born
 * pending: Apple's client takes nothing else.
 */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/request.h"
#include "store/orders.h"

/* Seconds that an order lives until it is valid. */
#define ORDER_LIFE 3600

/* The longest id of RFC 9773 that is echoed. */
#define ORDER_REPLACES_MAX 256

#define ORDER_STEP               "order"
#define ORDER_STEP_AUTHORIZATION "authorization"

/*
 * What the row means at `now`: one that is pending or ready and expired counts
 * as invalid, and so do its authorization and challenge. Nothing is written.
 */
void order_settle(struct order *o, int64_t now);

/*
 * newOrder. `replaces` gets the id of RFC 9773 that it was made with; the
 * caller releases it. ERR_IDENTIFIER_TYPE, ERR_MALFORMED (grammar, number of
 * identifiers, dates), ERR_IDENTIFIER_REJECTED when the identifier is not the
 * enrollment's serial number or the enrollment has its certificate,
 * ERR_PROFILE, ERR_ALREADY_REPLACED, ERR_RATE_LIMITED.
 */
int order_create(struct request *rq, struct order *out, struct buf *replaces);

/* Reads an order of the account and settles it; ERR_NOT_FOUND. */
int order_load(const struct request *rq, const char *id, struct order *out);

/* POST-as-GET on an order; ERR_NOT_FOUND when it is not the account's. */
int order_read(struct request *rq, const char *id, struct order *out,
    struct buf *replaces);

/*
 * An authorization's URL: POST-as-GET reads it, {"status":"deactivated"} ends
 * it and its order.
 */
int order_authorization(struct request *rq, const char *id, struct order *out);

/*
 * Appends the id of RFC 9773 of the certificate that the order replaces, for
 * the member "replaces" (RFC 9773 section 5); nothing when it replaces none.
 */
int order_predecessor(
    struct db *db, const struct order *o, struct buf *replaces);

/* True when both names are the same octets: no case, no normal form. */
bool order_is_for(const struct order *o, const char *serial);

#endif
