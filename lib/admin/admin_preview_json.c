#include "admin/admin_preview_json.h"

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "wire/rfc3339.h"

static const struct {
	const char *name;
	size_t offset;
} totals[] = {
	{ "enrolled", offsetof(struct admin_preview, hosts) },
	{ "acme", offsetof(struct admin_preview, acme) },
	{ "attested", offsetof(struct admin_preview, attested) },
	{ "scep", offsetof(struct admin_preview, scep) },
	{ "refused", offsetof(struct admin_preview, refused) },
	{ "newly_refused", offsetof(struct admin_preview, newly_refused) },
	{ "losing", offsetof(struct admin_preview, losing) },
	{ "could_attest", offsetof(struct admin_preview, could_attest) },
	{ "not_enrolled", offsetof(struct admin_preview, not_enrolled) },
};

#define TOTALS (sizeof totals / sizeof totals[0])

void
admin_preview_json_totals(struct out_json *w, const struct admin_preview *p)
{
	for (size_t i = 0; i < TOTALS; i++)
		out_json_int(w, totals[i].name,
		    *(const int64_t *)(const void *)((const char *)p +
			totals[i].offset));
}

static void
write_group(struct out_json *w, const struct admin_preview_group *g)
{
	out_json_open_object(w, NULL);
	out_json_string(w, "group", g->key);
	out_json_string(w, "method", decision_method_name(g->method));
	out_json_string(w, "code", g->code == OK ? NULL : err_name(g->code));
	out_json_string(w, "reason", g->reason);
	out_json_int(w, "hosts", g->hosts);
	out_json_open_array(w, "serial_numbers");
	for (size_t i = 0;
	     i < ADMIN_PREVIEW_SERIALS && g->serials[i][0] != '\0'; i++)
		out_json_string(w, NULL, g->serials[i]);
	out_json_close_array(w);
	out_json_close_object(w);
}

void
admin_preview_json_write(struct out_json *w, const struct admin_preview *p)
{
	admin_preview_json_totals(w, p);
	out_json_open_array(w, "groups");
	for (size_t i = 0; i < p->n; i++)
		write_group(w, &p->groups[i]);
	out_json_close_array(w);
}

static void
copy(struct blob text, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)(text.n < size ? text.n : size),
	    (const char *)text.p);
}

static int
load_method(const struct json *object, enum decision_method *out)
{
	struct blob name;
	int r = in_json_string(object, "method", &name);

	if (r != OK)
		return r;
	*out = blob_eq_str(name, decision_method_name(DECISION_ACME))
	    ? DECISION_ACME
	    : blob_eq_str(name, decision_method_name(DECISION_SCEP))
	    ? DECISION_SCEP
	    : DECISION_REFUSE;
	return OK;
}

static int
load_serials(const struct json *object, struct admin_preview_group *g)
{
	struct json *all;
	struct blob text;
	int r = in_json_array(object, "serial_numbers", &all);

	for (size_t i = 0; r == OK && i < in_json_count(all) &&
	     i < ADMIN_PREVIEW_SERIALS;
	     i++)
		if ((r = in_json_at_string(all, i, &text)) == OK)
			copy(text, g->serials[i], sizeof g->serials[i]);
	return r;
}

static int
load_group(const struct json *object, struct admin_preview_group *g)
{
	struct blob key, reason;
	int r;

	if ((r = load_method(object, &g->method)) != OK ||
	    (r = in_json_string(object, "group", &key)) != OK ||
	    (r = in_json_string(object, "reason", &reason)) != OK ||
	    (r = in_json_int(object, "hosts", 0, INT64_MAX, &g->hosts)) != OK)
		return r;
	copy(key, g->key, sizeof g->key);
	copy(reason, g->reason, sizeof g->reason);
	return load_serials(object, g);
}

int
admin_preview_json_load(const struct json *object, struct admin_preview *out)
{
	struct json *groups, *one;
	struct blob at;
	int r = OK;

	*out = (struct admin_preview){ 0 };
	if (in_json_has_string(object, "counted_at") &&
	    (r = in_json_string(object, "counted_at", &at)) == OK)
		r = rfc3339_read(at, &out->counted_at);
	for (size_t i = 0; r == OK && i < TOTALS; i++)
		r = in_json_int(object, totals[i].name, 0, INT64_MAX,
		    (int64_t *)(void *)((char *)out + totals[i].offset));
	if (r != OK || (r = in_json_array(object, "groups", &groups)) != OK)
		return r;
	for (; r == OK && out->n < in_json_count(groups) &&
	     out->n < ADMIN_PREVIEW_GROUPS;
	     out->n++)
		if ((r = in_json_at_object(groups, out->n, &one)) == OK)
			r = load_group(one, &out->groups[out->n]);
	return r;
}
