/*
 * How a serial number stands with the settings, Apple Business and its own
 * history, and what follows for an enrollment that was handed out before: the
 * settings may have changed since, or the device gone from Apple Business.
 * Asked when a certificate is issued by SCEP, when a certificate is first used,
 * and when a renewal is sent. Who gets a profile at all, and which, is decided
 * in policy/decision.h.
 */
#ifndef POLICY_DEVICE_STATE_H
#define POLICY_DEVICE_STATE_H

#include <stdbool.h>

#include "base/conf.h"
#include "store/db.h"
#include "store/enrollments.h"
#include "store/hosts.h"

/* What Apple Business says of a serial number. */
enum device_assignment {
	DEVICE_NEVER_ASSIGNED,
	DEVICE_ASSIGNED,
	DEVICE_REMOVED,
};

struct device_state {
	/* The settings. */
	bool require_attestation;
	bool business_only;
	enum device_assignment assignment;
	/* Apple Business's record names Apple silicon. */
	bool known_silicon;
	/* Of state "unenrolled", its id "", when the serial number is new. */
	struct host host;
};

/* Reads it; inside of the transaction that acts on it. ERR_DB and its kind. */
int device_state_load(struct db *db, const struct conf *conf,
    const char *serial, struct device_state *out);

/*
 * Where the device comes from. ERR_ENROLL_BUSINESS: enrolled by a link, or not
 * assigned, while only Apple Business enrollments are allowed.
 * ERR_ENROLL_UNASSIGNED: Automated Device Enrollment of a device that is not
 * assigned any more.
 */
int device_state_check_source(
    const struct device_state *s, const struct enrollment *e);

/*
 * Whether a certificate that is `attested`, or is not, is enough. OK while
 * attestation is not required. ERR_ENROLL_DOWNGRADE: the serial number attested
 * before, or is Apple silicon according to Apple Business; for a renewal, the
 * host is attested. ERR_ENROLL_METHOD: both settings are on, so only attested
 * devices may enroll.
 */
int device_state_check_method(
    const struct device_state *s, const struct enrollment *e, bool attested);

#endif
