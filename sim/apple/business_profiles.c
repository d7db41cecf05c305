#include <stdbool.h>
#include <string.h>

#include "sim/apple/business_profiles.h"
#include "sim/apple/stand_in.h"

/* The members of a profile: type, longest text, and the word against it. */
static const struct {
	const char *name;
	json_type type;
	size_t max;
	const char *word;
} members[] = {
	{ "allow_pairing", json_type_boolean, 0, NULL },
	{ "anchor_certs", json_type_array, 0, NULL },
	{ "auto_advance_setup", json_type_boolean, 0, NULL },
	{ "await_device_configured", json_type_boolean, 0, NULL },
	{ "configuration_web_url", json_type_string, 2000,
	    "CONFIG_URL_INVALID" },
	{ "department", json_type_string, 125, "DEPARTMENT_INVALID" },
	{ "devices", json_type_array, 0, NULL },
	{ "do_not_use_profile_from_backup", json_type_boolean, 0, NULL },
	{ "is_mandatory", json_type_boolean, 0, NULL },
	{ "is_mdm_removable", json_type_boolean, 0, NULL },
	{ "is_multi_user", json_type_boolean, 0, NULL },
	{ "is_return_to_service", json_type_boolean, 0, NULL },
	{ "is_supervised", json_type_boolean, 0, NULL },
	{ "language", json_type_string, 16, "LOCALE_INVALID" },
	{ "org_magic", json_type_string, 256, "MAGIC_INVALID" },
	{ "profile_name", json_type_string, 125, "CONFIG_NAME_INVALID" },
	{ "region", json_type_string, 16, "LOCALE_INVALID" },
	{ "skip_setup_items", json_type_array, 0, NULL },
	{ "supervising_host_certs", json_type_array, 0, NULL },
	{ "support_email_address", json_type_string, 250,
	    "SUPPORT_EMAIL_INVALID" },
	{ "support_phone_number", json_type_string, 50,
	    "SUPPORT_PHONE_INVALID" },
	{ "url", json_type_string, 2000, "CONFIG_URL_INVALID" },
};

#define COUNT (sizeof members / sizeof members[0])

static const char *
check_member(const char *name, json_object *value)
{
	size_t i = 0, n;

	while (i < COUNT && strcmp(members[i].name, name) != 0)
		i++;
	if (i == COUNT || !json_object_is_type(value, members[i].type))
		return "MALFORMED_REQUEST_BODY";
	if (members[i].type != json_type_string)
		return NULL;
	n = (size_t)json_object_get_string_len(value);
	return n == 0 || n > members[i].max ? members[i].word : NULL;
}

static bool
flag(json_object *profile, const char *name, bool otherwise)
{
	json_object *v = json_object_object_get(profile, name);

	return v == NULL ? otherwise : json_object_get_boolean(v);
}

const char *
business_profiles_check(json_object *profile)
{
	const char *word;

	if (!json_object_is_type(profile, json_type_object))
		return "MALFORMED_REQUEST_BODY";
	json_object_object_foreach(profile, name, value)
	{
		if ((word = check_member(name, value)) != NULL)
			return word;
	}
	if (json_object_object_get(profile, "profile_name") == NULL)
		return "CONFIG_NAME_REQUIRED";
	if (json_object_object_get(profile, "url") == NULL)
		return "CONFIG_URL_REQUIRED";
	if (strncmp(stand_in_text(profile, "url", ""), "https://", 8) != 0)
		return "CONFIG_URL_INVALID";
	/* Only a supervised device can be kept from removing it. */
	if (!flag(profile, "is_mdm_removable", true) &&
	    !flag(profile, "is_supervised", false))
		return "FLAGS_INVALID";
	return NULL;
}
