#include "admin-export.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin-host-filter.h"
#include "base/clock.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "web/session.h"
#include "wire/out_csv.h"

#define PART_ROWS 200

/* Seconds; a million hosts take about 12. */
#define RETRY_AFTER "10"

#define CSV_TYPE "text/csv; charset=utf-8; header=present"

static const char *const columns[] = { "serial_number", "udid", "name", "model",
	"product", "os_version", "build_version", "state", "attested", "account",
	"enrolled_at", "last_seen_at", "certificate_ends_at" };

struct export {
	struct db *db;
	/* held from start to end; -1 before */
	int turn;
	/* what the filter's texts belong to */
	struct form *query;
	struct admin_host_filter filter;
	char next[CURSOR_TEXT];
	bool done;
};

static void
release(void *arg)
{
	struct export *e = arg;

	if (e->turn >= 0)
		close(e->turn);
	form_free(e->query);
	free(e);
}

static void
add_time(struct out_csv *csv, int64_t t)
{
	char text[CLOCK_TEXT] = "";

	if (t != 0)
		clock_rfc3339(t, text);
	out_csv_cell(csv, text);
}

static void
add_host(struct out_csv *csv, const struct host *h)
{
	out_csv_cell(csv, h->device.serial);
	out_csv_cell(csv, h->device.udid);
	out_csv_cell(csv, h->device_name);
	out_csv_cell(
	    csv, h->model_name[0] != '\0' ? h->model_name : h->model);
	out_csv_cell(csv, h->device.product);
	out_csv_cell(csv, h->device.os_version);
	out_csv_cell(csv, h->device.build_version);
	out_csv_cell(csv, hosts_state_name(h->state));
	out_csv_cell(csv, hosts_is_attested(h) ? "yes" : "no");
	out_csv_cell(csv, h->account);
	add_time(csv, h->enrolled_at);
	add_time(csv, h->last_seen_at);
	add_time(csv, h->certificate_ends_at);
	out_csv_end(csv);
}

/* A page of the list may be empty and not the last; a part is never. */
static int
add_part(void *arg, struct buf *out)
{
	struct export *e = arg;
	struct out_csv csv = { .out = out };
	struct host_list list;
	size_t before = out->n;
	int r;

	while (!e->done && out->n == before) {
		r = host_list_load(e->db, &e->filter.filter, &list);
		if (r != OK)
			return r;
		for (size_t i = 0; i < list.n; i++)
			add_host(&csv, &list.rows[i]);
		snprintf(e->next, sizeof e->next, "%s", list.next);
		e->filter.filter.cursor = e->next;
		e->done = list.next[0] == '\0';
		host_list_release(&list);
	}
	return buf_status(out);
}

static int
set_headers(struct resp *resp)
{
	int r = resp_set(resp, "Content-Type", CSV_TYPE);

	return r == OK ? resp_set(resp, "Content-Disposition",
			     "attachment; filename=\"hosts.csv\"")
		       : r;
}

/*
 * An export keeps a worker busy for seconds, and nginx holds back only a second one
 * for the same address. So there is one at a time on the whole server, or a few people
 * could occupy all workers. What is locked is the database's folder: it is
 * there, and only the programs can open it.
 */
static int
take_turn(struct export *e, const char *database, struct resp *resp)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof path, "%s", database);
	if ((r = lockfile_try(dirname(path), &e->turn)) != ERR_BUSY)
		return r;
	resp_set(resp, "Retry-After", RETRY_AFTER);
	return fail(ERR_EXPORT_BUSY, "another export of hosts is under way");
}

/* The first part is read before anything is sent: what cannot be is refused. */
static int
begin(struct export *e, struct resp *resp)
{
	struct out_csv csv = { .out = &resp->body };
	int r;

	if ((r = admin_host_filter_read(e->query, &e->filter)) != OK)
		return r;
	e->filter.filter.cursor = NULL;
	e->filter.filter.limit = PART_ROWS;
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		out_csv_cell(&csv, columns[i]);
	out_csv_end(&csv);
	if ((r = add_part(e, &resp->body)) != OK)
		return r;
	return set_headers(resp);
}

int
admin_export_hosts(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct session session;
	struct export *e;
	int r = session_load(app->context.db, req, &session);

	secret_wipe(&session, sizeof session);
	if (r != OK)
		return r;
	if ((e = calloc(1, sizeof *e)) == NULL)
		return fail(ERR_NOMEM, "no memory for an export");
	resp_stream(resp, add_part, release, e);
	e->db = app->context.db;
	e->turn = -1;
	if ((r = form_parse(blob_str(req->query), &e->query)) != OK ||
	    (r = take_turn(e, app->context.conf->database, resp)) != OK)
		return r;
	return begin(e, resp);
}
