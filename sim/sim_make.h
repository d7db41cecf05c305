/* attestmdm-sim make WHAT …: single pieces, for tests and curious people. */
#ifndef SIM_MAKE_H
#define SIM_MAKE_H

#include "sim/sim_knob.h"

#include "base/buf.h"

/* Runs `make`; argv[0] is WHAT. Returns OK or an error code. */
int sim_make_run(int argc, char **argv);

/* An argument that is text itself or, after @, names a file. */
int sim_make_argument(const char *arg, struct buf *out);

/* Writes one line, or to the file of -o. */
int sim_make_output(const char *path, struct blob data);
int sim_make_line(struct blob text);

/* Turns on the knobs of an option that may be NULL. */
int sim_make_knobs(const char *names, struct sim_knobs *knobs);

#endif
