/* attestmdm-sim poll: fetch commands and answer them until none is left. */
#ifndef SIM_POLL_H
#define SIM_POLL_H

int sim_poll_run(int argc, char **argv);

#endif
