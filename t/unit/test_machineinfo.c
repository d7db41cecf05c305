/* Signed device information (lib/enroll/machineinfo.h). */
#include "fixture.h"
#include "mdmfix.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "enroll/machineinfo.h"
#include "wire/x509.h"

#define HEAD       "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\">"
#define PAIR(k, v) "<key>" k "</key><string>" v "</string>"
#define GOOD                                                                   \
	PAIR("SERIAL", "C02TEST")                                              \
	PAIR("UDID", "AAAA-01")                                                \
	PAIR("PRODUCT", "Mac15,3")                                             \
	PAIR("OS_VERSION", "15.1")                                             \
	PAIR("VERSION", "24B83")                                               \
	"<key>MDM_CAN_REQUEST_SOFTWARE_UPDATE</key><true/>"
#define DOC(x) HEAD "<dict>" x "</dict></plist>"

#define EMBED GNUTLS_PKCS7_EMBED_DATA
#define ATTRS GNUTLS_PKCS7_INCLUDE_TIME

static struct mdmfix_cert device_ca, other_ca, leaf;

static int
setup(void **state)
{
	(void)state;
	mdmfix_cert_make(&device_ca, "Device CA", true, true, NULL);
	mdmfix_cert_make(&other_ca, "Device CA", true, true, NULL);
	mdmfix_cert_make(&leaf, "leaf", false, true, &device_ca);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mdmfix_cert_release(&device_ca);
	mdmfix_cert_release(&other_ca);
	mdmfix_cert_release(&leaf);
	return 0;
}

static int
read_signed(const struct mdmfix_cert *by, const char *text, unsigned flags,
    struct machineinfo *out)
{
	struct buf cms;
	int r;

	buf_init(&cms, 1 << 20);
	mdmfix_sign(by, blob_str(text), GNUTLS_DIG_SHA1, flags, &cms);
	r = machineinfo_read(buf_blob(&cms), device_ca.crt, out);
	buf_release(&cms);
	return r;
}

static void
test_good(void **state)
{
	struct machineinfo m;

	(void)state;
	assert_int_equal(read_signed(&leaf, DOC(GOOD), EMBED, &m), OK);
	assert_string_equal(m.device.serial, "C02TEST");
	assert_string_equal(m.device.udid, "AAAA-01");
	assert_string_equal(m.device.product, "Mac15,3");
	assert_string_equal(m.device.os_version, "15.1");
	assert_string_equal(m.device.build_version, "24B83");
	assert_true(m.can_update);
	assert_false(m.must_update);
	assert_int_equal(read_signed(&leaf, DOC(GOOD), EMBED | ATTRS, &m), OK);
	assert_int_equal(
	    read_signed(&leaf,
		DOC(GOOD
		    "<key>MANDATORY_SOFTWARE_UPDATE_REQUIRED</key><true/>"),
		EMBED, &m),
	    OK);
	assert_true(m.must_update);
}

/* mdm-63: who is not directly below the pinned key signs nothing. */
static void
test_foreign_signer(void **state)
{
	struct mdmfix_cert foreign, grandchild, ca_leaf;
	struct machineinfo m;

	(void)state;
	mdmfix_cert_make(&foreign, "leaf", false, true, &other_ca);
	mdmfix_cert_make(&grandchild, "leaf", false, true, &leaf);
	mdmfix_cert_make(&ca_leaf, "leaf", true, true, &device_ca);
	assert_int_equal(
	    read_signed(&foreign, DOC(GOOD), EMBED, &m), ERR_ENROLL_SIGNATURE);
	assert_int_equal(read_signed(&grandchild, DOC(GOOD), EMBED, &m),
	    ERR_ENROLL_SIGNATURE);
	assert_int_equal(
	    read_signed(&ca_leaf, DOC(GOOD), EMBED, &m), ERR_ENROLL_SIGNATURE);
	assert_int_equal(read_signed(&device_ca, DOC(GOOD), EMBED, &m),
	    ERR_ENROLL_SIGNATURE);
	assert_string_equal(m.device.serial, "");
	mdmfix_cert_release(&foreign);
	mdmfix_cert_release(&grandchild);
	mdmfix_cert_release(&ca_leaf);
}

/* The reason of a refusal leads to the device, in plain characters. */
static void
test_claimed_serial(void **state)
{
	struct mdmfix_cert foreign;
	struct machineinfo m;

	(void)state;
	mdmfix_cert_make(&foreign, "leaf", false, true, &other_ca);
	assert_int_equal(
	    read_signed(&foreign, DOC(GOOD), EMBED, &m), ERR_ENROLL_SIGNATURE);
	assert_non_null(strstr(log_reason(), "; it says its SERIAL is "));
	assert_non_null(strstr(log_reason(), "\"C02TEST\""));
	assert_int_equal(read_signed(&foreign,
			     DOC(PAIR("SERIAL", "C\xc3\xa9&#10;")), EMBED, &m),
	    ERR_ENROLL_SIGNATURE);
	assert_non_null(strstr(log_reason(), "\"C\xc3\xa9\\x0a\""));
	assert_int_equal(
	    read_signed(&foreign, "no plist", EMBED, &m), ERR_ENROLL_SIGNATURE);
	assert_non_null(strstr(log_reason(), "not signed by its issuer"));
	mdmfix_cert_release(&foreign);
}

static void
test_altered(void **state)
{
	struct machineinfo m;
	struct buf cms;
	uint8_t *at;

	(void)state;
	buf_init(&cms, 1 << 20);
	mdmfix_sign(&leaf, blob_str(DOC(GOOD)), GNUTLS_DIG_SHA1, EMBED, &cms);
	at = memmem(cms.p, cms.n, "C02TEST", 7);
	assert_non_null(at);
	at[6] = 'X';
	assert_int_equal(machineinfo_read(buf_blob(&cms), device_ca.crt, &m),
	    ERR_ENROLL_SIGNATURE);
	buf_release(&cms);
}

static void
test_no_content(void **state)
{
	struct machineinfo m;

	(void)state;
	assert_int_equal(
	    read_signed(&leaf, DOC(GOOD), 0, &m), ERR_ENROLL_MACHINEINFO);
	assert_int_equal(
	    machineinfo_read(blob_str(DOC(GOOD)), device_ca.crt, &m),
	    ERR_ENROLL_MACHINEINFO);
	assert_int_equal(machineinfo_read(blob_of("", 0), device_ca.crt, &m),
	    ERR_ENROLL_MACHINEINFO);
}

static void
test_too_large(void **state)
{
	static char big[MACHINEINFO_BYTES_MAX + 2];
	struct machineinfo m;

	(void)state;
	memset(big, '0', sizeof big);
	assert_int_equal(
	    machineinfo_read(blob_of(big, sizeof big), device_ca.crt, &m),
	    ERR_TOO_LARGE);
}

static void
test_bad_fields(void **state)
{
	static const char *const bad[] = { "", PAIR("SERIAL", "C02TEST"),
		PAIR("UDID", "AAAA-01"),
		PAIR("SERIAL", "") PAIR("UDID", "AAAA-01"),
		PAIR("SERIAL", "C02 TEST") PAIR("UDID", "AAAA-01"),
		PAIR("SERIAL", "C02&quot;") PAIR("UDID", "AAAA-01"),
		PAIR("SERIAL", "C02TEST") PAIR("UDID", "../etc"),
		PAIR("UDID", "AA") "<key>SERIAL</key><integer>1</integer>",
		PAIR("UDID", "AA") "<key>SERIAL</key><data>QUFB</data>" };
	struct machineinfo m;
	char text[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, DOC("%s"), bad[i]);
		print_message("# %s\n", bad[i]);
		assert_int_equal(machineinfo_parse(blob_str(text), &m),
		    ERR_ENROLL_MACHINEINFO);
		assert_string_equal(m.device.serial, "");
	}
}

/* mdm-69: a strange product is an unknown one, not a fault. */
static void
test_strange_product(void **state)
{
	struct machineinfo m;
	char text[4096], product[1025];

	(void)state;
	memset(product, 'M', sizeof product - 1);
	product[sizeof product - 1] = '\0';
	snprintf(text, sizeof text,
	    DOC(PAIR("SERIAL", "C02TEST") PAIR("UDID", "AA") PAIR("PRODUCT",
		"%s") PAIR("OS_VERSION", "fifteen") PAIR("FUTURE", "ignored")),
	    product);
	assert_int_equal(machineinfo_parse(blob_str(text), &m), OK);
	assert_string_equal(m.device.product, "");
	assert_string_equal(m.device.os_version, "");
	assert_false(m.can_update);
	assert_false(m.must_update);
}

/* A message that a real device signed, under Apple's real device CA. */
static void
test_real_device(void **state)
{
	gnutls_x509_crt_t apple = NULL;
	struct buf real, content;
	struct machineinfo m;
	uint8_t signer[SECRET_SHA256];
	size_t n;

	(void)state;
	if (!fixture_read("machineinfo-apple-vm-macos13.cms.der", &real))
		return;
	assert_int_equal(
	    x509_load(
		source_path("data/apple-iphone-device-ca.pem"), 1, &apple, &n),
	    OK);
	assert_int_equal(machineinfo_read(buf_blob(&real), apple, &m), OK);
	assert_true(
	    strlen(m.device.serial) >= 8 && strlen(m.device.udid) >= 25);
	/* The same bytes under another CA, and with a changed content. */
	assert_int_equal(machineinfo_read(buf_blob(&real), device_ca.crt, &m),
	    ERR_ENROLL_SIGNATURE);
	buf_init(&content, MACHINEINFO_BYTES_MAX);
	*(uint8_t *)memmem(real.p, real.n, "SERIAL", 6) = 'X';
	assert_int_equal(
	    machineinfo_verify(buf_blob(&real), apple, signer, &content),
	    ERR_ENROLL_SIGNATURE);
	buf_release(&content);
	buf_release(&real);
	x509_free(apple);
}

/* Apple's device CA signs it, and still it is no property list, or a lax one.
 */
static void
test_no_plist(void **state)
{
	static const char *const bad[] = {
		"no plist",
		"bplist00",
		HEAD "<array/></plist>",
		HEAD "<string>C02TEST</string></plist>",
		DOC(GOOD) "<!-- -->",
		DOC(GOOD "<key>x</key><real>nan</real>"),
		DOC(GOOD PAIR("x", "\x01")),
		DOC(GOOD PAIR("SERIAL", "C02TEST")),
	};
	struct machineinfo m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		log_forget_reason();
		assert_int_equal(read_signed(&leaf, bad[i], EMBED, &m),
		    ERR_ENROLL_MACHINEINFO);
		assert_non_null(strstr(log_reason(), "property list"));
		assert_string_equal(m.device.serial, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_foreign_signer),
		cmocka_unit_test(test_claimed_serial),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_no_content),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_no_plist),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_strange_product),
		cmocka_unit_test(test_real_device),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
