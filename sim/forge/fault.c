#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/forge/fault.h"

static const struct {
	const char *name;
	const char *step;
	const char *text;
} table[FAULT_COUNT] = {
#define FAULT(id, name, step, text) { name, step, text },
#include "sim/forge/fault.def"
#undef FAULT
};

static int
set_one(struct faults *faults, const char *name)
{
	for (size_t i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(name, table[i].name) == 0) {
			faults->on[i] = true;
			return OK;
		}
	}
	return fail(
	    ERR_USAGE, "no fault is called %s; see attestmdm-sim faults", name);
}

int
fault_set(struct faults *faults, const char *names)
{
	char *copy = strdup(names), *save = NULL;
	int r = copy == NULL ? ERR_NOMEM : OK;

	for (char *name = r == OK ? strtok_r(copy, ",", &save) : NULL;
	     name != NULL && r == OK; name = strtok_r(NULL, ",", &save))
		r = set_one(faults, name);
	free(copy);
	return r;
}

bool
fault_on(const struct faults *faults, enum fault_id id)
{
	return faults != NULL && faults->on[id];
}

void
fault_list(FILE *f, bool tabs)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		fprintf(f, tabs ? "%s\t%s\t%s\n" : "%-33s %-13s %s\n",
		    table[i].name, table[i].step, table[i].text);
}
