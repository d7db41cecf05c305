/*
 * Which enrollment a device gets: the one place that decides it, a pure
 * function of everything that matters. Callers gather the facts, ask once and
 * obey; nothing else in the server chooses between ACME and SCEP.
 *
 * The policy:
 *
 * - A serial number that Apple Business Manager did not assign to us, or took
 *   away again, gets nothing by Automated Device Enrollment.
 * - A blocked host, and an enrolled host whose serial number comes from a
 *   device with another UDID, get nothing until an administrator looked.
 * - A device that can attest always gets ACME with attestation when it comes
 *   by Automated Device Enrollment, whether or not the setting "Require
 *   hardware attestation" is on. A serial number that attested once gets ACME
 *   for ever, whatever it says of itself now.
 * - Only for what cannot attest the setting matters: off, it gets SCEP; on, it
 *   is refused. That includes devices of unknown kind (with an alert), and
 *   manual enrollment, where nothing proves which device asks.
 * - A minimum system version holds back devices that can update themselves
 *   during enrollment, before anything is created for them.
 *
 * The device information is a hint: a device may lie about its product or
 * system to get less than it could. With the setting on, lying gains nothing.
 */
#ifndef ENROLL_DECISION_H
#define ENROLL_DECISION_H

#include <stdbool.h>

enum decision_source {
	/* Automated Device Enrollment. */
	DECISION_ADE,
	/* A profile downloaded or carried by hand. */
	DECISION_MANUAL,
	/* A renewal that the server sends to an enrolled device. */
	DECISION_RENEWAL,
};

/* What Business Manager says of the serial number. */
enum decision_assignment {
	DECISION_NEVER_ASSIGNED,
	DECISION_ASSIGNED,
	DECISION_REMOVED,
};

/* Strings are "" when unknown, never NULL. */
struct decision_input {
	/* Settings. */
	bool require_attestation;
	const char *minimum_os_version;
	/* The request. */
	enum decision_source source;
	/* What the device says of itself. */
	const char *udid;
	const char *product;
	const char *os_version;
	const char *build_version;
	bool can_update;
	/* What we know of the serial number. */
	enum decision_assignment assignment;
	bool host_enrolled;
	bool host_blocked;
	const char *host_udid;
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
