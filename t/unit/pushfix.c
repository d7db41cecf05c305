#include "unit/pushfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/commands.h"

struct pushfix
pushfix_host(void **state)
{
	struct pushfix f = { .db = storefix_db(state) };

	storefix_host(f.db, "S1", 1, &f.host);
	storefix_change(f.db, "UPDATE hosts SET topic = 't'");
	return f;
}

struct pushfix
pushfix_queued(void **state)
{
	struct pushfix f = pushfix_host(state);

	pushfix_queue(&f, "A");
	return f;
}

void
pushfix_load(struct pushfix *f)
{
	assert_int_equal(pushes_load(f->db, f->host.id, &f->push), OK);
}

int64_t
pushfix_due(struct pushfix *f)
{
	struct push push;

	assert_int_equal(pushes_load(f->db, f->host.id, &push), OK);
	return push.due_at == 0 ? -1 : push.due_at - clock_now();
}

void
pushfix_queue_for(struct db *db, const struct host *host, const char *uuid)
{
	struct command c = { .request_type = "DeviceInformation",
		.plist = blob_str("<plist/>"),
		.created_by = "cli:root" };

	snprintf(c.uuid, sizeof c.uuid, "%s", uuid);
	memcpy(c.host_id, host->id, sizeof host->id);
	WRITE(db, commands_enqueue(db, &c));
}

void
pushfix_queue(struct pushfix *f, const char *uuid)
{
	pushfix_queue_for(f->db, &f->host, uuid);
}

bool
pushfix_take(struct pushfix *f)
{
	struct push_list list;

	WRITE(f->db, pushes_take(f->db, 10, &list));
	assert_true(list.n <= 1);
	if (list.n == 0)
		return false;
	f->push = list.rows[0];
	pushes_list_release(&list);
	return true;
}

void
pushfix_store(struct pushfix *f, enum push_outcome outcome)
{
	struct push_result result = { .outcome = outcome,
		.status = outcome == PUSH_ACCEPTED ? 200 : 500,
		.reason = "Reason",
		.apns_id = "ID" };

	WRITE(f->db, pushes_store(f->db, &f->push, &result));
}

void
pushfix_store_dead(struct pushfix *f, int64_t since)
{
	struct push_result result = { .outcome = PUSH_DEAD,
		.status = 410,
		.reason = "Unregistered",
		.dead_since = since };

	WRITE(f->db, pushes_store(f->db, &f->push, &result));
}

void
pushfix_send(struct pushfix *f, enum push_outcome outcome)
{
	assert_true(pushfix_take(f));
	pushfix_store(f, outcome);
}

void
pushfix_token_update(struct pushfix *f, const char *token)
{
	struct host_tokens tokens = { .push_token = blob_str(token),
		.push_magic = "magic" };
	bool first;

	WRITE(f->db, hosts_token_update(f->db, f->host.id, &tokens, &first));
}

int
pushfix_want_silent(struct pushfix *f)
{
	int n;

	WRITE(f->db, pushes_want_silent(f->db, 10, &n));
	return n;
}

int
pushfix_alarms(struct db *db, const char *kind)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM alarms WHERE kind = '%s'"
	    " AND closed_at IS NULL",
	    kind);
	return storefix_sql(db, sql);
}
