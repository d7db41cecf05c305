#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "store/alarms.h"

static const struct view_column columns[] = {
	{ "raised_at", "RAISED", VIEW_TIME },
	{ "severity", "SEVERITY", VIEW_TEXT },
	{ "kind", "KIND", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "subject", NULL, VIEW_TEXT },
	{ "last_seen_at", "LAST SEEN", VIEW_TIME },
	{ "closed_at", "CLOSED", VIEW_TIME },
	{ "told_at", NULL, VIEW_TIME },
	{ "text", "WHAT", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *context)
{
	const struct alarm *a;
	struct alarm_list list;
	int64_t before;
	size_t i;
	int r;

	(void)context;
	if ((r = paging_number(p, &before)) != OK ||
	    (r = alarms_list(cli->db, cli_flag(cli, "closed"), before,
		 p->limit, &list)) != OK)
		return r;
	for (i = 0; i < list.n; i++) {
		a = &list.rows[i];
		view_time(v, a->raised_at);
		view_text(v, alarms_severity_name(a->severity));
		view_text(v, a->kind);
		view_text(v, a->serial);
		view_text(v, a->subject);
		view_time(v, a->last_seen_at);
		view_time(v, a->closed_at);
		view_time(v, a->told_at);
		view_text(v, a->text);
	}
	paging_took_number(p, list.n,
	    list.n == (size_t)p->limit ? list.rows[list.n - 1].id : 0);
	alarms_list_release(&list);
	return OK;
}

static int
alarms_run(struct cli *cli)
{
	return paging_show(cli, columns, list_part, NULL, "alarms",
	    cli_flag(cli, "closed")
		? "No alarm was ever raised."
		: "No alarm is open. One is raised when something needs you, "
		  "such as a certificate that expires soon, and closed when "
		  "the cause is gone; --closed shows those, too.");
}

static const struct cli_option options[] = {
	{ "closed", NULL, "show closed alarms, too", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "lists what needs an administrator, newest first",
	    .options = options,
	    .needs = CLI_READ,
	    .run = alarms_run },
	{ .run = NULL },
};

const struct cli_noun cmd_alarms = {
	"alarms",
	"What needs an administrator",
	verbs,
};
