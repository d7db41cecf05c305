/*
 * A device in whose web view somebody signs in before it gets its profile: what
 * is kept of it between the pages (store/sign_ins.h), and for whom.
 *
 * Each function has a transaction of its own, and leaves it to the caller to
 * record a refusal.
 */
#ifndef ENROLL_SIGN_IN_DEVICE_H
#define ENROLL_SIGN_IN_DEVICE_H

#include <gnutls/x509.h>

#include "store/context.h"
#include "store/sign_ins.h"

/*
 * The first page: a device that would get no profile is refused before anybody
 * signs in, with the codes of ade_profile_check(), which fills in `update`. Else
 * its information `cms` is kept, *s is the row, which borrows it, and `cookie`
 * finds it again.
 */
int sign_in_device_keep(struct context *c, gnutls_x509_crt_t device_ca,
    struct blob cms, struct sign_in *s, char cookie[SIGN_INS_VALUE_TEXT],
    struct buf *update);

/*
 * Finds it again. Free *s with sign_ins_release(). ERR_SIGN_IN_EXPIRED: it is not
 * kept any more.
 */
int sign_in_device_find(
    struct context *c, const char *cookie, struct sign_in *s);

/*
 * Begins a try in place of the one before it, with a row in the event log, and
 * gives a new cookie. ERR_SIGN_IN_EXPIRED.
 */
int sign_in_device_try(struct context *c, const struct sign_in *s,
    const struct sign_in_try *try, char cookie[SIGN_INS_VALUE_TEXT]);

/*
 * The provider answered the try with this state, in the browser with this
 * cookie. Free *s with sign_ins_release(). ERR_SIGN_IN_EXPIRED: another state,
 * one that came before, another browser, or too late.
 */
int sign_in_device_take(struct context *c, const char *cookie,
    const char *state, struct sign_in *s);

/* The device has its profile. */
int sign_in_device_end(struct context *c, const struct sign_in *s);

#endif
