#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/commands/verbs.h"
#include "sim/forge/model.h"

#define PROCESSES 4096
#define STEPS     32

/* What one process tells: that it is ready, or how one device fared. */
struct row {
	int code;       /* OK or an error code */
	double seconds; /* of the device; CPU used so far when ready */
	char step[32];  /* "" unless refused */
	int status;
};

struct fleet {
	struct player player;
	const char *prefix;
	long count;
	long first;
	long concurrency;
	bool list;
	bool json;
	int results[2]; /* pipe: one row for each event */
	int go[2];      /* pipe: closed by the parent when the clock starts */
	/* The result */
	double *seconds; /* of each enrollment that succeeded */
	size_t enrolled;
	size_t refused;
	size_t failed;
	struct {
		struct row row;
		size_t count;
	} steps[STEPS]; /* where and how they were refused */
	double elapsed; /* seconds */
	double cpu;     /* of the simulator, in seconds, since the start */
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
cpu_time(int who)
{
	struct rusage u;

	if (getrusage(who, &u) != 0)
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
name(const struct fleet *f, long i, char *out, size_t room)
{
	snprintf(out, room, "%s%06ld", f->prefix, f->first + i);
}

/* Devices of one process share the key that signs MachineInfo. */
static int
prepare(struct fleet *f, long i, struct apple_device *d)
{
	struct player *p = &f->player;
	bool small = fault_on(&p->faults, FAULT_KEY_P256);
	struct model m;
	char serial[65];
	int r;

	apple_device_init(d);
	name(f, i, serial, sizeof serial);
	if ((r = apple_device_describe(
		 d, serial, p->product, p->os_version, p->build)) != OK ||
	    (r = apple_device_make_shared(d, &p->device)) != OK)
		return r;
	m = model_of(d->product);
	/* What is no use to the identity's payload is made anew then. */
	if (!m.attests)
		return keypair_make("RSA-2048", &d->hardware_key);
	if ((r = keypair_make("P-256", &d->account_key)) != OK)
		return r;
	return keypair_make(small ? "P-256" : "P-384", &d->hardware_key);
}

static void
tell(const struct fleet *f, const struct row *row)
{
	/* Smaller than PIPE_BUF, so rows never mix. */
	if (write(f->results[1], row, sizeof *row) != (ssize_t)sizeof *row)
		_exit(1);
}

static void
enroll(struct fleet *f, struct apple_device *d)
{
	struct player *p = &f->player;
	struct apple_device own = p->device;
	struct row row = { 0 };
	double start = now();

	p->device = *d;
	p->refused_step = NULL;
	row.code = player_enroll(p);
	row.seconds = now() - start;
	if (p->refused_step != NULL) {
		snprintf(row.step, sizeof row.step, "%s", p->refused_step);
		row.status = p->refused_status;
	}
	apple_device_release(&p->device);
	p->device = own;
	tell(f, &row);
}

/* The devices part, part + concurrency, … one after the other. */
static int
run_child(struct fleet *f, long part)
{
	long share = (f->count - part + f->concurrency - 1) / f->concurrency;
	struct apple_device *devices = calloc((size_t)share, sizeof *devices);
	struct row ready = { 0 };
	char c;
	int r = devices == NULL ? ERR_NOMEM : OK;

	if (r == OK)
		r = apple_device_make(&f->player.device, &f->player.apple);
	for (long i = 0; i < share && r == OK; i++)
		r = prepare(f, part + i * f->concurrency, &devices[i]);
	ready.code = r;
	ready.seconds = cpu_time(RUSAGE_SELF);
	tell(f, &ready);
	/* Nothing is ever written: the end of file is the start signal. */
	while (read(f->go[0], &c, 1) < 0 && errno == EINTR)
		;
	for (long i = 0; i < share && r == OK; i++)
		enroll(f, &devices[i]);
	free(devices);
	return r;
}

static int
fork_children(struct fleet *f)
{
	fflush(stdout);
	for (long part = 0; part < f->concurrency; part++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail(ERR_IO, "fork: %s", strerror(errno));
		if (pid == 0) {
			close(f->go[1]);
			close(f->results[0]);
			exit(run_child(f, part) == OK ? 0 : 1);
		}
	}
	close(f->results[1]);
	return OK;
}

static bool
read_row(struct fleet *f, struct row *row)
{
	ssize_t n;

	do
		n = read(f->results[0], row, sizeof *row);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof *row;
}

static void
count(struct fleet *f, const struct row *row)
{
	size_t i = 0;

	if (row->code == OK) {
		f->seconds[f->enrolled++] = row->seconds;
	} else if (row->step[0] == '\0') {
		f->failed++;
	} else {
		f->refused++;
		while (i < STEPS - 1 && f->steps[i].count > 0 &&
		    (f->steps[i].row.status != row->status ||
			strcmp(f->steps[i].row.step, row->step) != 0))
			i++;
		f->steps[i].row = *row;
		f->steps[i].count++;
	}
}

static int
collect(struct fleet *f)
{
	struct row row;
	double start;
	int r = OK;

	for (long i = 0; i < f->concurrency && read_row(f, &row); i++) {
		f->cpu -= row.seconds;
		if (row.code != OK)
			r = row.code;
	}
	start = now();
	close(f->go[1]);
	while (read_row(f, &row))
		count(f, &row);
	f->elapsed = now() - start;
	while (wait(NULL) > 0)
		;
	f->cpu += cpu_time(RUSAGE_CHILDREN);
	return r;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Milliseconds; the latencies must be sorted. */
static double
percentile(const struct fleet *f, size_t percent)
{
	size_t i = f->enrolled * percent / 100;

	if (f->enrolled == 0)
		return 0;
	return f->seconds[i < f->enrolled ? i : f->enrolled - 1] * 1e3;
}

static void
print(struct fleet *f)
{
	size_t all = f->enrolled + f->refused + f->failed;
	double rate = f->elapsed > 0 ? (double)f->enrolled / f->elapsed : 0;
	double cpu = all > 0 ? f->cpu * 1e3 / (double)all : 0;

	qsort(f->seconds, f->enrolled, sizeof *f->seconds, compare);
	printf(f->json
		? "{\"enrolled\":%zu,\"refused\":%zu,\"failed\":%zu,"
		  "\"concurrency\":%ld,\"seconds\":%.3f,"
		  "\"per_second\":%.2f,\"p50_ms\":%.2f,\"p90_ms\":%.2f,"
		  "\"p99_ms\":%.2f,\"max_ms\":%.2f,"
		  "\"simulator_cpu_ms\":%.2f}\n"
		: "enrolled %zu, refused %zu, failed %zu, %ld at once\n"
		  "%.2f seconds, %.1f enrollments per second\n"
		  "latency in ms: p50 %.1f, p90 %.1f, p99 %.1f, max %.1f\n"
		  "CPU of the simulator per device: %.1f ms\n",
	    f->enrolled, f->refused, f->failed, f->concurrency, f->elapsed,
	    rate, percentile(f, 50), percentile(f, 90), percentile(f, 99),
	    percentile(f, 100), cpu);
	for (size_t i = 0; !f->json && i < STEPS && f->steps[i].count > 0; i++)
		printf("refused at %s: HTTP %d, %zu times\n",
		    f->steps[i].row.step, f->steps[i].row.status,
		    f->steps[i].count);
}

static int
measure(struct fleet *f)
{
	int r;

	f->seconds = calloc((size_t)f->count, sizeof *f->seconds);
	if (f->seconds == NULL)
		return fail(ERR_NOMEM, "no memory");
	if (pipe(f->results) != 0 || pipe(f->go) != 0)
		return fail(ERR_IO, "pipe: %s", strerror(errno));
	if ((r = fork_children(f)) != OK || (r = collect(f)) != OK)
		return r;
	print(f);
	if (f->failed > 0 || f->enrolled + f->refused == 0)
		return fail(ERR_IO, "%zu devices failed", f->failed);
	return f->refused > 0 ? ERR_UNAUTHORIZED : OK;
}

static int
read_options(struct fleet *f, int argc, char **argv)
{
	struct args table[ARGS_PLAYER + 5] = {
		{ "concurrency", .number = &f->concurrency },
		{ "serial-prefix", .text = &f->prefix },
		{ "first", .number = &f->first },
		{ "list", .flag = &f->list },
		{ "json", .flag = &f->json },
	};
	int r;

	args_player(&f->player, table + 5);
	if ((r = args_parse(&argc, argv, table, ARGS_COUNT(table))) != OK)
		return r;
	f->count = argc == 1 ? strtol(argv[0], NULL, 10) : 0;
	if (f->count < 1 || f->count > 1000000 || f->concurrency < 1 ||
	    f->concurrency > PROCESSES)
		return fail(
		    ERR_USAGE, "fleet N --concurrency 1..%d", PROCESSES);
	if (f->concurrency > f->count)
		f->concurrency = f->count;
	return OK;
}

static int
list(const struct fleet *f)
{
	char serial[65];

	for (long i = 0; i < f->count; i++) {
		name(f, i, serial, sizeof serial);
		puts(serial);
	}
	return OK;
}

int
fleet_run(int argc, char **argv)
{
	static struct fleet f = {
		.prefix = "SIM", .concurrency = 8, .first = 1
	};
	struct player *p = &f.player;
	int r;

	player_init(p);
	r = read_options(&f, argc, argv);
	if (r == OK && f.list) {
		r = list(&f);
	} else if (r == OK && (p->server == NULL || p->apple_dir == NULL)) {
		r = fail(ERR_USAGE, "--server and --apple are needed");
	} else if (r == OK) {
		if ((r = apple_load(p->apple_dir, &p->apple)) == OK)
			r = measure(&f);
	}
	free(f.seconds);
	player_release(p);
	return r;
}
