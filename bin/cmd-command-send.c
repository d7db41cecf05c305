#include "bin/cmd-command-send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_host.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/nearest.h"
#include "ca/file.h"
#include "mdm/command_types.h"
#include "mdm/command.h"
#include "store/activities.h"
#include "store/commands.h"
#include "store/renewals.h"

#define QUERIES_MAX 64

const struct cli_option cmd_command_send_options[] = {
	{ "query", "A,B,...", "what DeviceInformation asks for", 0 },
	{ "file", "PLIST", "a whole command as property list", 0 },
	{ "priority", "N", "0 to 9; higher goes first (0)", 0 },
	{ "yes", NULL, "send also what erases, locks or restarts", 0 },
	{ "force", NULL, "send also what is not known here", 0 },
	{ NULL, NULL, NULL, 0 },
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

/* The name that is like this one, or NULL. */
static const char *
cmd_command_nearest(const char *type)
{
	unsigned best = NEAREST_ENOUGH + 1, distance;
	const char *found = NULL;
	size_t i, n;
	const struct command_type *all = command_types_all(&n);

	for (i = 0; i < n; i++) {
		distance = nearest_distance(all[i].type, type);
		if (distance < best) {
			best = distance;
			found = all[i].type;
		}
	}
	return found;
}

static int
cmd_command_unknown(const char *type)
{
	const char *near = cmd_command_nearest(type);

	if (near != NULL)
		return fail(ERR_FIELD,
		    "no command is called %s; did you mean %s?", type, near);
	return fail(ERR_FIELD,
	    "no command is called %s; --force sends it all the same", type);
}

/* A device executes whatever it gets, so typing errors must end here. */
static int
cmd_command_check(const struct cli *cli, const struct command_text *text)
{
	const struct command_type *e = command_types_find(text->request_type);
	bool force = cli_flag(cli, "force");
	int r;

	if (e == NULL)
		return force ? OK : cmd_command_unknown(text->request_type);
	if (!force && (r = command_check_keys(text)) != OK)
		return cli_option(cli, "file") != NULL
		    ? r
		    : fail(r,
			  "%s; write the command as a property list for --file",
			  log_reason());
	if (e->danger != NULL && !cli_flag(cli, "yes"))
		return fail(ERR_USAGE,
		    "%s %s; give --yes if you mean it", e->type, e->danger);
	return OK;
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
	    text->uuid, host->device.serial);
	c.plist = buf_blob(&text->plist);
	c.priority = priority;
	c.needs_client_certificate = text->needs_client_certificate;
	if ((r = db_begin(cli->db)) != OK)
		return r;
	if ((r = commands_enqueue(cli->db, &c)) == OK &&
	    (r = activities_add(cli->db, cli->actor, "command.send", detail)) ==
		OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	if (r == ERR_CONFLICT)
		return fail(r,
		    "%s takes no commands (it is %s), or has this CommandUUID "
		    "already",
		    host->device.serial, hosts_state_name(host->state));
	return r;
}

int
cmd_command_send(struct cli *cli)
{
	struct command_text text;
	struct host host;
	int priority, r;

	command_text_init(&text);
	if ((r = cli_number(cli, "priority", 0, 9, 0, &priority)) != OK ||
	    (r = cmd_command_build(cli, &text)) != OK ||
	    (r = cmd_command_check(cli, &text)) != OK ||
	    (r = admin_host_find(cli->db, cli->arguments[0], &host)) != OK ||
	    (r = cmd_command_enqueue(cli, &host, &text, priority)) != OK)
		goto done;
	out_json_string(&cli->out, "uuid", text.uuid);
	out_json_string(&cli->out, "request_type", text.request_type);
	out_json_string(&cli->out, "host_id", host.id);
	cli_say(cli, "%s %s is queued; %s gets it at its next check-in.",
	    text.request_type, text.uuid, host.device.serial);
done:
	command_text_release(&text);
	return r;
}

/* A renewal does not stay open without its command. */
static int
cmd_command_take_back(struct cli *cli, const struct command *c)
{
	struct renewal renewal;
	int r = renewals_load(cli->db, c->host_id, &renewal);

	if (r == OK && renewal.enrollment_id[0] != '\0' &&
	    strcmp(renewal.command_uuid, c->uuid) == 0)
		return renewals_fail(cli->db, c->host_id, false,
		    "an administrator cancelled its command");
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return commands_cancel(cli->db, c->host_id, c->uuid);
}

static int
cmd_command_cancel_one(
    struct cli *cli, const struct host *host, const char *uuid, bool *sent)
{
	char detail[256];
	struct command c;
	int r = commands_load(cli->db, host->id, uuid, &c);

	if (r == ERR_NOT_FOUND)
		return fail(
		    r, "host %s has no command %s", host->device.serial, uuid);
	if (r != OK)
		return r;
	*sent = c.sent_at != 0;
	snprintf(detail, sizeof(detail), "%.100s %s to %s", c.request_type,
	    c.uuid, host->device.serial);
	if (c.state != COMMAND_QUEUED && c.state != COMMAND_SENT &&
	    c.state != COMMAND_NOT_NOW)
		r = fail(ERR_CONFLICT, "it is over already: %s",
		    commands_state_name(c.state));
	else if ((r = cmd_command_take_back(cli, &c)) == OK)
		r = activities_add(
		    cli->db, cli->actor, "command.cancel", detail);
	commands_release(&c);
	return r;
}

int
cmd_command_cancel(struct cli *cli)
{
	const char *uuid = cli->arguments[1];
	struct host host;
	bool sent;
	int r;

	if ((r = admin_host_find(cli->db, cli->arguments[0], &host)) != OK ||
	    (r = db_begin(cli->db)) != OK)
		return r;
	if ((r = cmd_command_cancel_one(cli, &host, uuid, &sent)) == OK)
		r = db_commit(cli->db);
	db_rollback(cli->db);
	if (r != OK)
		return r;
	out_json_string(&cli->out, "uuid", uuid);
	out_json_bool(&cli->out, "sent", sent);
	cli_say(cli, "%s is cancelled%s.", uuid,
	    sent ? "; it was sent, so the device may have carried it out" : "");
	return OK;
}
