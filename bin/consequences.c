#include "bin/consequences.h"

#include <stdio.h>

#include "admin/admin_preview_json.h"
#include "base/clock.h"
#include "bin/view.h"

static const struct view_column group_columns[] = {
	{ "method", "GETS", VIEW_TEXT },
	{ "hosts", "HOSTS", VIEW_INT },
	{ "reason", "WHY", VIEW_TEXT },
	{ "serials", "THE FIRST", VIEW_TEXT },
	{ "group", "GROUP", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static void
add_group(struct view *v, const struct admin_preview_group *g)
{
	char serials[ADMIN_PREVIEW_SERIALS * DB_SERIAL_TEXT] = "";
	size_t i, n = 0;

	for (i = 0; i < ADMIN_PREVIEW_SERIALS && g->serials[i][0] != '\0'; i++)
		n += (size_t)snprintf(serials + n, sizeof serials - n, "%s%s",
		    i == 0 ? "" : " ", g->serials[i]);
	view_text(v,
	    g->method == DECISION_REFUSE ? "nothing"
					 : decision_method_name(g->method));
	view_int(v, g->hosts);
	view_text(v, g->reason);
	view_text(v, serials);
	view_text(v, g->key);
}

static void
say_totals(const struct cli *cli, const struct admin_preview *p)
{
	char at[CLOCK_TEXT];

	clock_people(p->counted_at, at);
	if (p->counted_at != 0)
		cli_say(cli, "The hosts were counted at %s.", at);
	cli_say(cli,
	    "At their next renewal, of %lld hosts: by ACME %lld (%lld are "
	    "attested now), by SCEP %lld, not renewed %lld (%lld of them are "
	    "renewed today).",
	    (long long)p->hosts, (long long)p->acme, (long long)p->attested,
	    (long long)p->scep, (long long)p->refused,
	    (long long)p->newly_refused);
	if (p->losing > 0)
		cli_say(cli, "Attested hosts that go back to SCEP: %lld.",
		    (long long)p->losing);
	if (p->could_attest > 0)
		cli_say(cli,
		    "Recommended: %lld hosts that would get SCEP can attest; "
		    "%s = %s asks them, too.",
		    (long long)p->could_attest, SETTINGS_ATTESTATION_DEVICES,
		    SETTINGS_DEVICES_ALL);
	if (p->not_enrolled > 0)
		cli_say(cli,
		    "Assigned and not enrolled: %lld; what they get is decided "
		    "when they enroll.",
		    (long long)p->not_enrolled);
}

int
consequences_show(struct cli *cli, const struct admin_preview *p)
{
	struct view *v = view_new(group_columns);
	size_t i;
	int r;

	for (i = 0; i < p->n; i++)
		add_group(v, &p->groups[i]);
	r = view_table(cli, v, "groups", "No host is enrolled.");
	view_free(v);
	if (r != OK)
		return r;
	admin_preview_json_totals(&cli->out, p);
	say_totals(cli, p);
	return OK;
}
