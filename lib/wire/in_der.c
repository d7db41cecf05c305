#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/in_der.h"

#define CONSTRUCTED 0x20
#define CLASS_BITS  0xc0
#define NUMBER_BITS 0x1f

/* The identifier and length octets of one element. */
struct head {
	uint8_t tag;
	bool indefinite;
	size_t body; /* offset of the content */
	size_t length;
};

struct level {
	size_t end; /* of an indefinite one: the end of its parent */
	bool indefinite;
};

struct walk {
	struct blob in;
	bool strict;
	size_t at;
	size_t items;
	size_t depth;
	struct level levels[IN_DER_DEPTH_MAX + 1];
};

/* Length octets in the long form (X.690 section 8.1.3.5). */
static const char *
long_length(struct blob in, size_t n, size_t end, bool strict, struct head *h)
{
	size_t i;

	if (n > 4)
		return "a length of more than four bytes";
	if (end - h->body < n)
		return "a length that is cut off";
	for (i = 0; i < n; i++)
		h->length = h->length << 8 | in.p[h->body++];
	if (strict && (h->length < 128 || (h->length >> (8 * (n - 1))) == 0))
		return "a length that is not minimal";
	return NULL;
}

/* Reads the head at `at`; the element must end at or before `end`. */
static const char *
read_head(struct blob in, size_t at, size_t end, bool strict, struct head *h)
{
	const char *fault = NULL;
	uint8_t first;

	memset(h, 0, sizeof *h);
	if (end - at < 2)
		return "an element that is cut off";
	h->tag = in.p[at];
	if ((h->tag & NUMBER_BITS) == NUMBER_BITS)
		return "a tag number over 30";
	if (h->tag == 0)
		return "an end-of-contents out of place";
	first = in.p[at + 1];
	h->body = at + 2;
	h->indefinite = first == 0x80;
	if (h->indefinite && (strict || (h->tag & CONSTRUCTED) == 0))
		return "an indefinite length out of place";
	if (first < 0x80)
		h->length = first;
	else if (!h->indefinite)
		fault = long_length(in, first & 0x7fu, end, strict, h);
	if (fault == NULL && h->length > end - h->body)
		fault = "a length that points outside";
	return fault;
}

/* SEQUENCE and SET have parts, other universal types have none in DER. */
static const char *
form_fault(uint8_t tag, bool strict)
{
	bool constructed = (tag & CONSTRUCTED) != 0;
	bool group = (tag & NUMBER_BITS) == (IN_DER_SEQUENCE & NUMBER_BITS) ||
	    (tag & NUMBER_BITS) == (IN_DER_SET & NUMBER_BITS);

	if ((tag & CLASS_BITS) != 0)
		return NULL;
	if (group && !constructed)
		return "a primitive SEQUENCE or SET";
	if (strict && constructed && !group)
		return "a string in pieces";
	return NULL;
}

/* X.690 section 11.1: true is FF and nothing else. */
static const char *
boolean_fault(struct blob in, const struct head *h)
{
	if (h->tag != IN_DER_BOOLEAN)
		return NULL;
	if (h->length == 1 && (in.p[h->body] == 0 || in.p[h->body] == 0xff))
		return NULL;
	return "a BOOLEAN that is neither 00 nor FF";
}

static const char *
walk_step(struct walk *w)
{
	struct level *top = &w->levels[w->depth];
	const char *fault;
	struct head h;

	if (top->indefinite && top->end - w->at >= 2 && w->in.p[w->at] == 0 &&
	    w->in.p[w->at + 1] == 0) {
		w->at += 2;
		w->depth--;
		return NULL;
	}
	if (++w->items > IN_DER_ITEMS_MAX)
		return "too many elements";
	fault = read_head(w->in, w->at, top->end, w->strict, &h);
	if (fault == NULL)
		fault = form_fault(h.tag, w->strict);
	if (fault == NULL && w->strict)
		fault = boolean_fault(w->in, &h);
	if (fault != NULL)
		return fault;
	w->at = h.body;
	if ((h.tag & CONSTRUCTED) == 0) {
		w->at += h.length;
		return NULL;
	}
	if (w->depth == IN_DER_DEPTH_MAX)
		return "too many levels";
	w->levels[++w->depth] =
	    (struct level){ h.indefinite ? top->end : h.body + h.length,
		    h.indefinite };
	return NULL;
}

static void
walk_close(struct walk *w)
{
	while (w->depth > 0 && !w->levels[w->depth].indefinite &&
	    w->at == w->levels[w->depth].end)
		w->depth--;
}

const char *
in_der_fault(struct blob in, bool strict)
{
	struct walk w = { .in = in, .strict = strict };
	const char *fault;

	w.levels[0].end = in.n;
	do {
		fault = walk_step(&w);
		walk_close(&w);
	} while (fault == NULL && w.depth > 0);
	if (fault == NULL && w.at != in.n)
		fault = "bytes after its end";
	return fault;
}

bool
in_der_next(struct blob *rest, struct in_der *out)
{
	struct head h;

	if (read_head(*rest, 0, rest->n, true, &h) != NULL ||
	    form_fault(h.tag, true) != NULL)
		return false;
	out->tag = h.tag;
	out->value = blob_of(rest->p + h.body, h.length);
	out->whole = blob_of(rest->p, h.body + h.length);
	*rest = blob_of(rest->p + out->whole.n, rest->n - out->whole.n);
	return true;
}

bool
in_der_take(struct blob *rest, uint8_t tag, struct blob *value)
{
	struct in_der item;

	if (!in_der_peek(*rest, tag) || !in_der_next(rest, &item))
		return false;
	*value = item.value;
	return true;
}

bool
in_der_peek(struct blob rest, uint8_t tag)
{
	return rest.n > 0 && rest.p[0] == tag;
}

bool
in_der_uint(struct blob value, int64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (value.n == 0 || value.n > 8 || (value.p[0] & 0x80) != 0)
		return false;
	if (value.n > 1 && value.p[0] == 0 && (value.p[1] & 0x80) == 0)
		return false;
	for (i = 0; i < value.n; i++)
		v = v << 8 | value.p[i];
	*out = (int64_t)v;
	return true;
}

bool
in_der_bool(struct blob value, bool *out)
{
	if (value.n != 1 || (value.p[0] != 0 && value.p[0] != 0xff))
		return false;
	*out = value.p[0] != 0;
	return true;
}

/* Two decimal digits at `p`, or -1. */
static int
two_digits(const uint8_t *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Does timegm() find the calendar to be as it was told? */
static bool
to_seconds(const struct tm *said, int64_t *out)
{
	struct tm tm = *said;

	*out = timegm(&tm);
	return tm.tm_year == said->tm_year && tm.tm_mon == said->tm_mon &&
	    tm.tm_mday == said->tm_mday && tm.tm_hour == said->tm_hour &&
	    tm.tm_min == said->tm_min && tm.tm_sec == said->tm_sec;
}

bool
in_der_time(const struct in_der *element, int64_t *out)
{
	struct blob text = element->value;
	int fields[5], century = -1;
	struct tm tm = { 0 };
	size_t i;

	if (element->tag == IN_DER_GENERALIZED_TIME && text.n == 15) {
		century = two_digits(text.p);
		text = blob_of(text.p + 2, text.n - 2);
	} else if (element->tag != IN_DER_UTC_TIME)
		return false;
	if (text.n != 13 || text.p[12] != 'Z' ||
	    (tm.tm_year = two_digits(text.p)) < 0)
		return false;
	if (element->tag == IN_DER_UTC_TIME)
		century = tm.tm_year < 50 ? 20 : 19;
	if (century < 0)
		return false;
	for (i = 0; i < 5; i++)
		if ((fields[i] = two_digits(text.p + 2 + 2 * i)) < 0)
			return false;
	tm.tm_year += century * 100 - 1900;
	tm.tm_mon = fields[0] - 1;
	tm.tm_mday = fields[1];
	tm.tm_hour = fields[2];
	tm.tm_min = fields[3];
	tm.tm_sec = fields[4];
	return to_seconds(&tm, out);
}

/* One base-128 number at *at; false when cut off, padded or too large. */
static bool
oid_arc(struct blob value, size_t *at, uint64_t *arc)
{
	*arc = 0;
	if (*at >= value.n || value.p[*at] == 0x80)
		return false;
	for (; *at < value.n; ++*at) {
		if (*arc >> 57 != 0)
			return false;
		*arc = *arc << 7 | (value.p[*at] & 0x7fu);
		if ((value.p[*at] & 0x80) == 0) {
			++*at;
			return true;
		}
	}
	return false;
}

bool
in_der_oid_text(struct blob value, char *out, size_t outlen)
{
	uint64_t arc, top;
	size_t at = 0, used;
	int n;

	if (!oid_arc(value, &at, &arc))
		return false;
	top = arc < 80 ? arc / 40 : 2;
	n = snprintf(out, outlen, "%u.%llu", (unsigned)top,
	    (unsigned long long)(arc - top * 40));
	for (used = 0; n >= 0 && (size_t)n < outlen - used;) {
		used += (size_t)n;
		if (at == value.n)
			return true;
		if (!oid_arc(value, &at, &arc))
			return false;
		n = snprintf(out + used, outlen - used, ".%llu",
		    (unsigned long long)arc);
	}
	return false;
}

bool
in_der_oid_is(struct blob value, const char *dotted)
{
	char text[128];

	return in_der_oid_text(value, text, sizeof text) &&
	    strcmp(text, dotted) == 0;
}

bool
in_der_bit_string(struct blob value, struct blob *out)
{
	if (value.n < 1 || value.p[0] != 0)
		return false;
	*out = blob_of(value.p + 1, value.n - 1);
	return true;
}
