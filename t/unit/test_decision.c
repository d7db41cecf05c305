/*
 * The decision table (lib/enroll/decision.h), printed so that it can be read
 * against the reference: one line per device, one column per setting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "enroll/decision.h"
#include "enroll/software_update.h"

static struct decision_input
input(const char *product, const char *os)
{
	return (struct decision_input){
		.minimum_os_version = "",
		.source = DECISION_ADE,
		.udid = "11111111-2222-3333-4444-555555555555",
		.product = product,
		.os_version = os,
		.build_version = "",
		.assignment = DECISION_ASSIGNED,
		.host_udid = "",
	};
}

struct row {
	const char *number;
	const char *product;
	const char *os;
	const char *build;
	enum decision_method off;
	enum decision_method on;
};

#define ACME DECISION_ACME, DECISION_ACME
#define SCEP DECISION_SCEP, DECISION_REFUSE

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
	{ "fleet-93", "AppleTV11,1", "17.0", "", ACME },
	{ "fleet-93", "Toaster1,1", "1.0", "", SCEP },
	{ "mdm-61", "iPhone14,2", "18.1", "", ACME },
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
	{ "fleet-131", "iPhone10,1", "16.0", "", ACME },
	{ "fleet-131", "iPad7,12", "16.1", "", SCEP },
	{ "fleet-131", "iPad8,1", "16.0", "", SCEP },
	{ "fleet-131", "iPad8,1", "16.1", "", ACME },
	{ "other", "Watch4,1", "10.0", "", ACME },
	{ "other", "Watch4,1", "9.6", "", SCEP },
	{ "other", "RealityDevice14,1", "1.0", "", SCEP },
	{ "other", "RealityDevice14,1", "1.1", "", ACME },
	{ "other", "iPod9,1", "15.8", "", SCEP },
};

static void
check_row(const struct row *r)
{
	struct decision_input in = input(r->product, r->os);
	struct decision off, on;

	in.build_version = r->build;
	decision_make(&in, &off);
	in.require_attestation = true;
	decision_make(&in, &on);
	print_message("# %-9s %-17s %-8s %-7s off: %-6s on: %-6s %s\n",
	    r->number, r->product, r->os, r->build,
	    decision_method_name(off.method), decision_method_name(on.method),
	    off.reason);
	assert_int_equal(off.method, r->off);
	assert_int_equal(on.method, r->on);
	assert_int_equal(off.code, OK);
	assert_int_equal(
	    on.code, r->on == DECISION_REFUSE ? ERR_ENROLL_METHOD : OK);
	assert_true(strlen(off.reason) > 0 && strlen(on.reason) > 0);
}

static void
test_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_row(&table[i]);
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

/* The fleet-139 lesson: every combination, from complete inputs. */
static void
test_assignment(void **state)
{
	static const enum decision_assignment not_ours[] = {
		DECISION_NEVER_ASSIGNED, DECISION_REMOVED
	};
	int setting, able;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++)
		for (setting = 0; setting < 2; setting++)
			for (able = 0; able < 2; able++) {
				struct decision_input in = input(
				    able ? "Mac15,3" : "iMac20,1", "15.1");

				in.assignment = not_ours[i];
				in.require_attestation = setting == 1;
				in.ever_attested = true;
				refused(&in, ERR_ENROLL_UNASSIGNED);
				in.source = DECISION_RENEWAL;
				refused(&in, ERR_ENROLL_UNASSIGNED);
			}
}

static void
test_other_udid(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");
	struct decision d;

	(void)state;
	in.host_udid = "99999999-2222-3333-4444-555555555555";
	in.host_enrolled = true;
	refused(&in, ERR_ENROLL_OTHER_DEVICE);
	decision_make(&in, &d);
	assert_true(d.alert);
	in.host_enrolled = false;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.host_enrolled = true;
	in.host_udid = in.udid;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
}

static void
test_blocked(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");

	(void)state;
	in.host_blocked = true;
	refused(&in, ERR_MDM_BLOCKED);
}

static void
test_never_downgraded(void **state)
{
	struct decision_input in = input("MacBookPro16,1", "13.0");
	struct decision d;

	(void)state;
	in.ever_attested = true;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.product = "Toaster1,1";
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	assert_true(d.alert);
	in.source = DECISION_RENEWAL;
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.source = DECISION_MANUAL;
	refused(&in, ERR_ENROLL_METHOD);
}

static void
test_manual(void **state)
{
	static const char *const products[] = { "Mac15,3", "MacBookPro16,1" };
	struct decision d;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct decision_input in = input(products[i], "15.1");

		in.source = DECISION_MANUAL;
		in.assignment = DECISION_NEVER_ASSIGNED;
		decision_make(&in, &d);
		assert_int_equal(d.method, DECISION_SCEP);
		in.require_attestation = true;
		refused(&in, ERR_ENROLL_METHOD);
	}
}

static void
test_alert(void **state)
{
	struct decision_input in = input("Toaster1,1", "15.1");
	struct decision d;

	(void)state;
	decision_make(&in, &d);
	assert_true(d.alert);
	in.product = "iMac20,1";
	decision_make(&in, &d);
	assert_false(d.alert);
}

static void
test_minimum_version(void **state)
{
	struct decision_input in = input("Mac15,3", "15.1");
	struct decision d;

	(void)state;
	in.minimum_os_version = "15.2";
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.can_update = true;
	refused(&in, ERR_ENROLL_OS_TOO_OLD);
	in.os_version = "15.10";
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.os_version = "";
	in.build_version = "23A344";
	refused(&in, ERR_ENROLL_OS_TOO_OLD);
	in.build_version = "";
	in.minimum_os_version = "";
	in.os_version = "14.0";
	decision_make(&in, &d);
	assert_int_equal(d.method, DECISION_ACME);
	in.minimum_os_version = "99";
	in.assignment = DECISION_NEVER_ASSIGNED;
	refused(&in, ERR_ENROLL_UNASSIGNED);
}

static void
test_update_body(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(software_update_write("15.2", &b), OK);
	assert_non_null(strstr(
	    buf_str(&b), "\"code\":\"com.apple.softwareupdate.required\""));
	assert_non_null(
	    strstr(buf_str(&b), "\"details\":{\"OSVersion\":\"15.2\"}"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_assignment),
		cmocka_unit_test(test_other_udid),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_never_downgraded),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_minimum_version),
		cmocka_unit_test(test_update_body),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
