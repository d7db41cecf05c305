#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/sim_json.h"

struct sim_json_reader {
	const uint8_t *p;
	const uint8_t *end;
	int depth;
};

static struct sim_value *sim_json_value(struct sim_json_reader *r);

static void
sim_json_space(struct sim_json_reader *r)
{
	while (r->p < r->end &&
	    (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool
sim_json_take(struct sim_json_reader *r, uint8_t c)
{
	sim_json_space(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static void
sim_json_utf8(struct buf *out, unsigned long c)
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
sim_json_escape(struct sim_json_reader *r, struct buf *out)
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
		sim_json_utf8(out, strtoul(digits, NULL, 16));
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
sim_json_text(struct sim_json_reader *r, size_t *n)
{
	struct buf out;
	bool good = true;

	buf_init(&out, (size_t)16 << 20);
	while (good && r->p < r->end && *r->p != '"') {
		if (*r->p != '\\')
			buf_add_byte(&out, *r->p++);
		else if (r->p++, !sim_json_escape(r, &out))
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
sim_json_member(struct sim_json_reader *r, struct sim_value *parent)
{
	struct sim_value *child;
	char *name = NULL;
	size_t n;

	if (parent->type == SIM_VALUE_DICT) {
		if (!sim_json_take(r, '"'))
			return false;
		name = (char *)sim_json_text(r, &n);
		if (name == NULL || !sim_json_take(r, ':')) {
			free(name);
			return false;
		}
	}
	child = sim_json_value(r);
	if (child == NULL) {
		free(name);
		return false;
	}
	child->name = name;
	sim_value_append(parent, child);
	return true;
}

static struct sim_value *
sim_json_container(struct sim_json_reader *r, enum sim_value_type type)
{
	uint8_t end = type == SIM_VALUE_DICT ? '}' : ']';
	struct sim_value *v = sim_value_new(type);
	bool good = v != NULL;

	if (!good || sim_json_take(r, end))
		return v;
	do {
		good = sim_json_member(r, v);
	} while (good && sim_json_take(r, ','));
	if (good && sim_json_take(r, end))
		return v;
	sim_value_free(v);
	return NULL;
}

static struct sim_value *
sim_json_word(struct sim_json_reader *r)
{
	static const struct {
		const char *word;
		enum sim_value_type type;
		int number;
	} table[] = { { "true", SIM_VALUE_BOOL, 1 },
		{ "false", SIM_VALUE_BOOL, 0 }, { "null", SIM_VALUE_NULL, 0 } };
	struct sim_value *v = NULL;

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(table[i].word);

		if ((size_t)(r->end - r->p) < n ||
		    memcmp(r->p, table[i].word, n) != 0)
			continue;
		r->p += n;
		v = sim_value_new(table[i].type);
		if (v != NULL)
			v->number = table[i].number;
		return v;
	}
	return NULL;
}

static struct sim_value *
sim_json_number(struct sim_json_reader *r)
{
	char text[32] = "";
	struct sim_value *v;

	for (size_t n = 0; r->p < r->end && n < sizeof text - 1 && *r->p != 0 &&
	     strchr("+-0123456789.eE", *r->p) != NULL;
	     r->p++)
		text[n++] = (char)*r->p;
	if (text[0] == '\0' || (v = sim_value_new(SIM_VALUE_NUMBER)) == NULL)
		return NULL;
	v->number = strtoll(text, NULL, 10);
	return v;
}

static struct sim_value *
sim_json_string_value(struct sim_json_reader *r)
{
	struct sim_value *v = sim_value_new(SIM_VALUE_TEXT);

	if (v != NULL)
		v->bytes = sim_json_text(r, &v->n);
	if (v == NULL || v->bytes != NULL)
		return v;
	sim_value_free(v);
	return NULL;
}

static struct sim_value *
sim_json_value(struct sim_json_reader *r)
{
	struct sim_value *v = NULL;

	if (++r->depth > SIM_VALUE_DEPTH)
		return NULL;
	if (sim_json_take(r, '{'))
		v = sim_json_container(r, SIM_VALUE_DICT);
	else if (sim_json_take(r, '['))
		v = sim_json_container(r, SIM_VALUE_LIST);
	else if (sim_json_take(r, '"'))
		v = sim_json_string_value(r);
	else if ((v = sim_json_word(r)) == NULL)
		v = sim_json_number(r);
	r->depth--;
	return v;
}

int
sim_json_parse(struct blob text, struct sim_value **out)
{
	struct sim_json_reader r = { text.p, text.p + text.n, 0 };

	*out = text.n == 0 ? NULL : sim_json_value(&r);
	if (*out == NULL)
		return fail(ERR_MALFORMED, "the answer is no JSON");
	return OK;
}

void
sim_json_string(struct buf *out, const char *s)
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
