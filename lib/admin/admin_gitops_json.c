#include "admin/admin_gitops_json.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "wire/out_json.h"

/* The object with the last part of a path, which *last is then; or NULL. */
static const struct json *
find_object(const struct json *object, const char *path, const char **last)
{
	char name[ADMIN_GITOPS_PATH_TEXT];
	struct json *inner;
	size_t n;

	for (; path[n = strcspn(path, ".")] == '.'; path += n + 1) {
		snprintf(name, sizeof name, "%.*s", (int)n, path);
		if (!in_json_has(object, name) ||
		    in_json_object(object, name, &inner) != OK)
			return NULL;
		object = inner;
	}
	*last = path;
	return object;
}

static int
load_one(const struct json *config, struct admin_gitops_value *v)
{
	const char *name = NULL;
	const struct json *object = find_object(config, v->entry->json, &name);
	struct blob text;
	bool is;
	int r;

	v->known = object != NULL && in_json_has(object, name);
	if (!v->known)
		return OK;
	if (v->entry->type == SETTINGS_BOOL) {
		r = in_json_bool(object, name, &is);
		text = blob_str(is ? "true" : "false");
	} else {
		r = in_json_string(object, name, &text);
	}
	if (r == OK && text.n >= sizeof v->text)
		r = fail(ERR_MALFORMED, "JSON member %s is too long", name);
	if (r == OK)
		snprintf(v->text, sizeof v->text, "%.*s", (int)text.n,
		    (const char *)text.p);
	return r;
}

int
admin_gitops_json_load(
    const struct json *config, struct admin_gitops *out, bool *premium)
{
	struct json *license;
	struct blob tier;
	int r = OK;

	*premium = false;
	admin_gitops_defaults(out);
	for (size_t i = 0; i < out->n && r == OK; i++)
		r = load_one(config, &out->all[i]);
	if (r != OK ||
	    (r = in_json_object(config, "license", &license)) != OK ||
	    (r = in_json_string(license, "tier", &tier)) != OK)
		return r;
	*premium = blob_eq_str(tier, "premium");
	return OK;
}

static void
open_object(void *arg, const char *name)
{
	out_json_open_object(arg, name);
}

static void
add_value(void *arg, const char *name, const struct admin_gitops_value *v)
{
	if (v->entry->type == SETTINGS_BOOL)
		out_json_bool(arg, name, strcmp(v->text, "true") == 0);
	else
		out_json_string(arg, name, v->text);
}

static void
close_object(void *arg)
{
	out_json_close_object(arg);
}

int
admin_gitops_json_patch(const struct admin_gitops *wanted,
    const struct admin_gitops *present, struct buf *out)
{
	bool chosen[ADMIN_GITOPS_SETTINGS_MAX];
	struct out_json json;
	const struct admin_gitops_writer writer = { open_object, add_value,
		close_object, &json };

	for (size_t i = 0; i < wanted->n; i++)
		chosen[i] = admin_gitops_differs(wanted, present, i);
	out_json_init(&json, out);
	out_json_open_object(&json, NULL);
	admin_gitops_walk(wanted, chosen, true, &writer);
	out_json_close_object(&json);
	return out_json_end(&json);
}
