#include "wire/plistmend.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "wire/plistlex.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* Longer texts than this are not mended into strings. */
#define SCALAR_MAX    64
#define REFERENCE_MAX 10

struct mend {
	struct blob in;
	size_t at;
	/* where the bytes begin that are to be copied as they are */
	size_t from;
	struct buf *out;
	size_t changes;
};

static const struct scalar {
	const char *open;
	const char *close;
	bool (*is)(struct blob text);
} scalars[] = {
	{ "<integer>", "</integer>", plistlex_is_integer },
	{ "<real>", "</real>", plistlex_is_real },
	{ "<date>", "</date>", plistlex_is_date },
};

static bool
looking_at(const struct mend *m, size_t at, const char *word)
{
	size_t n = strlen(word);

	return m->in.n - at >= n && memcmp(m->in.p + at, word, n) == 0;
}

/* Writes what is copied, then `text` for the n bytes that follow it. */
static void
replace(struct mend *m, size_t n, const char *text)
{
	buf_add(m->out, m->in.p + m->from, m->at - m->from);
	buf_add_str(m->out, text);
	m->at += n;
	m->from = m->at;
	m->changes++;
}

/* How many bytes of printable ASCII without markup stand at `at`. */
static size_t
plain_length(const struct mend *m, size_t at)
{
	size_t n = 0;

	while (at + n < m->in.n && n <= SCALAR_MAX && m->in.p[at + n] >= ' ' &&
	    m->in.p[at + n] <= '~' && m->in.p[at + n] != '<' &&
	    m->in.p[at + n] != '&')
		n++;
	return n;
}

/* A number or date that is none becomes a string; false when it is sound. */
static bool
mend_scalar(struct mend *m, const struct scalar *s)
{
	size_t start = m->at + strlen(s->open), n;

	if (!looking_at(m, m->at, s->open))
		return false;
	n = plain_length(m, start);
	if (n > SCALAR_MAX || !looking_at(m, start + n, s->close) ||
	    s->is(blob_of(m->in.p + start, n)))
		return false;
	replace(m, strlen(s->open), "<string>");
	m->at += n;
	replace(m, strlen(s->close), "</string>");
	m->changes--; /* one place */
	return true;
}

static void
mend_tag(struct mend *m)
{
	const uint8_t *end;
	size_t i;

	for (i = 0; i < sizeof scalars / sizeof scalars[0]; i++)
		if (mend_scalar(m, &scalars[i]))
			return;
	end = memchr(m->in.p + m->at, '>', m->in.n - m->at);
	m->at = end == NULL ? m->in.n : (size_t)(end - m->in.p) + 1;
}

static void
mend_reference(struct mend *m)
{
	size_t n = 1;
	struct blob name;

	while (m->at + n < m->in.n && n <= REFERENCE_MAX &&
	    (m->in.p[m->at + n] == '#' || isalnum(m->in.p[m->at + n])))
		n++;
	name = blob_of(m->in.p + m->at + 1, n - 1);
	if (looking_at(m, m->at + n, ";") && name.n > 0 && name.p[0] == '#' &&
	    !plistlex_is_char(plistlex_reference(name)))
		replace(m, n + 1, REPLACEMENT);
	else
		m->at++;
}

static void
mend_character(struct mend *m)
{
	size_t n = utf8_length(m->in, m->at);
	const uint8_t *p = m->in.p + m->at;

	if (n == 0)
		replace(m, 1, REPLACEMENT);
	else if ((n == 1 && !plistlex_is_char(p[0])) ||
	    (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe))
		replace(m, n, REPLACEMENT);
	else
		m->at += n;
}

size_t
plistmend(struct blob in, struct buf *out)
{
	struct mend m = { .in = in, .out = out };

	while (m.at < in.n && buf_status(out) == OK) {
		if (in.p[m.at] == '<')
			mend_tag(&m);
		else if (in.p[m.at] == '&')
			mend_reference(&m);
		else
			mend_character(&m);
	}
	buf_add(out, in.p + m.from, m.at - m.from);
	return m.changes;
}
