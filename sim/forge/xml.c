#include <inttypes.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "sim/forge/xml.h"

static void
indent(struct xml *x)
{
	for (int i = 0; i < x->depth; i++)
		buf_add_byte(x->out, '\t');
}

static void
escape(struct xml *x, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '&')
			buf_add_str(x->out, "&amp;");
		else if (*text == '<')
			buf_add_str(x->out, "&lt;");
		else if (*text == '>')
			buf_add_str(x->out, "&gt;");
		else
			buf_add_byte(x->out, (uint8_t)*text);
	}
}

static void
write_key(struct xml *x, const char *key)
{
	if (key != NULL) {
		indent(x);
		buf_add_str(x->out, "<key>");
		escape(x, key);
		buf_add_str(x->out, "</key>\n");
	}
	indent(x);
}

void
xml_open(struct xml *x, const char *key, const char *tag)
{
	write_key(x, key);
	buf_printf(x->out, "<%s>\n", tag);
	x->depth++;
}

void
xml_close(struct xml *x, const char *tag)
{
	x->depth--;
	indent(x);
	buf_printf(x->out, "</%s>\n", tag);
}

void
xml_start(struct xml *x, struct buf *out)
{
	x->out = out;
	x->depth = 0;
	buf_add_str(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	    "<plist version=\"1.0\">\n<dict>\n");
	x->depth = 1;
}

void
xml_finish(struct xml *x)
{
	buf_add_str(x->out, "</dict>\n</plist>\n");
}

void
xml_string(struct xml *x, const char *key, const char *value)
{
	if (value == NULL)
		return;
	write_key(x, key);
	buf_add_str(x->out, "<string>");
	escape(x, value);
	buf_add_str(x->out, "</string>\n");
}

void
xml_data(struct xml *x, const char *key, struct blob value)
{
	write_key(x, key);
	buf_add_str(x->out, "<data>\n");
	for (size_t at = 0; at < value.n; at += 45) {
		size_t n = value.n - at < 45 ? value.n - at : 45;

		indent(x);
		enc_base64(blob_of(value.p + at, n), x->out);
		buf_add_byte(x->out, '\n');
	}
	indent(x);
	buf_add_str(x->out, "</data>\n");
}

void
xml_bool(struct xml *x, const char *key, bool value)
{
	write_key(x, key);
	buf_add_str(x->out, value ? "<true/>\n" : "<false/>\n");
}

void
xml_int(struct xml *x, const char *key, int64_t value)
{
	write_key(x, key);
	buf_printf(x->out, "<integer>%" PRId64 "</integer>\n", value);
}

void
xml_real(struct xml *x, const char *key, double value)
{
	write_key(x, key);
	buf_printf(x->out, "<real>%g</real>\n", value);
}

int
xml_parse(struct blob text, plist_t *out)
{
	*out = NULL;
	if (text.n > 0 && text.n <= UINT32_MAX)
		plist_from_xml((const char *)text.p, (uint32_t)text.n, out);
	if (*out == NULL)
		return fail(ERR_MALFORMED, "the answer is no property list");
	return OK;
}

plist_t
xml_get(plist_t dict, const char *name)
{
	if (name == NULL || dict == NULL)
		return dict;
	if (plist_get_node_type(dict) != PLIST_DICT)
		return NULL;
	return plist_dict_get_item(dict, name);
}

static plist_t
get_typed(plist_t dict, const char *name, plist_type type)
{
	plist_t v = xml_get(dict, name);

	return v != NULL && plist_get_node_type(v) == type ? v : NULL;
}

const char *
xml_get_text(plist_t dict, const char *name)
{
	plist_t v = get_typed(dict, name, PLIST_STRING);

	return v == NULL ? NULL : plist_get_string_ptr(v, NULL);
}

struct blob
xml_get_data(plist_t dict, const char *name)
{
	plist_t v = get_typed(dict, name, PLIST_DATA);
	uint64_t n = 0;
	const char *p = v == NULL ? NULL : plist_get_data_ptr(v, &n);

	return blob_of(p, (size_t)n);
}

int64_t
xml_get_int(plist_t dict, const char *name, int64_t otherwise)
{
	plist_t v = get_typed(dict, name, PLIST_UINT);
	uint64_t n = 0;

	if (v == NULL)
		return otherwise;
	plist_get_uint_val(v, &n);
	return (int64_t)n;
}

bool
xml_get_bool(plist_t dict, const char *name)
{
	plist_t v = get_typed(dict, name, PLIST_BOOLEAN);
	uint8_t is_true = 0;

	if (v != NULL)
		plist_get_bool_val(v, &is_true);
	return is_true != 0;
}

plist_t
xml_item(plist_t array, uint32_t i)
{
	plist_t v = get_typed(array, NULL, PLIST_ARRAY);

	if (v == NULL || i >= plist_array_get_size(v))
		return NULL;
	return plist_array_get_item(v, i);
}
