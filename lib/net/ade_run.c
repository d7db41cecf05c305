#include "net/ade_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "net/ade_assign.h"
#include "net/ade_sync.h"

#define TEXT_SIZE (ADE_ERROR_TEXT + ADE_ACCOUNT_TEXT + 32)

enum task_kind { SYNC, ASSIGN, TASKS };

struct task {
	/* NULL: it does not run */
	ade_run_done *done;
	void *arg;
};

/* An account: its client, and when a task for it ended last. */
struct client {
	struct ade_service service;
	int64_t ended_at[TASKS];
};

struct ade_run {
	struct net *net;
	struct db *db;
	const struct conf *conf;
	struct client *clients[ADE_ACCOUNTS_MAX];
	size_t client_count;
	struct task tasks[TASKS];
	/* the task that is at work, and where it stands */
	bool busy;
	enum task_kind kind;
	struct ade_account_list accounts;
	size_t at;
	struct client *client;
	int code;
	int done_count;
	struct ade_sync sync;
	struct ade_assign assign;
};

int
ade_run_new(struct net *net, struct db *db, const struct conf *conf,
    struct ade_run **out)
{
	struct ade_run *run = calloc(1, sizeof *run);

	*out = run;
	if (run == NULL)
		return fail(
		    ERR_NOMEM, "no memory for the accounts at Apple Business");
	run->net = net;
	run->db = db;
	run->conf = conf;
	return OK;
}

void
ade_run_free(struct ade_run *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; i < run->client_count; i++) {
		ade_service_close(&run->clients[i]->service);
		free(run->clients[i]);
	}
	if (run->busy && run->kind == ASSIGN) {
		ade_devices_list_release(&run->assign.batch);
		buf_release(&run->assign.definition);
	}
	ade_accounts_list_release(&run->accounts);
	free(run);
}

static struct client *
find_client(const struct ade_run *run, const char *account)
{
	for (size_t i = 0; i < run->client_count; i++)
		if (strcmp(run->clients[i]->service.account, account) == 0)
			return run->clients[i];
	return NULL;
}

/* The client of an account, with its session if it has one. */
static int
open_client(struct ade_run *run, const struct ade_account *account,
    struct client **out)
{
	struct client *c = find_client(run, account->name);

	*out = NULL;
	if (c == NULL) {
		if (run->client_count == ADE_ACCOUNTS_MAX ||
		    (c = calloc(1, sizeof *c)) == NULL)
			return fail(ERR_NOMEM, "no room for another account");
		ade_service_open(
		    &c->service, run->net, run->conf, account->name);
		run->clients[run->client_count++] = c;
	}
	*out = c;
	return ade_service_load(&c->service, account->consumer_key);
}

/* A clock that was set back ends a rest. */
static bool
rests(const struct ade_run *run, enum task_kind kind, const char *account)
{
	const struct client *c = find_client(run, account);
	int64_t since = c == NULL ? 0 : c->ended_at[kind], now = clock_now();

	return since != 0 && now >= since && now - since < ADE_RUN_REST;
}

static int
is_due(const struct ade_run *run, enum task_kind kind,
    const struct ade_account *a, bool *out)
{
	*out = false;
	if (a->consumer_key[0] == '\0')
		return OK;
	if (kind == ASSIGN)
		return ade_assign_is_due(run->db, run->conf, a, out);
	*out = ade_sync_has_come(a->sync_next_at);
	return OK;
}

/* What the accounts are like after a run. */
struct summary {
	int64_t devices;
	/* of the first that fails; "" when none does */
	char failing[TEXT_SIZE];
};

static int
add_account(
    struct ade_run *run, const struct ade_account *a, struct summary *out)
{
	const char *error = run->kind == SYNC ? a->sync_error : a->assign_error;
	int64_t ours, gone;
	int r;

	if (a->consumer_key[0] == '\0')
		return OK;
	if (error[0] != '\0' && out->failing[0] == '\0')
		snprintf(out->failing, sizeof out->failing, "%s: %s", a->name,
		    error);
	r = ade_devices_count(run->db, a->name, &ours, &gone);
	out->devices += ours;
	return r;
}

static int
sum_up(struct ade_run *run, struct summary *out)
{
	struct ade_account_list list;
	int r = ade_accounts_list(run->db, &list);

	*out = (struct summary){ .devices = 0 };
	for (size_t i = 0; r == OK && i < list.n; i++)
		r = add_account(run, &list.rows[i], out);
	ade_accounts_list_release(&list);
	return r;
}

static void begin(struct ade_run *run);

static void
end_task(struct ade_run *run)
{
	struct task task = run->tasks[run->kind];
	struct summary s;
	char text[TEXT_SIZE];
	int r = sum_up(run, &s);

	ade_accounts_list_release(&run->accounts);
	if (run->code == OK)
		run->code = r;
	/* an account that waits for its next try still fails */
	if (run->code == OK && s.failing[0] != '\0')
		run->code = ERR_ADE_UNAVAILABLE;
	if (run->code != OK)
		snprintf(text, sizeof text, "%s",
		    s.failing[0] != '\0' ? s.failing : log_reason());
	else
		snprintf(text, sizeof text, "%" PRId64 " devices%s", s.devices,
		    run->done_count == 0 ? ", nothing was due" : "");
	run->tasks[run->kind].done = NULL;
	run->busy = false;
	task.done(task.arg, run->code, text);
	begin(run);
}

static void
note_result(struct ade_run *run, int code)
{
	if (code == OK) {
		run->done_count++;
		return;
	}
	if (run->code == OK)
		run->code = code;
}

static void next_account(struct ade_run *run);

static void
on_account(void *arg, int code)
{
	struct ade_run *run = arg;

	if (run->client != NULL)
		run->client->ended_at[run->kind] = clock_now();
	note_result(run, code);
	next_account(run);
}

static void
start_account(struct ade_run *run, const struct ade_account *a)
{
	int r = open_client(run, a, &run->client);

	if (r != OK)
		on_account(run,
		    run->kind == SYNC
			? ade_sync_failed(run->db, a, r, "", 0)
			: ade_assign_failed(run->db, a, r, "", 0));
	else if (run->kind == SYNC)
		ade_sync_start(&run->sync, &run->client->service, run->db, a,
		    on_account, run);
	else
		ade_assign_start(&run->assign, &run->client->service, run->db,
		    a, on_account, run);
}

static void
next_account(struct ade_run *run)
{
	const struct ade_account *a;
	bool due;
	int r;

	while (run->at < run->accounts.n) {
		a = &run->accounts.rows[run->at++];
		if ((r = is_due(run, run->kind, a, &due)) != OK) {
			note_result(run, r);
		} else if (due && !rests(run, run->kind, a->name)) {
			start_account(run, a);
			return;
		}
	}
	end_task(run);
}

/* The task that waits, if none is at work. */
static void
begin(struct ade_run *run)
{
	enum task_kind kind;

	for (kind = SYNC; kind < TASKS && run->tasks[kind].done == NULL; kind++)
		;
	if (run->busy || kind == TASKS)
		return;
	run->busy = true;
	run->kind = kind;
	run->at = 0;
	run->done_count = 0;
	run->code = ade_accounts_list(run->db, &run->accounts);
	next_account(run);
}

static void
start_task(
    struct ade_run *run, enum task_kind kind, ade_run_done *done, void *arg)
{
	run->tasks[kind] = (struct task){ done, arg };
	begin(run);
}

void
ade_run_sync(struct ade_run *run, ade_run_done *done, void *arg)
{
	start_task(run, SYNC, done, arg);
}

void
ade_run_assign(struct ade_run *run, ade_run_done *done, void *arg)
{
	start_task(run, ASSIGN, done, arg);
}

static int
find_rest(struct ade_run *run, enum task_kind kind, bool *out)
{
	struct ade_account_list list;
	int r = ade_accounts_list(run->db, &list);
	bool due;

	*out = false;
	for (size_t i = 0; r == OK && i < list.n && !*out; i++) {
		r = is_due(run, kind, &list.rows[i], &due);
		*out = r == OK && due && rests(run, kind, list.rows[i].name);
	}
	ade_accounts_list_release(&list);
	return r;
}

int
ade_run_sync_rests(struct ade_run *run, bool *out)
{
	return find_rest(run, SYNC, out);
}

int
ade_run_assign_rests(struct ade_run *run, bool *out)
{
	return find_rest(run, ASSIGN, out);
}
