#include "sim/sim_apps.h"

/* Dictionaries of three values each, for 120,000 values. */
#define SIM_APPS_MANY  40000
#define SIM_APPS_LARGE ((size_t)22 << 20)

static void
sim_apps_one(struct sim_xml *x, const char *name, const char *identifier)
{
	sim_xml_open_dict(x, NULL);
	sim_xml_string(x, "Identifier", identifier);
	sim_xml_string(x, "Name", name);
	sim_xml_close_dict(x);
}

/* As Core Foundation writes a name with a control character, and no number. */
static void
sim_apps_odd(struct sim_xml *x, const struct sim_knobs *knobs)
{
	if (sim_knob_on(knobs, SIM_KNOB_RESULT_CONTROL))
		buf_add_str(x->out,
		    "<dict><key>Name</key>"
		    "<string>Odd\x01\x1f\x7f</string></dict>\n");
	if (sim_knob_on(knobs, SIM_KNOB_RESULT_NAN))
		buf_add_str(x->out,
		    "<dict><key>DynamicSize</key><real>nan</real></dict>\n");
	if (sim_knob_on(knobs, SIM_KNOB_RESULT_DAMAGED))
		buf_add_str(x->out, "<dict><key>Name</key></dict>\n");
}

static void
sim_apps_large(struct sim_xml *x)
{
	size_t i;

	buf_add_str(x->out, "<string>");
	for (i = 0; i < SIM_APPS_LARGE; i += 16)
		buf_add_str(x->out, "sixteen letters ");
	buf_add_str(x->out, "</string>\n");
}

void
sim_apps_write(struct sim_xml *x, const struct sim_knobs *knobs)
{
	size_t i;

	sim_xml_open_array(x, "InstalledApplicationList");
	sim_apps_one(x, "Safari", "com.apple.Safari");
	sim_apps_one(x, "Terminal", "com.apple.Terminal");
	sim_apps_odd(x, knobs);
	if (sim_knob_on(knobs, SIM_KNOB_RESULT_MANY))
		for (i = 0; i < SIM_APPS_MANY; i++)
			sim_apps_one(x, "App", "com.example.app");
	if (sim_knob_on(knobs, SIM_KNOB_RESULT_LARGE))
		sim_apps_large(x);
	sim_xml_close_array(x);
}
