#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "sim/apple/business_calls.h"
#include "sim/forge/keypair.h"

#define ASSIGN_MAX 1000

void
business_calls_put(json_object *o, const char *name, const char *text)
{
	json_object_object_add(o, name, json_object_new_string(text));
}

void
business_calls_refuse(struct business_call *c, int status, const char *word)
{
	c->status = status;
	c->word = word;
}

static void
show_account(struct business_call *c)
{
	static const struct {
		const char *uri;
		const char *method;
		bool is_limited;
	} urls[] = {
		{ "/account", "GET", false },
		{ "/server/devices", "POST", true },
		{ "/devices/sync", "POST", true },
		{ "/devices", "POST", false },
		{ "/profile", "POST", false },
		{ "/profile/devices", "PUT", false },
	};
	json_object *list = json_object_new_array();
	json_object *o = c->reply = json_object_new_object();

	business_calls_put(o, "server_name", c->account->name);
	business_calls_put(o, "server_uuid", c->account->name);
	business_calls_put(o, "admin_id", "admin@example.com");
	business_calls_put(o, "org_name", "Example Ltd");
	business_calls_put(o, "org_email", "it@example.com");
	business_calls_put(o, "org_phone", "+44 20 7946 0000");
	business_calls_put(o, "org_address", "1 Example Street");
	business_calls_put(o, "org_type", "org");
	business_calls_put(o, "org_version", "v2");
	business_calls_put(o, "org_id", "1234567");
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		json_object *url = json_object_new_object();
		json_object *methods = json_object_new_array();
		json_object *limit = json_object_new_object();

		json_object_array_add(
		    methods, json_object_new_string(urls[i].method));
		json_object_object_add(limit, "default",
		    json_object_new_int64(c->service->style.page));
		json_object_object_add(limit, "maximum",
		    json_object_new_int64(c->service->style.page));
		business_calls_put(url, "uri", urls[i].uri);
		json_object_object_add(url, "http_method", methods);
		if (urls[i].is_limited)
			json_object_object_add(url, "limit", limit);
		else
			json_object_put(limit);
		json_object_array_add(list, url);
	}
	json_object_object_add(o, "urls", list);
}

static void
list_devices(struct business_call *c)
{
	const char *cursor = stand_in_text(c->body, "cursor", NULL);
	int64_t limit = stand_in_number(c->body, "limit", 0);
	struct business_devices *d = &c->account->devices;
	struct business_style style = c->service->style;
	bool syncs = strcmp(c->request.path, "/devices/sync") == 0;
	const char *error;

	if (c->wants_empty)
		style.page = INT32_MAX;
	c->reply = syncs
	    ? business_devices_sync(d, &style, cursor, limit, &error)
	    : business_devices_fetch(d, &style, cursor, limit, &error);
	if (c->reply == NULL)
		business_calls_refuse(c, 400, error);
	else if (c->wants_empty)
		json_object_object_add(
		    c->reply, "devices", json_object_new_array());
}

/* The serial numbers of a request; NULL after a refusal. */
static json_object *
serials_of(struct business_call *c)
{
	json_object *list = json_object_object_get(c->body, "devices");

	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) == 0)
		business_calls_refuse(c, 400, "DEVICE_ID_REQUIRED");
	else if (json_object_array_length(list) > ASSIGN_MAX)
		business_calls_refuse(c, 400, "MALFORMED_REQUEST_BODY");
	else
		return list;
	return NULL;
}

static void
show_devices(struct business_call *c)
{
	json_object *list = serials_of(c), *devices;

	if (list == NULL)
		return;
	devices = json_object_new_object();
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *serial =
		    json_object_get_string(json_object_array_get_idx(list, i));
		struct business_device *device =
		    business_devices_find(&c->account->devices, serial);
		bool is_ours = device != NULL && device->is_ours;
		json_object *o = is_ours
		    ? business_devices_record(device, &c->service->style)
		    : json_object_new_object();

		business_calls_put(o, "response_status",
		    is_ours ? "SUCCESS" : "NOT_ACCESSIBLE");
		json_object_object_add(devices, serial, o);
	}
	c->reply = json_object_new_object();
	json_object_object_add(c->reply, "devices", devices);
}

static void
log_assignment(const struct business_call *c, const char *serial,
    const char *uuid, const char *result)
{
	json_object *line = json_object_new_object();

	json_object_object_add(
	    line, "time", json_object_new_int64(clock_now()));
	business_calls_put(line, "account", c->account->name);
	business_calls_put(line, "method", c->request.method);
	business_calls_put(line, "serial", serial);
	business_calls_put(line, "profile_uuid", uuid);
	business_calls_put(line, "result", result);
	stand_in_log(c->service->base.dir, "assignments.log", line);
}

/* Does what was asked for one device, or fails as the script says. */
static const char *
assign_one(struct business_call *c, const char *serial, const char *uuid,
    int64_t *retry)
{
	struct business_devices *d = &c->account->devices;
	struct business_device *device = business_devices_find(d, serial);
	json_object *script;
	const char *result = "SUCCESS";
	static const char *const failures[] = { "NOT_ACCESSIBLE", "FAILED",
		"THROTTLED" };

	if (device == NULL || !device->is_ours)
		return failures[0];
	script = stand_in_take(&c->service->base, serial, "serials");
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (strcmp(stand_in_text(script, "result", ""), failures[i]) ==
		    0)
			result = failures[i];
	if (result == failures[2] && c->version >= 10)
		*retry = stand_in_number(script, "retry_after_seconds", 60);
	/* Older protocols know no throttling. */
	if (result == failures[2] && c->version < 9)
		result = "SUCCESS";
	json_object_put(script);
	if (strcmp(result, "SUCCESS") != 0)
		return result;
	snprintf(device->profile_uuid, sizeof device->profile_uuid, "%s", uuid);
	device->profile_status = uuid[0] != '\0' ? "assigned" : "removed";
	device->assigned_at = clock_now();
	business_devices_modified(d, device);
	return result;
}

/* Assigns the profile, or takes away what there is when uuid is "". */
static void
assign_all(struct business_call *c, json_object *list, const char *uuid)
{
	json_object *devices = json_object_new_object();
	int64_t retry = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *serial =
		    json_object_get_string(json_object_array_get_idx(list, i));
		const char *result = assign_one(c, serial, uuid, &retry);

		log_assignment(c, serial, uuid, result);
		business_calls_put(devices, serial, result);
	}
	c->reply = json_object_new_object();
	if (uuid[0] != '\0')
		business_calls_put(c->reply, "profile_uuid", uuid);
	json_object_object_add(c->reply, "devices", devices);
	if (retry > 0)
		json_object_object_add(c->reply, "retry_after_seconds",
		    json_object_new_int64(retry));
}

static void
assign(struct business_call *c)
{
	const char *uuid = stand_in_text(c->body, "profile_uuid", NULL);
	const char *verbs = c->service->verbs;
	bool deletes = strcmp(c->request.method, "DELETE") == 0;
	json_object *list;

	if (!deletes && strcmp(verbs, "both") != 0 &&
	    strcmp(verbs, c->request.method) != 0)
		business_calls_refuse(c, 405, "METHOD_NOT_ALLOWED");
	else if (!deletes && uuid == NULL)
		business_calls_refuse(c, 400, "PROFILE_UUID_REQUIRED");
	else if (!deletes &&
	    json_object_object_get(c->account->profiles, uuid) == NULL)
		business_calls_refuse(c, 404, "PROFILE_NOT_FOUND");
	else if ((list = serials_of(c)) != NULL)
		assign_all(c, list, deletes ? "" : uuid);
}

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

#define MEMBERS (sizeof members / sizeof members[0])

static const char *
check_member(const char *name, json_object *value)
{
	size_t i = 0, n;

	while (i < MEMBERS && strcmp(members[i].name, name) != 0)
		i++;
	if (i == MEMBERS || !json_object_is_type(value, members[i].type))
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

/* The word of Apple against a profile; NULL when it can be defined. */
static const char *
check_profile(json_object *profile)
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

static void
define_profile(struct business_call *c)
{
	const char *word = check_profile(c->body);
	json_object *list = json_object_object_get(c->body, "devices"), *line;
	uint8_t bytes[8];
	SCRATCH_BUF(hex);

	if (word != NULL) {
		business_calls_refuse(c, 400, word);
		return;
	}
	keypair_random(bytes, sizeof bytes);
	enc_hex(blob_of(bytes, sizeof bytes), &hex);
	line = json_object_new_object();
	json_object_object_add(
	    line, "time", json_object_new_int64(clock_now()));
	business_calls_put(line, "account", c->account->name);
	business_calls_put(line, "profile_uuid", buf_str(&hex));
	json_object_object_add(line, "profile", json_object_get(c->body));
	stand_in_log(c->service->base.dir, "profiles.log", line);
	json_object_object_add(
	    c->account->profiles, buf_str(&hex), json_object_get(c->body));
	if (list != NULL) {
		assign_all(c, list, buf_str(&hex));
		return;
	}
	c->reply = json_object_new_object();
	business_calls_put(c->reply, "profile_uuid", buf_str(&hex));
	json_object_object_add(c->reply, "devices", json_object_new_object());
}

static void
show_profile(struct business_call *c)
{
	const char *uuid = c->request.query;
	json_object *profile;

	if (strncmp(uuid, "profile_uuid=", 13) != 0) {
		business_calls_refuse(c, 400, "PROFILE_UUID_REQUIRED");
		return;
	}
	uuid += 13;
	profile = json_object_object_get(c->account->profiles, uuid);
	if (profile == NULL) {
		business_calls_refuse(c, 404, "NOT_FOUND");
		return;
	}
	c->reply = json_object_new_object();
	json_object_object_foreach(profile, name, value)
	{
		json_object_object_add(c->reply, name, json_object_get(value));
	}
	business_calls_put(c->reply, "profile_uuid", uuid);
}

static const struct {
	const char *method;
	const char *path;
	void (*run)(struct business_call *);
} routes[] = {
	{ "GET", "/account", show_account },
	{ "POST", "/server/devices", list_devices },
	{ "POST", "/devices/sync", list_devices },
	{ "POST", "/devices", show_devices },
	{ "POST", "/profile", define_profile },
	{ "GET", "/profile", show_profile },
	{ "PUT", "/profile/devices", assign },
	{ "POST", "/profile/devices", assign },
	{ "DELETE", "/profile/devices", assign },
};

void
business_calls_run(struct business_call *c)
{
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (strcmp(c->request.method, routes[i].method) != 0 ||
		    strcmp(c->request.path, routes[i].path) != 0)
			continue;
		routes[i].run(c);
		return;
	}
	business_calls_refuse(c, 404, "NOT_FOUND");
}
