#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/client/tally.h"

void
tally_init(struct tally *t)
{
	memset(t, 0, sizeof *t);
}

void
tally_release(struct tally *t)
{
	free(t->seconds);
	tally_init(t);
}

static void
tally_refusal(struct tally *t, const struct tally_row *row)
{
	size_t i = 0;

	t->refused++;
	while (i < t->steps_count &&
	    (t->steps[i].status != row->status ||
		strcmp(t->steps[i].step, row->step) != 0))
		i++;
	if (i == TALLY_STEPS)
		return;
	if (i == t->steps_count) {
		memcpy(t->steps[i].step, row->step, sizeof row->step);
		t->steps[i].status = row->status;
		t->steps_count++;
	}
	t->steps[i].count++;
}

int
tally_add(struct tally *t, const struct tally_row *row)
{
	double *grown;

	if (row->code != OK) {
		if (row->step[0] != '\0')
			tally_refusal(t, row);
		else
			t->failed++;
		return OK;
	}
	if (t->enrolled == t->room) {
		t->room = t->room == 0 ? 1024 : 2 * t->room;
		grown = realloc(t->seconds, t->room * sizeof *grown);
		if (grown == NULL)
			return fail(ERR_NOMEM, "no memory");
		t->seconds = grown;
	}
	t->seconds[t->enrolled++] = row->seconds;
	return OK;
}

static int
tally_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Milliseconds; the latencies must be sorted. */
static double
tally_percentile(const struct tally *t, size_t percent)
{
	size_t i;

	if (t->enrolled == 0)
		return 0;
	i = t->enrolled * percent / 100;
	return t->seconds[i < t->enrolled ? i : t->enrolled - 1] * 1e3;
}

static void
tally_people(const struct tally *t, long concurrency, double rate, double cpu)
{
	printf("enrolled %zu, refused %zu, failed %zu, %ld at once\n",
	    t->enrolled, t->refused, t->failed, concurrency);
	printf("%.2f seconds, %.1f enrollments per second\n",
	    t->elapsed_seconds, rate);
	printf("latency in ms: p50 %.1f, p90 %.1f, p99 %.1f, max %.1f\n",
	    tally_percentile(t, 50), tally_percentile(t, 90),
	    tally_percentile(t, 99), tally_percentile(t, 100));
	printf("CPU of the simulator per device: %.1f ms\n", cpu);
	for (size_t i = 0; i < t->steps_count; i++)
		printf("refused at %s: HTTP %d, %zu times\n", t->steps[i].step,
		    t->steps[i].status, t->steps[i].count);
}

static void
tally_json(const struct tally *t, long concurrency, double rate, double cpu)
{
	printf("{\"enrolled\":%zu,\"refused\":%zu,\"failed\":%zu,"
	       "\"concurrency\":%ld,\"seconds\":%.3f,\"per_second\":%.2f,"
	       "\"p50_ms\":%.2f,\"p90_ms\":%.2f,\"p99_ms\":%.2f,"
	       "\"max_ms\":%.2f,\"simulator_cpu_ms\":%.2f}\n",
	    t->enrolled, t->refused, t->failed, concurrency, t->elapsed_seconds,
	    rate, tally_percentile(t, 50), tally_percentile(t, 90),
	    tally_percentile(t, 99), tally_percentile(t, 100), cpu);
}

void
tally_print(struct tally *t, long concurrency, bool json)
{
	size_t all = t->enrolled + t->refused + t->failed;
	double rate = t->elapsed_seconds > 0
	    ? (double)t->enrolled / t->elapsed_seconds
	    : 0;
	double cpu = all > 0 ? t->cpu * 1e3 / (double)all : 0;

	if (t->enrolled > 0)
		qsort(
		    t->seconds, t->enrolled, sizeof *t->seconds, tally_compare);
	if (json)
		tally_json(t, concurrency, rate, cpu);
	else
		tally_people(t, concurrency, rate, cpu);
}

int
tally_outcome(const struct tally *t)
{
	if (t->failed > 0 || t->enrolled + t->refused == 0)
		return fail(ERR_IO, "%zu devices failed", t->failed);
	return t->refused > 0 ? ERR_UNAUTHORIZED : OK;
}
