/* Ways to misbehave, by name: sim_knob.def is the list. */
#ifndef SIM_KNOB_H
#define SIM_KNOB_H

#include <stdbool.h>
#include <stdio.h>

enum sim_knob_id {
#define KNOB(id, name, step, text) SIM_KNOB_##id,
#include "sim/sim_knob.def"
#undef KNOB
	SIM_KNOB_COUNT
};

struct sim_knobs {
	bool on[SIM_KNOB_COUNT];
};

/* Turns on the knobs of a comma-separated list; ERR_USAGE for an unknown. */
int sim_knob_set(struct sim_knobs *knobs, const char *names);

/* False also when knobs is NULL. */
bool sim_knob_on(const struct sim_knobs *knobs, enum sim_knob_id id);

/* One line each: name, step, text; separated by tabs or, for people, padded. */
void sim_knob_list(FILE *f, bool tabs);

#endif
