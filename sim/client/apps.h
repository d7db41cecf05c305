/* The list of applications that a simulated device tells. */
#ifndef APPS_H
#define APPS_H

#include "sim/forge/fault.h"
#include "sim/forge/xml.h"

/*
 * Writes InstalledApplicationList, with what the faults result-… put into it.
 * `faults` may be NULL.
 */
void apps_write(struct xml *x, const struct faults *faults);

#endif
