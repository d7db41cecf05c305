#include "sim/client/apps.h"

/* Dictionaries of three values each, for 120,000 values. */
#define APPS_MANY  40000
#define APPS_LARGE ((size_t)22 << 20)

static void
apps_one(struct xml *x, const char *name, const char *identifier)
{
	xml_open_dict(x, NULL);
	xml_string(x, "Identifier", identifier);
	xml_string(x, "Name", name);
	xml_close_dict(x);
}

/* As Core Foundation writes a name with a control character, and no number. */
static void
apps_odd(struct xml *x, const struct faults *faults)
{
	if (fault_on(faults, FAULT_RESULT_CONTROL))
		buf_add_str(x->out,
		    "<dict><key>Name</key>"
		    "<string>Odd\x01\x1f\x7f</string></dict>\n");
	if (fault_on(faults, FAULT_RESULT_NAN))
		buf_add_str(x->out,
		    "<dict><key>DynamicSize</key><real>nan</real></dict>\n");
	if (fault_on(faults, FAULT_RESULT_DAMAGED))
		buf_add_str(x->out, "<dict><key>Name</key></dict>\n");
}

static void
apps_large(struct xml *x)
{
	size_t i;

	buf_add_str(x->out, "<string>");
	for (i = 0; i < APPS_LARGE; i += 16)
		buf_add_str(x->out, "sixteen letters ");
	buf_add_str(x->out, "</string>\n");
}

void
apps_write(struct xml *x, const struct faults *faults)
{
	size_t i;

	xml_open_array(x, "InstalledApplicationList");
	apps_one(x, "Safari", "com.apple.Safari");
	apps_one(x, "Terminal", "com.apple.Terminal");
	apps_odd(x, faults);
	if (fault_on(faults, FAULT_RESULT_MANY))
		for (i = 0; i < APPS_MANY; i++)
			apps_one(x, "App", "com.example.app");
	if (fault_on(faults, FAULT_RESULT_LARGE))
		apps_large(x);
	xml_close_array(x);
}
