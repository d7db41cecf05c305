/* attestmdm-sim poll: fetch commands and answer them until none is left. */
#ifndef SIM_POLL_H
#define SIM_POLL_H

#include "sim/sim_session.h"

/* Fetches and answers commands until none is left, for an enrolled device. */
int sim_poll_session(struct sim_session *s);

int sim_poll_run(int argc, char **argv);

#endif
