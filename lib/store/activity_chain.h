/*
 * The chain of activities: each entry holds
 *
 *	SHA-256(the hash of the entry before || its own fields)
 *
 * where the first one follows 32 zero bytes, and each field has its length in
 * front. An entry that was changed, removed or put elsewhere no longer leads to
 * the hash of the next one. Nobody needs a key to add an entry, because each
 * program does; so whoever can write the database can also compute the whole
 * chain anew. That, and entries missing at the end, shows only beside a hash that
 * was kept elsewhere: the *head*, the newest entry's hash at some time.
 *
 * One writer at a time (db_begin()) means that the last hash is known when the
 * next entry is written.
 */
#ifndef STORE_ACTIVITY_CHAIN_H
#define STORE_ACTIVITY_CHAIN_H

#include "store/activities.h"

/* Where the next entry goes. */
struct activity_tail {
	int64_t next_id;
	/* of the last entry of the chain, or zeros */
	uint8_t hash[SECRET_SHA256];
};

/* In a write transaction, since it is true only until the next entry. */
int activity_chain_tail(struct db *db, struct activity_tail *out);

/* The hash of *a when it follows the entry with the hash `before`. ERR_NOMEM. */
int activity_chain_hash(const struct activity *a,
    const uint8_t before[SECRET_SHA256], uint8_t out[SECRET_SHA256]);

/*
 * In a write transaction. `last` is the last of the entries that were removed
 * from the beginning of the chain.
 */
int activity_chain_cut(struct db *db, const struct activity *last);

/*
 * In a transaction of its own. Chains the entries of a database that is older than
 * the chain, in their order; what ends in ACTIVITIES_REFUSED stays outside. Does
 * nothing once there is a chain. *taken is the number of entries chained.
 */
int activity_chain_adopt(struct db *db, int *taken);

struct activity_verdict {
	/* entries that follow one from the other */
	int64_t count;
	/* the first and the last of them, by id and time; 0 when there is none */
	int64_t first_id;
	int64_t first_at;
	int64_t last_id;
	int64_t last_at;
	/* the hash of that last one, the head; zeros when there is none */
	uint8_t head[SECRET_SHA256];
	/* entries up to this id were removed because of their age; 0: none */
	int64_t removed_id;
	int64_t removed_at;
	/* the entry after last_id does not follow from it */
	bool broken;
	/* the entry that does not follow; 0 when it cannot even be read */
	int64_t broken_id;
	/* the hash that was looked for is that of entry head_id */
	bool head_found;
	int64_t head_id;
};

/*
 * Follows the chain through its newest entries alone, at most ACTIVITY_CHAIN_END,
 * in a few milliseconds: the oldest of them is taken as it is. Of *out only count,
 * first_id, last_id, broken and broken_id are filled in.
 */
#define ACTIVITY_CHAIN_END 500
int activity_chain_verify_end(struct db *db, struct activity_verdict *out);

/*
 * Follows the chain from its first entry to its end, outside of a transaction and
 * in small steps, while others add entries. `head` is a hash to look for, or
 * NULL. OK also when the chain is broken: *out says so.
 */
int activity_chain_verify(struct db *db, const uint8_t head[SECRET_SHA256],
    struct activity_verdict *out);

#endif
