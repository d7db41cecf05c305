#include "wire/jsontext.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/utf8.h"
#include "wire/in_json.h"

/* The longest number that is read: a double needs 24 characters. */
#define JSONTEXT_NUMBER 40

struct jsontext {
	struct blob text;
	size_t at;
	unsigned depth;
	unsigned max_depth;
	size_t members;
};

static int value(struct jsontext *s);

static int
bad(const struct jsontext *s, const char *what)
{
	return fail(ERR_MALFORMED, "JSON: %s at byte %zu", what, s->at);
}

/* The byte at hand; 0, which no grammar rule takes, at the end. */
static uint8_t
peek(const struct jsontext *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : 0;
}

static bool
take(struct jsontext *s, uint8_t c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void
space(struct jsontext *s)
{
	while (take(s, ' ') || take(s, '\t') || take(s, '\n') || take(s, '\r'))
		;
}

static bool
digit(const struct jsontext *s)
{
	return peek(s) >= '0' && peek(s) <= '9';
}

/* One or more digits. */
static bool
take_digits(struct jsontext *s)
{
	if (!digit(s))
		return false;
	while (digit(s))
		s->at++;
	return true;
}

static bool
number_grammar(struct jsontext *s, bool *integer)
{
	*integer = true;
	take(s, '-');
	if (!take(s, '0') && !take_digits(s))
		return false;
	if (take(s, '.')) {
		*integer = false;
		if (!take_digits(s))
			return false;
	}
	if (take(s, 'e') || take(s, 'E')) {
		*integer = false;
		if (!take(s, '+'))
			take(s, '-');
		if (!take_digits(s))
			return false;
	}
	return true;
}

static int
number(struct jsontext *s)
{
	char digits[JSONTEXT_NUMBER + 1];
	size_t start = s->at, n;
	bool integer;

	if (!number_grammar(s, &integer))
		return bad(s, "not a value");
	if ((n = s->at - start) > JSONTEXT_NUMBER)
		return bad(s, "number too long");
	memcpy(digits, s->text.p + start, n);
	digits[n] = '\0';
	errno = 0;
	if (integer && (strtoll(digits, NULL, 10), errno != 0))
		return bad(s, "integer out of range");
	if (!integer && !isfinite(strtod(digits, NULL)))
		return bad(s, "number out of range");
	return OK;
}

static bool
hex4(struct jsontext *s, unsigned *out)
{
	unsigned v = 0, i;
	uint8_t c;

	for (i = 0; i < 4; i++) {
		c = peek(s);
		if (c >= '0' && c <= '9')
			v = v * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + (unsigned)((c | 0x20) - 'a') + 10;
		else
			return false;
		s->at++;
	}
	*out = v;
	return true;
}

/* What follows "\u". A high surrogate must have its low one behind it. */
static int
unicode(struct jsontext *s)
{
	unsigned hi, lo;

	if (!hex4(s, &hi))
		return bad(s, "not four hexadecimal digits");
	if (hi == 0)
		return bad(s, "U+0000");
	if (hi < 0xd800 || hi > 0xdfff)
		return OK;
	if (hi > 0xdbff || !take(s, '\\') || !take(s, 'u') || !hex4(s, &lo) ||
	    lo < 0xdc00 || lo > 0xdfff)
		return bad(s, "lone surrogate");
	return OK;
}

/* What follows a backslash. */
static int
escape(struct jsontext *s)
{
	uint8_t c = peek(s);

	if (c == 0 || strchr("\"\\/bfnrtu", c) == NULL)
		return bad(s, "unknown escape");
	s->at++;
	return c == 'u' ? unicode(s) : OK;
}

static int
take_string(struct jsontext *s)
{
	size_t n;
	int r;

	if (!take(s, '"'))
		return bad(s, "no string");
	while (!take(s, '"')) {
		if (take(s, '\\')) {
			if ((r = escape(s)) != OK)
				return r;
			continue;
		}
		/* The end of the text reads as 0 and ends here, too. */
		if (peek(s) < 0x20)
			return bad(s, "control character or end");
		if ((n = utf8_length(s->text, s->at)) == 0)
			return bad(s, "broken UTF-8");
		s->at += n;
	}
	return OK;
}

static int
take_word(struct jsontext *s, const char *word)
{
	for (; *word != '\0'; word++) {
		if (!take(s, (uint8_t)*word))
			return bad(s, "not a value");
	}
	return OK;
}

static int
member(struct jsontext *s)
{
	int r;

	space(s);
	if ((r = take_string(s)) != OK)
		return r;
	space(s);
	if (!take(s, ':'))
		return bad(s, "no colon");
	s->members++;
	return value(s);
}

/* The inside of an object (close is a brace) or an array (a bracket). */
static int
list(struct jsontext *s, uint8_t close)
{
	int r;

	if (++s->depth > s->max_depth)
		return bad(s, "nested too deep");
	s->at++;
	space(s);
	if (!take(s, close)) {
		do {
			r = close == '}' ? member(s) : value(s);
			if (r != OK)
				return r;
		} while (take(s, ','));
		if (!take(s, close))
			return bad(s, "neither comma nor end");
	}
	s->depth--;
	return OK;
}

/* One value and the white space on both sides of it. */
static int
value(struct jsontext *s)
{
	int r;

	space(s);
	switch (peek(s)) {
	case '{':
		r = list(s, '}');
		break;
	case '[':
		r = list(s, ']');
		break;
	case '"':
		r = take_string(s);
		break;
	case 't':
		r = take_word(s, "true");
		break;
	case 'f':
		r = take_word(s, "false");
		break;
	case 'n':
		r = take_word(s, "null");
		break;
	default:
		r = number(s);
	}
	space(s);
	return r;
}

int
jsontext_check(struct blob text, unsigned max_depth, size_t *members)
{
	struct jsontext s = { .text = text, .max_depth = max_depth };
	int r;

	*members = 0;
	assert(max_depth >= 1 && max_depth <= IN_JSON_DEPTH_MAX);
	space(&s);
	if (peek(&s) != '{' && peek(&s) != '[')
		return bad(&s, "neither an object nor an array");
	if ((r = value(&s)) != OK)
		return r;
	if (s.at != text.n)
		return bad(&s, "bytes after the end");
	*members = s.members;
	return OK;
}
