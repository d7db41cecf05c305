/*
 * Renews the identity certificates of enrolled hosts: an InstallProfile command
 * with the profile that the device has, but a new way to a certificate in it
 * (Apple: com.apple.mdm, "profile replacement"). Identifiers, UUIDs and URLs
 * are the same. The old certificate stays good until the new one is used.
 */
#ifndef ENROLL_RENEWER_H
#define ENROLL_RENEWER_H

#include "enroll/profile.h"
#include "policy/decision.h"
#include "store/context.h"
#include "store/renewal_candidates.h"
#include "store/renewals.h"

/* A host that is passed over is looked at again after that many seconds. */
#define RENEWER_PUT_OFF 86400

/*
 * How long a device has for an open renewal, in hours: devices that are used
 * little are seen every few days only, and one that is over is not opened again
 * before they were. Or a third of what the certificate has left, but not less
 * than the second; all of it when the certificate has ended.
 */
#define RENEWER_HOURS       (7 * 24)
#define RENEWER_HOURS_LEAST 6

/*
 * From here on an administrator is told, in seconds before the end; or from the
 * middle of [renewal] days_before when that is later.
 */
#define RENEWER_ALARM (INT64_C(30) * 86400)

/* Hosts at which something fails before a run gives up. */
#define RENEWER_FAULTS_MAX 10

enum renewer_option {
	/* What the decision says, for hosts without an open renewal. */
	RENEWER_ANY,
	/* The same at once, also in place of an open one. */
	RENEWER_NOW,
	/*
	 * Only when the decision says ACME: hosts that move to attestation,
	 * also in place of an open renewal by SCEP.
	 */
	RENEWER_TO_ACME,
};

struct renewer {
	struct context context;
	struct profile_files files;
};

/* ERR_CONFIG, ERR_IO, ERR_MALFORMED, ERR_CRYPTO. Released in any case. */
int renewer_init(struct renewer *rn, const struct conf *conf, struct db *db);
void renewer_release(struct renewer *rn);

/* What renewer_send() would do, with its codes; changes nothing. */
int renewer_decide(struct renewer *rn,
    const struct renewal_candidate *candidate, enum renewer_option option,
    struct decision *out);

/*
 * Opens the renewal of one host, in one transaction: decision, enrollment,
 * SCEP challenge, command and event. *out says what was decided; when that is
 * to refuse, nothing is sent and the host is put off for a day (not with
 * RENEWER_TO_ACME), with a row in the event log when the reason is a new one.
 * ERR_CONFLICT: meanwhile it got another certificate or left; or one is open
 * whose place may not be taken: any with RENEWER_ANY, one by ACME with
 * RENEWER_TO_ACME, and one whose certificate waits for its first use.
 */
int renewer_send(struct renewer *rn, const struct renewal_candidate *candidate,
    enum renewer_option option, struct decision *out);

/*
 * Closes the renewal of a host of renewal_candidates_unanswered(); it is
 * repeated when the device is back. ERR_CONFLICT: it changed meanwhile.
 */
int renewer_close(
    struct renewer *rn, const struct renewal_candidate *candidate);

/*
 * Hosts, `limit` at most, of which an administrator is to be told that their
 * certificate ends soon (RENEWER_ALARM, half of days_before, or a sixth of its
 * life, whichever is least): once for each threshold of alarms_raise_ending().
 */
int renewer_expiring(
    struct renewer *rn, int limit, struct renewal_candidate_list *out);

/*
 * Raises the alarm of one of them, and logs it. ERR_CONFLICT: it renewed or
 * left meanwhile.
 */
int renewer_alarm(
    struct renewer *rn, const struct renewal_candidate *candidate);

#endif
