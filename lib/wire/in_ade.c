#include "wire/in_ade.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_json.h"
#include "wire/rfc3339.h"

/* Apple's answers need four; room for members that are not known yet. */
#define DEPTH 10

/* A day: a longer wait is no answer to "when". */
#define RETRY_MAX INT64_C(86400)

/* The bytes of a refusal that are looked at. */
#define REFUSAL_MAX 1024

static int
refuse(const char *why)
{
	return fail(ERR_ADE_ANSWER, "Apple Business's answer: %s", why);
}

/* What in_json refuses has been logged. */
static int
parse(struct blob text, struct json **out)
{
	int r = in_json_parse_object(text, DEPTH, out);

	return r == ERR_MALFORMED || r == ERR_TOO_LARGE ? ERR_ADE_ANSWER : r;
}

static int
text_of(const struct json *o, const char *name, const char **out)
{
	struct blob v;

	*out = "";
	if (in_json_opt_string(o, name, &v) != OK)
		return ERR_ADE_ANSWER;
	if (v.p != NULL)
		*out = (const char *)v.p;
	return OK;
}

/* A text with a limit; too long is refused. */
static int
copy_of(const struct json *o, const char *name, char *out, size_t size)
{
	const char *v;

	if (text_of(o, name, &v) != OK)
		return ERR_ADE_ANSWER;
	if (strlen(v) >= size)
		return refuse("a value is too long");
	memcpy(out, v, strlen(v) + 1);
	return OK;
}

static int
time_of(const struct json *o, const char *name, int64_t *out)
{
	const char *v;

	*out = 0;
	if (text_of(o, name, &v) != OK)
		return ERR_ADE_ANSWER;
	(void)rfc3339_read(blob_str(v), out);
	return OK;
}

static bool
is_serial(const char *s)
{
	size_t n = strspn(s,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-");

	return n > 0 && n <= IN_ADE_SERIAL_MAX && s[n] == '\0';
}

static int
read_op(const struct json *o, enum in_ade_op *out)
{
	static const char *const words[] = {
		[IN_ADE_LISTED] = "",
		[IN_ADE_ADDED] = "added",
		[IN_ADE_MODIFIED] = "modified",
		[IN_ADE_DELETED] = "deleted",
	};
	const char *v;

	*out = IN_ADE_LISTED;
	if (text_of(o, "op_type", &v) != OK)
		return ERR_ADE_ANSWER;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasecmp(v, words[i]) == 0) {
			*out = (enum in_ade_op)i;
			return OK;
		}
	}
	return refuse("a change of an unknown kind");
}

/* A record that says the profile was removed may still name it. */
static int
read_assigned(const struct json *o, struct in_ade_device *out)
{
	if (text_of(o, "profile_status", &out->profile_status) != OK ||
	    text_of(o, "profile_uuid", &out->profile_uuid) != OK)
		return ERR_ADE_ANSWER;
	if (strcasecmp(out->profile_status, "empty") == 0 ||
	    strcasecmp(out->profile_status, "removed") == 0)
		out->profile_uuid = "";
	if (strlen(out->profile_uuid) >= IN_ADE_UUID_TEXT)
		return refuse("a profile's UUID is too long");
	return OK;
}

static int
read_device(const struct json *o, struct in_ade_device *out)
{
	if (text_of(o, "serial_number", &out->serial) != OK ||
	    text_of(o, "model", &out->model) != OK ||
	    text_of(o, "description", &out->description) != OK ||
	    text_of(o, "color", &out->color) != OK ||
	    text_of(o, "device_family", &out->device_family) != OK ||
	    read_assigned(o, out) != OK || read_op(o, &out->op) != OK ||
	    time_of(o, "op_date", &out->op_date) != OK ||
	    time_of(o, "device_assigned_date", &out->assigned_date) != OK)
		return ERR_ADE_ANSWER;
	if (!is_serial(out->serial))
		out->serial = "";
	return OK;
}

int
in_ade_device(
    const struct in_ade_page *page, size_t i, struct in_ade_device *out)
{
	struct json *o;

	*out = (struct in_ade_device){ .op = IN_ADE_LISTED };
	if (in_json_at_object(page->devices, i, &o) != OK)
		return ERR_ADE_ANSWER;
	return read_device(o, out);
}

static int
read_page(struct in_ade_page *page)
{
	struct in_ade_device device;
	struct json *devices;

	if (copy_of(page->doc, "cursor", page->cursor, sizeof page->cursor) !=
		OK ||
	    in_json_bool(page->doc, "more_to_follow", &page->more_to_follow) !=
		OK ||
	    in_json_array(page->doc, "devices", &devices) != OK)
		return ERR_ADE_ANSWER;
	if (page->cursor[0] == '\0')
		return refuse("it has no cursor");
	page->devices = devices;
	page->n = in_json_count(devices);
	if (page->n > IN_ADE_PAGE_MAX)
		return refuse("too many devices in a page");
	for (size_t i = 0; i < page->n; i++) {
		if (in_ade_device(page, i, &device) != OK)
			return ERR_ADE_ANSWER;
	}
	return OK;
}

int
in_ade_page(struct blob text, struct in_ade_page *out)
{
	int r;

	*out = (struct in_ade_page){ .doc = NULL };
	if ((r = parse(text, &out->doc)) == OK)
		r = read_page(out);
	if (r != OK)
		in_ade_page_release(out);
	return r;
}

void
in_ade_page_release(struct in_ade_page *page)
{
	in_json_free(page->doc);
	*page = (struct in_ade_page){ .doc = NULL };
}

bool
in_ade_is_session(const char *text)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++) {
		if (text[n] < '!' || text[n] > '~' ||
		    n + 1 >= IN_ADE_SESSION_TEXT)
			return false;
	}
	return n > 0;
}

int
in_ade_session(struct blob text, char out[IN_ADE_SESSION_TEXT])
{
	struct json *doc = NULL;
	int r;

	out[0] = '\0';
	if ((r = parse(text, &doc)) == OK &&
	    (r = copy_of(
		 doc, "auth_session_token", out, IN_ADE_SESSION_TEXT)) == OK &&
	    !in_ade_is_session(out))
		r = refuse("it holds no session");
	in_json_free(doc);
	if (r != OK)
		out[0] = '\0';
	return r;
}

/* How many devices a page of the full fetch may have. */
static int
read_limit(const struct json *doc, int64_t *out)
{
	struct json *urls, *url, *limit;
	const char *uri;

	*out = 0;
	if (!in_json_has(doc, "urls"))
		return OK;
	if (in_json_array(doc, "urls", &urls) != OK)
		return ERR_ADE_ANSWER;
	for (size_t i = 0; i < in_json_count(urls); i++) {
		if (in_json_at_object(urls, i, &url) != OK ||
		    text_of(url, "uri", &uri) != OK)
			return ERR_ADE_ANSWER;
		if (strcmp(uri, "/server/devices") != 0 ||
		    !in_json_has(url, "limit"))
			continue;
		if (in_json_object(url, "limit", &limit) != OK ||
		    in_json_int(limit, "maximum", 1, INT32_MAX, out) != OK)
			return ERR_ADE_ANSWER;
	}
	return OK;
}

/* The name of an organization may be long; it is only shown. */
static int
name_of(const struct json *o, const char *name, char out[IN_ADE_NAME_TEXT])
{
	const char *v;

	if (text_of(o, name, &v) != OK)
		return ERR_ADE_ANSWER;
	snprintf(out, IN_ADE_NAME_TEXT, "%s", v);
	return OK;
}

int
in_ade_server(struct blob text, struct in_ade_server *out)
{
	struct json *doc = NULL;
	int r;

	*out = (struct in_ade_server){ .page_max = 0 };
	if ((r = parse(text, &doc)) == OK &&
	    (r = copy_of(doc, "server_uuid", out->uuid, sizeof out->uuid)) ==
		OK &&
	    (r = name_of(doc, "server_name", out->name)) == OK &&
	    (r = name_of(doc, "org_name", out->organization)) == OK &&
	    (r = read_limit(doc, &out->page_max)) == OK && out->uuid[0] == '\0')
		r = refuse("it does not say which service it is");
	in_json_free(doc);
	return r;
}

int
in_ade_profile(struct blob text, char out[IN_ADE_UUID_TEXT])
{
	struct json *doc = NULL;
	int r;

	out[0] = '\0';
	if ((r = parse(text, &doc)) == OK &&
	    (r = copy_of(doc, "profile_uuid", out, IN_ADE_UUID_TEXT)) == OK &&
	    out[0] == '\0')
		r = refuse("it names no profile");
	in_json_free(doc);
	return r;
}

int
in_ade_results(struct blob text, struct in_ade_results *out)
{
	int r;

	*out = (struct in_ade_results){ .doc = NULL };
	if ((r = parse(text, &out->doc)) == OK &&
	    (in_json_object(out->doc, "devices", &out->devices) != OK ||
		(in_json_has(out->doc, "retry_after_seconds") &&
		    in_json_int(out->doc, "retry_after_seconds", 0, INT32_MAX,
			&out->retry_after_seconds) != OK)))
		r = ERR_ADE_ANSWER;
	if (out->retry_after_seconds > RETRY_MAX)
		out->retry_after_seconds = RETRY_MAX;
	if (r != OK)
		in_ade_results_release(out);
	return r;
}

void
in_ade_results_release(struct in_ade_results *results)
{
	in_json_free(results->doc);
	*results = (struct in_ade_results){ .doc = NULL };
}

int
in_ade_result(const struct in_ade_results *results, const char *serial,
    char out[IN_ADE_WORD_TEXT])
{
	out[0] = '\0';
	return copy_of(results->devices, serial, out, IN_ADE_WORD_TEXT);
}

int
in_ade_details(const struct in_ade_results *results, const char *serial,
    struct in_ade_device *out, bool *accessible)
{
	struct json *o;
	const char *status;

	*accessible = false;
	*out =
	    (struct in_ade_device){ .profile_uuid = "", .profile_status = "" };
	if (!in_json_has(results->devices, serial))
		return OK;
	if (in_json_object(results->devices, serial, &o) != OK ||
	    text_of(o, "response_status", &status) != OK ||
	    read_device(o, out) != OK)
		return ERR_ADE_ANSWER;
	*accessible = status[0] == '\0' || strcasecmp(status, "SUCCESS") == 0;
	return OK;
}

/* Is this byte one of the characters? */
static bool
is_in(const char *characters, uint8_t byte)
{
	return byte != 0 && strchr(characters, byte) != NULL;
}

void
in_ade_word(struct blob body, char out[IN_ADE_WORD_TEXT])
{
	static const char *const known[] = { "T_C_NOT_SIGNED", "ACCESS_DENIED",
		"FORBIDDEN", "EXHAUSTED_CURSOR", "INVALID_CURSOR",
		"EXPIRED_CURSOR" };
	size_t from = 0, n;

	out[0] = '\0';
	if (body.n == 0)
		return;
	if (body.n > REFUSAL_MAX)
		body.n = REFUSAL_MAX;
	while (from < body.n && is_in(" \t\r\n\"", body.p[from]))
		from++;
	for (n = 0; from + n < body.n && n < IN_ADE_WORD_TEXT; n++) {
		if (!is_in("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
			body.p[from + n]))
			break;
	}
	if (n > 0 && n < IN_ADE_WORD_TEXT &&
	    (from + n == body.n || is_in(" \t\r\n\"", body.p[from + n]))) {
		memcpy(out, body.p + from, n);
		out[n] = '\0';
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (memmem(body.p, body.n, known[i], strlen(known[i])) !=
		    NULL) {
			snprintf(out, IN_ADE_WORD_TEXT, "%s", known[i]);
			return;
		}
	}
}
