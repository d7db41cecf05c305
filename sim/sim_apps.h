/* The list of applications that a simulated device tells. */
#ifndef SIM_APPS_H
#define SIM_APPS_H

#include "sim/sim_knob.h"
#include "sim/sim_xml.h"

/*
 * Writes InstalledApplicationList, with what the knobs result-… put into it.
 * `knobs` may be NULL.
 */
void sim_apps_write(struct sim_xml *x, const struct sim_knobs *knobs);

#endif
