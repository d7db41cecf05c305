/*
 * The JSON objects of RFC 8555 section 7.1 as clients read them. All append to
 * a buffer whose sticky code they return.
 */
#ifndef ACME_OBJECTS_H
#define ACME_OBJECTS_H

#include "base/buf.h"
#include "store/accounts.h"
#include "store/orders.h"

/* Where the URLs in an object begin. */
struct objects_place {
	const char *server;
	const char *enrollment;
};

/* With `orders`, which Apple's client demands, and without `contact` if []. */
int objects_account(
    struct objects_place place, const struct account *a, struct buf *out);

/*
 * The order must have been through order_settle(). `replaces` is the id of
 * RFC 9773 that it was made with, or NULL.
 */
int objects_order(struct objects_place place, const struct order *o,
    const char *replaces, struct buf *out);

/* Always with exactly one challenge. */
int objects_authorization(
    struct objects_place place, const struct order *o, struct buf *out);
int objects_challenge(
    struct objects_place place, const struct order *o, struct buf *out);

/* {"orders":[…]} of one page. */
int objects_orders(
    struct objects_place place, const struct order_list *list, struct buf *out);

/* The whole URN of a problem type begins like this. */
#define OBJECTS_PROBLEM_URN "urn:ietf:params:acme:error:"

#endif
