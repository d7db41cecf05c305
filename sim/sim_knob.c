#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/sim_knob.h"

static const struct {
	const char *name;
	const char *step;
	const char *text;
} sim_knob_table[SIM_KNOB_COUNT] = {
#define KNOB(id, name, step, text) { name, step, text },
#include "sim/sim_knob.def"
#undef KNOB
};

static int
sim_knob_set_one(struct sim_knobs *knobs, const char *name)
{
	for (size_t i = 0; i < SIM_KNOB_COUNT; i++) {
		if (strcmp(name, sim_knob_table[i].name) == 0) {
			knobs->on[i] = true;
			return OK;
		}
	}
	return fail(
	    ERR_USAGE, "no knob is called %s; see attestmdm-sim knobs", name);
}

int
sim_knob_set(struct sim_knobs *knobs, const char *names)
{
	char *copy = strdup(names), *save = NULL;
	int rc = copy == NULL ? ERR_NOMEM : OK;

	for (char *name = rc == OK ? strtok_r(copy, ",", &save) : NULL;
	     name != NULL && rc == OK; name = strtok_r(NULL, ",", &save))
		rc = sim_knob_set_one(knobs, name);
	free(copy);
	return rc;
}

bool
sim_knob_on(const struct sim_knobs *knobs, enum sim_knob_id id)
{
	return knobs != NULL && knobs->on[id];
}

void
sim_knob_list(FILE *f, bool tabs)
{
	for (size_t i = 0; i < SIM_KNOB_COUNT; i++)
		fprintf(f, tabs ? "%s\t%s\t%s\n" : "%-33s %-13s %s\n",
		    sim_knob_table[i].name, sim_knob_table[i].step,
		    sim_knob_table[i].text);
}
