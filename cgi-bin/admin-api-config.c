#include "admin-api-config.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_preview_json.h"
#include "base/enc.h"
#include "base/log.h"

#define PATH_TEXT 128
#define ETAG_TEXT 40
#define TAG_BYTES 16

#define SETTINGS_MAX 32

/* The path of every setting begins so; those of minimum versions go on so. */
#define ENTRY_OF_MDM "mdm."
#define MINIMUMS     "minimum_os_versions"

/* Where in the document a setting stands. */
struct place {
	const struct settings_entry *entry;
	/* of its member */
	const char *name;
	/* of mdm.minimum_os_versions, or else of mdm */
	bool minimum;
};

static bool
find_place(size_t i, struct place *out)
{
	const struct settings_entry *e = settings_entry(i);
	const char *path;

	*out = (struct place){ .entry = e };
	if (e == NULL)
		return false;
	path = e->json + strlen(ENTRY_OF_MDM);
	out->minimum = strncmp(path, MINIMUMS ".", sizeof MINIMUMS) == 0;
	out->name = out->minimum ? path + sizeof MINIMUMS : path;
	return true;
}

static int
write_value(
    const struct admin_api *api, const struct place *p, struct out_json *w)
{
	const struct context *c = &api->context;
	char value[SETTINGS_VALUE_TEXT];
	int r;

	r = settings_get_text(c->db, c->conf, p->entry->name, value);
	if (r != OK)
		return r;
	if (p->entry->type == SETTINGS_BOOL)
		out_json_bool(w, p->name, strcmp(value, "true") == 0);
	else
		out_json_string(w, p->name, value);
	return OK;
}

static int
write_settings(const struct admin_api *api, bool minimums, struct out_json *w)
{
	struct place p;
	int r = OK;

	for (size_t i = 0; r == OK && find_place(i, &p); i++)
		if (p.minimum == minimums)
			r = write_value(api, &p, w);
	return r;
}

static int
write_document(const struct admin_api *api, struct out_json *w)
{
	const struct conf *conf = api->context.conf;
	int r;

	out_json_open_object(w, "mdm");
	out_json_bool(w, "enabled", conf->mdm_enabled);
	r = write_settings(api, false, w);
	out_json_open_object(w, MINIMUMS);
	if (r == OK)
		r = write_settings(api, true, w);
	out_json_close_object(w);
	out_json_close_object(w);
	out_json_open_object(w, "license");
	out_json_string(w, "tier", conf->premium ? "premium" : "free");
	out_json_close_object(w);
	out_json_open_object(w, "gitops");
	out_json_bool(w, "gitops_mode_enabled", conf->gitops_mode_enabled);
	out_json_string(w, "repository_url", conf->repository_url);
	out_json_close_object(w);
	return r;
}

/* The ETag of a document, which has the same bytes for the same settings. */
static int
tag_of(const struct buf *document, char out[ETAG_TEXT])
{
	uint8_t digest[SECRET_SHA256];
	struct buf hex;
	int r;

	secret_sha256(buf_blob(document), digest);
	buf_init(&hex, ETAG_TEXT);
	r = enc_hex(blob_of(digest, TAG_BYTES), &hex);
	snprintf(out, ETAG_TEXT, "\"%s\"", buf_str(&hex));
	buf_release(&hex);
	return r;
}

static int
send_document(struct admin_api *api, struct resp *resp)
{
	char tag[ETAG_TEXT];
	struct out_json w;
	int r;

	admin_api_http_open(&w, resp);
	if ((r = write_document(api, &w)) != OK ||
	    (r = admin_api_http_send(&w, 200, resp)) != OK ||
	    (r = tag_of(&resp->body, tag)) != OK)
		return r;
	return resp_set(resp, "ETag", tag);
}

int
admin_api_config_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	int r = admin_api_http_no_query(api, req);

	return r == OK ? send_document(api, resp) : r;
}

/* What a PATCH asks for. */
struct patch {
	struct admin_setting all[SETTINGS_MAX];
	char values[SETTINGS_MAX][SETTINGS_VALUE_TEXT];
	size_t n;
};

static const struct settings_entry *
find_entry(const char *path)
{
	const struct settings_entry *e;

	for (size_t i = 0; (e = settings_entry(i)) != NULL; i++)
		if (strcmp(e->json, path) == 0)
			return e;
	return NULL;
}

static int
refuse(struct admin_api *api, const char *path, const char *why)
{
	return fail(
	    admin_api_http_field(api, ERR_FIELD, path), "%.120s %s", path, why);
}

static int
read_value(struct admin_api *api, const struct json *object, const char *name,
    enum in_json_type type, const struct settings_entry *e,
    char out[SETTINGS_VALUE_TEXT])
{
	struct blob text;
	bool on;

	if (e->type == SETTINGS_BOOL) {
		if (type != IN_JSON_BOOL ||
		    in_json_bool(object, name, &on) != OK)
			return refuse(api, e->json, "must be true or false");
		snprintf(out, SETTINGS_VALUE_TEXT, "%s", on ? "true" : "false");
		return OK;
	}
	if (type != IN_JSON_STRING || in_json_string(object, name, &text) != OK)
		return refuse(api, e->json, "must be a string");
	if (text.n >= SETTINGS_VALUE_TEXT)
		return refuse(api, e->json, "is too long");
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return OK;
}

static int
take(struct admin_api *api, const struct json *object, const char *name,
    enum in_json_type type, const char *path, struct patch *patch)
{
	const struct settings_entry *e = find_entry(path);
	char *value;
	int r;

	if (e == NULL)
		return refuse(
		    api, path, "is not a setting that can be changed");
	if (patch->n == SETTINGS_MAX)
		return fail(ERR_INTERNAL, "there are more settings than room");
	value = patch->values[patch->n];
	if ((r = read_value(api, object, name, type, e, value)) != OK)
		return r;
	patch->all[patch->n++] = (struct admin_setting){ e->name, value };
	return OK;
}

/* Every member of "mdm", or of the object of minimum versions in it. */
static int
take_all(struct admin_api *api, const struct json *object, const char *where,
    struct patch *patch)
{
	enum in_json_type type;
	char path[PATH_TEXT];
	const char *name;
	int r = OK;

	for (size_t i = 0; r == OK && in_json_member(object, i, &name, &type);
	     i++) {
		if (strcmp(where, "mdm") == 0 && strcmp(name, MINIMUMS) == 0 &&
		    type == IN_JSON_OBJECT)
			continue;
		snprintf(path, sizeof path, "%s.%s", where, name);
		/* a name with a dot would pass for two */
		r = strchr(name, '.') != NULL
		    ? refuse(api, path, "is not a setting that can be changed")
		    : take(api, object, name, type, path, patch);
	}
	return r;
}

static int
read_patch(struct admin_api *api, const struct json *body, struct patch *patch)
{
	struct json *mdm, *minimums;
	int r;

	patch->n = 0;
	if (!in_json_has(body, "mdm"))
		return OK;
	if (in_json_object(body, "mdm", &mdm) != OK)
		return refuse(api, "mdm", "must be an object");
	if ((r = take_all(api, mdm, "mdm", patch)) != OK ||
	    !in_json_has(mdm, MINIMUMS) ||
	    in_json_object(mdm, MINIMUMS, &minimums) != OK)
		return r;
	return take_all(api, minimums, "mdm." MINIMUMS, patch);
}

/* Names the setting that is refused: admin_setting_set() only says that one is. */
static void
name_refused(struct admin_api *api, const struct patch *patch, int code)
{
	enum settings_origin origin = api->token.role == ADMIN_ROLE_GITOPS
	    ? SETTINGS_BY_GITOPS
	    : SETTINGS_BY_ADMIN;
	const struct settings_entry *e;
	size_t i, k;

	for (i = 0; i < patch->n; i++) {
		if (settings_check(api->context.conf, origin,
			patch->all[i].name, patch->all[i].value) != code)
			continue;
		for (k = 0; (e = settings_entry(k)) != NULL; k++)
			if (strcmp(e->name, patch->all[i].name) == 0)
				admin_api_http_field(api, code, e->json);
		return;
	}
}

/* RFC 9110 section 13.1.1: one tag of the list, or "*". */
static bool
tag_matches(const char *list, const char *tag)
{
	const char *p = list;
	size_t n;

	for (; *p != '\0'; p += n) {
		p += strspn(p, " \t,");
		n = strcspn(p, " \t,");
		if ((n == 1 && *p == '*') ||
		    (n == strlen(tag) && memcmp(p, tag, n) == 0))
			return true;
	}
	return false;
}

struct condition {
	const struct admin_api *api;
	/* If-Match, or NULL */
	const char *list;
};

/* In the transaction of the change: does the document still have such an ETag? */
static int
still(void *arg)
{
	const struct condition *c = arg;
	struct buf document;
	char tag[ETAG_TEXT];
	struct out_json w;
	int r;

	if (c->list == NULL)
		return OK;
	buf_init(&document, 1u << 16);
	out_json_init(&w, &document);
	out_json_open_object(&w, NULL);
	r = write_document(c->api, &w);
	out_json_close_object(&w);
	buf_add_byte(&document, '\n');
	if (r == OK && (r = out_json_end(&w)) == OK &&
	    (r = tag_of(&document, tag)) == OK && !tag_matches(c->list, tag))
		r = fail(ERR_PRECONDITION,
		    "the settings now have the ETag %s", tag);
	buf_release(&document);
	return r;
}

static int
write_changes(
    const struct admin_api *api, const struct patch *patch, struct out_json *w)
{
	const struct context *c = &api->context;
	char before[SETTINGS_VALUE_TEXT];
	int r;

	for (size_t i = 0; i < patch->n; i++) {
		r = settings_get_text(
		    c->db, c->conf, patch->all[i].name, before);
		if (r != OK)
			return r;
		if (strcmp(before, patch->all[i].value) == 0)
			continue;
		out_json_open_object(w, NULL);
		out_json_string(w, "name", patch->all[i].name);
		out_json_string(w, "before", before);
		out_json_string(w, "after", patch->all[i].value);
		out_json_close_object(w);
	}
	return OK;
}

/*
 * The checks of a change. Whoever may not change settings may still preview it, as if
 * with the role gitops.
 */
static int
try_out(struct admin_actor *actor, const struct patch *patch,
    struct condition *condition)
{
	int r;

	if (!admin_actor_may(actor->role, ADMIN_CHANGE_SETTINGS))
		actor->role = ADMIN_ROLE_GITOPS;
	r = admin_setting_check(actor, patch->all, patch->n, false);
	return r == OK ? still(condition) : r;
}

/* Does one of them change who has to attest or may enroll? */
static int
needs_preview(const struct admin_api *api, const struct patch *patch, bool *out)
{
	const struct context *c = &api->context;
	char before[SETTINGS_VALUE_TEXT];
	int r = OK;

	*out = false;
	for (size_t i = 0; r == OK && i < patch->n && !*out; i++) {
		if (!admin_preview_concerns(patch->all[i].name))
			continue;
		r = settings_get_text(
		    c->db, c->conf, patch->all[i].name, before);
		*out = r == OK && strcmp(before, patch->all[i].value) != 0;
	}
	return r;
}

/* The member "preview": null when no requirement changes. */
static int
write_preview(const struct admin_api *api, const struct admin_actor *actor,
    const struct patch *patch, struct out_json *w)
{
	struct admin_preview preview;
	bool needed;
	int r = needs_preview(api, patch, &needed);

	if (r == OK && !needed)
		out_json_null(w, "preview");
	if (r != OK || !needed ||
	    (r = admin_preview_soon(actor, patch->all, patch->n, &preview)) != OK)
		return r;
	out_json_open_object(w, "preview");
	admin_api_http_time(w, "counted_at", preview.counted_at);
	admin_preview_json_write(w, &preview);
	out_json_close_object(w);
	return OK;
}

/* The member "hosts": those of the group that the query names. */
static int
write_group(struct admin_api *api, const struct admin_actor *actor,
    const struct patch *patch, struct out_json *w)
{
	const char *after = form_get(api->query, "cursor");
	struct admin_preview_hosts hosts;
	int r;

	r = admin_preview_list(actor, patch->all, patch->n,
	    form_get(api->query, "group"), after == NULL ? "" : after, &hosts);
	if (r == ERR_FIELD)
		return admin_api_http_field(api, r, "cursor");
	if (r != OK)
		return r;
	out_json_open_object(w, "hosts");
	out_json_open_array(w, "serial_numbers");
	for (size_t i = 0; i < hosts.n; i++)
		out_json_string(w, NULL, hosts.serials[i]);
	out_json_close_array(w);
	admin_api_http_string(w, "next", hosts.next);
	out_json_close_object(w);
	return OK;
}

static int
preview(struct admin_api *api, const struct patch *patch,
    struct condition *condition, struct resp *resp)
{
	struct admin_actor actor = admin_api_http_actor(api);
	struct out_json w;
	int r;

	if ((r = try_out(&actor, patch, condition)) != OK)
		return r;
	admin_api_http_open(&w, resp);
	out_json_bool(&w, "dry_run", true);
	out_json_open_array(&w, "changes");
	r = write_changes(api, patch, &w);
	out_json_close_array(&w);
	if (r != OK)
		return r;
	r = form_get(api->query, "group") != NULL
	    ? write_group(api, &actor, patch, &w)
	    : write_preview(api, &actor, patch, &w);
	return r == OK ? admin_api_http_send(&w, 200, resp) : r;
}

static int
set(struct admin_api *api, const struct patch *patch,
    struct condition *condition, struct resp *resp)
{
	struct admin_actor actor = admin_api_http_actor(api);
	int r = admin_setting_set_if(
	    &actor, patch->all, patch->n, false, still, condition);

	return r == OK ? send_document(api, resp) : r;
}

static int
change(struct admin_api *api, const struct req *req, const struct patch *patch,
    struct resp *resp)
{
	struct condition condition = { api, req_header(req, "If-Match") };
	bool dry_run;
	int r;

	if ((r = admin_api_http_flag(api, "dry_run", &dry_run)) != OK)
		return r;
	if (!dry_run &&
	    (form_get(api->query, "group") != NULL ||
		form_get(api->query, "cursor") != NULL))
		return fail(admin_api_http_field(api, ERR_FIELD, "group"),
		    "group and cursor go with dry_run=true");
	r = dry_run ? preview(api, patch, &condition, resp)
		    : set(api, patch, &condition, resp);
	if (r == ERR_FIELD || r == ERR_LICENSE || r == ERR_GITOPS)
		name_refused(api, patch, r);
	return r;
}

int
admin_api_config_change(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "dry_run", "group", "cursor",
		NULL };
	static const char *const members[] = { "mdm", NULL };
	struct admin_api *api = p;
	struct json *body = NULL;
	struct patch patch;
	int r;

	if ((r = admin_api_http_query(api, req, fields)) == OK &&
	    (r = admin_api_http_body(api, req, members, false, &body)) == OK &&
	    (r = read_patch(api, body, &patch)) == OK)
		r = change(api, req, &patch, resp);
	in_json_free(body);
	return r;
}
