/*
 * Handing out an enrollment profile by Automated Device Enrollment: from the
 * signed device information to the profile or a refusal, with its event log.
 */
#ifndef ENROLL_ADE_PROFILE_H
#define ENROLL_ADE_PROFILE_H

#include <gnutls/x509.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/conf.h"
#include "enroll/profile.h"
#include "store/db.h"
#include "store/settings.h"

/* Enrollments of one serial number that may be open at once. */
#define ADE_PROFILE_OPEN_MAX 20

/* What a program keeps open. */
struct ade_profile {
	const struct conf *conf;
	struct db *db;
	gnutls_x509_crt_t device_ca;
	struct profile_files files;
};

/*
 * Opens the database, the pinned device CA and the profile's files. Released
 * with ade_profile_close, also after a failure.
 */
int ade_profile_open(const struct conf *conf, struct ade_profile *out);
void ade_profile_close(struct ade_profile *h);

struct ade_profile_answer {
	/* the profile; empty unless OK */
	struct buf profile;
	/* the version to update to, for ERR_ENROLL_OS_TOO_OLD */
	char minimum_os_version[SETTINGS_VALUE_TEXT];
};

void ade_profile_answer_init(struct ade_profile_answer *a);
void ade_profile_answer_release(struct ade_profile_answer *a);

/*
 * Answers a request whose signed device information is `cms`. OK with the
 * profile after its enrollment was stored, or the code of the refusal; either
 * way with a row in the event log. When a serial number has
 * ADE_PROFILE_OPEN_MAX open enrollments the oldest make room.
 * ERR_ENROLL_SIGNATURE, ERR_ENROLL_MACHINEINFO, ERR_ENROLL_UNASSIGNED,
 * ERR_ENROLL_OTHER_DEVICE, ERR_ENROLL_OS_TOO_OLD, ERR_ENROLL_METHOD,
 * ERR_ENROLL_DOWNGRADE, ERR_MDM_BLOCKED, ERR_TOO_LARGE.
 */
int ade_profile_make(struct ade_profile *h, struct blob cms,
    const char *remote_address, struct ade_profile_answer *answer);

/* Records the refusal of a request that carries no device information to read.
 */
int ade_profile_refuse(
    struct ade_profile *h, int code, const char *remote_address);

#endif
