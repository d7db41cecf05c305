/*
 * Authenticated rows: administrators, sessions and API tokens, which lead to
 * the admin pages and the REST API.
 *
 * Every program may write to the database, so a row alone proves nothing. These
 * rows carry an HMAC-SHA256 over their contents with a key that only root and
 * the user of admin-settings and admin-api can read. The key belongs to the
 * connection.
 */
#ifndef STORE_ROWMAC_H
#define STORE_ROWMAC_H

#include "store/db.h"

/* Bytes of the key file. */
#define ROWMAC_KEY 32

/*
 * Gives the connection its key, from the file at `path`. ERR_IO. db_close()
 * wipes it.
 */
int rowmac_load(struct db *db, const char *path);

bool rowmac_has_key(const struct db *db);

/* The same from memory. */
void rowmac_set_key(struct db *db, const uint8_t key[ROWMAC_KEY]);

/*
 * The HMAC over `n` fields. `label` names the table, so that a row of one table
 * cannot pass for one of another. ERR_CRYPTO when the connection has no key.
 */
int rowmac_make(const struct db *db, const char *label,
    const struct blob *fields, size_t n, uint8_t out[SECRET_SHA256]);

#endif
