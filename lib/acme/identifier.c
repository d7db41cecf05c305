#include "acme/identifier.h"

#include "base/log.h"

/*
 * Length of the number at the start, 0 when there is none or it has a zero in
 * front of it.
 */
static size_t
arc(struct blob s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	if (n > 1 && s.p[0] == '0')
		return 0;
	return n;
}

static bool
second_arc_fits(uint8_t first, struct blob second)
{
	if (first == '2')
		return true;
	return second.n == 1 || (second.n == 2 && second.p[0] <= '3');
}

static bool
is_oid(struct blob s)
{
	uint8_t first;
	size_t n, arcs;

	if (s.n == 0 || s.p[0] < '0' || s.p[0] > '2')
		return false;
	first = s.p[0];
	for (arcs = 1;; arcs++) {
		if ((n = arc(s)) == 0 || (arcs == 1 && n != 1))
			return false;
		if (arcs == 2 && !second_arc_fits(first, blob_of(s.p, n)))
			return false;
		if (n == s.n)
			return arcs >= 2;
		if (s.p[n] != '.')
			return false;
		s = blob_of(s.p + n + 1, s.n - n - 1);
	}
}

int
identifier_check(struct blob type, struct blob value)
{
	const uint8_t *slash;
	size_t name;

	if (blob_eq_str(type, "hardware-module"))
		return fail(ERR_IDENTIFIER_TYPE,
		    "identifiers of type hardware-module are not offered");
	if (!blob_eq_str(type, IDENTIFIER_TYPE_TEXT))
		return fail(ERR_IDENTIFIER_TYPE, "unknown identifier type");
	if (value.n == 0 || value.n > IDENTIFIER_MAX)
		return fail(ERR_MALFORMED, "identifier of %zu bytes", value.n);
	slash = memchr(value.p, '/', value.n);
	if (slash == NULL)
		return OK;
	name = (size_t)(slash - value.p);
	if (name == 0)
		return fail(ERR_MALFORMED, "identifier begins with a slash");
	if (!is_oid(blob_of(slash + 1, value.n - name - 1)))
		return fail(ERR_MALFORMED,
		    "what follows the slash of the identifier is no OID");
	return OK;
}
