#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

static int64_t stopped_at; /* 0: the clock runs */
static int64_t offset;
static char offset_file[4096];

int64_t
clock_now(void)
{
	return (stopped_at != 0 ? stopped_at : (int64_t)time(NULL)) + offset;
}

int64_t
clock_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
clock_use_offset_file(const char *path)
{
	snprintf(offset_file, sizeof offset_file, "%s", path ? path : "");
	clock_refresh();
}

void
clock_refresh(void)
{
	char text[32] = "";
	FILE *f;

	if (offset_file[0] == '\0')
		return;
	if ((f = fopen(offset_file, "re")) == NULL)
		return;
	if (fgets(text, sizeof text, f) != NULL)
		offset = strtoll(text, NULL, 10);
	fclose(f);
}

void
clock_stop(void)
{
	stopped_at = (int64_t)time(NULL);
	offset = 0;
}

void
clock_set_offset(int64_t seconds)
{
	offset = seconds;
}

static void
format(int64_t t, const char *fmt, char out[CLOCK_TEXT])
{
	time_t when = (time_t)t;
	struct tm tm;

	/* it fits also in the last year that gmtime_r() knows */
	out[0] = '\0';
	if (gmtime_r(&when, &tm) != NULL)
		strftime(out, CLOCK_TEXT, fmt, &tm);
}

void
clock_rfc3339(int64_t t, char out[CLOCK_TEXT])
{
	format(t, "%Y-%m-%dT%H:%M:%SZ", out);
}

void
clock_people(int64_t t, char out[CLOCK_TEXT])
{
	format(t, "%Y-%m-%d %H:%M:%S UTC", out);
}
