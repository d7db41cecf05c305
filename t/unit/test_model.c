/* What the simulator knows of Apple's products (sim/forge/model.h). */
#include <stdlib.h>
#include <string.h>

#include "sim/client/apple_device.h"
#include "sim/forge/model.h"
#include "unit/unit.h"

static void
test_kinds(void **state)
{
	static const struct {
		const char *name;
		bool is_mac, is_silicon, has_t2, attests;
	} table[] = {
		{ "Mac13,1", true, true, false, true },
		{ "Mac15,3", true, true, false, true },
		{ "MacBookPro18,1", true, true, false, true },
		{ "MacBookPro16,1", true, false, true, false },
		{ "MacBookPro13,2", true, false, false, false },
		{ "MacBookAir10,1", true, true, false, true },
		{ "MacBookAir9,1", true, false, true, false },
		{ "MacBook10,1", true, false, false, false },
		{ "Macmini9,1", true, true, false, true },
		{ "Macmini8,1", true, false, true, false },
		{ "iMac21,1", true, true, false, true },
		{ "iMac20,2", true, false, true, false },
		{ "iMac19,1", true, false, false, false },
		{ "iMacPro1,1", true, false, true, false },
		{ "MacPro7,1", true, false, true, false },
		{ "VirtualMac2,1", true, true, false, false },
		{ "iPhone14,2", false, false, false, true },
		{ "iPhone9,1", false, false, false, false },
		{ "iPad14,1", false, false, false, true },
		{ "iPad7,5", false, false, false, false },
		{ "AppleTV11,1", false, false, false, true },
		{ "AppleTV6,2", false, false, false, false },
		{ "Watch4,1", false, false, false, true },
		{ "RealityDevice14,1", false, false, false, true },
		{ "Mac", true, false, false, false },
		{ "Toaster1,1", false, false, false, false },
		{ "", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct model p = model_of(table[i].name);

		print_message("# %s\n", table[i].name);
		assert_int_equal(model_is_mac(&p), table[i].is_mac);
		assert_int_equal(p.is_silicon, table[i].is_silicon);
		assert_int_equal(p.has_t2, table[i].has_t2);
		assert_int_equal(p.attests, table[i].attests);
	}
}

static void
test_builds(void **state)
{
	static const struct {
		const char *name;
		const char *version;
		const char *build;
	} table[] = {
		{ "Mac15,3", "15.1", "24B83" },
		{ "Mac15,3", "13.6", "22G83" },
		{ "Mac15,3", "26.0", "25A83" },
		{ "iPhone14,2", "16.1", "20B83" },
		{ "iPad14,1", "26.1", "23B83" },
		{ "AppleTV14,1", "17.0", "21J83" },
		{ "Watch6,1", "11.1", "22S83" },
		{ "Watch6,1", "26.0", "23R83" },
		{ "RealityDevice14,1", "1.1", "21O83" },
	};
	char build[33];

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct model p = model_of(table[i].name);

		model_build(&p, table[i].version, build, sizeof build);
		assert_string_equal(build, table[i].build);
	}
}

/* Which optional keys MachineInfo has: see Apple's schema of it. */
static void
test_machineinfo(void **state)
{
	static const struct {
		const char *name;
		const char *version; /* NULL: today's */
		const char *keys;    /* version, device id, IMEI, pairing */
	} table[] = {
		{ "Mac15,3", NULL, "vd" },
		{ "Mac15,3", "14.4", "vd" },
		{ "Mac15,3", "14.3", "v" },
		{ "Mac15,3", "14.0", "v" },
		{ "Mac15,3", "13.6", "" },
		{ "iPhone14,2", NULL, "vdi" },
		{ "iPhone14,2", "16.7", "i" },
		{ "iPad14,1", "17.4", "vd" },
		{ "AppleTV11,1", "17.0", "v" },
		{ "Watch6,1", "10.0", "vp" },
		{ "Watch6,1", "26.0", "vdp" },
		{ "RealityDevice14,1", "1.1", "v" },
	};

	struct apple_device model;

	(void)state;
	apple_device_init(&model);
	assert_int_equal(keypair_make("P-256", &model.software_key), OK);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *keys = table[i].keys;
		struct apple_device d;
		struct apple_machine m;

		print_message("# %s\n", table[i].name);
		apple_device_init(&d);
		assert_int_equal(apple_device_describe(&d, "C1", table[i].name,
				     table[i].version, NULL),
		    OK);
		assert_int_equal(apple_device_make_shared(&d, &model), OK);
		m = apple_device_machine(&d);
		assert_int_equal(
		    m.os_version != NULL, strchr(keys, 'v') != NULL);
		assert_int_equal(m.can_update, strchr(keys, 'v') != NULL);
		assert_int_equal(
		    m.update_device_id != NULL, strchr(keys, 'd') != NULL);
		assert_int_equal(m.imei != NULL, strchr(keys, 'i') != NULL);
		assert_int_equal(
		    m.pairing_token != NULL, strchr(keys, 'p') != NULL);
		apple_device_release(&d);
	}
	apple_device_release(&model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_machineinfo),
	};

	return unit_run("model", tests);
}
