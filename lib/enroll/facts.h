/* From what the database knows of a serial number to the decision's input. */
#ifndef ENROLL_FACTS_H
#define ENROLL_FACTS_H

#include "policy/device_state.h"
#include "policy/decision.h"

/*
 * Fills in what the state says; the request's part is empty and for the
 * caller. *in points into *s.
 */
void facts_input(const struct device_state *s, struct decision_input *in);

#endif
