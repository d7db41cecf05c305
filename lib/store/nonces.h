/* Used ACME nonces. Unused ones are stored nowhere. */
#ifndef STORE_NONCES_H
#define STORE_NONCES_H

#include "store/db.h"

/*
 * Marks a nonce as used; it is remembered until `expires_at`, when its own age
 * refuses it. ERR_BAD_NONCE when it was used before. 1..64 bytes.
 */
int nonces_use(struct db *db, struct blob nonce, int64_t expires_at);

/* Deletes at most `limit` expired ones. */
int nonces_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
