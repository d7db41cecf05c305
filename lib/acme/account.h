/* Accounts: RFC 8555 section 7.3. */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/request.h"
#include "store/orders.h"

/* Orders on one page of the list. */
#define ACCOUNT_ORDERS_PAGE 4

/* Names of the steps in the event log. */
#define ACCOUNT_STEP        "account"
#define ACCOUNT_STEP_ORDERS "orders"

/*
 * newAccount: the account of the key that signed, made if there is none;
 * *created tells. The caller releases *out. ERR_NO_ACCOUNT when there is none
 * and only an existing one was wanted, ERR_ACCOUNT_DEAD when it is not valid
 * any more, ERR_RATE_LIMITED when the enrollment has too many,
 * ERR_UNAUTHORIZED when a new one is wanted and the enrollment already has its
 * certificate, or the key was attested; codes of account_contact_read().
 */
int account_create(struct request *rq, struct account *out, bool *created);

/*
 * In a transaction: ERR_UNAUTHORIZED when the key was attested as a device's,
 * which must not sign for an account (RFC 8555 section 11.1).
 */
int account_check_key(const struct request *rq, const struct jwk *key);

/*
 * The account's own URL: POST-as-GET reads it, an object changes its contact
 * or deactivates it. `id` is the one in the URL: ERR_NOT_FOUND unless it is
 * the signer's. The caller releases *out.
 */
int account_update(struct request *rq, const char *id, struct account *out);

/* A page of its orders; the caller releases *out. */
int account_orders(
    struct request *rq, const char *id, int offset, struct order_list *out);

/* Reads the number of a page's first order; ERR_NOT_FOUND for other texts. */
int account_read_offset(const char *text, int *out);

#endif
