#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "ca/file.h"
#include "mdm/command.h"
#include "store/audits.h"
#include "store/commands.h"
#include "store/hosts.h"
#include "store/renewals.h"

#define QUERIES_MAX 64

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

/* "A,B,C" in place; more than QUERIES_MAX are refused. */
static int
cmd_command_split(char *text, const char **queries, size_t *n)
{
	char *comma;

	for (*n = 0; text != NULL; text = comma) {
		if (*n == QUERIES_MAX)
			return fail(ERR_FIELD, "--query names too many");
		if ((comma = strchr(text, ',')) != NULL)
			*comma++ = '\0';
		queries[(*n)++] = text;
	}
	return OK;
}

static int
cmd_command_information(struct cli *cli, struct command_text *out)
{
	const char *given = cli_option(cli, "query");
	const char *queries[QUERIES_MAX];
	char *text = NULL;
	size_t n = 0;
	int r;

	if (given != NULL && (text = strdup(given)) == NULL)
		return fail(ERR_NOMEM, "no memory for a command");
	if ((r = cmd_command_split(text, queries, &n)) == OK)
		r = command_device_information(queries, n, out);
	free(text);
	return r;
}

static int
cmd_command_file(const char *path, struct command_text *out)
{
	struct buf text;
	int r;

	buf_init(&text, COMMANDS_PLIST_MAX);
	if ((r = file_read_input(path, &text)) == OK)
		r = command_read(buf_blob(&text), out);
	buf_release(&text);
	return r;
}

static int
cmd_command_build(struct cli *cli, struct command_text *out)
{
	const char *type = cli->count > 1 ? cli->arguments[1] : NULL;
	const char *file = cli_option(cli, "file");

	if (type == NULL && file != NULL)
		return cmd_command_file(file, out);
	if (type == NULL || file != NULL)
		return fail(ERR_USAGE, "give a command's name or --file");
	if (strcmp(type, "DeviceInformation") == 0)
		return cmd_command_information(cli, out);
	if (cli_flag(cli, "query"))
		return fail(ERR_USAGE, "--query is for DeviceInformation");
	return command_simple(type, out);
}

static int
cmd_command_enqueue(struct cli *cli, const struct host *host,
    const struct command_text *text, int priority)
{
	struct command c;
	char detail[256];
	int r;

	memset(&c, 0, sizeof(c));
	snprintf(c.uuid, sizeof(c.uuid), "%s", text->uuid);
	snprintf(c.host_id, sizeof(c.host_id), "%s", host->id);
	snprintf(
	    c.request_type, sizeof(c.request_type), "%s", text->request_type);
	snprintf(c.created_by, sizeof(c.created_by), "%s", cli->actor);
	snprintf(detail, sizeof(detail), "%.100s %s to %s", text->request_type,
	    text->uuid, host->serial);
	c.plist = buf_blob(&text->plist);
	c.priority = priority;
	c.needs_client_certificate = text->needs_client_certificate;
	if ((r = db_begin(cli->db)) != OK)
		return r;
	if ((r = commands_enqueue(cli->db, &c)) == OK &&
	    (r = audits_add(cli->db, cli->actor, "command.send", detail)) == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	if (r == ERR_CONFLICT)
		return fail(r,
		    "%s takes no commands (it is %s), or has this CommandUUID "
		    "already",
		    host->serial, hosts_state_name(host->state));
	return r;
}

static int
cmd_command_send(struct cli *cli)
{
	struct command_text text;
	struct host host;
	int priority, r;

	command_text_init(&text);
	if ((r = cli_number(cli, "priority", 0, 9, 0, &priority)) != OK ||
	    (r = cmd_command_build(cli, &text)) != OK ||
	    (r = cmd_host_find(cli, cli->arguments[0], &host)) != OK ||
	    (r = cmd_command_enqueue(cli, &host, &text, priority)) != OK)
		goto done;
	out_json_string(&cli->out, "uuid", text.uuid);
	out_json_string(&cli->out, "request_type", text.request_type);
	out_json_string(&cli->out, "host_id", host.id);
	cli_say(cli, "%s %s waits for %s, who gets it when it next checks in.",
	    text.request_type, text.uuid, host.serial);
done:
	command_text_release(&text);
	return r;
}

static int
cmd_command_list(struct cli *cli)
{
	struct command_list list;
	const struct command *c;
	struct paging p;
	struct host host;
	struct view *v;
	size_t i;
	int r;

	if ((r = paging_read(cli, &p)) != OK ||
	    (r = cmd_host_find(cli, cli->arguments[0], &host)) != OK ||
	    (r = commands_list(cli->db, host.id, p.offset, p.limit, &list)) !=
		OK)
		return r;
	v = view_new(list_columns);
	for (i = 0; i < list.n; i++) {
		c = &list.rows[i];
		view_text(v, c->uuid);
		view_text(v, c->request_type);
		view_text(v, commands_state_name(c->state));
		view_time(v, c->created_at);
		view_time(v, c->completed_at);
		view_text(v, c->created_by);
	}
	r = view_table(cli, v, "commands",
	    "No command was sent to this host. attestmdm command send queues "
	    "one.");
	paging_end(cli, &p, list.n, list.total);
	view_free(v);
	commands_list_release(&list);
	return r;
}

/* A device's answer line by line, without what a terminal would obey. */
static void
cmd_command_print(const char *heading, struct blob text)
{
	char line[1024], safe[4096];
	size_t at, n;

	if (text.n == 0)
		return;
	printf("\n%s:\n", heading);
	for (at = 0; at < text.n; at += n) {
		const uint8_t *end = memchr(text.p + at, '\n', text.n - at);

		n = end == NULL ? text.n - at : (size_t)(end - text.p) - at + 1;
		if (n > sizeof(line) - 1)
			n = sizeof(line) - 1;
		snprintf(line, sizeof(line), "%.*s",
		    (int)(n - (end != NULL && text.p[at + n - 1] == '\n')),
		    (const char *)text.p + at);
		for (char *p = line; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
		cli_safe(line, safe, sizeof(safe));
		printf("  %s\n", safe);
	}
}

static int
cmd_command_show(struct cli *cli)
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
	/* whoever has it has the device's certificate, too */
	if (strcmp(c.created_by, RENEWALS_SENDER) == 0)
		c.plist = blob_str("a renewal; its profile holds a secret");
	out_json_blob(&cli->out, "plist", c.plist);
	out_json_blob(&cli->out, "result", c.result);
	if (!cli->json) {
		cmd_command_print("Sent", c.plist);
		cmd_command_print("Answer", c.result);
	}
	commands_release(&c);
	return r;
}

static const struct cli_option send_options[] = {
	{ "query", "A,B,...", "what DeviceInformation asks for", 0 },
	{ "file", "PLIST", "a whole command as property list", 0 },
	{ "priority", "N", "0 to 9; higher goes first (0)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option list_options[] = {
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "send",
	    .arguments = "HOST [TYPE]",
	    .help = "queues a command, such as DeviceInformation",
	    .options = send_options,
	    .least = 1,
	    .most = 2,
	    .needs = CLI_WRITE,
	    .run = cmd_command_send },
	{ .name = "list",
	    .arguments = "HOST",
	    .help = "lists a host's commands, newest first",
	    .options = list_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = cmd_command_list },
	{ .name = "show",
	    .arguments = "UUID",
	    .help = "shows a command and what the device answered",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = cmd_command_show },
	{ .run = NULL },
};

const struct cli_noun cmd_command = {
	"command",
	"Send commands and read their answers",
	verbs,
};
