/*
 * What the database knows of a serial number when a decision is made, read
 * inside of the transaction that acts on it.
 */
#ifndef ENROLL_FACTS_H
#define ENROLL_FACTS_H

#include "base/conf.h"
#include "enroll/decision.h"
#include "store/db.h"
#include "store/hosts.h"

struct facts {
	bool require_attestation;
	bool business_only;
	enum decision_assignment assignment;
	/* Business Manager's record names Apple silicon. */
	bool known_silicon;
	/* Of state "unenrolled", its id "", when the serial number is new. */
	struct host host;
};

/* ERR_DB and its kind. */
int facts_load(struct db *db, const struct conf *conf, const char *serial,
    struct facts *out);

/*
 * Fills in what the facts say; the request's part is empty and for the caller.
 * *in points into *f.
 */
void facts_input(const struct facts *f, struct decision_input *in);

#endif
