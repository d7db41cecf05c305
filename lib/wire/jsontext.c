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

static int jsontext_value(struct jsontext *s);

static int
jsontext_bad(const struct jsontext *s, const char *what)
{
	return fail(ERR_MALFORMED, "JSON: %s at byte %zu", what, s->at);
}

/* The byte at hand; 0, which no grammar rule takes, at the end. */
static uint8_t
jsontext_peek(const struct jsontext *s)
{
	return s->at < s->text.n ? s->text.p[s->at] : 0;
}

static bool
jsontext_take(struct jsontext *s, uint8_t c)
{
	if (jsontext_peek(s) != c)
		return false;
	s->at++;
	return true;
}

static void
jsontext_space(struct jsontext *s)
{
	while (jsontext_take(s, ' ') || jsontext_take(s, '\t') ||
	    jsontext_take(s, '\n') || jsontext_take(s, '\r'))
		;
}

static bool
jsontext_digit(const struct jsontext *s)
{
	return jsontext_peek(s) >= '0' && jsontext_peek(s) <= '9';
}

/* One or more digits. */
static bool
jsontext_digits(struct jsontext *s)
{
	if (!jsontext_digit(s))
		return false;
	while (jsontext_digit(s))
		s->at++;
	return true;
}

static bool
jsontext_number_grammar(struct jsontext *s, bool *integer)
{
	*integer = true;
	jsontext_take(s, '-');
	if (!jsontext_take(s, '0') && !jsontext_digits(s))
		return false;
	if (jsontext_take(s, '.')) {
		*integer = false;
		if (!jsontext_digits(s))
			return false;
	}
	if (jsontext_take(s, 'e') || jsontext_take(s, 'E')) {
		*integer = false;
		if (!jsontext_take(s, '+'))
			jsontext_take(s, '-');
		if (!jsontext_digits(s))
			return false;
	}
	return true;
}

static int
jsontext_number(struct jsontext *s)
{
	char digits[JSONTEXT_NUMBER + 1];
	size_t start = s->at, n;
	bool integer;

	if (!jsontext_number_grammar(s, &integer))
		return jsontext_bad(s, "not a value");
	if ((n = s->at - start) > JSONTEXT_NUMBER)
		return jsontext_bad(s, "number too long");
	memcpy(digits, s->text.p + start, n);
	digits[n] = '\0';
	errno = 0;
	if (integer && (strtoll(digits, NULL, 10), errno != 0))
		return jsontext_bad(s, "integer out of range");
	if (!integer && !isfinite(strtod(digits, NULL)))
		return jsontext_bad(s, "number out of range");
	return OK;
}

static bool
jsontext_hex4(struct jsontext *s, unsigned *out)
{
	unsigned v = 0, i;
	uint8_t c;

	for (i = 0; i < 4; i++) {
		c = jsontext_peek(s);
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
jsontext_unicode(struct jsontext *s)
{
	unsigned hi, lo;

	if (!jsontext_hex4(s, &hi))
		return jsontext_bad(s, "not four hexadecimal digits");
	if (hi == 0)
		return jsontext_bad(s, "U+0000");
	if (hi < 0xd800 || hi > 0xdfff)
		return OK;
	if (hi > 0xdbff || !jsontext_take(s, '\\') || !jsontext_take(s, 'u') ||
	    !jsontext_hex4(s, &lo) || lo < 0xdc00 || lo > 0xdfff)
		return jsontext_bad(s, "lone surrogate");
	return OK;
}

/* What follows a backslash. */
static int
jsontext_escape(struct jsontext *s)
{
	uint8_t c = jsontext_peek(s);

	if (c == 0 || strchr("\"\\/bfnrtu", c) == NULL)
		return jsontext_bad(s, "unknown escape");
	s->at++;
	return c == 'u' ? jsontext_unicode(s) : OK;
}

static int
jsontext_string(struct jsontext *s)
{
	size_t n;
	int r;

	if (!jsontext_take(s, '"'))
		return jsontext_bad(s, "no string");
	while (!jsontext_take(s, '"')) {
		if (jsontext_take(s, '\\')) {
			if ((r = jsontext_escape(s)) != OK)
				return r;
			continue;
		}
		/* The end of the text reads as 0 and ends here, too. */
		if (jsontext_peek(s) < 0x20)
			return jsontext_bad(s, "control character or end");
		if ((n = utf8_length(s->text, s->at)) == 0)
			return jsontext_bad(s, "broken UTF-8");
		s->at += n;
	}
	return OK;
}

static int
jsontext_word(struct jsontext *s, const char *word)
{
	for (; *word != '\0'; word++) {
		if (!jsontext_take(s, (uint8_t)*word))
			return jsontext_bad(s, "not a value");
	}
	return OK;
}

static int
jsontext_member(struct jsontext *s)
{
	int r;

	jsontext_space(s);
	if ((r = jsontext_string(s)) != OK)
		return r;
	jsontext_space(s);
	if (!jsontext_take(s, ':'))
		return jsontext_bad(s, "no colon");
	s->members++;
	return jsontext_value(s);
}

/* The inside of an object (close is a brace) or an array (a bracket). */
static int
jsontext_list(struct jsontext *s, uint8_t close)
{
	int r;

	if (++s->depth > s->max_depth)
		return jsontext_bad(s, "nested too deep");
	s->at++;
	jsontext_space(s);
	if (!jsontext_take(s, close)) {
		do {
			r = close == '}' ? jsontext_member(s)
					 : jsontext_value(s);
			if (r != OK)
				return r;
		} while (jsontext_take(s, ','));
		if (!jsontext_take(s, close))
			return jsontext_bad(s, "neither comma nor end");
	}
	s->depth--;
	return OK;
}

/* One value and the white space on both sides of it. */
static int
jsontext_value(struct jsontext *s)
{
	int r;

	jsontext_space(s);
	switch (jsontext_peek(s)) {
	case '{':
		r = jsontext_list(s, '}');
		break;
	case '[':
		r = jsontext_list(s, ']');
		break;
	case '"':
		r = jsontext_string(s);
		break;
	case 't':
		r = jsontext_word(s, "true");
		break;
	case 'f':
		r = jsontext_word(s, "false");
		break;
	case 'n':
		r = jsontext_word(s, "null");
		break;
	default:
		r = jsontext_number(s);
	}
	jsontext_space(s);
	return r;
}

int
jsontext_check(struct blob text, unsigned max_depth, size_t *members)
{
	struct jsontext s = { .text = text, .max_depth = max_depth };
	int r;

	*members = 0;
	assert(max_depth >= 1 && max_depth <= IN_JSON_DEPTH_MAX);
	jsontext_space(&s);
	if (jsontext_peek(&s) != '{' && jsontext_peek(&s) != '[')
		return jsontext_bad(&s, "neither an object nor an array");
	if ((r = jsontext_value(&s)) != OK)
		return r;
	if (s.at != text.n)
		return jsontext_bad(&s, "bytes behind the end");
	*members = s.members;
	return OK;
}
