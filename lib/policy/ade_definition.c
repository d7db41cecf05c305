#include "policy/ade_definition.h"

#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"
#include "store/settings.h"
#include "wire/in_json.h"
#include "wire/out_json.h"
#include "wire/x509.h"

#define DEPTH 3
/* Certificates of [profile] server_ca. */
#define ANCHORS_MAX 8
#define LIST_MAX    100
#define NAME_MAX_   65

/* In the order of the definition. */
const struct ade_definition_option ade_definition_options[] = {
	{ "profile_name", "\"attestmdm\"", "name, for administrators" },
	{ "is_supervised", "true", "devices are supervised" },
	{ "is_mandatory", "true", "enrolling cannot be skipped" },
	{ "is_mdm_removable", "false", "users may end management" },
	{ "await_device_configured", "true",
	    "Setup Assistant waits for this server" },
	{ "auto_advance_setup", NULL, "Apple TV and Mac set themselves up" },
	{ "is_multi_user", NULL, "Shared iPad" },
	{ "is_return_to_service", NULL, "a wiped device enrolls by itself" },
	{ "do_not_use_profile_from_backup", NULL,
	    "a restored device gets a new profile" },
	{ "language", NULL, "of auto_advance_setup, such as en" },
	{ "region", NULL, "of auto_advance_setup, such as US" },
	{ "org_magic", NULL, "a text that leads from device to organization" },
	{ "department", NULL, "who to ask, shown to users" },
	{ "support_phone_number", NULL, "shown to users" },
	{ "support_email_address", NULL, "shown to users" },
	{ "skip_setup_items", NULL,
	    "panes of Setup Assistant to skip, with commas" },
	{ NULL, NULL, NULL },
};

/* How a value is written. */
enum kind { FLAG, TEXT, LIST };

static enum kind
kind_of(const char *name)
{
	if (strcmp(name, "skip_setup_items") == 0)
		return LIST;
	return strncmp(name, "is_", 3) == 0 ||
		strcmp(name, "await_device_configured") == 0 ||
		strcmp(name, "auto_advance_setup") == 0 ||
		strcmp(name, "do_not_use_profile_from_backup") == 0
	    ? FLAG
	    : TEXT;
}

static const struct ade_definition_option *
find(const char *name, size_t n)
{
	const struct ade_definition_option *o;

	for (o = ade_definition_options; o->name != NULL; o++) {
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	}
	return NULL;
}

/* Names of Apple's: letters and digits. */
static int
write_list(struct out_json *w, const char *name, const char *value)
{
	size_t n, count = 0;

	out_json_open_array(w, name);
	for (;; value += n + 1) {
		n = strspn(value,
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		    "0123456789");
		if (n == 0 || n >= NAME_MAX_ || count++ == LIST_MAX ||
		    (value[n] != ',' && value[n] != '\0'))
			return fail(ERR_FIELD,
			    "%s takes names with commas between them", name);
		out_json_blob(w, NULL, blob_of(value, n));
		if (value[n] == '\0')
			break;
	}
	out_json_close_array(w);
	return OK;
}

static int
write_value(struct out_json *w, const char *name, const char *value)
{
	bool yes = strcmp(value, "true") == 0;

	switch (kind_of(name)) {
	case FLAG:
		if (!yes && strcmp(value, "false") != 0)
			return fail(ERR_FIELD, "%s takes true or false", name);
		out_json_bool(w, name, yes);
		return OK;
	case LIST:
		return write_list(w, name, value);
	case TEXT:
		break;
	}
	if (strlen(value) > 250 || !utf8_valid(blob_str(value)))
		return fail(ERR_FIELD, "%s takes a text of 250 bytes", name);
	out_json_string(w, name, value);
	return OK;
}

/* A member as it stands in another object. */
static int
copy_member(struct out_json *w, const struct json *from, const char *name)
{
	struct json *array;
	struct blob text;
	struct buf raw;
	bool flag;
	int r;

	switch (kind_of(name)) {
	case FLAG:
		if ((r = in_json_bool(from, name, &flag)) == OK)
			out_json_bool(w, name, flag);
		return r;
	case TEXT:
		if ((r = in_json_string(from, name, &text)) == OK)
			out_json_blob(w, name, text);
		return r;
	case LIST:
		break;
	}
	buf_init(&raw, ADE_OPTIONS_TEXT);
	if ((r = in_json_array(from, name, &array)) == OK &&
	    (r = in_json_write(array, &raw)) == OK)
		out_json_raw(w, name, buf_blob(&raw));
	buf_release(&raw);
	return r;
}

static int
set_one(const struct json *old, const struct ade_definition_option *changed,
    const char *value, struct buf *out)
{
	const struct ade_definition_option *o;
	struct out_json w;
	int r = OK;

	out_json_init(&w, out);
	out_json_open_object(&w, NULL);
	for (o = ade_definition_options; o->name != NULL && r == OK; o++) {
		if (o == changed && *value != '\0')
			r = write_value(&w, o->name, value);
		else if (o != changed && in_json_has(old, o->name))
			r = copy_member(&w, old, o->name);
	}
	if (r != OK)
		return r;
	out_json_close_object(&w);
	if (out_json_end(&w) == ERR_TOO_LARGE || out->n >= ADE_OPTIONS_TEXT)
		return fail(ERR_FIELD, "these are too many options");
	return buf_status(out);
}

int
ade_definition_set(const char *options, const char *assignment, struct buf *out)
{
	const struct ade_definition_option *o;
	size_t n = strcspn(assignment, "=");
	struct json *old = NULL;
	int r;

	if (assignment[n] == '\0')
		return fail(
		    ERR_FIELD, "options are set by NAME=VALUE: %s", assignment);
	if ((o = find(assignment, n)) == NULL)
		return fail(
		    ERR_FIELD, "there is no option %.*s", (int)n, assignment);
	if ((r = in_json_parse_object(blob_str(options), DEPTH, &old)) == OK)
		r = set_one(old, o, assignment + n + 1, out);
	in_json_free(old);
	return r;
}

/* The authorities that a device must trust to reach us at all. */
static int
write_anchors(struct out_json *w, const char *path)
{
	gnutls_x509_crt_t crts[ANCHORS_MAX];
	struct buf der, text;
	size_t i, n;
	int r;

	if (*path == '\0')
		return OK;
	if ((r = x509_load(path, ANCHORS_MAX, crts, &n)) != OK)
		return ERR_CONFIG;
	buf_init(&der, X509_DER_MAX);
	buf_init(&text, (size_t)2 * X509_DER_MAX);
	out_json_open_array(w, "anchor_certs");
	for (i = 0; i < n; i++) {
		buf_reset(&der);
		buf_reset(&text);
		if (r == OK && (r = x509_der(crts[i], &der)) == OK &&
		    (r = enc_base64(buf_blob(&der), &text)) == OK)
			out_json_blob(w, NULL, buf_blob(&text));
		x509_free(crts[i]);
	}
	out_json_close_array(w);
	buf_release(&text);
	buf_release(&der);
	return r;
}

static int
write_all(struct out_json *w, const struct conf *conf, bool sign_in,
    const struct json *set)
{
	const struct ade_definition_option *o;
	char url[600];
	int r = OK;

	snprintf(url, sizeof url, "%s/enroll%s", conf->url,
	    sign_in ? "/sso" : "");
	out_json_open_object(w, NULL);
	out_json_string(w, "url", url);
	/* A device that shows no pages goes to the former, and is refused. */
	if (sign_in)
		out_json_string(w, "configuration_web_url", url);
	for (o = ade_definition_options; o->name != NULL && r == OK; o++) {
		if (in_json_has(set, o->name))
			r = copy_member(w, set, o->name);
		else if (o->initial != NULL)
			out_json_raw(w, o->name, blob_str(o->initial));
	}
	if (r == OK)
		r = write_anchors(w, conf->server_ca);
	out_json_close_object(w);
	return r == OK ? out_json_end(w) : r;
}

int
ade_definition_write(const struct conf *conf, bool sign_in,
    const char *options, struct buf *out, uint8_t sha256[SECRET_SHA256])
{
	struct json *set = NULL;
	size_t before = out->n;
	struct out_json w;
	int r;

	out_json_init(&w, out);
	if ((r = in_json_parse_object(blob_str(options), DEPTH, &set)) == OK &&
	    (r = write_all(&w, conf, sign_in, set)) == OK)
		secret_sha256(
		    blob_of(out->p + before, out->n - before), sha256);
	in_json_free(set);
	return r;
}

int
ade_definition_of(struct db *db, const struct conf *conf,
    const struct ade_account *account, struct buf *out,
    uint8_t sha256[SECRET_SHA256])
{
	bool sign_in;
	int r;

	if ((r = settings_get_bool(db, conf, SETTINGS_SIGN_IN, &sign_in)) != OK)
		return r;
	return ade_definition_write(
	    conf, sign_in, account->profile_options, out, sha256);
}

bool
ade_definition_is_defined(
    const struct ade_account *account, const uint8_t sha256[SECRET_SHA256])
{
	return account->profile_uuid[0] != '\0' &&
	    account->has_profile_sha256 &&
	    memcmp(account->profile_sha256, sha256, SECRET_SHA256) == 0;
}
