#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/forge/fault.h"

static const struct {
	const char *name;
	const char *step;
	const char *text;
} fault_table[FAULT_COUNT] = {
#define FAULT(id, name, step, text) { name, step, text },
#include "sim/forge/fault.def"
#undef FAULT
};

static int
fault_set_one(struct faults *faults, const char *name)
{
	for (size_t i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(name, fault_table[i].name) == 0) {
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
	int rc = copy == NULL ? ERR_NOMEM : OK;

	for (char *name = rc == OK ? strtok_r(copy, ",", &save) : NULL;
	     name != NULL && rc == OK; name = strtok_r(NULL, ",", &save))
		rc = fault_set_one(faults, name);
	free(copy);
	return rc;
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
		    fault_table[i].name, fault_table[i].step,
		    fault_table[i].text);
}
