/* attestmdm-sim poll: fetch commands and answer them until none is left. */
#ifndef POLL_H
#define POLL_H

#include "sim/client/player.h"

/* Fetches and answers commands until none is left, for an enrolled device. */
int poll_session(struct player *s);

int poll_run(int argc, char **argv);

#endif
