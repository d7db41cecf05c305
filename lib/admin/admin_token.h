/* API tokens, as an administrator makes and revokes them. */
#ifndef ADMIN_TOKEN_H
#define ADMIN_TOKEN_H

#include "admin/admin_actor.h"
#include "store/api_tokens.h"

/* The lifetime of a token in days: when none is given, and at most. */
#define ADMIN_TOKEN_DAYS     365
#define ADMIN_TOKEN_DAYS_MAX 3650

/*
 * Makes a token that ends in `days`. The connection needs the key of
 * store/rowmac.h. `text` gets the token, a secret that nobody can read again
 * and that the caller wipes; "" on failure. ERR_EXISTS, ERR_FIELD (this cannot
 * be a name, or such a number of days), ERR_ROLE.
 */
int admin_token_create(const struct admin_actor *actor, const char *name,
    enum admin_role role, int days, char text[API_TOKENS_TEXT]);

/* Revokes tokens, all or none. ERR_NOT_FOUND, ERR_CONFLICT (revoked already), ERR_ROLE. */
int admin_token_revoke(
    const struct admin_actor *actor, const char *const *names, int n);

#endif
