#include "admin/admin_link.h"
#include "base/clock.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"

static const struct view_column columns[] = {
	{ "id", "LINK", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "note", "NOTE", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "created_by", "CREATED BY", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "expires_at", "EXPIRES", VIEW_TIME },
	{ "enrollment_id", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static const char *
text(struct cli *cli, const char *option)
{
	const char *value = cli_option(cli, option);

	return value == NULL ? "" : value;
}

int
cmd_link_new(struct cli *cli)
{
	char url[ADMIN_LINK_URL_TEXT], end[CLOCK_TEXT];
	struct enrollment_link link;
	int r;

	if ((r = admin_link_create(&cli->admin, text(cli, "serial"),
		 text(cli, "note"), &link, url)) != OK)
		return r;
	clock_people(link.expires_at, end);
	out_json_string(&cli->out, "id", link.id);
	out_json_string(&cli->out, "url", url);
	cli_say(cli, "%s", url);
	cli_say(cli, "It works once, until %s, and is not shown again.", end);
	secret_wipe(url, sizeof url);
	return OK;
}

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *context)
{
	struct enrollment_link_list list;
	int64_t now = clock_now();
	int r;

	(void)context;
	if ((r = enrollment_links_list(cli->db, p->after, p->limit, &list)) !=
	    OK)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		const struct enrollment_link *l = &list.rows[i];

		view_text(v, l->id);
		view_text(v, l->serial);
		view_text(v, l->note);
		view_text(v,
		    enrollment_links_state_name(
			enrollment_links_state(l, now)));
		view_text(v, l->created_by);
		view_time(v, l->created_at);
		view_time(v, l->expires_at);
		view_text(v, l->enrollment_id);
	}
	paging_took(p, list.n, list.next);
	enrollment_links_list_release(&list);
	return OK;
}

int
cmd_link_list(struct cli *cli)
{
	return paging_show(cli, columns, list_part, NULL, "links",
	    "There are no links. attestmdm enrollment new creates one.");
}

int
cmd_link_revoke(struct cli *cli)
{
	int i, r = admin_link_revoke(&cli->admin, cli->arguments, cli->count);

	for (i = 0; i < cli->count && r == OK; i++)
		cli_say(cli, "The link %s is revoked.", cli->arguments[i]);
	return r;
}
