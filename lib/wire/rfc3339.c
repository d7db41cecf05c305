#include "wire/rfc3339.h"

#include <time.h>

#include "base/err.h"

/* Takes `digits` digits with a value from least to most. */
static bool
number(struct blob *in, size_t digits, int least, int most, int *out)
{
	int v = 0;

	if (in->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (in->p[i] < '0' || in->p[i] > '9')
			return false;
		v = 10 * v + (in->p[i] - '0');
	}
	*in = blob_of(in->p + digits, in->n - digits);
	*out = v;
	return v >= least && v <= most;
}

static bool
mark(struct blob *in, char c)
{
	if (in->n == 0 || in->p[0] != (uint8_t)c)
		return false;
	*in = blob_of(in->p + 1, in->n - 1);
	return true;
}

static bool
fraction(struct blob *in)
{
	int digit, n = 0;

	if (!mark(in, '.'))
		return true;
	while (in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9') {
		if (!number(in, 1, 0, 9, &digit))
			return false;
		n++;
	}
	return n > 0;
}

/* Seconds east of UTC. */
static bool
offset(struct blob *in, int64_t *out)
{
	int sign, hours, minutes;

	*out = 0;
	if (mark(in, 'Z'))
		return true;
	sign = mark(in, '+') ? 1 : mark(in, '-') ? -1 : 0;
	if (sign == 0 || !number(in, 2, 0, 23, &hours) || !mark(in, ':') ||
	    !number(in, 2, 0, 59, &minutes))
		return false;
	*out = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
	return true;
}

int
rfc3339_read(struct blob text, int64_t *out)
{
	struct blob in = text;
	struct tm tm = { 0 };
	int64_t east;
	int year, month;

	*out = 0;
	if (!number(&in, 4, 1970, 9999, &year) || !mark(&in, '-') ||
	    !number(&in, 2, 1, 12, &month) || !mark(&in, '-') ||
	    !number(&in, 2, 1, 31, &tm.tm_mday) || !mark(&in, 'T') ||
	    !number(&in, 2, 0, 23, &tm.tm_hour) || !mark(&in, ':') ||
	    !number(&in, 2, 0, 59, &tm.tm_min) || !mark(&in, ':') ||
	    !number(&in, 2, 0, 60, &tm.tm_sec) || !fraction(&in) ||
	    !offset(&in, &east) || in.n != 0)
		return ERR_MALFORMED;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*out = (int64_t)timegm(&tm) - east;
	return OK;
}
