/* Reading XML property lists; simple, for what servers send. */
#ifndef SIM_PLIST_H
#define SIM_PLIST_H

#include "base/buf.h"
#include "sim/sim_value.h"

/*
 * ERR_MALFORMED when it is not a property list. Dates come as text. Free
 * with sim_value_free.
 */
int sim_plist_parse(struct blob xml, struct sim_value **out);

#endif
