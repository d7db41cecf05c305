/* What must not outlive the return to an earlier state of the database. */
#ifndef STORE_RESTORED_H
#define STORE_RESTORED_H

#include "store/db.h"

/*
 * Inside a write transaction, after a backup is restored: what was open when
 * the backup was made may have been used since, and would be good once more.
 * All sessions end; all API tokens are deleted; all ACME nonces of before are
 * void; open enrollments, and with them their SCEP challenges, are revoked;
 * unused links are revoked; open renewals without a certificate are withdrawn,
 * and open again when they are due; waiting EraseDevice commands are cancelled.
 */
int restored_void(struct db *db);

#endif
