#include "admin-api-metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "config.h"
#include "store/alarms.h"
#include "store/counters.h"
#include "store/hosts.h"
#include "store/jobs.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define DAY          INT64_C(86400)

static void
describe(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP attestmdm_%s %s\n# TYPE attestmdm_%s %s\n",
	    name, help, name, type);
}

/* Backslash, quote and line end are escaped in the value of a label. */
static void
add_label(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buf_add_str(out, "\\n");
		else if (*value == '\\' || *value == '"')
			buf_printf(out, "\\%c", *value);
		else
			buf_add_byte(out, (uint8_t)*value);
	}
	buf_add_byte(out, '"');
}

static void
add_value(struct buf *out, const char *name, int64_t value)
{
	buf_printf(out, "attestmdm_%s %lld\n", name, (long long)value);
}

static void
add_labelled(struct buf *out, const char *name, const char *label,
    const char *label_value, int64_t value)
{
	buf_printf(out, "attestmdm_%s{", name);
	add_label(out, label, label_value);
	buf_printf(out, "} %lld\n", (long long)value);
}

static void
add_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	describe(out, name, "gauge", help);
	add_value(out, name, value);
}

static void
add_build(struct buf *out)
{
	describe(out, "build_info", "gauge", "Version of the server.");
	buf_add_str(out, "attestmdm_build_info{");
	add_label(out, "version", PACKAGE_VERSION);
	buf_printf(out, ",schema=\"%d\"} 1\n", db_schema_number());
}

static int
add_hosts(struct buf *out, struct db *db)
{
	struct host_counts c;
	int r = hosts_count(db, &c);

	if (r != OK)
		return r;
	describe(out, "hosts", "gauge", "Hosts by state.");
	add_labelled(out, "hosts", "state", "pending", c.pending);
	add_labelled(out, "hosts", "state", "enrolled", c.enrolled);
	add_labelled(out, "hosts", "state", "unenrolled", c.unenrolled);
	add_labelled(out, "hosts", "state", "blocked", c.blocked);
	describe(out, "hosts_enrolled", "gauge",
	    "Enrolled hosts, by hardware attestation.");
	add_labelled(out, "hosts_enrolled", "attested", "true", c.attested);
	add_labelled(
	    out, "hosts_enrolled", "attested", "false", c.not_attested);
	return OK;
}

static void
add_counters_of(struct buf *out, const struct counter_list *list,
    const char *name, const char *first, const char *second)
{
	const struct counter *c;
	size_t i;

	for (i = 0; i < list->n; i++) {
		c = &list->rows[i];
		if (strcmp(c->name, name) != 0)
			continue;
		buf_printf(out, "attestmdm_%s_total{", name);
		add_label(out, first, c->first);
		buf_add_byte(out, ',');
		add_label(out, second, c->second);
		buf_printf(out, "} %lld\n", (long long)c->value);
	}
}

static int
add_counters(struct buf *out, struct db *db)
{
	struct counter_list list;
	int r = counters_list(db, &list);

	if (r != OK)
		return r;
	describe(out, COUNTERS_REFUSALS "_total", "counter",
	    "Refused and failed steps of devices, by step and reason.");
	add_counters_of(out, &list, COUNTERS_REFUSALS, "step", "code");
	describe(out, COUNTERS_ENROLLMENTS "_total", "counter",
	    "Enrollments and renewals that reached a state, by method.");
	add_counters_of(out, &list, COUNTERS_ENROLLMENTS, "method", "state");
	counters_list_release(&list);
	return OK;
}

static int
add_certificates(struct buf *out, struct db *db)
{
	static const int days[] = { 0, 7, 14, 30, 90 };
	int64_t now = clock_now(), n;
	char label[16];
	size_t i;
	int r;

	describe(out, "certificates_ending", "gauge",
	    "Certificates in use that end within this many days; counted up "
	    "to 10000.");
	for (i = 0; i < sizeof days / sizeof days[0]; i++) {
		r = counters_certificates_ending(db, now + days[i] * DAY, &n);
		if (r != OK)
			return r;
		snprintf(label, sizeof label, "%d", days[i]);
		add_labelled(out, "certificates_ending", "days", label, n);
	}
	return OK;
}

static int
add_queues(struct buf *out, struct db *db)
{
	int64_t pushes, renewals, alarms;
	int r;

	if ((r = counters_pushes_waiting(db, &pushes)) != OK ||
	    (r = counters_renewals_open(db, &renewals)) != OK ||
	    (r = alarms_count_open(db, &alarms)) != OK)
		return r;
	add_gauge(out, "pushes_waiting",
	    "Hosts that wait for a push; counted up to 10000.",
	    pushes);
	add_gauge(out, "renewals_open",
	    "Renewals that wait for their devices; counted up to 10000.",
	    renewals);
	add_gauge(out, "alarms_open", "Open alarms.", alarms);
	return OK;
}

static void
add_each_job(struct buf *out, const struct job_list *list)
{
	const struct job_row *job;
	size_t i;

	describe(out, "job_failures", "gauge",
	    "Failed runs in a row, by job of the worker.");
	for (i = 0; i < list->n; i++)
		add_labelled(out, "job_failures", "job", list->rows[i].name,
		    list->rows[i].failures);
	describe(out, "job_last_run_timestamp_seconds", "gauge",
	    "When the last run ended, by job of the worker.");
	for (i = 0; i < list->n; i++)
		add_labelled(out, "job_last_run_timestamp_seconds", "job",
		    list->rows[i].name, list->rows[i].ended_at);
	describe(out, "job_duration_seconds", "gauge",
	    "Duration of the last run, by job of the worker.");
	for (i = 0; i < list->n; i++) {
		job = &list->rows[i];
		buf_add_str(out, "attestmdm_job_duration_seconds{");
		add_label(out, "job", job->name);
		buf_printf(out, "} %lld.%03lld\n",
		    (long long)job->duration_ms / 1000,
		    (long long)job->duration_ms % 1000);
	}
}

static int
add_jobs(struct buf *out, struct db *db)
{
	char silent[JOBS_TEXT];
	struct job_list list;
	int r = jobs_list(db, &list);

	if (r != OK)
		return r;
	add_gauge(out, "worker_silent",
	    "1 when attestmdm-worker starts no jobs, else 0.",
	    jobs_are_silent(&list, clock_now(), silent, sizeof silent));
	add_each_job(out, &list);
	jobs_list_release(&list);
	return OK;
}

static int64_t
size_of(const char *path, const char *suffix)
{
	char name[4096];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void
add_size(struct buf *out, const char *path)
{
	describe(out, "database_size_bytes", "gauge",
	    "Size of the database, and of its write-ahead log.");
	add_labelled(
	    out, "database_size_bytes", "file", "database", size_of(path, ""));
	add_labelled(
	    out, "database_size_bytes", "file", "wal", size_of(path, "-wal"));
}

int
admin_api_metrics_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	struct buf *out = &resp->body;
	struct db *db = api->context.db;
	int r;

	add_build(out);
	if ((r = add_hosts(out, db)) != OK ||
	    (r = add_counters(out, db)) != OK ||
	    (r = add_certificates(out, db)) != OK ||
	    (r = add_queues(out, db)) != OK || (r = add_jobs(out, db)) != OK)
		return r;
	add_size(out, api->context.conf->database);
	return resp_set(resp, "Content-Type", METRICS_TYPE);
}
