#include "store/settings.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/activities.h"
#include "store/sql.h"

enum { GET, SET };

static const char *const texts[] = {
	[GET] = "SELECT value FROM settings WHERE name = $1",
	[SET] = "INSERT INTO settings (name, value, updated_at, updated_by)"
		" VALUES ($1, $2, $3, $4)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
		" updated_at = excluded.updated_at,"
		" updated_by = excluded.updated_by",
};

SQL_FAMILY(settings, texts, NULL);

static const char *const devices[] = { SETTINGS_DEVICES_MACS,
	SETTINGS_DEVICES_ALL, NULL };

/* a setting's name, and its path in JSON */
#define MDM(name)               name, "mdm." name
#define MINIMUM(system, suffix) system, "mdm.minimum_os_versions." suffix

static const struct settings_entry entries[] = {
	{ MDM(SETTINGS_REQUIRE_ATTESTATION), SETTINGS_BOOL, "false",
	    .premium = true, .gitops = true },
	{ MDM(SETTINGS_ATTESTATION_DEVICES), SETTINGS_CHOICE,
	    SETTINGS_DEVICES_MACS, devices, .premium = true, .gitops = true },
	{ MDM(SETTINGS_BUSINESS_ONLY), SETTINGS_BOOL, "false", .premium = true,
	    .gitops = true },
	{ MDM(SETTINGS_SIGN_IN), SETTINGS_BOOL, "false", .premium = true,
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_MACOS, "macos"), SETTINGS_VERSION, "",
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_IOS, "ios"), SETTINGS_VERSION, "",
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_IPADOS, "ipados"), SETTINGS_VERSION, "",
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_TVOS, "tvos"), SETTINGS_VERSION, "",
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_VISIONOS, "visionos"), SETTINGS_VERSION, "",
	    .gitops = true },
	{ MINIMUM(SETTINGS_MINIMUM_WATCHOS, "watchos"), SETTINGS_VERSION, "",
	    .gitops = true },
};

#define ENTRIES (sizeof entries / sizeof entries[0])

const struct settings_entry *
settings_entry(size_t i)
{
	return i < ENTRIES ? &entries[i] : NULL;
}

static const struct settings_entry *
find_in_any_tier(const char *name)
{
	for (size_t i = 0; i < ENTRIES; i++)
		if (strcmp(entries[i].name, name) == 0)
			return &entries[i];
	return NULL;
}

static bool
in_tier(const struct conf *conf, const struct settings_entry *entry)
{
	return conf->premium || !entry->premium;
}

static bool
is_managed(const struct conf *conf, const struct settings_entry *entry)
{
	return entry->gitops && conf->gitops_mode_enabled;
}

const struct settings_entry *
settings_find(const struct conf *conf, const char *name)
{
	const struct settings_entry *entry = find_in_any_tier(name);

	return entry != NULL && in_tier(conf, entry) ? entry : NULL;
}

static int
get_value(struct db *db, const struct conf *conf,
    const struct settings_entry *entry, char out[SETTINGS_VALUE_TEXT])
{
	int r = ERR_NOT_FOUND;

	if (in_tier(conf, entry)) {
		r = sql_text(db, texts[GET], WITH(datum_text(entry->name)), out,
		    SETTINGS_VALUE_TEXT);
	}
	if (r != ERR_NOT_FOUND)
		return r;
	snprintf(out, SETTINGS_VALUE_TEXT, "%s", entry->initial);
	return OK;
}

int
settings_get_bool(
    struct db *db, const struct conf *conf, const char *name, bool *out)
{
	const struct settings_entry *entry = find_in_any_tier(name);
	char value[SETTINGS_VALUE_TEXT];
	int r;

	*out = false;
	if (entry == NULL || entry->type != SETTINGS_BOOL)
		return fail(ERR_INTERNAL, "no boolean setting %s", name);
	r = get_value(db, conf, entry, value);
	if (r == OK)
		*out = strcmp(value, "true") == 0;
	return r;
}

int
settings_get_text(struct db *db, const struct conf *conf, const char *name,
    char out[SETTINGS_VALUE_TEXT])
{
	const struct settings_entry *entry = find_in_any_tier(name);

	out[0] = '\0';
	if (entry == NULL)
		return fail(ERR_INTERNAL, "no setting %s", name);
	return get_value(db, conf, entry, out);
}

/* One to four numbers of up to four digits, joined by dots; or nothing. */
static bool
is_version(const char *v)
{
	size_t digits;

	if (*v == '\0')
		return true;
	for (int numbers = 0; numbers < 4; numbers++) {
		digits = strspn(v, "0123456789");
		if (digits == 0 || digits > 4)
			return false;
		v += digits;
		if (*v == '\0')
			return true;
		if (*v++ != '.')
			return false;
	}
	return false;
}

static bool
is_word(const char *const *words, const char *v)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, v) == 0)
			return true;
	return false;
}

bool
settings_is_value(const struct settings_entry *entry, const char *value)
{
	switch (entry->type) {
	case SETTINGS_BOOL:
		return strcmp(value, "true") == 0 ||
		    strcmp(value, "false") == 0;
	case SETTINGS_VERSION:
		return is_version(value);
	case SETTINGS_CHOICE:
		return is_word(entry->words, value);
	}
	return false;
}

int
settings_check(const struct conf *conf, enum settings_origin origin,
    const char *name, const char *value)
{
	const struct settings_entry *entry = find_in_any_tier(name);

	if (entry == NULL)
		return ERR_NOT_FOUND;
	if (!in_tier(conf, entry))
		return strcmp(value, entry->initial) == 0 ? OK : ERR_LICENSE;
	if (origin == SETTINGS_BY_ADMIN && is_managed(conf, entry))
		return ERR_GITOPS;
	if (!settings_is_value(entry, value))
		return ERR_FIELD;
	return strcmp(name, SETTINGS_SIGN_IN) == 0 &&
		strcmp(value, "true") == 0 && *conf->sign_in_issuer == '\0'
	    ? ERR_SIGN_IN_UNSET
	    : OK;
}

int
settings_set(struct db *db, const struct conf *conf,
    enum settings_origin origin, const char *name, const char *value,
    const char *actor)
{
	char before[SETTINGS_VALUE_TEXT];
	int r;

	r = settings_check(conf, origin, name, value);
	if (r == OK)
		r = settings_get_text(db, conf, name, before);
	if (r != OK || strcmp(before, value) == 0)
		return r;
	r = sql_run(db, texts[SET],
	    WITH(datum_text(name), datum_text(value), datum_int(clock_now()),
		datum_cut(actor, DB_ACTOR_TEXT)));
	if (r != OK)
		return r;
	return activities_add(db,
	    &(struct activity_note){ .actor = actor,
		.action = origin == SETTINGS_BY_OVERRIDE &&
			is_managed(conf, find_in_any_tier(name))
		    ? "setting.override"
		    : "setting.set",
		.before = before,
		.after = value,
		.detail = name });
}
