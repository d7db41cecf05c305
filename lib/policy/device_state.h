/*
 * What the server knows of a serial number when it decides: the settings, Apple
 * Business's record and the host of that number.
 */
#ifndef POLICY_DEVICE_STATE_H
#define POLICY_DEVICE_STATE_H

#include <stdbool.h>

#include "base/conf.h"
#include "policy/product.h"
#include "store/ade_devices.h"
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

/* Reads the settings alone. */
int device_state_load_settings(
    struct db *db, const struct conf *conf, struct device_state *out);

/* Adds what a record of Apple Business tells. */
void device_state_learn_record(
    struct device_state *s, const struct ade_device *d);

/* Adds another word of what it is. A Mac stays one. */
void device_state_learn_kind(struct device_state *s, enum product_kind kind);

/*
 * Reads it; inside of the transaction that acts on it. ERR_DB and its kind; a
 * serial number of "" is a new one.
 */
int device_state_load(struct db *db, const struct conf *conf,
    const char *serial, struct device_state *out);

#endif
