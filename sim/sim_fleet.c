#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/sim_enroll.h"
#include "sim/sim_fleet.h"
#include "sim/sim_product.h"
#include "sim/sim_session.h"
#include "sim/sim_tally.h"

#define SIM_FLEET_PROCESSES 4096

struct sim_fleet {
	struct sim_session session;
	const char *prefix;
	long count;
	long first;
	long concurrency;
	bool list;
	bool json;
	int results[2]; /* pipe: one struct sim_tally_row per event */
	int go[2];      /* pipe: closed by the parent when the clock starts */
};

static double
sim_fleet_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
sim_fleet_cpu(int who)
{
	struct rusage u;

	if (getrusage(who, &u) != 0)
		return 0;
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
sim_fleet_serial(const struct sim_fleet *f, long i, char *out, size_t room)
{
	snprintf(out, room, "%s%06ld", f->prefix, f->first + i);
}

/* Devices of one process share the key that signs MachineInfo. */
static int
sim_fleet_prepare(struct sim_fleet *f, long i, struct sim_device *d)
{
	struct sim_session *s = &f->session;
	bool small = sim_knob_on(&s->knobs, SIM_KNOB_KEY_P256);
	struct sim_product p;
	char serial[65];
	int rc;

	sim_device_init(d);
	sim_fleet_serial(f, i, serial, sizeof serial);
	if ((rc = sim_device_describe(
		 d, serial, s->product, s->os_version, s->build)) != OK ||
	    (rc = sim_device_make_shared(d, &s->device)) != OK)
		return rc;
	p = sim_product_of(d->product);
	/* What is no use to the identity's payload is made anew then. */
	if (!p.attests)
		return sim_key_make("RSA-2048", &d->hardware_key);
	if ((rc = sim_key_make("P-256", &d->account_key)) != OK)
		return rc;
	return sim_key_make(small ? "P-256" : "P-384", &d->hardware_key);
}

static void
sim_fleet_tell(const struct sim_fleet *f, const struct sim_tally_row *row)
{
	/* Smaller than PIPE_BUF, so rows never mix. */
	ssize_t n = write(f->results[1], row, sizeof *row);

	if (n != (ssize_t)sizeof *row)
		_exit(1);
}

static void
sim_fleet_enroll(struct sim_fleet *f, struct sim_device *d)
{
	struct sim_session *s = &f->session;
	struct sim_device own = s->device;
	struct sim_tally_row row = { 0 };
	double start = sim_fleet_now();

	s->device = *d;
	s->refusal.step = NULL;
	row.code = sim_enroll_device(s);
	row.seconds = sim_fleet_now() - start;
	if (s->refusal.step != NULL) {
		snprintf(row.step, sizeof row.step, "%s", s->refusal.step);
		row.status = s->refusal.status;
	}
	sim_device_release(&s->device);
	s->device = own;
	sim_fleet_tell(f, &row);
}

/* The devices part, part + concurrency, … one after the other. */
static int
sim_fleet_child(struct sim_fleet *f, long part)
{
	long share = (f->count - part + f->concurrency - 1) / f->concurrency;
	struct sim_device *devices = calloc((size_t)share, sizeof *devices);
	struct sim_tally_row ready = { .is_ready = true };
	char c;
	int rc = devices == NULL ? ERR_NOMEM : OK;

	if (rc == OK)
		rc = sim_device_make(&f->session.device, &f->session.apple);
	for (long i = 0; i < share && rc == OK; i++)
		rc = sim_fleet_prepare(
		    f, part + i * f->concurrency, &devices[i]);
	ready.code = rc;
	ready.seconds = sim_fleet_cpu(RUSAGE_SELF);
	sim_fleet_tell(f, &ready);
	/* Nothing is ever written: the end of file is the start signal. */
	while (read(f->go[0], &c, 1) < 0 && errno == EINTR)
		;
	for (long i = 0; i < share && rc == OK; i++)
		sim_fleet_enroll(f, &devices[i]);
	free(devices);
	return rc;
}

static int
sim_fleet_fork(struct sim_fleet *f)
{
	fflush(stdout);
	for (long part = 0; part < f->concurrency; part++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail(ERR_IO, "fork: %s", strerror(errno));
		if (pid == 0) {
			close(f->go[1]);
			close(f->results[0]);
			_exit(sim_fleet_child(f, part) == OK ? 0 : 1);
		}
	}
	close(f->results[1]);
	return OK;
}

static bool
sim_fleet_read(struct sim_fleet *f, struct sim_tally_row *row)
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
sim_fleet_collect(struct sim_fleet *f, struct sim_tally *t)
{
	struct sim_tally_row row;
	long ready = 0;
	double start;
	int rc = OK;

	while (ready < f->concurrency && sim_fleet_read(f, &row)) {
		ready++;
		t->cpu -= row.seconds;
		if (row.code != OK)
			rc = row.code;
	}
	start = sim_fleet_now();
	close(f->go[1]);
	while (sim_fleet_read(f, &row) && rc == OK)
		rc = sim_tally_add(t, &row);
	t->elapsed_seconds = sim_fleet_now() - start;
	while (wait(NULL) > 0)
		;
	return rc;
}

static int
sim_fleet_measure(struct sim_fleet *f)
{
	struct sim_tally tally;
	int rc;

	if (pipe(f->results) != 0 || pipe(f->go) != 0)
		return fail(ERR_IO, "pipe: %s", strerror(errno));
	sim_tally_init(&tally);
	rc = sim_fleet_fork(f);
	if (rc == OK)
		rc = sim_fleet_collect(f, &tally);
	tally.cpu += sim_fleet_cpu(RUSAGE_CHILDREN);
	if (rc == OK) {
		sim_tally_print(&tally, f->concurrency, f->json);
		rc = sim_tally_outcome(&tally);
	}
	sim_tally_release(&tally);
	return rc;
}

static int
sim_fleet_list(const struct sim_fleet *f)
{
	char serial[65];

	for (long i = 0; i < f->count; i++) {
		sim_fleet_serial(f, i, serial, sizeof serial);
		puts(serial);
	}
	return OK;
}

static int
sim_fleet_options(struct sim_fleet *f, int argc, char **argv)
{
	struct sim_opt table[SIM_SESSION_OPTIONS + 5] = {
		{ "concurrency", NULL, NULL, &f->concurrency, false },
		{ "serial-prefix", &f->prefix, NULL, NULL, false },
		{ "first", NULL, NULL, &f->first, false },
		{ "list", NULL, &f->list, NULL, false },
		{ "json", NULL, &f->json, NULL, false },
	};
	int rc;

	sim_session_options(&f->session, table + 5);
	rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));
	if (rc != OK)
		return rc;
	f->count = argc == 1 ? strtol(argv[0], NULL, 10) : 0;
	if (f->count < 1 || f->count > 1000000 || f->concurrency < 1 ||
	    f->concurrency > SIM_FLEET_PROCESSES)
		return fail(ERR_USAGE, "fleet N --concurrency 1..%d",
		    SIM_FLEET_PROCESSES);
	if (f->concurrency > f->count)
		f->concurrency = f->count;
	return OK;
}

int
sim_fleet_run(int argc, char **argv)
{
	struct sim_fleet *f = calloc(1, sizeof *f);
	int rc;

	if (f == NULL)
		return fail(ERR_NOMEM, "no memory");
	sim_session_init(&f->session);
	f->prefix = "SIM";
	f->concurrency = 8;
	f->first = 1;
	rc = sim_fleet_options(f, argc, argv);
	if (rc == OK && f->list) {
		rc = sim_fleet_list(f);
	} else if (rc == OK) {
		if (f->session.server == NULL || f->session.apple_dir == NULL)
			rc = fail(ERR_USAGE, "--server and --apple are needed");
		if (rc == OK)
			rc = sim_session_ready(&f->session);
		if (rc == OK)
			rc = sim_apple_load(
			    f->session.apple_dir, &f->session.apple);
		if (rc == OK)
			rc = sim_fleet_measure(f);
	}
	sim_session_release(&f->session);
	free(f);
	return rc;
}
