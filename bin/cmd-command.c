#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_host.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/cmd-command-send.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "store/commands.h"
#include "store/renewals.h"

static const struct view_column list_columns[] = {
	{ "uuid", "COMMAND", VIEW_TEXT },
	{ "request_type", "TYPE", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "completed_at", "ANSWERED", VIEW_TIME },
	{ "created_by", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column columns[] = {
	{ "uuid", "Command", VIEW_TEXT },
	{ "request_type", "Type", VIEW_TEXT },
	{ "host_id", "Host", VIEW_TEXT },
	{ "state", "State", VIEW_TEXT },
	{ "created_by", "Created by", VIEW_TEXT },
	{ "created_at", "Created", VIEW_TIME },
	{ "sent_at", "Sent", VIEW_TIME },
	{ "not_now_count", "Not now", VIEW_INT },
	{ "completed_at", "Answered", VIEW_TIME },
	{ "errors", "Errors", VIEW_TEXT },
	{ "note", "Note", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *host)
{
	struct command_list list;
	const struct command *c;
	size_t i;
	int r;

	r = commands_list(
	    cli->db, ((struct host *)host)->id, p->after, p->limit, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n; i++) {
		c = &list.rows[i];
		view_text(v, c->uuid);
		view_text(v, c->request_type);
		view_text(v, commands_state_name(c->state));
		view_time(v, c->created_at);
		view_time(v, c->completed_at);
		view_text(v, c->created_by);
	}
	paging_took(p, list.n, list.next);
	commands_list_release(&list);
	return OK;
}

static int
command_list(struct cli *cli)
{
	struct host host;
	int r = admin_host_find(cli->db, cli->arguments[0], &host);

	return r != OK ? r
		       : paging_show(cli, list_columns, list_part, &host,
			     "commands",
			     "No command was sent to this host. attestmdm "
			     "command send queues one.");
}

/* A device's answer line by line, without what a terminal would obey. */
static void
print(const char *heading, struct blob text)
{
	char line[1024];
	size_t at, n;

	if (text.n == 0)
		return;
	printf("\n%s:\n", heading);
	for (at = 0; at < text.n; at += n) {
		const uint8_t *end = memchr(text.p + at, '\n', text.n - at);

		n = end == NULL ? text.n - at : (size_t)(end - text.p) - at + 1;
		if (n > sizeof line - 1)
			n = sizeof line - 1;
		snprintf(line, sizeof line, "%.*s",
		    (int)(n - (end != NULL && text.p[at + n - 1] == '\n')),
		    (const char *)text.p + at);
		for (char *p = line; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
		printf("  ");
		cli_print(line);
		putchar('\n');
	}
}

static int
show(struct cli *cli)
{
	struct command c;
	struct view *v;
	int r;

	r = commands_find(cli->db, cli->arguments[0], &c);
	if (r == ERR_NOT_FOUND)
		return fail(r, "there is no command %s", cli->arguments[0]);
	if (r != OK)
		return r;
	v = view_new(columns);
	view_text(v, c.uuid);
	view_text(v, c.request_type);
	view_text(v, c.host_id);
	view_text(v, commands_state_name(c.state));
	view_text(v, c.created_by);
	view_time(v, c.created_at);
	view_time(v, c.sent_at);
	view_int(v, c.not_now_count);
	view_time(v, c.completed_at);
	view_text(v, c.error_chain);
	view_text(v, c.note);
	r = view_record(cli, v);
	view_free(v);
	/* its secret could get others a certificate in this device's name */
	if (strcmp(c.created_by, RENEWALS_SENDER) == 0)
		c.plist = blob_str("a renewal; its profile holds a secret");
	out_json_blob(&cli->out, "plist", c.plist);
	out_json_blob(&cli->out, "result", c.result);
	if (!cli->json) {
		print("Sent", c.plist);
		print("Answer", c.result);
	}
	commands_release(&c);
	return r;
}

static const struct cli_option list_options[] = {
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "send",
	    .arguments = "HOST [TYPE]",
	    .help = "queues a command, such as DeviceInformation",
	    .options = cmd_command_send_options,
	    .least = 1,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = cmd_command_send },
	{ .name = "cancel",
	    .arguments = "HOST UUID",
	    .help = "takes a command back that has no answer yet",
	    .least = 2,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = cmd_command_cancel },
	{ .name = "list",
	    .arguments = "HOST",
	    .help = "lists a host's commands, newest first",
	    .options = list_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = command_list },
	{ .name = "show",
	    .arguments = "UUID",
	    .help = "shows a command and what the device answered",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = show },
	{ .run = NULL },
};

const struct cli_noun cmd_command = {
	"command",
	"Send commands and read their answers",
	verbs,
};
