#include <inttypes.h>

#include "base/enc.h"
#include "sim/forge/xml.h"

static void
xml_indent(struct xml *x)
{
	for (int i = 0; i < x->depth; i++)
		buf_add_byte(x->out, '\t');
}

static void
xml_escape(struct xml *x, const char *text)
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
xml_key(struct xml *x, const char *key)
{
	if (key != NULL) {
		xml_indent(x);
		buf_add_str(x->out, "<key>");
		xml_escape(x, key);
		buf_add_str(x->out, "</key>\n");
	}
	xml_indent(x);
}

static void
xml_open(struct xml *x, const char *key, const char *tag)
{
	xml_key(x, key);
	buf_printf(x->out, "<%s>\n", tag);
	x->depth++;
}

static void
xml_close(struct xml *x, const char *tag)
{
	x->depth--;
	xml_indent(x);
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
xml_open_dict(struct xml *x, const char *key)
{
	xml_open(x, key, "dict");
}

void
xml_close_dict(struct xml *x)
{
	xml_close(x, "dict");
}

void
xml_open_array(struct xml *x, const char *key)
{
	xml_open(x, key, "array");
}

void
xml_close_array(struct xml *x)
{
	xml_close(x, "array");
}

void
xml_string(struct xml *x, const char *key, const char *value)
{
	if (value == NULL)
		return;
	xml_key(x, key);
	buf_add_str(x->out, "<string>");
	xml_escape(x, value);
	buf_add_str(x->out, "</string>\n");
}

void
xml_data(struct xml *x, const char *key, struct blob value)
{
	xml_key(x, key);
	buf_add_str(x->out, "<data>\n");
	for (size_t at = 0; at < value.n; at += 45) {
		size_t n = value.n - at < 45 ? value.n - at : 45;

		xml_indent(x);
		enc_base64(blob_of(value.p + at, n), x->out);
		buf_add_byte(x->out, '\n');
	}
	xml_indent(x);
	buf_add_str(x->out, "</data>\n");
}

void
xml_bool(struct xml *x, const char *key, bool value)
{
	xml_key(x, key);
	buf_add_str(x->out, value ? "<true/>\n" : "<false/>\n");
}

void
xml_int(struct xml *x, const char *key, int64_t value)
{
	xml_key(x, key);
	buf_printf(x->out, "<integer>%" PRId64 "</integer>\n", value);
}

void
xml_real(struct xml *x, const char *key, double value)
{
	xml_key(x, key);
	buf_printf(x->out, "<real>%g</real>\n", value);
}
