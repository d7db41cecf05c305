#include <inttypes.h>

#include "base/enc.h"
#include "sim/sim_xml.h"

static void
sim_xml_indent(struct sim_xml *x)
{
	for (int i = 0; i < x->depth; i++)
		buf_add_byte(x->out, '\t');
}

static void
sim_xml_escape(struct sim_xml *x, const char *text)
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
sim_xml_key(struct sim_xml *x, const char *key)
{
	if (key != NULL) {
		sim_xml_indent(x);
		buf_add_str(x->out, "<key>");
		sim_xml_escape(x, key);
		buf_add_str(x->out, "</key>\n");
	}
	sim_xml_indent(x);
}

static void
sim_xml_open(struct sim_xml *x, const char *key, const char *tag)
{
	sim_xml_key(x, key);
	buf_printf(x->out, "<%s>\n", tag);
	x->depth++;
}

static void
sim_xml_close(struct sim_xml *x, const char *tag)
{
	x->depth--;
	sim_xml_indent(x);
	buf_printf(x->out, "</%s>\n", tag);
}

void
sim_xml_start(struct sim_xml *x, struct buf *out)
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
sim_xml_finish(struct sim_xml *x)
{
	buf_add_str(x->out, "</dict>\n</plist>\n");
}

void
sim_xml_open_dict(struct sim_xml *x, const char *key)
{
	sim_xml_open(x, key, "dict");
}

void
sim_xml_close_dict(struct sim_xml *x)
{
	sim_xml_close(x, "dict");
}

void
sim_xml_open_array(struct sim_xml *x, const char *key)
{
	sim_xml_open(x, key, "array");
}

void
sim_xml_close_array(struct sim_xml *x)
{
	sim_xml_close(x, "array");
}

void
sim_xml_string(struct sim_xml *x, const char *key, const char *value)
{
	if (value == NULL)
		return;
	sim_xml_key(x, key);
	buf_add_str(x->out, "<string>");
	sim_xml_escape(x, value);
	buf_add_str(x->out, "</string>\n");
}

void
sim_xml_data(struct sim_xml *x, const char *key, struct blob value)
{
	sim_xml_key(x, key);
	buf_add_str(x->out, "<data>\n");
	for (size_t at = 0; at < value.n; at += 45) {
		size_t n = value.n - at < 45 ? value.n - at : 45;

		sim_xml_indent(x);
		enc_base64(blob_of(value.p + at, n), x->out);
		buf_add_byte(x->out, '\n');
	}
	sim_xml_indent(x);
	buf_add_str(x->out, "</data>\n");
}

void
sim_xml_bool(struct sim_xml *x, const char *key, bool value)
{
	sim_xml_key(x, key);
	buf_add_str(x->out, value ? "<true/>\n" : "<false/>\n");
}

void
sim_xml_int(struct sim_xml *x, const char *key, int64_t value)
{
	sim_xml_key(x, key);
	buf_printf(x->out, "<integer>%" PRId64 "</integer>\n", value);
}

void
sim_xml_real(struct sim_xml *x, const char *key, double value)
{
	sim_xml_key(x, key);
	buf_printf(x->out, "<real>%g</real>\n", value);
}
