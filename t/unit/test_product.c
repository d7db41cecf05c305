/* Product names, system versions and builds (lib/policy/product.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "policy/product.h"

static bool
can_attest(const char *name)
{
	struct product p;

	product_parse(name, &p);
	return p.can_attest;
}

static enum product_family
family(const char *name)
{
	struct product p;

	product_parse(name, &p);
	return p.family;
}

static void
test_silicon(void **state)
{
	static const char *const yes[] = { "Mac13,1", "Mac14,2", "Mac14,8",
		"Mac15,3", "Mac16,13", "Mac17,9", "Mac99,1", "MacBookAir10,1",
		"MacBookPro17,1", "MacBookPro18,4", "Macmini9,1", "iMac21,1",
		"iPhone10,1", "iPhone14,2", "iPad8,1", "iPad16,6",
		"AppleTV11,1", "Watch4,1", "RealityDevice14,1" };
	static const char *const no[] = { "MacBookAir9,1", "MacBookPro16,4",
		"MacBookPro13,2", "Macmini8,1", "iMac20,2", "iMacPro1,1",
		"MacPro7,1", "MacBook10,1", "VirtualMac2,1", "ADP3,2",
		"iPhone9,4", "iPad7,12", "iPad6,11", "iPod9,1", "AppleTV6,2",
		"Watch3,4", "Mac12,1" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof yes / sizeof yes[0]; i++)
		if (!can_attest(yes[i]))
			fail_msg("%s should attest", yes[i]);
	for (i = 0; i < sizeof no / sizeof no[0]; i++)
		if (can_attest(no[i]))
			fail_msg("%s should not attest", no[i]);
}

static void
test_malformed_names(void **state)
{
	static const char *const bad[] = { "", "Mac", "Mac15", "Mac15,",
		"Mac,3", "MacBookPro17", "VirtualMac", "Mac15,3 ", " Mac15,3",
		"Mac15,3x", "mac15,3", "Mac-15,3", "Mac15,3,1", "Mac15.3",
		"Mac12345,1", "Mac15,12345", "Parallels17,1", "VMware7,1",
		"XMac15,3", "15,3",
		"Mac\xc3\xa9"
		"15,3" };
	char huge[1025];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (family(bad[i]) != PRODUCT_UNKNOWN)
			fail_msg("\"%s\" should be unknown", bad[i]);
	memset(huge, 'M', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	assert_int_equal(family(huge), PRODUCT_UNKNOWN);
	memset(huge, '9', sizeof huge - 1);
	assert_int_equal(family(huge), PRODUCT_UNKNOWN);
}

static void
test_description(void **state)
{
	struct product p;

	(void)state;
	product_parse("MacBookPro16,1", &p);
	assert_string_equal(product_describe(&p),
	    "an Intel Mac with a T2 chip, which cannot attest");
	product_parse("MacBookPro14,2", &p);
	assert_string_equal(
	    product_describe(&p), "an Intel Mac, which cannot attest");
	product_parse("Mac15,3", &p);
	assert_string_equal(product_describe(&p), "a Mac with Apple silicon");
	product_parse("nonsense", &p);
	assert_string_equal(product_describe(&p), "an unknown kind of device");
}

static int
compare(const char *a, const char *b)
{
	struct os_version x, y;

	assert_true(product_os_parse(a, &x));
	assert_true(product_os_parse(b, &y));
	return product_os_compare(&x, &y);
}

/* acme-224 */
static void
test_compare(void **state)
{
	(void)state;
	assert_true(compare("9.3", "17.0") < 0);
	assert_true(compare("17.0", "17.10") < 0);
	assert_true(compare("17.9", "17.10") < 0);
	assert_true(compare("14", "14.0.1") < 0);
	assert_true(compare("26.0", "15.7.2") > 0);
	assert_true(compare("14", "14.0.0") == 0);
}

static void
test_bad_versions(void **state)
{
	static const char *const bad[] = { "", ".", "14.", ".1", "14..1",
		"14.0.1.2", "14.0.1.", "x", "14a", " 14", "14 ", "-1", "99999",
		"14.0-beta" };
	struct os_version v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (product_os_parse(bad[i], &v))
			fail_msg("\"%s\" should be refused", bad[i]);
}

static void
build_is(enum product_system system, const char *build, const char *want)
{
	struct os_version v;
	char text[OS_VERSION_TEXT];

	assert_true(product_os_from_build(system, build, &v));
	product_os_text(&v, text);
	assert_string_equal(text, want);
}

static void
test_builds(void **state)
{
	struct os_version v;

	(void)state;
	build_is(SYSTEM_MACOS, "22A380", "13.0");
	build_is(SYSTEM_MACOS, "23F79", "14.0");
	build_is(SYSTEM_MACOS, "25A354", "26.0");
	build_is(SYSTEM_MACOS, "19H15", "10.0");
	build_is(SYSTEM_IOS, "19H12", "15.7");
	build_is(SYSTEM_IOS, "20A362", "16.0");
	build_is(SYSTEM_IPADOS, "20B82", "16.1");
	build_is(SYSTEM_IOS, "22A3354", "18.0");
	build_is(SYSTEM_IOS, "23A341", "26.0");
	build_is(SYSTEM_TVOS, "20J373", "16.0");
	build_is(SYSTEM_WATCHOS, "21R356", "10.0");
	build_is(SYSTEM_VISIONOS, "21N305", "1.0");
	build_is(SYSTEM_VISIONOS, "21O209", "1.1");
	assert_false(product_os_from_build(SYSTEM_UNKNOWN, "22A380", &v));
	assert_false(product_os_from_build(SYSTEM_MACOS, "", &v));
	assert_false(product_os_from_build(SYSTEM_MACOS, "22", &v));
	assert_false(product_os_from_build(SYSTEM_MACOS, "A380", &v));
	assert_false(product_os_from_build(SYSTEM_IOS, "2A1", &v));
}

/* What Apple Business's record may say. */
static void
test_names_silicon(void **state)
{
	static const char *const yes[] = { "Mac15,3", "MacBookAir10,1",
		"iPhone14,2", "MacBook Pro (M3, 2023)", "Apple M1",
		"Mac mini M4/16GB", "MacBook Pro (M10, 2032)", "Apple M99" };
	static const char *const no[] = { "", "MacBookPro16,1", "M", "MBP 14",
		"MM2", "M1X", "iMac20,1", "Intel Core M", "VirtualMac2,1",
		"M123", "M1234", "M10X" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(product_names_silicon(yes[i]));
	for (i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(product_names_silicon(no[i]));
}

static void
test_kind(void **state)
{
	static const char *const macs[] = { "Mac", "MacBook Pro", "IMAC 27",
		"Mac mini", "Mac15,3", "MacBookPro16,1", "VirtualMac2,1",
		"iPad stand for a Mac" };
	static const char *const others[] = { "iPhone", "iPad", "iPod",
		"AppleTV", "Apple TV 4K", "Watch", "Apple Vision Pro",
		"IPHONE 14 PRO", "iPad14,1", "RealityDevice14,1" };
	static const char *const unknown[] = { "", "MBP 14", "Toaster1,1",
		"Apple M2" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof macs / sizeof macs[0]; i++)
		assert_int_equal(product_kind_of(macs[i]), PRODUCT_KIND_MAC);
	for (i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(
		    product_kind_of(others[i]), PRODUCT_KIND_OTHER);
	for (i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
		assert_int_equal(
		    product_kind_of(unknown[i]), PRODUCT_KIND_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_silicon),
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_silicon),
		cmocka_unit_test(test_malformed_names),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_bad_versions),
		cmocka_unit_test(test_builds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
