#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

static int64_t offset;
static char offset_file[4096];

int64_t
clock_now(void)
{
	return (int64_t)time(NULL) + offset;
}

time_t
clock_time(time_t *out)
{
	time_t now = (time_t)clock_now();

	if (out != NULL)
		*out = now;
	return now;
}

void
clock_use_offset_file(const char *path)
{
	snprintf(offset_file, sizeof(offset_file), "%s", path ? path : "");
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
	if (fgets(text, sizeof(text), f) != NULL)
		offset = strtoll(text, NULL, 10);
	fclose(f);
}

void
clock_set_offset(int64_t seconds)
{
	offset = seconds;
}

static void
clock_format(int64_t t, const char *fmt, char out[CLOCK_TEXT])
{
	time_t when = (time_t)t;
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&when, &tm) != NULL &&
	    strftime(out, CLOCK_TEXT, fmt, &tm) == 0)
		out[0] = '\0';
}

void
clock_rfc3339(int64_t t, char out[CLOCK_TEXT])
{
	clock_format(t, "%Y-%m-%dT%H:%M:%SZ", out);
}

void
clock_http_date(int64_t t, char out[CLOCK_TEXT])
{
	clock_format(t, "%a, %d %b %Y %H:%M:%S GMT", out);
}

void
clock_people(int64_t t, char out[CLOCK_TEXT])
{
	clock_format(t, "%Y-%m-%d %H:%M:%S UTC", out);
}

/* Reads n digits at *s and steps over them; -1 when they are not digits. */
static int
digits(const char **s, int n)
{
	int v = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool
take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* "Z" or "+hh:mm": seconds east of UTC. */
static int
zone(const char **s, long *east)
{
	int sign, h, m;

	*east = 0;
	if (take(s, 'Z') || take(s, 'z'))
		return OK;
	sign = **s == '-' ? -1 : 1;
	if (!take(s, '+') && !take(s, '-'))
		return ERR_MALFORMED;
	if ((h = digits(s, 2)) < 0 || h > 23 || !take(s, ':') ||
	    (m = digits(s, 2)) < 0 || m > 59)
		return ERR_MALFORMED;
	*east = sign * (h * 3600L + m * 60L);
	return OK;
}

static int
month_days(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month] + (month == 1 && leap ? 1 : 0);
}

static int
date_and_time(const char **s, struct tm *tm)
{
	memset(tm, 0, sizeof(*tm));
	if ((tm->tm_year = digits(s, 4) - 1900) < -1900 || !take(s, '-') ||
	    (tm->tm_mon = digits(s, 2) - 1) < 0 || !take(s, '-') ||
	    (tm->tm_mday = digits(s, 2)) < 1)
		return ERR_MALFORMED;
	if (!take(s, 'T') && !take(s, 't'))
		return ERR_MALFORMED;
	if ((tm->tm_hour = digits(s, 2)) < 0 || !take(s, ':') ||
	    (tm->tm_min = digits(s, 2)) < 0 || !take(s, ':') ||
	    (tm->tm_sec = digits(s, 2)) < 0)
		return ERR_MALFORMED;
	if (tm->tm_mon > 11 || tm->tm_mday > 31 || tm->tm_hour > 23 ||
	    tm->tm_min > 59 || tm->tm_sec > 60)
		return ERR_MALFORMED;
	return tm->tm_mday <= month_days(tm->tm_year + 1900, tm->tm_mon)
	    ? OK
	    : ERR_MALFORMED;
}

int
clock_parse_rfc3339(const char *s, int64_t *out)
{
	struct tm tm;
	long east;

	*out = 0;
	if (date_and_time(&s, &tm) != OK)
		return ERR_MALFORMED;
	if (take(&s, '.')) {
		if (digits(&s, 1) < 0)
			return ERR_MALFORMED;
		while (*s >= '0' && *s <= '9')
			s++;
	}
	if (zone(&s, &east) != OK || *s != '\0')
		return ERR_MALFORMED;
	*out = (int64_t)timegm(&tm) - east;
	return OK;
}
