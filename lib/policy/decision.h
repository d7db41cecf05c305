/*
 * Which enrollment a device gets: the one place that decides it, a pure
 * function of everything that matters. Callers gather the facts, ask once and
 * obey; nothing else in the server chooses between ACME and SCEP. What was
 * decided is held against the rules again (policy/device_state.h) when a
 * renewal is sent, when a certificate is issued by SCEP, and when it is first
 * used.
 *
 * The policy, in the order of its rules:
 *
 * - A serial number that Apple Business did not assign to us, or took
 *   away again, gets nothing by Automated Device Enrollment.
 * - "Allow only Apple Business enrollments" refuses enrollment by hand, and
 *   the renewal of what is not assigned.
 * - A blocked host gets nothing until an administrator unblocked it. Neither
 *   does a device with another UDID than the enrolled host of its serial number
 *   ("held for review"), unless it gets ACME and the host is not attested: then
 *   its attestation decides, when the attested certificate is first used
 *   (mdm/authenticate.c). What a link for any device may claim is
 *   mdm/link_device.h's matter.
 * - The minimum version of its system holds back a device that can update
 *   itself during enrollment, before anything is created for it.
 * - With "Require hardware attestation" off everything gets SCEP. With it on, a
 *   device that is assigned and can attest gets ACME, and all else SCEP; with
 *   both settings on, all else is refused.
 * - With it on, nothing is downgraded: a serial number that attested before, or
 *   that Apple Business says is Apple silicon, does not get SCEP because of
 *   what it says of itself; an attested host is not renewed by SCEP. Both are
 *   refused with an alert. A host that attested before is renewed by
 *   attestation whatever it says now; one that Apple Business says is Apple
 *   silicon, when its system is new enough.
 *
 * What a device says of itself is a hint: it may lie to get less than it could.
 */
#ifndef POLICY_DECISION_H
#define POLICY_DECISION_H

#include <stdbool.h>

#include "policy/device_state.h"

enum decision_source {
	/* Automated Device Enrollment. */
	DECISION_ADE,
	/* A profile downloaded or carried by hand. */
	DECISION_LINK,
	/* A renewal that the server sends to an enrolled device. */
	DECISION_RENEWAL,
};

/* Strings are "" when unknown, never NULL. */
struct decision_input {
	/* Settings. */
	bool require_attestation;
	bool business_only;
	/* of the system that the device runs */
	const char *minimum_os_version;
	/* The request. */
	enum decision_source source;
	/* What the device says of itself, now or, for a renewal, at its last
	 * check-in. */
	const char *udid;
	const char *product;
	const char *os_version;
	const char *build_version;
	bool can_update;
	/* What we know of the serial number. */
	enum device_assignment assignment;
	/* Apple Business's record names Apple silicon. */
	bool known_silicon;
	/* or begins to */
	bool host_enrolled;
	bool host_blocked;
	const char *host_udid;
	/* The host's present certificate is an attested one. */
	bool host_attested;
	bool ever_attested;
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
	/* An administrator should look at this. */
	bool alert;
	/* Why, as a sentence for an administrator; no secrets in it. */
	char reason[256];
};

void decision_make(const struct decision_input *in, struct decision *out);

/* "acme", "scep" or "refuse". */
const char *decision_method_name(enum decision_method m);

#endif
