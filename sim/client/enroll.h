/* attestmdm-sim enroll: from nothing to a managed device. */
#ifndef ENROLL_H
#define ENROLL_H

#include "sim/client/player.h"

/* The command. */
int enroll_run(int argc, char **argv);

/*
 * Enrolls the session's prepared device: asks for the profile, gets the
 * certificate, checks in. ERR_UNAUTHORIZED when the server refused.
 */
int enroll_device(struct player *s);

/*
 * Two steps of it: the certificate that the device's profile names, by ACME or
 * by SCEP; and `count` check-in messages over a connection of their own. The
 * bodies of the answers are appended to `answer` unless that is NULL.
 */
int enroll_certificate(struct player *s);
int enroll_messages(struct player *s, const char *const *types, size_t count,
    struct buf *answer);

/* The commands that send one check-in message; argv[-1] names it. */
int enroll_check_in(int argc, char **argv);

#endif
