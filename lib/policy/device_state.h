/*
 * What the server knows of a serial number when it decides: the settings, Apple
 * Business's record and the host of that number.
 */
#ifndef POLICY_DEVICE_STATE_H
#define POLICY_DEVICE_STATE_H

#include <stdbool.h>

#include "base/conf.h"
#include "policy/product.h"
#include "store/db.h"
#include "store/hosts.h"
#include "store/settings.h"

/* What Apple Business says of a serial number. */
enum device_assignment {
	DEVICE_NEVER_ASSIGNED,
	DEVICE_ASSIGNED,
	DEVICE_REMOVED,
};

struct device_state {
	/* the settings */
	bool require_attestation;
	/* of Macs with Apple silicon only, while business_only is off */
	bool macs_only;
	bool business_only;
	bool sign_in;
	enum device_assignment assignment;
	/* a record of it names Apple silicon, or did before it was removed */
	bool known_silicon;
	/* what it is by these records, or by what it said when it attested */
	enum product_kind known_kind;
	/* of state "unenrolled", its id "", when the serial number is new */
	struct host host;
};

/*
 * Reads it; inside of the transaction that acts on it. ERR_DB and its kind; a
 * serial number of "" is a new one.
 */
int device_state_load(struct db *db, const struct conf *conf,
    const char *serial, struct device_state *out);

#endif
