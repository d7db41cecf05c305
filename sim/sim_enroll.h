/* attestmdm-sim enroll: from nothing to a managed device. */
#ifndef SIM_ENROLL_H
#define SIM_ENROLL_H

#include "sim/sim_session.h"

/* The command. */
int sim_enroll_run(int argc, char **argv);

/*
 * Enrolls the session's prepared device: asks for the profile, gets the
 * certificate, checks in. ERR_UNAUTHORIZED when the server refused.
 */
int sim_enroll_device(struct sim_session *s);

/*
 * Two steps of it: the certificate that the device's profile names, by ACME or
 * by SCEP; and `count` check-in messages over a connection of their own. The
 * bodies of the answers are appended to `answer` unless that is NULL.
 */
int sim_enroll_certificate(struct sim_session *s);
int sim_enroll_messages(struct sim_session *s, const char *const *types,
    size_t count, struct buf *answer);

/* The commands that send one check-in message; argv[-1] names it. */
int sim_enroll_check_in(int argc, char **argv);

#endif
