#include "admin-consequences.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* Settings and values as the settings page calls them. */
static const struct {
	const char *name, *value, *label, *words;
} words[] = {
	{ SETTINGS_REQUIRE_ATTESTATION, "true", "Require hardware attestation",
	    "on" },
	{ SETTINGS_REQUIRE_ATTESTATION, "false", "Require hardware attestation",
	    "off" },
	{ SETTINGS_ATTESTATION_DEVICES, SETTINGS_DEVICES_MACS,
	    "Devices that must attest", "Macs with Apple silicon" },
	{ SETTINGS_ATTESTATION_DEVICES, SETTINGS_DEVICES_ALL,
	    "Devices that must attest", "every device that can" },
	{ SETTINGS_BUSINESS_ONLY, "true",
	    "Allow only Apple Business enrollments", "on" },
	{ SETTINGS_BUSINESS_ONLY, "false",
	    "Allow only Apple Business enrollments", "off" },
};

static void
fill_setting(struct tmpl_row *row, const struct admin_setting *set)
{
	size_t i;

	tmplrow_set(row, "name", set->name);
	tmplrow_set(row, "value", set->value);
	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].name, set->name) == 0 &&
		    strcmp(words[i].value, set->value) == 0) {
			tmplrow_set(row, "label", words[i].label);
			tmplrow_set(row, "words", words[i].words);
		}
	tmplrow_set(row, "act",
	    strcmp(set->value, "true") == 0        ? "Switch on"
		: strcmp(set->value, "false") == 0 ? "Switch off"
						   : "Change");
}

int
admin_consequences_needed(const struct admin_actor *actor,
    const struct admin_setting *set, const struct form *form,
    struct admin_preview *out, bool *needed)
{
	const char *confirmed = form_get(form, ADMIN_CONSEQUENCES_CONFIRMED);
	char value[SETTINGS_VALUE_TEXT];
	int r;

	*needed = false;
	*out = (struct admin_preview){ 0 };
	if (!admin_preview_concerns(set->name))
		return OK;
	if ((r = admin_setting_check(actor, set, 1, false)) != OK ||
	    (r = settings_get_text(
		 actor->db, actor->conf, set->name, value)) != OK ||
	    strcmp(value, set->value) == 0 ||
	    (r = admin_preview_soon(actor, set, 1, out)) != OK)
		return r;
	*needed = out->hosts > 0 &&
	    (confirmed == NULL ||
		out->newly_refused > strtoll(confirmed, NULL, 10));
	return OK;
}

static void
fill_group(struct tmpl_row *row, const struct admin_setting *set,
    const struct admin_preview_group *g)
{
	struct tmpl_row *item;
	size_t i;

	tmplrow_set(row, "gets",
	    g->method == DECISION_ACME       ? "ACME, attested"
		: g->method == DECISION_SCEP ? "SCEP"
					     : "nothing: not renewed");
	tmplrow_flag(row, "bad", g->method == DECISION_REFUSE);
	tmplrow_set(row, "why", g->reason);
	tmplrow_setf(row, "count", "%lld", (long long)g->hosts);
	for (i = 0; i < ADMIN_PREVIEW_SERIALS && g->serials[i][0] != '\0';
	     i++) {
		item = tmplrow_add(row, "serials");
		tmplrow_set(item, "serial", g->serials[i]);
		admin_page_link(
		    item, "serial", "/admin/serial", "serial", g->serials[i]);
	}
	tmplrow_setf(row, "all_url",
	    "/admin/settings/%s/hosts?value=%s&group=%s", set->name, set->value,
	    g->key);
}

static void
fill_totals(struct tmpl_row *row, const struct admin_preview *p)
{
	const struct {
		const char *name;
		int64_t number;
		/* left out when 0 */
		bool optional;
	} numbers[] = {
		{ "hosts", p->hosts, false },
		{ "acme", p->acme, false },
		{ "attested", p->attested, false },
		{ "scep", p->scep, false },
		{ "refused", p->refused, false },
		{ ADMIN_CONSEQUENCES_CONFIRMED, p->newly_refused, false },
		{ "newly_refused", p->newly_refused, true },
		{ "losing", p->losing, true },
		{ "could_attest", p->could_attest, true },
		{ "not_enrolled", p->not_enrolled, true },
	};
	size_t i;

	for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (numbers[i].number > 0 || !numbers[i].optional)
			tmplrow_setf(row, numbers[i].name, "%lld",
			    (long long)numbers[i].number);
}

int
admin_consequences_send(struct admin_app *app, const struct req *req,
    const struct admin_setting *set, const struct form *form,
    const struct admin_preview *preview, struct resp *resp)
{
	struct admin_page page;
	size_t i;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK) {
		fill_setting(page.row, set);
		fill_totals(page.row, preview);
		admin_page_time(page.row, "counted_at", preview->counted_at);
		for (i = 0; i < preview->n; i++)
			fill_group(tmplrow_add(page.row, "groups"), set,
			    &preview->groups[i]);
		tmplrow_flag(page.row, "grew",
		    form_get(form, ADMIN_CONSEQUENCES_CONFIRMED) != NULL);
		tmplrow_flag(page.row, "in_settings", true);
		r = admin_page_send(
		    &page, "consequences", "Before you change it", resp);
	}
	admin_page_release(&page);
	return r;
}

static int
fill_hosts(struct admin_page *page, const struct admin_setting *set)
{
	struct admin_actor actor = admin_page_actor(page->app, &page->session);
	const char *key = form_text(page->query, "group");
	struct admin_preview_hosts hosts;
	struct tmpl_row *item;
	char path[512];
	size_t i;
	int r;

	if (strspn(key, "0123456789abcdef") != ADMIN_PREVIEW_KEY_TEXT - 1 ||
	    key[ADMIN_PREVIEW_KEY_TEXT - 1] != '\0')
		return ERR_NOT_FOUND;
	r = admin_preview_list(
	    &actor, set, 1, key, form_text(page->query, "after"), &hosts);
	if (r != OK)
		return r;
	for (i = 0; i < hosts.n; i++) {
		item = tmplrow_add(page->row, "serials");
		tmplrow_set(item, "serial", hosts.serials[i]);
		admin_page_link(item, "serial", "/admin/serial", "serial",
		    hosts.serials[i]);
	}
	tmplrow_flag(page->row, "more", hosts.next[0] != '\0');
	snprintf(path, sizeof path,
	    "/admin/settings/%s/hosts?value=%s&group=%s", set->name, set->value,
	    key);
	admin_page_link(page->row, "next", path, "after", hosts.next);
	return OK;
}

int
admin_consequences_list(void *app, const struct req *req, struct resp *resp)
{
	struct admin_setting set = { .name = req_path_param(req, "setting") };
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK) {
		set.value = form_text(page.query, "value");
		fill_setting(page.row, &set);
		r = admin_preview_concerns(set.name) ? fill_hosts(&page, &set)
						     : ERR_NOT_FOUND;
	}
	if (r == OK) {
		tmplrow_flag(page.row, "in_settings", true);
		r = admin_page_send(
		    &page, "consequence", "Hosts of one kind", resp);
	}
	admin_page_release(&page);
	return r;
}
