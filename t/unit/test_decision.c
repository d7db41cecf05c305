/*
 * The decision table (lib/policy/decision.h), printed so that it can be read
 * against the reference: one line per device, one column per setting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "policy/decision.h"

#define SET(field, text) snprintf(field, sizeof field, "%s", text)

static struct decision_input
input(const char *product, const char *os)
{
	struct decision_input in = {
		.source = ENROLLMENT_ADE,
		.device.udid = "11111111-2222-3333-4444-555555555555",
		.state.require_attestation = true,
		.state.assignment = DEVICE_ASSIGNED,
		.state.host.state = HOST_UNENROLLED,
	};

	SET(in.device.product, product);
	SET(in.device.os_version, os);
	return in;
}

/* base/log.h cannot be included: cmocka has a fail() of its own. */
const char *log_reason(void);

/*
 * The settings from left to right: none, "Require hardware attestation", "Allow
 * only Apple Business enrollments", both; and the second one of Macs only. What
 * a device gets under each:
 */
#define SETTINGS 5
/* A: ACME, S: SCEP, and refusals: U not assigned, B not by Apple Business, */
/* D would be a downgrade, M cannot attest */
#define LETTERS "ASUBDM"

struct row {
	const char *number;
	const char *product;
	const char *os;
	const char *build;
	const char *expected;
};

#define ACME  "SASAA"
#define OTHER "SASAS" /* no Mac, but it can attest */
#define SCEP  "SSSMS"

static const struct row table[] = {
	{ "fleet-92", "Mac15,3", "13.6", "", SCEP },
	{ "fleet-92", "Mac15,3", "14", "", ACME },
	{ "fleet-92", "Mac15,3", "14.0", "", ACME },
	{ "fleet-92", "Mac15,3", "14.0.1", "", ACME },
	{ "fleet-92", "Mac15,3", "26.0", "", ACME },
	{ "fleet-92", "Mac15,3", "9.3", "", SCEP },
	{ "fleet-93", "MacBookAir9,1", "15.1", "", SCEP },
	{ "fleet-93", "MacBookAir10,1", "15.1", "", ACME },
	{ "fleet-93", "MacBookPro16,4", "15.1", "", SCEP },
	{ "fleet-93", "MacBookPro17,1", "15.1", "", ACME },
	{ "fleet-93", "Macmini8,1", "15.1", "", SCEP },
	{ "fleet-93", "Macmini9,1", "15.1", "", ACME },
	{ "fleet-93", "iMac20,2", "15.1", "", SCEP },
	{ "fleet-93", "iMac21,1", "15.1", "", ACME },
	{ "fleet-93", "MacPro7,1", "15.1", "", SCEP },
	{ "fleet-93", "Mac13,1", "15.1", "", ACME },
	{ "fleet-93", "Mac14,2", "15.1", "", ACME },
	{ "fleet-93", "Mac16,1", "15.1", "", ACME },
	{ "fleet-93", "VirtualMac2,1", "15.1", "", SCEP },
	{ "fleet-93", "AppleTV6,2", "17.0", "", SCEP },
	{ "fleet-93", "AppleTV11,1", "15.6", "", SCEP },
	/* Apple's own table lets an A12 attest from tvOS 16 on. */
	{ "fleet-93", "AppleTV11,1", "17.0", "", OTHER },
	{ "fleet-93", "Toaster1,1", "1.0", "", SCEP },
	{ "mdm-61", "iPhone14,2", "18.1", "", OTHER },
	{ "mdm-61", "MacBookPro16,1", "15.1", "", SCEP },
	{ "mdm-61", "MacBookPro13,2", "15.1", "", SCEP },
	{ "mdm-61", "iPad7,5", "17.7", "", SCEP },
	{ "mdm-68", "Mac15,3", "", "22A380", SCEP },
	{ "mdm-68", "Mac15,3", "", "23A344", ACME },
	{ "mdm-68", "Mac15,3", "nonsense", "24B83", ACME },
	{ "mdm-68", "Mac15,3", "", "", SCEP },
	{ "mdm-69", "Mac", "15.1", "", SCEP },
	{ "mdm-69", "Mac99,1", "15.1", "", ACME },
	{ "mdm-69", "MacBookPro17", "15.1", "", SCEP },
	{ "mdm-69", "VirtualMac", "15.1", "", SCEP },
	{ "mdm-69", "", "15.1", "", SCEP },
	{ "fleet-131", "iPhone9,4", "16.0", "", SCEP },
	{ "fleet-131", "iPhone10,1", "15.8", "", SCEP },
	{ "fleet-131", "iPhone10,1", "16.0", "", OTHER },
	{ "fleet-131", "iPad7,12", "16.1", "", SCEP },
	{ "fleet-131", "iPad8,1", "16.0", "", SCEP },
	{ "fleet-131", "iPad8,1", "16.1", "", OTHER },
	{ "other", "Watch4,1", "10.0", "", OTHER },
	{ "other", "Watch4,1", "9.6", "", SCEP },
	{ "other", "RealityDevice14,1", "1.0", "", SCEP },
	{ "other", "RealityDevice14,1", "1.1", "", OTHER },
	{ "other", "iPod9,1", "15.8", "", SCEP },
};

static char
letter(const struct decision *d)
{
	if (d->method != DECISION_REFUSE)
		return d->method == DECISION_ACME ? 'A' : 'S';
	switch (d->code) {
	case ERR_ENROLL_UNASSIGNED:
		return 'U';
	case ERR_ENROLL_BUSINESS:
		return 'B';
	case ERR_ENROLL_DOWNGRADE:
		return 'D';
	case ERR_ENROLL_METHOD:
		return 'M';
	default:
		return '?';
	}
}

/* The letters of all settings. */
static void
decide_all(struct decision_input in, char out[SETTINGS + 1])
{
	struct decision d;
	int i;

	for (i = 0; i < SETTINGS; i++) {
		in.state.require_attestation = (i & 1) != 0 || i == 4;
		in.state.business_only = (i & 2) != 0;
		in.state.macs_only = i == 4;
		decision_make(&in, &d);
		out[i] = letter(&d);
		assert_non_null(strchr(LETTERS, out[i]));
		assert_true(strlen(d.reason) > 0);
		assert_int_equal(d.code == OK, d.method != DECISION_REFUSE);
		/* nothing else depends on it */
		in.state.macs_only = true;
		decision_make(&in, &d);
		assert_true(letter(&d) == out[i] || i == 1);
	}
	out[SETTINGS] = '\0';
}

static void
test_table(void **state)
{
	char got[SETTINGS + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct decision_input in = input(table[i].product, table[i].os);

		SET(in.device.build_version, table[i].build);
		decide_all(in, got);
		print_message("# %-9s %-17s %-8s %-7s %s\n", table[i].number,
		    table[i].product, table[i].os, table[i].build, got);
		assert_string_equal(got, table[i].expected);
	}
}

/* Facts of a line in the table below; 0 stands for any. */
enum { ASSIGNED = 1, REMOVED = 2, NEVER = 4, NOT_OURS = REMOVED | NEVER };
enum { ABLE = 1, UNABLE = 2 };
enum { NEW = 1, EVER = 2, NOW = 4, SILICON = 8 };

static const struct fact_row {
	const char *number;
	enum enrollment_source source;
	int assignment;
	int able;
	int history;
	const char *expected;
} worlds[] = {
	{ "fleet-87, fleet-88", ENROLLMENT_ADE, ASSIGNED, ABLE, 0, "SASAA" },
	{ "fleet-89, fleet-134", ENROLLMENT_ADE, ASSIGNED, UNABLE, NEW,
	    "SSSMS" },
	{ "downgrade", ENROLLMENT_ADE, ASSIGNED, UNABLE, EVER | NOW | SILICON,
	    "SDSDD" },
	{ "fleet-133", ENROLLMENT_ADE, NOT_OURS, 0, 0, "UUUUU" },
	{ "fleet-90, fleet-135", ENROLLMENT_LINK, 0, 0, NEW | SILICON, "SSBBS" },
	{ "downgrade", ENROLLMENT_LINK, 0, 0, EVER | NOW, "SDBBD" },
	{ "fleet-109, fleet-110, fleet-111", ENROLLMENT_COMMAND, ASSIGNED, ABLE,
	    0, "SASAA" },
	{ "fleet-108, fleet-138", ENROLLMENT_COMMAND, ASSIGNED, UNABLE, NEW,
	    "SSSMS" },
	{ "says less now", ENROLLMENT_COMMAND, ASSIGNED, UNABLE,
	    EVER | NOW | SILICON, "SASAA" },
	{ "fleet-117", ENROLLMENT_COMMAND, NOT_OURS, 0, NEW | EVER | SILICON,
	    "SSBBS" },
	{ "fleet-117", ENROLLMENT_COMMAND, NOT_OURS, 0, NOW, "SDBBD" },
};

static bool
covers(int mask, int value)
{
	return mask == 0 || (mask & value) != 0;
}

/* The one line of the table for these facts. */
static const struct fact_row *
find_row(enum enrollment_source source, int assignment, int able, int history)
{
	const struct fact_row *found = NULL;
	size_t i;

	for (i = 0; i < sizeof worlds / sizeof worlds[0]; i++) {
		const struct fact_row *r = &worlds[i];

		if (r->source == source && covers(r->assignment, assignment) &&
		    covers(r->able, able) && covers(r->history, history)) {
			assert_null(found);
			found = r;
		}
	}
	assert_non_null(found);
	return found;
}

static struct decision_input
world(enum enrollment_source source, int assignment, int able, int history)
{
	struct decision_input in =
	    input(able == ABLE ? "Mac15,3" : "iMac20,1", "15.1");

	in.source = source;
	in.state.assignment = assignment == ASSIGNED ? DEVICE_ASSIGNED
	    : assignment == REMOVED                  ? DEVICE_REMOVED
						     : DEVICE_NEVER_ASSIGNED;
	in.state.host.ever_attested_at = history == EVER || history == NOW;
	in.state.host.hardware_attested = history == NOW;
	in.state.known_silicon = history == SILICON;
	return in;
}

/* fleet-139: every combination of facts is one line of the table. */
static void
test_every_combination(void **state)
{
	static const enum enrollment_source sources[] = { ENROLLMENT_ADE,
		ENROLLMENT_LINK, ENROLLMENT_COMMAND };
	char got[SETTINGS + 1];
	int assignment, able, history;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		for (assignment = ASSIGNED; assignment <= NEVER;
		     assignment *= 2)
			for (able = ABLE; able <= UNABLE; able *= 2)
				for (history = NEW; history <= SILICON;
				     history *= 2) {
					decide_all(world(sources[i], assignment,
						       able, history),
					    got);
					assert_string_equal(got,
					    find_row(sources[i], assignment,
						able, history)
						->expected);
				}
}

/* Who must attest while only Macs have to, and what tells them. */
static void
test_macs_only(void **state)
{
	static const struct {
		const char *product;
		enum product_kind known;
		bool attested_before, silicon, must;
	} rows[] = {
		{ "Mac15,3", PRODUCT_KIND_UNKNOWN, false, false, true },
		{ "Mac15,3", PRODUCT_KIND_OTHER, true, false, true },
		{ "iPhone14,2", PRODUCT_KIND_UNKNOWN, false, false, false },
		{ "iPhone14,2", PRODUCT_KIND_OTHER, false, false, false },
		{ "AppleTV14,1", PRODUCT_KIND_OTHER, true, true, false },
		/* by a link, or of a kind that is not known */
		{ "", PRODUCT_KIND_OTHER, true, false, false },
		{ "", PRODUCT_KIND_UNKNOWN, false, false, true },
		{ "Toaster1,1", PRODUCT_KIND_UNKNOWN, true, false, true },
		/* it says that it is no Mac, and that is not enough */
		{ "iPhone14,2", PRODUCT_KIND_MAC, false, false, true },
		{ "iPhone14,2", PRODUCT_KIND_MAC, true, true, true },
		{ "iPhone14,2", PRODUCT_KIND_UNKNOWN, true, false, true },
		{ "iPad14,1", PRODUCT_KIND_UNKNOWN, false, true, true },
	};
	struct enrollment e = { .method = ENROLLMENT_SCEP };
	struct decision_input in;
	struct decision d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		in = input(rows[i].product, "26.1");
		in.state.macs_only = true;
		in.state.known_kind = rows[i].known;
		in.state.known_silicon = rows[i].silicon;
		in.state.host.ever_attested_at = rows[i].attested_before;
		assert_int_equal(
		    decision_must_attest(&in.state, rows[i].product),
		    rows[i].must);
		decision_make(&in, &d);
		assert_int_equal(d.method == DECISION_SCEP &&
			strstr(d.reason, "of Macs only") != NULL,
		    !rows[i].must);
		SET(e.device.product, rows[i].product);
		assert_int_equal(decision_check_use(&in.state, &e, false),
		    rows[i].must &&
			    (rows[i].attested_before || rows[i].silicon)
			? ERR_ENROLL_DOWNGRADE
			: OK);
		in.state.business_only = true;
		assert_true(decision_must_attest(&in.state, rows[i].product));
		in.state.business_only = false;
		in.state.macs_only = false;
		assert_true(decision_must_attest(&in.state, rows[i].product));
	}
}

static void
refused(const struct decision_input *in, int code)
{
	struct decision d;

	decision_make(in, &d);
	assert_int_equal(d.method, DECISION_REFUSE);
	assert_int_equal(d.code, code);
	assert_true(strlen(d.reason) > 0);
}

static void
test_other_udid(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");
	struct decision d;

	(void)state;
	SET(in.state.host.device.udid, "99999999-2222-3333-4444-555555555555");
	in.state.host.state = HOST_ENROLLED;
	in.state.host.hardware_attested = true;
	refused(&in, ERR_ENROLL_OTHER_DEVICE);
	/* an attestation takes the place of what nothing proved */
	in.state.host.hardware_attested = false;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.state.require_attestation = false;
	refused(&in, ERR_ENROLL_OTHER_DEVICE);
	in.state.require_attestation = true;
	SET(in.device.product, "MacBookPro16,1");
	refused(&in, ERR_ENROLL_OTHER_DEVICE);
	SET(in.device.product, "Mac15,3");
	SET(in.device.os_version, "13.6");
	refused(&in, ERR_ENROLL_OTHER_DEVICE);
	SET(in.device.os_version, "15.1");
	in.state.host.state = HOST_UNENROLLED;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.state.host.state = HOST_ENROLLED;
	SET(in.state.host.device.udid, in.device.udid);
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
}

static void
test_blocked(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");

	(void)state;
	in.state.host.state = HOST_BLOCKED;
	refused(&in, ERR_MDM_BLOCKED);
}

/* A link that was made for a host may replace it. */
static void
test_link_of_enrolled(void **state)
{
	struct decision_input in = input("", "");
	struct decision d;

	(void)state;
	in.source = ENROLLMENT_LINK;
	in.state.host.state = HOST_ENROLLED;
	SET(in.state.host.device.udid, in.device.udid);
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_SCEP);
	in.state.host.state = HOST_BLOCKED;
	refused(&in, ERR_MDM_BLOCKED);
}

/* What a host says at its renewal counts less than what is known of it. */
static void
test_renewal_of_known(void **state)
{
	struct decision_input in = input("", "");
	struct decision d;

	(void)state;
	in.source = ENROLLMENT_COMMAND;
	in.state.host.ever_attested_at = 1;
	in.state.host.hardware_attested = true;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	assert_string_equal(d.reason, "it attested before");
	in.state.host.ever_attested_at = 0;
	in.state.host.hardware_attested = false;
	in.state.known_silicon = true;
	SET(in.device.product, "MacBookPro16,1");
	SET(in.device.os_version, "13.6");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_SCEP);
	SET(in.device.os_version, "14.0");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	assert_non_null(strstr(d.reason, "as Apple Business says"));
}

static void
test_minimum_version(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");
	struct decision d;

	(void)state;
	SET(in.minimum_os_version, "15.2");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.can_update = true;
	refused(&in, ERR_ENROLL_OS_TOO_OLD);
	SET(in.device.os_version, "15.10");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	SET(in.device.os_version, "");
	SET(in.device.build_version, "23A344");
	refused(&in, ERR_ENROLL_OS_TOO_OLD);
	SET(in.device.build_version, "");
	SET(in.minimum_os_version, "");
	SET(in.device.os_version, "14.0");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	SET(in.minimum_os_version, "99");
	in.state.assignment = DEVICE_NEVER_ASSIGNED;
	refused(&in, ERR_ENROLL_UNASSIGNED);
}

/* Each rule has one code and one text, whoever asks. */
static void
test_same_reasons(void **state)
{
	const struct {
		enum enrollment_source source;
		enum device_assignment assignment;
		enum host_state host;
		bool require, business, attested_before;
		int code;
	} cases[] = {
		{ ENROLLMENT_ADE, DEVICE_REMOVED, HOST_ENROLLED, true, true,
		    true, ERR_ENROLL_UNASSIGNED },
		{ ENROLLMENT_ADE, DEVICE_NEVER_ASSIGNED, HOST_ENROLLED, true,
		    false, false, ERR_ENROLL_UNASSIGNED },
		{ ENROLLMENT_LINK, DEVICE_ASSIGNED, HOST_ENROLLED, false, true,
		    false, ERR_ENROLL_BUSINESS },
		{ ENROLLMENT_COMMAND, DEVICE_REMOVED, HOST_ENROLLED, false,
		    true, false, ERR_ENROLL_BUSINESS },
		{ ENROLLMENT_ADE, DEVICE_ASSIGNED, HOST_BLOCKED, true, false,
		    true, ERR_MDM_BLOCKED },
		{ ENROLLMENT_ADE, DEVICE_ASSIGNED, HOST_UNENROLLED, true, false,
		    true, ERR_ENROLL_DOWNGRADE },
		{ ENROLLMENT_ADE, DEVICE_ASSIGNED, HOST_UNENROLLED, true, true,
		    false, ERR_ENROLL_METHOD },
		{ ENROLLMENT_ADE, DEVICE_ASSIGNED, HOST_UNENROLLED, false, true,
		    true, OK },
	};
	struct decision_input in;
	struct enrollment e;
	struct decision d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		in = input("MacBookPro16,1", "15.1");
		e = (struct enrollment){ .method = ENROLLMENT_SCEP };
		in.source = e.source = cases[i].source;
		in.state.assignment = cases[i].assignment;
		in.state.host.state = cases[i].host;
		in.state.require_attestation = cases[i].require;
		in.state.business_only = cases[i].business;
		in.state.host.ever_attested_at = cases[i].attested_before;
		decision_make(&in, &d);
		assert_int_equal(d.code, cases[i].code);
		assert_int_equal(
		    decision_check_use(&in.state, &e, false), cases[i].code);
		if (cases[i].code != OK)
			assert_memory_equal(log_reason(), d.reason, 20);
		assert_int_equal(
		    decision_check_issue(&in.state, &e), cases[i].code);
	}
}

/* An attestation is only for what Apple Business assigns, once it is issued. */
static void
test_attested(void **state)
{
	struct decision_input in = input("", "");
	struct enrollment e = { .method = ENROLLMENT_ACME,
		.source = ENROLLMENT_COMMAND };

	(void)state;
	in.state.business_only = true;
	in.state.host.ever_attested_at = 1;
	assert_int_equal(decision_check_issue(&in.state, &e), OK);
	assert_int_equal(decision_check_use(&in.state, &e, true), OK);
	in.state.business_only = false;
	in.state.assignment = DEVICE_REMOVED;
	assert_int_equal(
	    decision_check_issue(&in.state, &e), ERR_ENROLL_UNASSIGNED);
	assert_int_equal(decision_check_use(&in.state, &e, true), OK);
	in.state.host.state = HOST_BLOCKED;
	assert_int_equal(
	    decision_check_use(&in.state, &e, true), ERR_MDM_BLOCKED);
	assert_int_equal(
	    decision_check_blocked(&in.state.host), ERR_MDM_BLOCKED);
}

/* Of the sources only Automated Device Enrollment asks who is there. */
static void
test_sign_in(void **state)
{
	struct enrollment e = { .method = ENROLLMENT_ACME,
		.source = ENROLLMENT_ADE };
	struct decision_input in = input("Mac15,3", "15.1");
	struct decision d;

	(void)state;
	in.state.sign_in = true;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_REFUSE);
	assert_int_equal(d.code, ERR_ENROLL_SIGN_IN);
	assert_int_equal(
	    decision_check_use(&in.state, &e, true), ERR_ENROLL_SIGN_IN);
	assert_int_equal(
	    decision_check_issue(&in.state, &e), ERR_ENROLL_SIGN_IN);
	in.signed_in = true;
	SET(e.account, "ada@example.com");
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	assert_int_equal(decision_check_use(&in.state, &e, true), OK);
	assert_int_equal(decision_check_issue(&in.state, &e), OK);
	in.signed_in = false;
	e.account[0] = '\0';
	in.source = e.source = ENROLLMENT_COMMAND;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	assert_int_equal(decision_check_use(&in.state, &e, true), OK);
	in.source = e.source = ENROLLMENT_LINK;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_SCEP);
	assert_int_equal(decision_check_use(&in.state, &e, false), OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_macs_only),
		cmocka_unit_test(test_other_udid),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_link_of_enrolled),
		cmocka_unit_test(test_renewal_of_known),
		cmocka_unit_test(test_minimum_version),
		cmocka_unit_test(test_same_reasons),
		cmocka_unit_test(test_attested),
		cmocka_unit_test(test_sign_in),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
