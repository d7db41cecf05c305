#include "admin-api-enrollments.h"

#include <string.h>

#include "admin/admin_enrollment.h"
#include "admin/admin_link.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/events.h"

/* Room for a note, whose limit admin_link_create() states. */
#define NOTE_TEXT 101

static int
write_enrollment(
    struct admin_api *api, const struct enrollment *e, struct out_json *w)
{
	const char *status;
	int r = admin_enrollment_status(api->context.db, e, &status);

	if (r != OK)
		return r;
	admin_api_http_string(
	    w, "id", admin_enrollment_id(api->token.role, e));
	admin_api_http_string(w, "serial_number", e->device.serial);
	admin_api_http_string(w, "udid", e->device.udid);
	admin_api_http_string(w, "product", e->device.product);
	admin_api_http_string(w, "os_version", e->device.os_version);
	out_json_string(w, "source", enrollments_source_name(e->source));
	admin_api_http_string(w, "account", e->account);
	out_json_string(w, "purpose", enrollments_purpose_name(e->purpose));
	out_json_string(w, "method", enrollments_method_name(e->method));
	out_json_string(w, "state", status);
	admin_api_http_string(w, "remote_address", e->remote_address);
	admin_api_http_time(w, "created_at", e->created_at);
	admin_api_http_time(w, "expires_at", e->expires_at);
	return OK;
}

static int
write_enrollments(struct admin_api *api, const struct enrollment_list *list,
    struct out_json *w)
{
	int r = OK;

	out_json_open_array(w, "enrollments");
	for (size_t i = 0; i < list->n && r == OK; i++) {
		out_json_open_object(w, NULL);
		r = write_enrollment(api, &list->rows[i], w);
		out_json_close_object(w);
	}
	out_json_close_array(w);
	return r;
}

int
admin_api_enrollments_list(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "search", "limit", "cursor",
		NULL };
	struct admin_api *api = p;
	struct enrollment_list rows;
	struct out_json w;
	const char *cursor;
	int limit, r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &limit, &cursor)) != OK)
		return r;
	if ((r = enrollments_list(api->context.db,
		 form_text(api->query, "search"), cursor, limit, &rows)) != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	r = write_enrollments(api, &rows, &w);
	admin_api_http_string(&w, "next", rows.next);
	enrollments_list_release(&rows);
	return r == OK ? admin_api_http_send(&w, 200, resp) : r;
}

static void
write_event(const struct event_row *e, struct out_json *w)
{
	bool bad = e->outcome != EVENT_OK;

	out_json_open_object(w, NULL);
	admin_api_http_time(w, "at", e->at);
	out_json_string(w, "step", e->step);
	out_json_string(w, "outcome", events_outcome_name(e->outcome));
	admin_api_http_string(w, "code", e->code);
	admin_api_http_string(w, "reason", e->reason);
	admin_api_http_string(
	    w, "advice", bad ? err_advice(err_find(e->code)) : "");
	admin_api_http_string(w, "remote_address", e->remote_address);
	out_json_close_object(w);
}

static int
write_events(struct admin_api *api, const char *id, struct out_json *w)
{
	struct event_list events;
	int r = events_list_by_enrollment(api->context.db, id, &events);

	if (r != OK)
		return r;
	out_json_open_array(w, "events");
	for (size_t i = 0; i < events.n; i++)
		write_event(&events.rows[i], w);
	out_json_close_array(w);
	events_list_release(&events);
	return OK;
}

int
admin_api_enrollments_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	struct enrollment e;
	struct out_json w;
	int r;

	if ((r = admin_api_http_no_query(api, req)) != OK ||
	    (r = enrollments_load(
		 api->context.db, req_path_param(req, "id"), &e)) != OK)
		return r;
	admin_api_http_open(&w, resp);
	if ((r = write_enrollment(api, &e, &w)) != OK ||
	    (r = write_events(api, e.id, &w)) != OK)
		return r;
	return admin_api_http_send(&w, 200, resp);
}

static void
write_link(const struct admin_api *api, const struct enrollment_link *link,
    struct out_json *w)
{
	/* the enrollment may be open, and its id a secret: admin_enrollment_id() */
	bool may = admin_actor_may(api->token.role, ADMIN_CHANGE_HOSTS);

	out_json_string(w, "id", link->id);
	admin_api_http_string(w, "serial_number", link->serial);
	admin_api_http_string(w, "note", link->note);
	out_json_string(w, "state",
	    enrollment_links_state_name(
		enrollment_links_state(link, clock_now())));
	out_json_string(w, "created_by", link->created_by);
	admin_api_http_time(w, "created_at", link->created_at);
	admin_api_http_time(w, "expires_at", link->expires_at);
	admin_api_http_time(w, "used_at", link->used_at);
	admin_api_http_string(
	    w, "enrollment_id", may ? link->enrollment_id : "");
}

int
admin_api_enrollments_links(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "limit", "cursor", NULL };
	struct admin_api *api = p;
	struct enrollment_link_list rows;
	struct out_json w;
	const char *cursor;
	int limit, r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &limit, &cursor)) != OK)
		return r;
	if ((r = enrollment_links_list(
		 api->context.db, cursor, limit, &rows)) != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "links");
	for (size_t i = 0; i < rows.n; i++) {
		out_json_open_object(&w, NULL);
		write_link(api, &rows.rows[i], &w);
		out_json_close_object(&w);
	}
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", rows.next);
	enrollment_links_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static int
make_link(struct admin_api *api, const struct json *body, struct resp *resp)
{
	struct admin_actor actor = admin_api_http_actor(api);
	char serial[DB_SERIAL_TEXT], note[NOTE_TEXT];
	char url[ADMIN_LINK_URL_TEXT];
	struct enrollment_link link;
	struct out_json w;
	int r;

	if ((r = admin_api_http_text(
		 api, body, "serial_number", serial, sizeof serial)) != OK ||
	    (r = admin_api_http_text(api, body, "note", note, sizeof note)) !=
		OK)
		return r;
	r = admin_link_create(&actor, serial, note, &link, url);
	if (r == ERR_FIELD)
		admin_api_http_field(api, r, "serial_number");
	if (r == OK) {
		admin_api_http_open(&w, resp);
		write_link(api, &link, &w);
		out_json_string(&w, "url", url);
		r = admin_api_http_send(&w, 201, resp);
	}
	secret_wipe(url, sizeof url);
	return r;
}

int
admin_api_enrollments_new_link(
    void *p, const struct req *req, struct resp *resp)
{
	static const char *const members[] = { "serial_number", "note", NULL };
	struct admin_api *api = p;
	struct json *body = NULL;
	int r;

	if ((r = admin_api_http_no_query(api, req)) == OK &&
	    (r = admin_api_http_body(api, req, members, true, &body)) == OK)
		r = make_link(api, body, resp);
	in_json_free(body);
	return r;
}

int
admin_api_enrollments_revoke_link(
    void *p, const struct req *req, struct resp *resp)
{
	const char *id = req_path_param(req, "id");
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	int r;

	if ((r = admin_api_http_no_query(api, req)) != OK ||
	    (r = admin_link_revoke(&actor, &id, 1)) != OK)
		return r;
	resp->status = 204;
	return OK;
}
