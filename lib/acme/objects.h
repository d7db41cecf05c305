/*
 * The JSON objects of RFC 8555 section 7.1 as clients read them, with URLs
 * below the enrollment that the request found. All append to a buffer whose
 * sticky code they return.
 */
#ifndef ACME_OBJECTS_H
#define ACME_OBJECTS_H

#include "acme/request.h"
#include "base/buf.h"
#include "store/accounts.h"
#include "store/orders.h"

/* The directory (section 7.1.1); it names only what there is. */
int objects_directory(const struct request *rq, struct buf *out);

/* With `orders`, which Apple's client demands, and without `contact` if []. */
int objects_account(
    const struct request *rq, const struct account *a, struct buf *out);

/*
 * The order must have been through order_settle(). `replaces` is the id of
 * RFC 9773 that it was made with, or NULL.
 */
int objects_order(const struct request *rq, const struct order *o,
    const char *replaces, struct buf *out);

/* Always with exactly one challenge. */
int objects_authorization(
    const struct request *rq, const struct order *o, struct buf *out);
int objects_challenge(
    const struct request *rq, const struct order *o, struct buf *out);

/* {"orders":[…]} of one page. */
int objects_orders(
    const struct request *rq, const struct order_list *list, struct buf *out);

/* The whole URN of a problem type begins like this. */
#define OBJECTS_PROBLEM_URN "urn:ietf:params:acme:error:"

#endif
