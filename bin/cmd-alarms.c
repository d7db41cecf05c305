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
table(struct cli *cli, const struct paging *p, const struct alarm_list *list)
{
	struct view *v = view_new(columns);
	size_t i, last = (size_t)p->offset + (size_t)p->limit, shown = 0;
	int r;

	for (i = (size_t)p->offset; i < list->n && i < last; i++, shown++) {
		view_time(v, list->rows[i].raised_at);
		view_text(
		    v, alarms_severity_name(list->rows[i].severity));
		view_text(v, list->rows[i].kind);
		view_text(v, list->rows[i].serial);
		view_text(v, list->rows[i].subject);
		view_time(v, list->rows[i].last_seen_at);
		view_time(v, list->rows[i].closed_at);
		view_time(v, list->rows[i].told_at);
		view_text(v, list->rows[i].text);
	}
	r = view_table(cli, v, "alarms",
	    cli_flag(cli, "closed")
		? "No alarm was ever raised."
		: "No alarm is open. One is raised when something needs you, "
		  "such as a certificate that expires soon, and closed when "
		  "the cause is gone; --closed shows those, too.");
	view_free(v);
	paging_end_uncounted(cli, p, shown, list->n > last);
	return r;
}

static int
alarms_run(struct cli *cli)
{
	struct alarm_list list;
	struct paging p;
	int r;

	if ((r = paging_read(cli, &p)) != OK ||
	    (r = alarms_list(cli->db, cli_flag(cli, "closed"), 0,
		 p.offset + p.limit + 1, &list)) != OK)
		return r;
	r = table(cli, &p, &list);
	alarms_list_release(&list);
	return r;
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
