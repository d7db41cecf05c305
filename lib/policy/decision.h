/*
 * Who may have what: the one place that decides it, in pure functions of
 * everything that matters. A profile is decided by decision_make(); what it led
 * to is held against the same rules again when a certificate is issued or
 * downloaded, when it is first used, and when the command of a renewal is sent,
 * because the settings, Apple Business or an administrator may have changed
 * meanwhile. Each rule, its code and its text is one function of decision.c.
 *
 * The rules, in their order:
 *
 * - A serial number that Apple Business did not assign to us, or took away
 *   again, gets nothing by Automated Device Enrollment.
 * - "Allow only Apple Business enrollments" refuses link enrollment, and the
 *   renewal of what is not assigned.
 * - A blocked host gets nothing until an administrator unblocks it. Neither
 *   does a device with another UDID than the enrolled host of its serial number
 *   ("held for review"), unless it gets ACME and the host is not attested: then
 *   its attestation decides, when the attested certificate is first used
 *   (mdm/authenticate.c). What a link for any device may claim is
 *   mdm/authenticate.h's matter.
 * - The minimum version of its system holds back a device that can update
 *   itself during enrollment, before anything is created for it. One that has
 *   to update anyway is also told to which version; one that has the minimum
 *   chooses for itself.
 * - While end users must sign in, Automated Device Enrollment gives nothing to
 *   a device at which nobody did.
 * - With "Require hardware attestation" off everything gets SCEP. With it on, a
 *   device that is assigned and can attest gets ACME, and all else SCEP; with
 *   both settings on, all else is refused.
 * - "Which devices must attest" may exempt what is not a Mac, unless both
 *   settings are on. Then it gets SCEP, also when it attested before: narrowing
 *   the setting is no downgrade. What Apple Business calls a Mac, and what
 *   attested as one, is not exempt because it says that it is something else.
 * - With it on, nothing is downgraded: a serial number that attested before, or
 *   that Apple Business says is Apple silicon, does not get SCEP because of
 *   what it says of itself; an attested host is not renewed by SCEP. A host
 *   that attested before is renewed by attestation whatever it says now; one
 *   that Apple Business says is Apple silicon, when its system is new enough.
 *
 * What a device says of itself is a hint: it may lie to get less than it could.
 */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>

#include "policy/device_state.h"
#include "store/device.h"
#include "store/enrollments.h"

struct decision_input {
	enum enrollment_source source;
	/* what the device says of itself, now or, for a renewal, at its last
	 * check-in; empty for a link */
	struct device device;
	/* it can update its system during enrollment, or has to */
	bool can_update;
	/* somebody signed in at the device, and may enroll it */
	bool signed_in;
	/* of the system that it runs; "" for none */
	char minimum_os_version[SETTINGS_VALUE_TEXT];
	struct device_state state;
};

enum decision_method {
	DECISION_REFUSE,
	DECISION_ACME,
	DECISION_SCEP,
};

struct decision {
	enum decision_method method;
	/* For DECISION_REFUSE the code of err.def, else OK. */
	int code;
	/* Why, as a sentence for an administrator; no secrets in it. */
	char reason[256];
};

/*
 * Which enrollment a device gets. The codes are ERR_ENROLL_UNASSIGNED,
 * ERR_ENROLL_BUSINESS, ERR_MDM_BLOCKED, ERR_ENROLL_OTHER_DEVICE,
 * ERR_ENROLL_OS_TOO_OLD, ERR_ENROLL_SIGN_IN, ERR_ENROLL_DOWNGRADE and
 * ERR_ENROLL_METHOD.
 */
void decision_make(const struct decision_input *in, struct decision *out);

/* "acme", "scep" or "refuse". */
const char *decision_method_name(enum decision_method m);

/*
 * Does "Require hardware attestation" hold for this device, which calls itself
 * `product` ("" when it does not say)? It may still be unable to attest.
 */
bool decision_must_attest(const struct device_state *s, const char *product);

/*
 * May a certificate of this enrollment, `attested` or not, be used for the
 * first time? OK, or a failure with its reason: ERR_ENROLL_UNASSIGNED,
 * ERR_ENROLL_BUSINESS, ERR_MDM_BLOCKED, ERR_ENROLL_SIGN_IN,
 * ERR_ENROLL_DOWNGRADE, ERR_ENROLL_METHOD.
 */
int decision_check_use(
    const struct device_state *s, const struct enrollment *e, bool attested);

/*
 * May a certificate still be issued, downloaded, or asked for by a renewal's
 * command? The same codes. ACME also needs a serial number that is assigned,
 * whatever the enrollment comes from: ERR_ENROLL_UNASSIGNED.
 */
int decision_check_issue(
    const struct device_state *s, const struct enrollment *e);

/* ERR_MDM_BLOCKED, a failure, when an administrator blocked the host. */
int decision_check_blocked(const struct host *host);

#endif
