/*
 * What an administrator changes at run time. The table of settings with their
 * defaults is in settings.c; a name that is not in it does not exist.
 */
#ifndef STORE_SETTINGS_H
#define STORE_SETTINGS_H

#include "base/conf.h"
#include "store/db.h"

#define SETTINGS_REQUIRE_ATTESTATION "apple_require_hardware_attestation"
#define SETTINGS_ATTESTATION_DEVICES "apple_hardware_attestation_devices"
#define SETTINGS_BUSINESS_ONLY       "apple_business_enrollments_only"
#define SETTINGS_SIGN_IN             "enable_end_user_authentication"

/* The words of SETTINGS_ATTESTATION_DEVICES. */
#define SETTINGS_DEVICES_MACS "macs"
#define SETTINGS_DEVICES_ALL  "all"

/* One for each system; product_minimum_setting() (policy/product.h) says which. */
#define SETTINGS_MINIMUM_MACOS    "minimum_os_version_macos"
#define SETTINGS_MINIMUM_IOS      "minimum_os_version_ios"
#define SETTINGS_MINIMUM_IPADOS   "minimum_os_version_ipados"
#define SETTINGS_MINIMUM_TVOS     "minimum_os_version_tvos"
#define SETTINGS_MINIMUM_VISIONOS "minimum_os_version_visionos"
#define SETTINGS_MINIMUM_WATCHOS  "minimum_os_version_watchos"

/* Room for any value with its NUL. */
#define SETTINGS_VALUE_TEXT 256

enum settings_type {
	SETTINGS_BOOL,
	SETTINGS_VERSION,
	/* one of several words */
	SETTINGS_CHOICE,
};

struct settings_entry {
	const char *name;
	/* the same in JSON, as a path with dots */
	const char *json;
	enum settings_type type;
	const char *initial;
	/* of SETTINGS_CHOICE: the words, and NULL after the last */
	const char *const *words;
	/* does not exist in the tier "free" */
	bool premium;
	/* managed by the repository in GitOps mode */
	bool gitops;
};

/* Who wants to change a setting. */
enum settings_origin {
	SETTINGS_BY_ADMIN,
	/* an administrator with the tool, also what GitOps manages */
	SETTINGS_BY_OVERRIDE,
	SETTINGS_BY_GITOPS,
};

/* Entry number i, or NULL after the last. */
const struct settings_entry *settings_entry(size_t i);

/* NULL when there is no such setting, or not in the configured tier. */
const struct settings_entry *settings_find(
    const struct conf *conf, const char *name);

/*
 * The value, or the default when none was set. A premium setting always has
 * its default in the tier "free", whatever the table holds. ERR_INTERNAL when
 * the name is not in the table of settings or is not of that type.
 */
int settings_get_bool(
    struct db *db, const struct conf *conf, const char *name, bool *out);
int settings_get_text(struct db *db, const struct conf *conf, const char *name,
    char out[SETTINGS_VALUE_TEXT]);

/* Is this a value of the setting, whoever may set it? */
bool settings_is_value(const struct settings_entry *entry, const char *value);

/*
 * May this value be set? Changes nothing. ERR_NOT_FOUND: no such setting.
 * ERR_LICENSE: not in this tier, where the default is accepted all the same: it
 * is what holds there. ERR_GITOPS: managed by the repository. ERR_FIELD: not a
 * value of this setting ("true" and "false" for booleans, numbers with dots or
 * "" for versions, a word for choices). ERR_SIGN_IN_UNSET: nobody can
 * be made to sign in while the configuration has no [sign_in].
 */
int settings_check(const struct conf *conf, enum settings_origin origin,
    const char *name, const char *value);

/*
 * settings_check(), then stores the value and writes the activity
 * "setting.set", or "setting.override" for what GitOps manages, with the old
 * and the new value when they differ.
 */
int settings_set(struct db *db, const struct conf *conf,
    enum settings_origin origin, const char *name, const char *value,
    const char *actor);

#endif
