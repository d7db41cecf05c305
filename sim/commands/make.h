/* attestmdm-sim make WHAT …: single pieces, for tests and curious people. */
#ifndef MAKE_H
#define MAKE_H

#include "sim/forge/fault.h"

#include "base/buf.h"

/* Runs `make`; argv[0] is WHAT. Returns OK or an error code. */
int make_run(int argc, char **argv);

/* An argument that is text itself or, after @, names a file. */
int make_argument(const char *arg, struct buf *out);

/* Writes one line, or to the file of -o. */
int make_output(const char *path, struct blob data);
int make_line(struct blob text);

/* Turns on the faults of an option that may be NULL. */
int make_faults(const char *names, struct faults *faults);

#endif
