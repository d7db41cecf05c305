#include "admin-api-certificates.h"

#include <string.h>

#include "admin/admin_certificate.h"
#include "admin/admin_host.h"
#include "admin/admin_renewal.h"
#include "base/clock.h"
#include "base/log.h"

#define DAY INT64_C(86400)

static void
write_certificate(const struct certificate *c, struct out_json *w)
{
	bool revoked = c->state == CERTIFICATE_REVOKED;

	out_json_string(w, "id", c->id);
	admin_api_http_hex(w, "sha256", blob_of(c->sha256, sizeof c->sha256));
	admin_api_http_hex(
	    w, "number", blob_of(c->serial_number, c->serial_number_len));
	admin_api_http_string(w, "serial_number", c->serial);
	out_json_string(w, "enrollment_id", c->enrollment_id);
	out_json_string(w, "method", c->order_id[0] != '\0' ? "acme" : "scep");
	out_json_string(w, "purpose", enrollments_purpose_name(c->purpose));
	out_json_bool(w, "hardware_attested", c->hardware_attested);
	out_json_string(w, "state", certificates_state_name(c->state));
	admin_api_http_time(w, "not_before", c->not_before);
	admin_api_http_time(w, "not_after", c->not_after);
	admin_api_http_time(w, "first_used_at", c->first_used_at);
	admin_api_http_time(w, "revoked_at", revoked ? c->revoked_at : 0);
	admin_api_http_string(w, "revocation_reason",
	    revoked ? admin_certificate_reason_name(c->revocation_reason) : "");
}

int
admin_api_certificates_list(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "search", "limit", "cursor",
		NULL };
	struct admin_api *api = p;
	struct certificate_filter filter = { .limit = 0 };
	struct certificate_list rows;
	struct out_json w;
	int r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &filter.limit, &filter.cursor)) !=
		OK)
		return r;
	filter.search = form_text(api->query, "search");
	if ((r = certificates_list(api->context.db, &filter, &rows)) != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "certificates");
	for (size_t i = 0; i < rows.n; i++) {
		out_json_open_object(&w, NULL);
		write_certificate(&rows.rows[i], &w);
		out_json_close_object(&w);
	}
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", rows.next);
	certificates_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static int
send_certificate(
    struct admin_api *api, const struct req *req, struct resp *resp)
{
	struct certificate c;
	struct out_json w;
	int r;

	r = admin_certificate_find(
	    api->context.db, req_path_param(req, "id"), &c);
	if (r != OK)
		return r;
	admin_api_http_open(&w, resp);
	write_certificate(&c, &w);
	certificates_release(&c);
	return admin_api_http_send(&w, 200, resp);
}

int
admin_api_certificates_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	int r = admin_api_http_no_query(api, req);

	return r == OK ? send_certificate(api, req, resp) : r;
}

static int
revoke(struct admin_api *api, const struct req *req, const struct json *body)
{
	struct admin_actor actor = admin_api_http_actor(api);
	struct certificate c;
	char text[32];
	int reason, r;

	if ((r = admin_api_http_text(api, body, "reason", text, sizeof text)) !=
	    OK)
		return r;
	r = admin_certificate_reason(text[0] != '\0' ? text : NULL, &reason);
	if (r != OK)
		return admin_api_http_field(api, r, "reason");
	r = admin_certificate_find(
	    api->context.db, req_path_param(req, "id"), &c);
	if (r != OK)
		return r;
	r = admin_certificate_revoke(&actor, &c, 1, reason);
	certificates_release(&c);
	return r;
}

int
admin_api_certificates_revoke(void *p, const struct req *req, struct resp *resp)
{
	static const char *const members[] = { "reason", NULL };
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	struct json *body = NULL;
	int r;

	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_HOSTS)) == OK &&
	    (r = admin_api_http_no_query(api, req)) == OK &&
	    (r = admin_api_http_body(api, req, members, true, &body)) == OK)
		r = revoke(api, req, body);
	in_json_free(body);
	return r == OK ? send_certificate(api, req, resp) : r;
}

int
admin_api_certificates_renewals(
    void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "limit", "cursor", NULL };
	struct admin_api *api = p;
	const struct conf *conf = api->context.conf;
	struct renewal_query due = { .now = clock_now(),
		.window = conf->days_before * DAY,
		.grace = conf->expired_grace_days * DAY };
	struct renewal_candidate_list rows;
	char next[CURSOR_TEXT];
	const char *cursor;
	struct out_json w;
	int r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &due.limit, &cursor)) != OK)
		return r;
	r = renewal_candidates_list(
	    api->context.db, &due, cursor, &rows, next);
	if (r != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "due");
	for (size_t i = 0; i < rows.n; i++) {
		out_json_open_object(&w, NULL);
		out_json_string(&w, "host_id", rows.rows[i].host_id);
		out_json_string(&w, "serial_number", rows.rows[i].serial);
		admin_api_http_time(&w, "not_after", rows.rows[i].not_after);
		out_json_close_object(&w);
	}
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", next);
	renewal_candidates_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static void
note_method(void *arg, const struct renewal_run *run,
    const struct renewal_candidate *host, const struct decision *d)
{
	const char **method = arg;

	*method = decision_method_name(d->method);
}

static int
renew(struct admin_api *api, const struct json *body, struct resp *resp)
{
	struct admin_actor actor = admin_api_http_actor(api);
	const char *method = "";
	struct renewal_run run = { .option = RENEWER_NOW,
		.limit = 1,
		.on_host = note_method,
		.arg = &method };
	char name[DB_SERIAL_TEXT];
	struct out_json w;
	struct host host;
	int r;

	if ((r = admin_api_http_text(api, body, "host", name, sizeof name)) !=
		OK ||
	    (r = admin_api_http_bool(api, body, "dry_run", &run.dry_run)) != OK)
		return r;
	r = admin_host_find(api->context.db, name, &host);
	if (r == ERR_NOT_FOUND)
		return admin_api_http_field(api, ERR_FIELD, "host");
	if (r != OK || (r = admin_renewal_run(&actor, &run, &host)) != OK)
		return r;
	admin_api_http_open(&w, resp);
	out_json_string(&w, "host_id", host.id);
	out_json_bool(&w, "dry_run", run.dry_run);
	out_json_int(&w, "opened", run.opened);
	admin_api_http_string(&w, "method", method);
	return admin_api_http_send(&w, run.dry_run ? 200 : 201, resp);
}

int
admin_api_certificates_renew(void *p, const struct req *req, struct resp *resp)
{
	static const char *const members[] = { "host", "dry_run", NULL };
	struct admin_api *api = p;
	struct admin_actor actor = admin_api_http_actor(api);
	struct json *body = NULL;
	int r;

	if ((r = admin_actor_check(&actor, ADMIN_CHANGE_HOSTS)) == OK &&
	    (r = admin_api_http_no_query(api, req)) == OK &&
	    (r = admin_api_http_body(api, req, members, false, &body)) == OK)
		r = renew(api, body, resp);
	in_json_free(body);
	return r;
}
