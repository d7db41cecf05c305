/* Used ACME nonces. Unused ones are stored nowhere. */
#ifndef STORE_NONCES_H
#define STORE_NONCES_H

#include "store/db.h"

/* Seconds after a nonce's expiry until nonces_purge() deletes it. */
#define NONCES_KEEP 3600

/*
 * The generation of new nonces. When the clock turns out to be set back behind
 * a purge, used nonces that were deleted could be accepted again, so a new
 * generation begins and all nonces of the earlier one are refused. Only reads:
 * the new generation counts from the moment the clock is behind, and the first
 * nonces_use() that succeeds stores it.
 */
int nonces_generation(struct db *db, int64_t *out);

/*
 * Marks a nonce as used; it is remembered at least until `expires_at`, after
 * which it is too old to be accepted. ERR_BAD_NONCE when it was used before, or
 * is of another generation than the present one. 1..64 bytes.
 */
int nonces_use(
    struct db *db, struct blob nonce, int64_t generation, int64_t expires_at);

/* Deletes at most `limit` that expired NONCES_KEEP seconds ago. */
int nonces_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
