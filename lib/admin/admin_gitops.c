#include "admin/admin_gitops.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_setting.h"
#include "base/log.h"

/* Where a file has what JSON has in "mdm". */
#define JSON_ROOT "mdm."
#define FILE_ROOT "controls."

void
admin_gitops_defaults(struct admin_gitops *out)
{
	const struct settings_entry *e;

	*out = (struct admin_gitops){ .n = 0 };
	for (size_t i = 0; (e = settings_entry(i)) != NULL; i++) {
		struct admin_gitops_value *v = &out->all[out->n];

		if (!e->gitops || out->n == ADMIN_GITOPS_SETTINGS_MAX)
			continue;
		v->entry = e;
		snprintf(v->path, sizeof v->path, FILE_ROOT "%s",
		    e->json + strlen(JSON_ROOT));
		snprintf(v->text, sizeof v->text, "%s", e->initial);
		v->known = true;
		out->n++;
	}
}

int
admin_gitops_load(
    struct db *db, const struct conf *conf, struct admin_gitops *out)
{
	int r = OK;

	admin_gitops_defaults(out);
	for (size_t i = 0; i < out->n && r == OK; i++)
		r = settings_get_text(
		    db, conf, out->all[i].entry->name, out->all[i].text);
	return r;
}

int
admin_gitops_check(const struct admin_gitops *wanted,
    const struct admin_gitops *present, bool premium)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const struct admin_gitops_value *v = &wanted->all[i];
		bool in_tier = premium || !v->entry->premium;

		if (!in_tier && strcmp(v->text, v->entry->initial) != 0)
			return in_yaml_refuse(v->at, ERR_LICENSE,
			    ADMIN_SETTING_NEEDS_PREMIUM, v->path);
		if (in_tier && v->at.line > 0 && !present->all[i].known)
			return in_yaml_refuse(v->at, ERR_NOT_FOUND,
			    "the server does not know %s; its version may be "
			    "older than that of this tool",
			    v->path);
	}
	return OK;
}

bool
admin_gitops_differs(const struct admin_gitops *wanted,
    const struct admin_gitops *present, size_t i)
{
	return present->all[i].known &&
	    strcmp(wanted->all[i].text, present->all[i].text) != 0;
}

/* Which settings differ, unless somebody else has changed one meanwhile. */
static int
choose(const struct admin_actor *actor, const struct admin_gitops *wanted,
    const struct admin_gitops *present,
    struct admin_setting out[ADMIN_GITOPS_SETTINGS_MAX], size_t *n)
{
	struct admin_gitops now;
	int r;

	*n = 0;
	if ((r = admin_gitops_load(actor->db, actor->conf, &now)) != OK)
		return r;
	for (size_t i = 0; i < now.n; i++) {
		const struct admin_gitops_value *v = &wanted->all[i];

		if (strcmp(now.all[i].text, present->all[i].text) != 0)
			return fail(ERR_CONFLICT,
			    "somebody else has just changed %s; try again",
			    v->path);
		if (admin_gitops_differs(wanted, present, i))
			out[(*n)++] =
			    (struct admin_setting){ v->entry->name, v->text };
	}
	return OK;
}

static int
set_all(const struct admin_actor *actor, const struct admin_gitops *wanted,
    const struct admin_gitops *present)
{
	struct admin_setting changes[ADMIN_GITOPS_SETTINGS_MAX];
	char detail[40];
	size_t n;
	int r;

	if ((r = choose(actor, wanted, present, changes, &n)) != OK ||
	    n == 0 || (r = admin_setting_put(actor, changes, n, false)) != OK)
		return r;
	snprintf(detail, sizeof detail, "settings changed: %zu", n);
	return admin_actor_record(actor, "gitops.apply", detail);
}

int
admin_gitops_apply(const struct admin_actor *actor,
    const struct admin_gitops *wanted, const struct admin_gitops *present)
{
	int r;

	if (actor->role != ADMIN_ROLE_GITOPS)
		return fail(
		    ERR_ROLE, "%s does not have the role gitops", actor->name);
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SETTINGS)) != OK)
		return r;
	return db_end(actor->db, set_all(actor, wanted, present));
}

/* What admin_gitops_walk() goes through. */
struct walk {
	const struct admin_gitops *settings;
	const bool *chosen;
	bool json;
	const struct admin_gitops_writer *writer;
};

/* What follows the prefix in a chosen setting's path, or NULL. */
static const char *
rest_of(const struct walk *w, size_t i, const char *prefix)
{
	const struct admin_gitops_value *v = &w->settings->all[i];
	const char *path = w->json ? v->entry->json : v->path;
	size_t n = strlen(prefix);

	return w->chosen[i] && strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

static bool
was_met(const struct walk *w, size_t before, const char *prefix)
{
	for (size_t i = 0; i < before; i++)
		if (rest_of(w, i, prefix) != NULL)
			return true;
	return false;
}

static void
walk_level(const struct walk *w, const char *prefix)
{
	char name[ADMIN_GITOPS_PATH_TEXT], inner[2 * ADMIN_GITOPS_PATH_TEXT];
	const struct admin_gitops_writer *out = w->writer;

	for (size_t i = 0; i < w->settings->n; i++) {
		const char *rest = rest_of(w, i, prefix);

		if (rest == NULL)
			continue;
		if (strchr(rest, '.') == NULL) {
			out->value(out->arg, rest, &w->settings->all[i]);
			continue;
		}
		snprintf(
		    name, sizeof name, "%.*s", (int)strcspn(rest, "."), rest);
		snprintf(inner, sizeof inner, "%s%s.", prefix, name);
		if (was_met(w, i, inner))
			continue;
		out->open(out->arg, name);
		walk_level(w, inner);
		out->close(out->arg);
	}
}

void
admin_gitops_walk(const struct admin_gitops *settings,
    const bool chosen[ADMIN_GITOPS_SETTINGS_MAX], bool json,
    const struct admin_gitops_writer *writer)
{
	const struct walk w = { settings, chosen, json, writer };

	walk_level(&w, "");
}
