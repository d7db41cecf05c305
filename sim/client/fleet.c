#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/client/enroll.h"
#include "sim/client/fleet.h"
#include "sim/forge/model.h"
#include "sim/client/player.h"
#include "sim/client/tally.h"

#define FLEET_PROCESSES 4096

struct fleet {
	struct player session;
	const char *prefix;
	long count;
	long first;
	long concurrency;
	bool list;
	bool json;
	int results[2]; /* pipe: one struct tally_row per event */
	int go[2];      /* pipe: closed by the parent when the clock starts */
};

static double
fleet_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
fleet_cpu(int who)
{
	struct rusage u;

	if (getrusage(who, &u) != 0)
		return 0;
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
fleet_serial(const struct fleet *f, long i, char *out, size_t room)
{
	snprintf(out, room, "%s%06ld", f->prefix, f->first + i);
}

/* Devices of one process share the key that signs MachineInfo. */
static int
fleet_prepare(struct fleet *f, long i, struct apple_device *d)
{
	struct player *s = &f->session;
	bool small = fault_on(&s->faults, FAULT_KEY_P256);
	struct model p;
	char serial[65];
	int rc;

	apple_device_init(d);
	fleet_serial(f, i, serial, sizeof serial);
	if ((rc = apple_device_describe(
		 d, serial, s->product, s->os_version, s->build)) != OK ||
	    (rc = apple_device_make_shared(d, &s->device)) != OK)
		return rc;
	p = model_of(d->product);
	/* What is no use to the identity's payload is made anew then. */
	if (!p.attests)
		return keypair_make("RSA-2048", &d->hardware_key);
	if ((rc = keypair_make("P-256", &d->account_key)) != OK)
		return rc;
	return keypair_make(small ? "P-256" : "P-384", &d->hardware_key);
}

static void
fleet_tell(const struct fleet *f, const struct tally_row *row)
{
	/* Smaller than PIPE_BUF, so rows never mix. */
	ssize_t n = write(f->results[1], row, sizeof *row);

	if (n != (ssize_t)sizeof *row)
		_exit(1);
}

static void
fleet_enroll(struct fleet *f, struct apple_device *d)
{
	struct player *s = &f->session;
	struct apple_device own = s->device;
	struct tally_row row = { 0 };
	double start = fleet_now();

	s->device = *d;
	s->refusal.step = NULL;
	row.code = enroll_device(s);
	row.seconds = fleet_now() - start;
	if (s->refusal.step != NULL) {
		snprintf(row.step, sizeof row.step, "%s", s->refusal.step);
		row.status = s->refusal.status;
	}
	apple_device_release(&s->device);
	s->device = own;
	fleet_tell(f, &row);
}

/* The devices part, part + concurrency, … one after the other. */
static int
fleet_child(struct fleet *f, long part)
{
	long share = (f->count - part + f->concurrency - 1) / f->concurrency;
	struct apple_device *devices = calloc((size_t)share, sizeof *devices);
	struct tally_row ready = { .is_ready = true };
	char c;
	int rc = devices == NULL ? ERR_NOMEM : OK;

	if (rc == OK)
		rc = apple_device_make(&f->session.device, &f->session.apple);
	for (long i = 0; i < share && rc == OK; i++)
		rc = fleet_prepare(f, part + i * f->concurrency, &devices[i]);
	ready.code = rc;
	ready.seconds = fleet_cpu(RUSAGE_SELF);
	fleet_tell(f, &ready);
	/* Nothing is ever written: the end of file is the start signal. */
	while (read(f->go[0], &c, 1) < 0 && errno == EINTR)
		;
	for (long i = 0; i < share && rc == OK; i++)
		fleet_enroll(f, &devices[i]);
	free(devices);
	return rc;
}

static int
fleet_fork(struct fleet *f)
{
	fflush(stdout);
	for (long part = 0; part < f->concurrency; part++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail(ERR_IO, "fork: %s", strerror(errno));
		if (pid == 0) {
			close(f->go[1]);
			close(f->results[0]);
			_exit(fleet_child(f, part) == OK ? 0 : 1);
		}
	}
	close(f->results[1]);
	return OK;
}

static bool
fleet_read(struct fleet *f, struct tally_row *row)
{
	size_t have = 0;

	while (have < sizeof *row) {
		ssize_t n =
		    read(f->results[0], (char *)row + have, sizeof *row - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static int
fleet_collect(struct fleet *f, struct tally *t)
{
	struct tally_row row;
	long ready = 0;
	double start;
	int rc = OK;

	while (ready < f->concurrency && fleet_read(f, &row)) {
		ready++;
		t->cpu -= row.seconds;
		if (row.code != OK)
			rc = row.code;
	}
	start = fleet_now();
	close(f->go[1]);
	while (fleet_read(f, &row) && rc == OK)
		rc = tally_add(t, &row);
	t->elapsed_seconds = fleet_now() - start;
	while (wait(NULL) > 0)
		;
	return rc;
}

static int
fleet_measure(struct fleet *f)
{
	struct tally tally;
	int rc;

	if (pipe(f->results) != 0 || pipe(f->go) != 0)
		return fail(ERR_IO, "pipe: %s", strerror(errno));
	tally_init(&tally);
	rc = fleet_fork(f);
	if (rc == OK)
		rc = fleet_collect(f, &tally);
	tally.cpu += fleet_cpu(RUSAGE_CHILDREN);
	if (rc == OK) {
		tally_print(&tally, f->concurrency, f->json);
		rc = tally_outcome(&tally);
	}
	tally_release(&tally);
	return rc;
}

static int
fleet_list(const struct fleet *f)
{
	char serial[65];

	for (long i = 0; i < f->count; i++) {
		fleet_serial(f, i, serial, sizeof serial);
		puts(serial);
	}
	return OK;
}

static int
fleet_options(struct fleet *f, int argc, char **argv)
{
	struct args table[PLAYER_OPTIONS + 5] = {
		{ "concurrency", NULL, NULL, &f->concurrency, false },
		{ "serial-prefix", &f->prefix, NULL, NULL, false },
		{ "first", NULL, NULL, &f->first, false },
		{ "list", NULL, &f->list, NULL, false },
		{ "json", NULL, &f->json, NULL, false },
	};
	int rc;

	player_options(&f->session, table + 5);
	rc = args_parse(&argc, argv, table, ARGS_COUNT(table));
	if (rc != OK)
		return rc;
	f->count = argc == 1 ? strtol(argv[0], NULL, 10) : 0;
	if (f->count < 1 || f->count > 1000000 || f->concurrency < 1 ||
	    f->concurrency > FLEET_PROCESSES)
		return fail(
		    ERR_USAGE, "fleet N --concurrency 1..%d", FLEET_PROCESSES);
	if (f->concurrency > f->count)
		f->concurrency = f->count;
	return OK;
}

int
fleet_run(int argc, char **argv)
{
	struct fleet *f = calloc(1, sizeof *f);
	int rc;

	if (f == NULL)
		return fail(ERR_NOMEM, "no memory");
	player_init(&f->session);
	f->prefix = "SIM";
	f->concurrency = 8;
	f->first = 1;
	rc = fleet_options(f, argc, argv);
	if (rc == OK && f->list) {
		rc = fleet_list(f);
	} else if (rc == OK) {
		if (f->session.server == NULL || f->session.apple_dir == NULL)
			rc = fail(ERR_USAGE, "--server and --apple are needed");
		if (rc == OK)
			rc = player_ready(&f->session);
		if (rc == OK)
			rc =
			    apple_load(f->session.apple_dir, &f->session.apple);
		if (rc == OK)
			rc = fleet_measure(f);
	}
	player_release(&f->session);
	free(f);
	return rc;
}
