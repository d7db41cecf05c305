#include "admin-api-records.h"

#include "base/clock.h"
#include "config.h"
#include "openapi.h"
#include "store/activities.h"
#include "store/ade_devices.h"
#include "store/alarms.h"
#include "store/hosts.h"
#include "store/jobs.h"

/* The latest time that a query may give, in seconds since 1970. */
#define TIME_MAX INT64_C(99999999999)

static void
write_activity(const struct activity *a, struct out_json *w)
{
	out_json_open_object(w, NULL);
	out_json_int(w, "id", a->id);
	admin_api_http_time(w, "at", a->at);
	out_json_string(w, "actor", a->actor);
	admin_api_http_string(w, "remote", a->remote);
	out_json_string(w, "action", a->action);
	admin_api_http_string(w, "serial_number", a->serial);
	admin_api_http_string(w, "before", a->before);
	admin_api_http_string(w, "after", a->after);
	admin_api_http_string(w, "detail", a->detail);
	out_json_close_object(w);
}

int
admin_api_records_activities(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "actor", "action",
		"serial_number", "from", "to", "limit", "cursor", NULL };
	struct admin_api *api = p;
	struct activity_filter filter = { .limit = 0 };
	struct activity_list rows;
	struct out_json w;
	int limit, r;
	bool more;
	size_t n;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_page(api, &limit, &filter.before_id)) != OK ||
	    (r = admin_api_http_number(
		 api, "from", 1, TIME_MAX, 0, &filter.from)) != OK ||
	    (r = admin_api_http_number(
		 api, "to", 1, TIME_MAX, 0, &filter.to)) != OK)
		return r;
	filter.actor = form_get(api->query, "actor");
	filter.action = form_get(api->query, "action");
	filter.serial = form_get(api->query, "serial_number");
	filter.limit = limit + 1;
	if ((r = activities_list(api->context.db, &filter, &rows)) != OK)
		return r;
	n = rows.n > (size_t)limit ? (size_t)limit : rows.n;
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "activities");
	for (size_t i = 0; i < n; i++)
		write_activity(&rows.rows[i], &w);
	out_json_close_array(&w);
	/* damaged rows are left out, but were read: they count for the limit */
	more = n > 0 && rows.n + rows.damaged > (size_t)limit;
	admin_api_http_next(&w, more ? rows.rows[n - 1].id : 0);
	activities_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static void
write_alarm(const struct alarm *a, struct out_json *w)
{
	out_json_open_object(w, NULL);
	out_json_int(w, "id", a->id);
	out_json_string(w, "kind", a->kind);
	out_json_string(w, "severity", alarms_severity_name(a->severity));
	admin_api_http_string(w, "serial_number", a->serial);
	out_json_string(w, "text", a->text);
	admin_api_http_time(w, "raised_at", a->raised_at);
	admin_api_http_time(w, "last_seen_at", a->last_seen_at);
	admin_api_http_time(w, "closed_at", a->closed_at);
	out_json_close_object(w);
}

int
admin_api_records_alarms(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "all", "limit", "cursor", NULL };
	struct admin_api *api = p;
	struct alarm_list rows;
	struct out_json w;
	int64_t before;
	int limit, r;
	bool all;
	size_t n;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_page(api, &limit, &before)) != OK ||
	    (r = admin_api_http_flag(api, "all", &all)) != OK ||
	    (r = alarms_list(api->context.db, all, before, limit + 1, &rows)) !=
		OK)
		return r;
	n = rows.n > (size_t)limit ? (size_t)limit : rows.n;
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "alarms");
	for (size_t i = 0; i < n; i++)
		write_alarm(&rows.rows[i], &w);
	out_json_close_array(&w);
	admin_api_http_next(&w, rows.n > n ? rows.rows[n - 1].id : 0);
	alarms_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static void
write_device(const struct ade_device *d, struct out_json *w)
{
	out_json_open_object(w, NULL);
	out_json_string(w, "account", d->account);
	out_json_string(w, "serial_number", d->serial);
	admin_api_http_string(w, "model", d->model);
	admin_api_http_string(w, "description", d->description);
	admin_api_http_string(w, "color", d->color);
	admin_api_http_string(w, "device_family", d->device_family);
	admin_api_http_string(w, "profile_status", d->profile_status);
	admin_api_http_time(w, "added_at", d->added_at);
	admin_api_http_time(w, "removed_at", d->removed_at);
	out_json_close_object(w);
}

int
admin_api_records_devices(void *p, const struct req *req, struct resp *resp)
{
	static const char *const fields[] = { "account", "search", "limit",
		"cursor", NULL };
	struct admin_api *api = p;
	struct ade_device_filter filter = { .limit = 0 };
	struct ade_device_list rows;
	struct out_json w;
	int r;

	if ((r = admin_api_http_query(api, req, fields)) != OK ||
	    (r = admin_api_http_limit(api, &filter.limit, &filter.cursor)) !=
		OK)
		return r;
	filter.account = form_get(api->query, "account");
	filter.search = form_text(api->query, "search");
	if ((r = ade_devices_list(api->context.db, &filter, &rows)) != OK)
		return admin_api_http_listed(api, r);
	admin_api_http_open(&w, resp);
	out_json_open_array(&w, "devices");
	for (size_t i = 0; i < rows.n; i++)
		write_device(&rows.rows[i], &w);
	out_json_close_array(&w);
	admin_api_http_string(&w, "next", rows.next);
	ade_devices_list_release(&rows);
	return admin_api_http_send(&w, 200, resp);
}

static int
write_hosts(struct db *db, struct out_json *w)
{
	struct host_counts counts;
	int r = hosts_count(db, &counts);

	if (r != OK)
		return r;
	out_json_open_object(w, "hosts");
	out_json_int(w, "total", counts.total);
	out_json_int(w, "enrolled", counts.enrolled);
	out_json_int(w, "attested", counts.attested);
	out_json_int(w, "not_attested", counts.not_attested);
	out_json_close_object(w);
	return OK;
}

static void
write_job(const struct job_row *job, struct out_json *w)
{
	out_json_open_object(w, NULL);
	out_json_string(w, "name", job->name);
	out_json_string(w, "state", jobs_state_name(job, clock_now()));
	admin_api_http_time(w, "started_at", job->started_at);
	admin_api_http_time(w, "ended_at", job->ended_at);
	admin_api_http_time(w, "next_run_at", job->next_run_at);
	out_json_int(w, "duration_ms", job->duration_ms);
	out_json_int(w, "failures", job->failures);
	admin_api_http_string(w, "text", job->text);
	admin_api_http_string(w, "last_error", job->last_error);
	out_json_close_object(w);
}

static int
write_jobs(struct db *db, struct out_json *w)
{
	char silent[JOBS_TEXT];
	struct job_list list;
	int r = jobs_list(db, &list);

	if (r != OK)
		return r;
	out_json_bool(w, "worker_silent",
	    jobs_are_silent(&list, clock_now(), silent, sizeof silent));
	out_json_open_array(w, "jobs");
	for (size_t i = 0; i < list.n; i++)
		write_job(&list.rows[i], w);
	out_json_close_array(w);
	jobs_list_release(&list);
	return OK;
}

int
admin_api_records_status(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	struct db *db = api->context.db;
	struct out_json w;
	int64_t alarms;
	int r;

	if ((r = admin_api_http_no_query(api, req)) != OK ||
	    (r = alarms_count_open(db, &alarms)) != OK)
		return r;
	admin_api_http_open(&w, resp);
	out_json_string(&w, "version", PACKAGE_VERSION);
	out_json_int(&w, "schema", db_schema_number());
	out_json_string(&w, "organization", api->context.conf->organization);
	out_json_bool(&w, "test_bench", conf_is_test_bench(api->context.conf));
	out_json_int(&w, "alarms_open", alarms);
	if ((r = write_hosts(db, &w)) != OK || (r = write_jobs(db, &w)) != OK)
		return r;
	return admin_api_http_send(&w, 200, resp);
}

int
admin_api_records_openapi(void *p, const struct req *req, struct resp *resp)
{
	return resp_body(resp, 200, "application/json",
	    blob_of(openapi_text, openapi_length));
}
