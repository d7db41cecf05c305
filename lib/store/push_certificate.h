/*
 * The certificate that pushes are sent with, as far as everybody may know it:
 * its topic, its end, and whether Apple takes it. Certificate and key are a
 * file that the worker alone reads.
 */
#ifndef STORE_PUSH_CERTIFICATE_H
#define STORE_PUSH_CERTIFICATE_H

#include <stdbool.h>

#include "base/conf.h"
#include "store/db.h"

#define PUSH_CERTIFICATE_TOPIC_TEXT  256
#define PUSH_CERTIFICATE_REASON_TEXT 256

struct push_certificate {
	/* com.apple.mgmt.External.UUID */
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];
	/* of the certificate's DER */
	uint8_t sha256[SECRET_SHA256];
	int64_t not_before;
	int64_t not_after;
	int64_t imported_at;
	char imported_by[DB_ACTOR_TEXT];
	/* since when nothing is sent, because Apple does not take it; 0: it
	 * does */
	int64_t stopped_at;
	char stop_reason[PUSH_CERTIFICATE_REASON_TEXT];
	/* when one push tries whether it does now */
	int64_t retry_at;
	int retries;
};

/* Letters, digits, dots and dashes: it becomes part of a header field. */
bool push_certificate_is_safe_topic(const char *topic);

/*
 * ERR_NOT_FOUND: none was imported. ERR_DB also when its topic is not safe. A
 * retry_at that only a wrong clock can have set is now.
 */
int push_certificate_load(struct db *db, struct push_certificate *out);

/*
 * In a transaction: from now on it is this one (topic, sha256, not_before,
 * not_after, imported_by). Pushes go on if they were stopped, the alarms about
 * that and about a missing topic are closed, and hosts of this topic for which
 * a command waits are due.
 */
int push_certificate_store(struct db *db, const struct push_certificate *in);

/*
 * The topic for new profiles: the certificate's; while there is none, [mdm]
 * topic of the configuration; else ERR_NO_TOPIC, unlogged. ERR_CONFIG: that is
 * longer than a topic can be.
 */
int push_certificate_topic(struct db *db, const struct conf *conf,
    char out[PUSH_CERTIFICATE_TOPIC_TEXT]);

/*
 * A device could not enroll for want of a topic: raises the alarm, in a
 * transaction of its own.
 */
void push_certificate_note_missing(struct db *db);

/* How many hosts are enrolled, or about to be, with another topic? */
int push_certificate_count_others(
    struct db *db, const char *topic, int64_t *out);

/* In a transaction: a host with another topic waits; raises the alarm. */
int push_certificate_tell_others(struct db *db, const char *topic);

/*
 * In a transaction: stops all pushes, unless another certificate came
 * meanwhile, and raises the alarm. They are tried again with one push after an
 * hour, then after 4, then daily; until then this does nothing more.
 */
int push_certificate_stop(
    struct db *db, const uint8_t sha256[SECRET_SHA256], const char *reason);

/*
 * In a transaction: TLS fails as if Apple did not take it, which nobody can be
 * sure of. The same with another alarm, and it is tried again at `again_at`.
 */
int push_certificate_doubt(struct db *db, const uint8_t sha256[SECRET_SHA256],
    const char *reason, int64_t again_at);

/* In a transaction: Apple takes it (again); closes the alarm. */
int push_certificate_resume(struct db *db, const uint8_t sha256[SECRET_SHA256]);

#endif
