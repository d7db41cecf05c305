/*
 * The program of [alarms] command: a child process that gets one document on
 * its standard input. It is started without a shell and without arguments, as
 * the worker's user, in /, in a session of its own, with PATH and LANG in its
 * environment and nothing else, and it ends with the worker. The caller looks
 * at it again and again, and so never waits for it.
 */
#ifndef BIN_HOOK_H
#define BIN_HOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/blob.h"

/* After that it is killed, with the processes of its group. */
#define HOOK_SECONDS 30
/* The end of what it wrote is a reason when it fails. */
#define HOOK_TEXT 257

struct hook {
	pid_t pid;        /* 0: none runs */
	int output;       /* what it writes to standard output and error */
	int64_t deadline; /* monotonic milliseconds */
	bool killed;      /* after the deadline */
	char text[HOOK_TEXT];
};

/* OK; ERR_IO, logged, when it cannot be started. */
int hook_start(struct hook *hook, const char *command, struct blob document);

/*
 * *ended says whether it has ended. OK: it runs, or ended with status 0; else
 * ERR_JOB, with the reason in log_reason().
 */
int hook_look(struct hook *hook, bool *ended);

/* Kills it, if one runs. */
void hook_stop(struct hook *hook);

#endif
