#include "admin/admin_gitops_file.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"

#define ROOT "controls"

/* What a mistaken key may stand for: the beginning of a path. */
struct suggestion {
	char path[ADMIN_GITOPS_PATH_TEXT];
	unsigned distance;
	/* in the mapping where the key stands */
	bool is_here;
};

static void
offer(struct suggestion *best, const char *key, const char *prefix,
    const char *path, size_t begin, size_t end)
{
	bool is_here =
	    strlen(prefix) == begin && strncmp(path, prefix, begin) == 0;
	char name[ADMIN_GITOPS_PATH_TEXT];
	unsigned distance;

	snprintf(name, sizeof name, "%.*s", (int)(end - begin), path + begin);
	distance = nearest_distance(key, name);
	if (distance > NEAREST_ENOUGH ||
	    (*best->path != '\0' &&
		(best->is_here > is_here ||
		    (best->is_here == is_here && best->distance <= distance))))
		return;
	snprintf(best->path, sizeof best->path, "%.*s", (int)end, path);
	best->distance = distance;
	best->is_here = is_here;
}

/* Compares the key with each part of each path, and with names of settings. */
static void
suggest(const struct admin_gitops *settings, const char *key,
    const char *prefix, struct suggestion *best)
{
	*best = (struct suggestion){ .distance = 0 };
	for (size_t i = 0; i < settings->n; i++) {
		const struct admin_gitops_value *v = &settings->all[i];
		size_t begin = 0, end;

		do {
			end = begin + strcspn(v->path + begin, ".");
			offer(best, key, prefix, v->path, begin, end);
			begin = end + 1;
		} while (v->path[end] == '.');
		if (*best->path == '\0' && strcmp(key, v->entry->name) == 0)
			snprintf(best->path, sizeof best->path, "%s", v->path);
	}
}

/* What begins the file of a team in Fleet. */
static bool
is_of_team(const char *key)
{
	return strcmp(key, "team_settings") == 0 || strcmp(key, "name") == 0 ||
	    strcmp(key, "team") == 0;
}

static int
refuse_key(const struct in_yaml *node, const char *prefix,
    const struct admin_gitops *settings)
{
	struct suggestion best;

	if (*prefix == '\0' && is_of_team(node->key))
		return in_yaml_refuse(node->key_at, ERR_FIELD,
		    "%s belongs to the file of a team, and this server has no "
		    "teams; its settings are under " ROOT " in one file",
		    node->key);
	suggest(settings, node->key, prefix, &best);
	if (*best.path == '\0')
		return in_yaml_refuse(
		    node->key_at, ERR_FIELD, "unknown key %s", node->key);
	if (best.distance == 0)
		return in_yaml_refuse(node->key_at, ERR_FIELD,
		    "%s does not belong here; it is %s", node->key, best.path);
	return in_yaml_refuse(node->key_at, ERR_FIELD,
	    "unknown key %s; did you mean %s?", node->key, best.path);
}

static int
refuse_value(const struct in_yaml *node, const struct settings_entry *entry)
{
	char words[200] = "";

	if (entry->type == SETTINGS_VERSION)
		return in_yaml_refuse(node->at, ERR_FIELD,
		    "%s must be numbers with dots, such as \"14.5\", or \"\"; "
		    "it is \"%s\"",
		    node->key, node->text);
	for (const char *const *w = entry->words; w != NULL && *w != NULL; w++)
		snprintf(words + strlen(words), sizeof words - strlen(words),
		    "%s%s", *words == '\0' ? "" : " or ", *w);
	return in_yaml_refuse(node->at, ERR_FIELD,
	    "%s must be %s; it is \"%s\"", node->key, words, node->text);
}

static int
read_value(const struct in_yaml *node, struct admin_gitops_value *v)
{
	const char *text = NULL;
	bool is;
	int r;

	v->at = node->at;
	if (v->entry->type == SETTINGS_BOOL) {
		if ((r = in_yaml_bool(node, &is)) == OK)
			snprintf(v->text, sizeof v->text, "%s",
			    is ? "true" : "false");
		return r;
	}
	if ((r = in_yaml_text(node, &text)) != OK)
		return r;
	if (strlen(text) >= sizeof v->text ||
	    !settings_is_value(v->entry, text))
		return refuse_value(node, v->entry);
	snprintf(v->text, sizeof v->text, "%s", text);
	return OK;
}

/* The setting with this path; or, if `inner`, one inside of it. */
static struct admin_gitops_value *
find(struct admin_gitops *settings, const char *path, bool inner)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < settings->n; i++) {
		struct admin_gitops_value *v = &settings->all[i];

		if (strncmp(v->path, path, n) == 0 &&
		    v->path[n] == (inner ? '.' : '\0'))
			return v;
	}
	return NULL;
}

/* The keys of a mapping; `prefix` ends with a dot or is empty. */
static int
read_mapping(
    const struct in_yaml *mapping, const char *prefix, struct admin_gitops *out)
{
	char path[2 * ADMIN_GITOPS_PATH_TEXT];
	struct admin_gitops_value *v;
	int r = OK;

	for (const struct in_yaml *c = mapping->first; c != NULL && r == OK;
	     c = c->next) {
		int n = snprintf(path, sizeof path - 1, "%s%s", prefix, c->key);

		/* A key with a dot would pass for two. */
		if (n < 0 || n >= ADMIN_GITOPS_PATH_TEXT ||
		    strchr(c->key, '.') != NULL) {
			r = refuse_key(c, prefix, out);
		} else if ((v = find(out, path, false)) != NULL) {
			r = read_value(c, v);
		} else if (find(out, path, true) == NULL) {
			r = refuse_key(c, prefix, out);
		} else if ((r = in_yaml_mapping(c)) == OK) {
			memcpy(path + n, ".", 2);
			r = read_mapping(c, path, out);
		}
	}
	return r;
}

int
admin_gitops_file_read(struct blob file, struct admin_gitops *out)
{
	struct in_yaml *root;
	int r;

	admin_gitops_defaults(out);
	if ((r = in_yaml_parse(file, &root)) != OK)
		return r;
	r = read_mapping(root, "", out);
	/* A file that lost its end must not reset everything. */
	if (r == OK && in_yaml_get(root, ROOT) == NULL)
		r = in_yaml_refuse(root->at, ERR_FIELD,
		    "the key " ROOT " is missing; write " ROOT ": {} to give "
		    "all settings their defaults");
	in_yaml_free(root);
	return r;
}

struct writer {
	struct buf *out;
	int depth;
};

static void
open_mapping(void *arg, const char *name)
{
	struct writer *w = arg;

	buf_printf(w->out, "%*s%s:\n", 2 * w->depth++, "", name);
}

static void
add_value(void *arg, const char *name, const struct admin_gitops_value *v)
{
	const struct writer *w = arg;
	const char *quote = v->entry->type == SETTINGS_VERSION ? "\"" : "";

	buf_printf(w->out, "%*s%s: %s%s%s\n", 2 * w->depth, "", name, quote,
	    v->text, quote);
}

static void
close_mapping(void *arg)
{
	struct writer *w = arg;

	w->depth--;
}

int
admin_gitops_file_write(
    const struct admin_gitops *present, bool premium, struct buf *out)
{
	bool chosen[ADMIN_GITOPS_SETTINGS_MAX];
	struct writer w = { .out = out };
	const struct admin_gitops_writer writer = { open_mapping, add_value,
		close_mapping, &w };

	for (size_t i = 0; i < present->n; i++) {
		const struct admin_gitops_value *v = &present->all[i];

		chosen[i] = v->known && (premium || !v->entry->premium);
		if (chosen[i] && !settings_is_value(v->entry, v->text))
			return fail(ERR_FIELD, "setting %s cannot be \"%s\"",
			    v->entry->name, v->text);
	}
	buf_add_str(out,
	    "# Settings of attestmdm; a setting that is not here gets its "
	    "default.\n"
	    "# Apply: attestmdm gitops apply FILE\n");
	admin_gitops_walk(present, chosen, false, &writer);
	return buf_status(out);
}
