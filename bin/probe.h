/* Runs another program and reads what it prints. */
#ifndef BIN_PROBE_H
#define BIN_PROBE_H

#include "base/buf.h"

/*
 * Runs argv[0] from PATH without a shell, standard output and error into out
 * (as much as it holds). *status is its exit status, 127 when it was not
 * found. ERR_IO when it cannot be started.
 */
int probe_run(const char *const *argv, struct buf *out, int *status);

#endif
