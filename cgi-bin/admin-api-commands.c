#include "admin-api-commands.h"

#include <string.h>

#include "admin/admin_command.h"
#include "admin/admin_host.h"
#include "base/enc.h"
#include "base/log.h"

/* Of one DeviceInformation command. */
#define QUERIES_MAX 64

static int
find_host(struct admin_api *api, const struct req *req, struct host *out)
{
	return admin_host_find(
	    api->context.db, req_path_param(req, "host"), out);
}

static void
write_members(const struct command *c, struct out_json *w)
{
	out_json_string(w, "uuid", c->uuid);
	out_json_string(w, "host_id", c->host_id);
	out_json_string(w, "request_type", c->request_type);
	out_json_string(w, "state", commands_state_name(c->state));
	out_json_int(w, "priority", c->priority);
	out_json_string(w, "created_by", c->created_by);
	admin_api_http_time(w, "created_at", c->created_at);
	admin_api_http_time(w, "sent_at", c->sent_at);
	admin_api_http_time(w, "completed_at", c->completed_at);
	admin_api_http_string(w, "note", c->note);
}

int
admin_api_commands_list(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "limit", "cursor", NULL };
	struct admin_api *api = p;
	struct command_list commands;
	struct out_json w;
	struct host host;
	const char *cursor;
	int limit, r;
	size_t i;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &limit, &cursor)) != OK)
		return r;
	if ((r = find_host(api, req, &host)) != OK ||
	    (r = commands_list(
		 api->context.db, host.id, cursor, limit, &commands)) != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "commands");
	for (i = 0; i < commands.n; i++) {
		out_json_open_object(&w, NULL);
		write_members(&commands.rows[i], &w);
		out_json_close_object(&w);
	}
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", commands.next);
	commands_list_release(&commands);
	return admin_api_http_send(&w, 200, resp);
}

static int
send_command(struct admin_api *api, const struct command *c, struct resp *resp)
{
	struct out_json w;

	admin_api_http_open(&w, resp);
	write_members(c, &w);
	return admin_api_http_send(&w, 200, resp);
}

int
admin_api_commands_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	struct command c;
	struct host host;
	int r;

	if ((r = admin_api_http_no_query(api, req)) != OK ||
	    (r = find_host(api, req, &host)) != OK ||
	    (r = commands_load(api->context.db, host.id,
		 req_path_param(req, "command"), &c)) != OK)
		return r;
	r = send_command(api, &c, resp);
	commands_release(&c);
	return r;
}

static int
read_queries(struct admin_api *api, const struct json *body,
    const char **queries, size_t *n)
{
	struct json *array;
	struct blob text;

	*n = 0;
	if (!in_json_has(body, "queries"))
		return OK;
	if (in_json_array(body, "queries", &array) != OK ||
	    in_json_count(array) > QUERIES_MAX)
		goto bad;
	for (; *n < in_json_count(array); (*n)++) {
		if (in_json_at_string(array, *n, &text) != OK)
			goto bad;
		queries[*n] = (const char *)text.p;
	}
	return OK;
bad:
	return fail(admin_api_http_field(api, ERR_FIELD, "queries"),
	    "queries must be an array of at most %d strings", QUERIES_MAX);
}

/* A command by its RequestType; only DeviceInformation has parameters. */
static int
build_named(
    struct admin_api *api, const struct json *body, struct command_text *out)
{
	const char *queries[QUERIES_MAX];
	char type[DB_NAME_TEXT];
	size_t n;
	int r;

	if ((r = admin_api_http_text(
		 api, body, "request_type", type, sizeof type)) != OK ||
	    (r = read_queries(api, body, queries, &n)) != OK)
		return r;
	if (strcmp(type, "DeviceInformation") == 0) {
		r = command_device_information(queries, n, out);
		return r == ERR_FIELD ? admin_api_http_field(api, r, "queries")
				      : r;
	}
	if (n > 0)
		return fail(admin_api_http_field(api, ERR_FIELD, "queries"),
		    "only DeviceInformation takes queries");
	r = command_simple(type, out);
	return r == ERR_FIELD ? admin_api_http_field(api, r, "request_type")
			      : r;
}

/* A whole property list, in base64. */
static int
build_whole(
    struct admin_api *api, const struct json *body, struct command_text *out)
{
	struct blob text = { NULL, 0 };
	struct buf plist;
	int r = OK;

	if (in_json_has(body, "request_type") || in_json_has(body, "queries"))
		return fail(admin_api_http_field(api, ERR_FIELD, "command"),
		    "give either request_type or command");
	buf_init(&plist, ADMIN_API_COMMANDS_BODY);
	if (in_json_string(body, "command", &text) != OK ||
	    enc_base64_decode(text, &plist) != OK)
		r = fail(admin_api_http_field(api, ERR_FIELD, "command"),
		    "command must be a property list in base64");
	if (r == OK && (r = command_read(buf_blob(&plist), out)) != OK)
		admin_api_http_field(api, r, "command");
	buf_wipe(&plist);
	return r;
}

static int
send_queued(
    const struct command_text *text, const struct host *host, struct resp *resp)
{
	struct out_json w;

	admin_api_http_open(&w, resp);
	out_json_string(&w, "uuid", text->uuid);
	out_json_string(&w, "host_id", host->id);
	out_json_string(&w, "request_type", text->request_type);
	out_json_string(&w, "state", commands_state_name(COMMAND_QUEUED));
	return admin_api_http_send(&w, 201, resp);
}

static int
queue(struct admin_api *api, const struct req *req, const struct json *body,
    struct command_text *text, struct resp *resp)
{
	struct admin_actor actor = admin_api_http_actor(api);
	struct admin_command command = { .text = text };
	struct host host;
	int64_t priority;
	int r;

	if ((r = admin_api_http_int(
		 api, body, "priority", 0, 9, 0, &priority)) != OK ||
	    (r = admin_api_http_bool(
		 api, body, "confirm", &command.confirmed)) != OK ||
	    (r = in_json_has(body, "command")
		    ? build_whole(api, body, text)
		    : build_named(api, body, text)) != OK ||
	    (r = find_host(api, req, &host)) != OK)
		return r;
	command.priority = (int)priority;
	r = admin_command_send(&actor, &host, &command);
	if (r == ERR_UNCONFIRMED)
		admin_api_http_field(api, r, "confirm");
	else if (r == ERR_FIELD)
		admin_api_http_field(api, r,
		    in_json_has(body, "command") ? "command" : "request_type");
	return r == OK ? send_queued(text, &host, resp) : r;
}

int
admin_api_commands_queue(void *p, const struct req *req, struct resp *resp)
{
	static const char *const members[] = { "request_type", "queries",
		"command", "priority", "confirm", NULL };
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	struct command_text text;
	struct json *body = NULL;
	int r;

	command_text_init(&text);
	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_HOSTS)) == OK &&
	    (r = admin_api_http_no_query(api, req)) == OK &&
	    (r = admin_api_http_body(api, req, members, false, &body)) == OK)
		r = queue(api, req, body, &text, resp);
	in_json_free(body);
	command_text_release(&text);
	return r;
}

int
admin_api_commands_cancel(void *p, const struct req *req, struct resp *resp)
{
	const char *uuid = req_path_param(req, "command");
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	struct out_json w;
	struct host host;
	bool sent;
	int r;

	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_HOSTS)) != OK ||
	    (r = admin_api_http_no_query(api, req)) != OK ||
	    (r = find_host(api, req, &host)) != OK ||
	    (r = admin_command_cancel(&actor, &host, uuid, &sent)) != OK)
		return r;
	admin_api_http_open(&w, resp);
	out_json_string(&w, "uuid", uuid);
	out_json_string(&w, "state", commands_state_name(COMMAND_CANCELLED));
	out_json_bool(&w, "was_sent", sent);
	return admin_api_http_send(&w, 200, resp);
}
