#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/room.h"
#include "bin/inspect.h"
#include "bin/reach.h"
#include "store/jobs.h"
#include "web/nginx_secret.h"

#define MIB           (1024 * 1024)
#define LOG_WARNING   (INT64_C(64) * MIB)
#define TLS_WARNING   (INT64_C(14) * 86400)
#define PROBE_PATH    "/attestmdm-check"
#define PROBE_URL     "/acme/attestmdm-check/directory"
#define PROBE_PROBLEM "application/problem+json"

static const char *const programs[] = { "acme-directory", "acme-account",
	"acme-new-order", "acme-challenge", "acme-finalize", "scep",
	"profile-download", "enroll-sso", "mdm-checkin", "mdm-server",
	"admin-settings", "admin-api" };

#define PROGRAMS (sizeof programs / sizeof programs[0])

static bool
inspect_program(struct verdict *v, const struct conf *conf, const char *secret,
    const char *name)
{
	char socket[4096];
	int r;

	snprintf(socket, sizeof socket, "%s/%s.sock", conf->sockets, name);
	r = reach_program(socket, secret, PROBE_PATH);
	if (r == ERR_NOT_FOUND)
		verdict_add(v, VERDICT_BAD, "programs",
		    "%s has no socket %s: systemctl enable --now "
		    "attestmdm.target",
		    name, socket);
	else if (r != OK)
		verdict_add(v, VERDICT_BAD, "programs",
		    "%s does not answer (%s): systemctl status attestmdm@%s",
		    name, log_reason(), name);
	log_forget_reason();
	return r == OK;
}

void
inspect_programs(struct verdict *v, const struct conf *conf)
{
	char secret[SECRET_TOKEN_TEXT] = "";
	size_t i, good = 0;

	/* inspect_nginx_secret() reports one that cannot be read */
	if (nginx_secret_load(conf->nginx_secret, secret) != OK)
		secret[0] = '\0';
	for (i = 0; i < PROGRAMS; i++)
		good += inspect_program(v, conf, secret, programs[i]);
	secret_wipe(secret, sizeof secret);
	if (good == PROGRAMS)
		verdict_add(v, VERDICT_OK, "programs", "all %zu answer", good);
}

static void
inspect_jobs(struct verdict *v, const struct job_list *list)
{
	char silent[JOBS_TEXT];
	size_t good = 0;

	if (jobs_are_silent(list, clock_now(), silent, sizeof silent)) {
		verdict_add(v, VERDICT_BAD, "worker",
		    "%s: systemctl status attestmdm-worker", silent);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		if (list->rows[i].result != JOB_FAILED)
			good++;
		else
			verdict_add(v, VERDICT_WARNING, "worker",
			    "the job %s fails: %s", list->rows[i].name,
			    list->rows[i].text);
	}
	if (good == list->n)
		verdict_add(v, VERDICT_OK, "worker",
		    "none of its %zu jobs fails", good);
}

void
inspect_worker(struct verdict *v, const struct conf *conf)
{
	struct db *db = NULL;
	struct job_list list;

	/* inspect_state() reports one that cannot be read */
	if (db_open(conf->database, DB_READ_ONLY, &db) == OK &&
	    jobs_list(db, &list) == OK) {
		inspect_jobs(v, &list);
		if (list.damaged > 0)
			verdict_add(v, VERDICT_BAD, "worker",
			    "%zu rows of the table jobs are damaged",
			    list.damaged);
		jobs_list_release(&list);
	}
	log_forget_reason();
	db_close(db);
}

static void
inspect_tls_life(struct verdict *v, int64_t not_after)
{
	int64_t left = not_after - (int64_t)time(NULL);
	char until[CLOCK_TEXT];

	clock_people(not_after, until);
	if (left < TLS_WARNING)
		verdict_add(v, VERDICT_WARNING, "TLS",
		    "the certificate expires on %s: renew it", until);
	else
		verdict_add(v, VERDICT_OK, "TLS",
		    "the certificate is good for the URL until %s", until);
}

void
inspect_url(struct verdict *v, const struct conf *conf, const char *where)
{
	struct reach_answer answer = { .status = 0 };
	int r;

	buf_init(&answer.text, REACH_TEXT_MAX);
	r = reach_url(conf->url, PROBE_URL, where, conf->server_ca, &answer);
	if (r != OK)
		verdict_add(v, VERDICT_BAD, "TLS",
		    "%s: devices will not connect either; is the name in DNS, "
		    "nginx running, its certificate the one for this name?",
		    log_reason());
	else
		inspect_tls_life(v, answer.not_after);
	log_forget_reason();
	if (r == OK && strstr(buf_str(&answer.text), PROBE_PROBLEM) != NULL &&
	    answer.status < 500)
		verdict_add(v, VERDICT_OK, "reached",
		    "the programs answer at %s", conf->url);
	else if (r == OK)
		verdict_add(v, VERDICT_BAD, "reached",
		    "%s answers %d, and not as our programs do: include "
		    "attestmdm-devices.conf in that server { } and reload "
		    "nginx",
		    conf->url, answer.status);
	buf_release(&answer.text);
}

void
inspect_disk(struct verdict *v, const struct conf *conf)
{
	static const enum verdict_mark marks[] = {
		[ROOM_ENOUGH] = VERDICT_OK,
		[ROOM_LOW] = VERDICT_WARNING,
		[ROOM_NONE] = VERDICT_BAD,
	};
	char text[ROOM_TEXT];
	enum room room = room_at(conf->database, text);

	if (*text != '\0')
		verdict_add(v, marks[room], "disk", "%s", text);
}

void
inspect_log(struct verdict *v, const struct conf *conf)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof path, "%s-wal", conf->database);
	if (stat(path, &st) == 0 && st.st_size > LOG_WARNING)
		verdict_add(v, VERDICT_WARNING, "database log",
		    "%s has %lld MiB: has another program, such as sqlite3, "
		    "had "
		    "the database open for long? attestmdm purge cuts it",
		    path, (long long)(st.st_size / MIB));
}
