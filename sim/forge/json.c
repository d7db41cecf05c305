#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/forge/json.h"

struct json_reader {
	const uint8_t *p;
	const uint8_t *end;
	int depth;
};

static struct value *json_value(struct json_reader *r);

static void
json_space(struct json_reader *r)
{
	while (r->p < r->end &&
	    (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool
json_take(struct json_reader *r, uint8_t c)
{
	json_space(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static void
json_utf8(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_add_byte(out, (uint8_t)c);
	} else if (c < 0x800) {
		buf_add_byte(out, (uint8_t)(0xc0 | c >> 6));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
	} else {
		buf_add_byte(out, (uint8_t)(0xe0 | c >> 12));
		buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
	}
}

static bool
json_escape(struct json_reader *r, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char digits[5] = "";
	const char *at;
	uint8_t c;

	if (r->p >= r->end)
		return false;
	c = *r->p++;
	if (c == 'u') {
		if (r->end - r->p < 4)
			return false;
		memcpy(digits, r->p, 4);
		r->p += 4;
		json_utf8(out, strtoul(digits, NULL, 16));
		return true;
	}
	at = c == 0 ? NULL : strchr(from, c);
	if (at == NULL)
		return false;
	buf_add_byte(out, (uint8_t)to[at - from]);
	return true;
}

/* After the opening quote. The text is malloc'ed; NULL when it is wrong. */
static uint8_t *
json_text(struct json_reader *r, size_t *n)
{
	struct buf out;
	bool good = true;

	buf_init(&out, (size_t)16 << 20);
	while (good && r->p < r->end && *r->p != '"') {
		if (*r->p != '\\')
			buf_add_byte(&out, *r->p++);
		else if (r->p++, !json_escape(r, &out))
			good = false;
	}
	good = good && r->p < r->end && buf_status(&out) == OK;
	if (good) {
		r->p++;
		buf_add_byte(&out, 0);
	}
	if (!good || buf_status(&out) != OK) {
		buf_release(&out);
		return NULL;
	}
	*n = out.n - 1;
	return buf_steal(&out, &(size_t){ 0 });
}

static bool
json_member(struct json_reader *r, struct value *parent)
{
	struct value *child;
	char *name = NULL;
	size_t n;

	if (parent->type == VALUE_DICT) {
		if (!json_take(r, '"'))
			return false;
		name = (char *)json_text(r, &n);
		if (name == NULL || !json_take(r, ':')) {
			free(name);
			return false;
		}
	}
	child = json_value(r);
	if (child == NULL) {
		free(name);
		return false;
	}
	child->name = name;
	value_append(parent, child);
	return true;
}

static struct value *
json_container(struct json_reader *r, enum value_type type)
{
	uint8_t end = type == VALUE_DICT ? '}' : ']';
	struct value *v = value_new(type);
	bool good = v != NULL;

	if (!good || json_take(r, end))
		return v;
	do {
		good = json_member(r, v);
	} while (good && json_take(r, ','));
	if (good && json_take(r, end))
		return v;
	value_free(v);
	return NULL;
}

static struct value *
json_word(struct json_reader *r)
{
	static const struct {
		const char *word;
		enum value_type type;
		int number;
	} table[] = { { "true", VALUE_BOOL, 1 }, { "false", VALUE_BOOL, 0 },
		{ "null", VALUE_NULL, 0 } };
	struct value *v = NULL;

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(table[i].word);

		if ((size_t)(r->end - r->p) < n ||
		    memcmp(r->p, table[i].word, n) != 0)
			continue;
		r->p += n;
		v = value_new(table[i].type);
		if (v != NULL)
			v->number = table[i].number;
		return v;
	}
	return NULL;
}

static struct value *
json_number(struct json_reader *r)
{
	char text[32] = "";
	struct value *v;

	for (size_t n = 0; r->p < r->end && n < sizeof text - 1 && *r->p != 0 &&
	     strchr("+-0123456789.eE", *r->p) != NULL;
	     r->p++)
		text[n++] = (char)*r->p;
	if (text[0] == '\0' || (v = value_new(VALUE_NUMBER)) == NULL)
		return NULL;
	v->number = strtoll(text, NULL, 10);
	return v;
}

static struct value *
json_string_value(struct json_reader *r)
{
	struct value *v = value_new(VALUE_TEXT);

	if (v != NULL)
		v->bytes = json_text(r, &v->n);
	if (v == NULL || v->bytes != NULL)
		return v;
	value_free(v);
	return NULL;
}

static struct value *
json_value(struct json_reader *r)
{
	struct value *v = NULL;

	if (++r->depth > VALUE_DEPTH)
		return NULL;
	if (json_take(r, '{'))
		v = json_container(r, VALUE_DICT);
	else if (json_take(r, '['))
		v = json_container(r, VALUE_LIST);
	else if (json_take(r, '"'))
		v = json_string_value(r);
	else if ((v = json_word(r)) == NULL)
		v = json_number(r);
	r->depth--;
	return v;
}

int
json_parse(struct blob text, struct value **out)
{
	struct json_reader r = { text.p, text.p + text.n, 0 };

	*out = text.n == 0 ? NULL : json_value(&r);
	if (*out == NULL)
		return fail(ERR_MALFORMED, "the answer is no JSON");
	return OK;
}

void
json_string(struct buf *out, const char *s)
{
	buf_add_byte(out, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			buf_printf(out, "\\u%04x", (unsigned int)*s);
		else
			buf_add_byte(out, (uint8_t)*s);
	}
	buf_add_byte(out, '"');
}
