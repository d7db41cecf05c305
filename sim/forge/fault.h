/* What a device does wrong, by name: fault.def is the list. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stdio.h>

enum fault_id {
#define FAULT(id, name, step, text) FAULT_##id,
#include "sim/forge/fault.def"
#undef FAULT
	FAULT_COUNT
};

struct faults {
	bool on[FAULT_COUNT];
};

/* Turns on the faults of a comma-separated list; ERR_USAGE for an unknown. */
int fault_set(struct faults *faults, const char *names);

/* False also when faults is NULL. */
bool fault_on(const struct faults *faults, enum fault_id id);

/* One line each: name, step, text; separated by tabs or, for people, padded. */
void fault_list(FILE *f, bool tabs);

#endif
