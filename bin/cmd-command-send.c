#include "bin/cmd-command-send.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_command.h"
#include "admin/admin_host.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "ca/file.h"
#include "mdm/command_types.h"
#include "store/push_certificate.h"
#include "store/pushes.h"

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

/* Can it be pushed to, as far as we know? */
static bool
can_be_woken(struct cli *cli, const struct host *host)
{
	struct push_certificate certificate;
	struct push push;

	return push_certificate_load(cli->db, &certificate) == OK &&
	    certificate.stopped_at == 0 &&
	    pushes_load(cli->db, host->id, &push) == OK && push.token_len > 0 &&
	    push.dead_at == 0 && strcmp(push.topic, certificate.topic) == 0;
}

int
cmd_command_send(struct cli *cli)
{
	struct command_text text;
	struct admin_command c = { .text = &text,
		.confirmed = cli_flag(cli, "yes"),
		.force = cli_flag(cli, "force") };
	struct host host;
	int r;

	command_text_init(&text);
	if ((r = cli_number(cli, "priority", 0, 9, 0, &c.priority)) != OK ||
	    (r = cmd_command_build(cli, &text)) != OK ||
	    (r = admin_host_find(cli->db, cli->arguments[0], &host)) != OK)
		goto done;
	r = admin_command_send(&cli->admin, &host, &c);
	if (r == ERR_UNCONFIRMED)
		r = fail(r, "%s; repeat it with --yes if you are sure",
		    log_reason());
	else if (r == ERR_FIELD &&
	    command_types_find(text.request_type) == NULL)
		r = fail(r, "%s; --force sends it all the same", log_reason());
	else if (r == ERR_FIELD && cli_option(cli, "file") == NULL)
		r = fail(r,
		    "%s; write the command as a property list for --file",
		    log_reason());
	if (r != OK)
		goto done;
	out_json_string(&cli->out, "uuid", text.uuid);
	out_json_string(&cli->out, "request_type", text.request_type);
	out_json_string(&cli->out, "host_id", host.id);
	cli_say(cli,
	    can_be_woken(cli, &host)
		? "%s %s is queued; a push wakes %s to get it."
		: "%s %s is queued; %s gets it when it next checks in by "
		  "itself, because it cannot be pushed to.",
	    text.request_type, text.uuid, host.device.serial);
done:
	command_text_release(&text);
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
	    (r = admin_command_cancel(&cli->admin, &host, uuid, &sent)) != OK)
		return r;
	out_json_string(&cli->out, "uuid", uuid);
	out_json_bool(&cli->out, "sent", sent);
	cli_say(cli, "%s is cancelled%s.", uuid,
	    sent ? "; it was sent, so the device may have carried it out" : "");
	return OK;
}
