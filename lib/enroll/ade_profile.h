/*
 * The profile of Automated Device Enrollment: from the device information that
 * a device signed to its enrollment and profile, or to a refusal.
 */
#ifndef ENROLL_ADE_PROFILE_H
#define ENROLL_ADE_PROFILE_H

#include <gnutls/x509.h>

#include "base/blob.h"
#include "base/buf.h"
#include "enroll/machineinfo.h"
#include "enroll/profile.h"
#include "store/context.h"

/* Enrollments of one serial number that may be open at once. */
#define ADE_PROFILE_OPEN_MAX 20

/*
 * Answers a request whose signed device information is `cms`; `device_ca` is
 * Apple's, `account` who signed in at the device ("": nobody). OK, and the
 * profile in `out`, after its enrollment was stored; or the code of the
 * refusal; either way with a row in the event log. When a serial number has
 * ADE_PROFILE_OPEN_MAX open enrollments the oldest make room.
 *
 * ERR_ENROLL_SIGNATURE, ERR_ENROLL_MACHINEINFO, ERR_TOO_LARGE, and the codes of
 * decision_make(). For ERR_ENROLL_OS_TOO_OLD `out` has the JSON that Setup
 * Assistant understands and offers the update for (Apple: "error codes",
 * com.apple.softwareupdate.required, iOS 17 and macOS 14).
 */
int ade_profile_make(struct context *c, gnutls_x509_crt_t device_ca,
    const struct profile_files *files, struct blob cms, const char *account,
    struct buf *out);

/*
 * Would it get a profile if somebody signed in? Reads *info and creates nothing.
 * The same codes, with their rows in the event log, and the same in `out`.
 */
int ade_profile_check(struct context *c, gnutls_x509_crt_t device_ca,
    struct blob cms, struct machineinfo *info, struct buf *out);

#endif
