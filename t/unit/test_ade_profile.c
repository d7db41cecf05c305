/*
 * From signed device information to a profile (lib/enroll/ade_profile.h), and
 * what stands in the profile (lib/enroll/profile.h).
 */
#include "mdmfix.h"

#include <stdio.h>
#include <string.h>

#include "enroll/ade_profile.h"
#include "store/ade_devices.h"
#include "store/settings.h"
#include "store/events.h"
#include "wire/cms.h"
#include "wire/in_plist.h"
#include "wire/x509.h"

#define SERIAL "C02AAAAAAAAA"
#define UDID   "AAAAAAAA-0000-0000-0000-000000000001"

#define INFO(serial, udid, product, os, more)                                  \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\">"    \
	"<dict><key>SERIAL</key><string>" serial "</string>"                   \
	"<key>UDID</key><string>" udid "</string>"                             \
	"<key>PRODUCT</key><string>" product "</string>"                       \
	"<key>OS_VERSION</key><string>" os "</string>" more "</dict></plist>"

static struct mdmfix_cert device_ca, leaf;

static int
group_setup(void **state)
{
	(void)state;
	mdmfix_cert_make(&device_ca, "Device CA", true, true, NULL);
	mdmfix_cert_make(&leaf, "leaf", false, true, &device_ca);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	mdmfix_cert_release(&device_ca);
	mdmfix_cert_release(&leaf);
	return 0;
}

static void
assign(void **state, const char *serial)
{
	struct ade_device d = { .account = ADE_DEVICES_FILE };

	snprintf(d.serial, sizeof d.serial, "%s", serial);
	WRITE(storefix_db(state), ade_devices_put(storefix_db(state), &d));
}

static void
require(void **state)
{
	WRITE(storefix_db(state),
	    settings_set(storefix_db(state), &mdmfix_conf, SETTINGS_BY_ADMIN,
		SETTINGS_REQUIRE_ATTESTATION, "true", "test"));
}

static int
ask(void **state, const char *info, struct buf *out)
{
	struct context c = { .conf = &mdmfix_conf,
		.db = storefix_db(state),
		.remote_address = "192.0.2.1",
		.step = "profile" };
	struct profile_files files = { .n_chain = 0 };
	struct buf cms;
	int r;

	buf_init(&cms, 1 << 16);
	mdmfix_sign(&leaf, blob_str(info), GNUTLS_DIG_SHA1,
	    GNUTLS_PKCS7_EMBED_DATA, &cms);
	out->n = 0;
	r = ade_profile_make(
	    &c, device_ca.crt, &files, buf_blob(&cms), "", out);
	buf_release(&cms);
	return r;
}

static void
refused(void **state, const char *info, int code)
{
	struct db *db = storefix_db(state);
	struct buf out;
	struct event_list list;
	int before = storefix_sql(db, "SELECT count(*) FROM enrollments");

	buf_init(&out, PROFILE_BYTES_MAX);
	assert_int_equal(ask(state, info, &out), code);
	if (code == ERR_ENROLL_OS_TOO_OLD)
		assert_non_null(strstr(buf_str(&out),
		    "{\"code\":\"com.apple.softwareupdate.required\","));
	else
		assert_int_equal(out.n, 0);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM enrollments"), before);
	assert_int_equal(events_list_by_serial(db, SERIAL, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].step, "profile");
	assert_string_equal(list.rows[0].code, err_name(code));
	assert_true(list.rows[0].reason[0] != '\0');
	events_list_release(&list);
	buf_release(&out);
}

static void
test_refusals(void **state)
{
	struct db *db = storefix_db(state);

	refused(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""),
	    ERR_ENROLL_UNASSIGNED);
	assign(state, SERIAL);
	require(state);
	WRITE(db,
	    settings_set(db, &mdmfix_conf, SETTINGS_BY_ADMIN,
		SETTINGS_BUSINESS_ONLY, "true", "test"));
	refused(state, INFO(SERIAL, UDID, "MacBookPro16,1", "15.1", ""),
	    ERR_ENROLL_METHOD);
	refused(state, INFO(SERIAL, UDID, "Toaster1,1", "15.1", ""),
	    ERR_ENROLL_METHOD);
	WRITE(db,
	    settings_set(db, &mdmfix_conf, SETTINGS_BY_ADMIN,
		SETTINGS_MINIMUM_MACOS, "15.2", "test"));
	refused(state,
	    INFO(SERIAL, UDID, "Mac15,3", "15.1",
		"<key>MDM_CAN_REQUEST_SOFTWARE_UPDATE</key><true/>"),
	    ERR_ENROLL_OS_TOO_OLD);
	/* an iPhone has a minimum of its own */
	refused(state,
	    INFO(SERIAL, UDID, "iPhone9,1", "15.1",
		"<key>MDM_CAN_REQUEST_SOFTWARE_UPDATE</key><true/>"),
	    ERR_ENROLL_METHOD);
	WRITE(db,
	    settings_set(db, &mdmfix_conf, SETTINGS_BY_ADMIN,
		SETTINGS_MINIMUM_IOS, "15.2", "test"));
	refused(state,
	    INFO(SERIAL, UDID, "iPhone9,1", "15.1",
		"<key>MDM_CAN_REQUEST_SOFTWARE_UPDATE</key><true/>"),
	    ERR_ENROLL_OS_TOO_OLD);
	WRITE(db, ade_devices_remove(db, ADE_DEVICES_FILE, SERIAL));
	refused(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""),
	    ERR_ENROLL_UNASSIGNED);
}

/* mdm-65 */
static void
test_other_udid(void **state)
{
	struct host h;

	assign(state, SERIAL);
	storefix_host(storefix_db(state), SERIAL, 1, &h);
	refused(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""),
	    ERR_ENROLL_OTHER_DEVICE);
	assert_int_equal(
	    storefix_sql(storefix_db(state),
		"SELECT count(*) FROM alarms"
		" WHERE kind = 'held-for-review' AND serial = '" SERIAL "'"),
	    1);
}

static const struct in_plist_node *
payload(const struct in_plist_node *root, const char *type)
{
	const struct in_plist_node *all, *one;
	const char *s;
	size_t i;

	assert_int_equal(in_plist_array(root, "PayloadContent", &all), OK);
	for (i = 0; (one = in_plist_item(all, i)) != NULL; i++) {
		assert_int_equal(in_plist_string(one, "PayloadType", &s), OK);
		if (strcmp(s, type) == 0)
			return one;
	}
	return NULL;
}

static void
has_text(const struct in_plist_node *at, const char *key, const char *want)
{
	const char *s;

	assert_int_equal(in_plist_string(at, key, &s), OK);
	assert_string_equal(s, want);
}

static void
has_true(const struct in_plist_node *at, const char *key)
{
	bool b;

	assert_int_equal(in_plist_bool(at, key, &b), OK);
	assert_true(b);
}

static void
has_int(const struct in_plist_node *at, const char *key, int want)
{
	int64_t n;

	assert_int_equal(in_plist_int(at, key, &n), OK);
	assert_int_equal(n, want);
}

static const char *
text_of(const struct in_plist_node *at, const char *key)
{
	const char *s = "";

	assert_int_equal(in_plist_string(at, key, &s), OK);
	return s;
}

static void
check_acme(const struct in_plist_node *acme, char url[256])
{
	const struct in_plist_node *subject, *pair;

	assert_non_null(acme);
	has_text(acme, "ClientIdentifier", SERIAL);
	has_text(acme, "KeyType", "ECSECPrimeRandom");
	has_int(acme, "KeySize", 384);
	has_true(acme, "HardwareBound");
	has_true(acme, "Attest");
	assert_int_equal(in_plist_array(acme, "Subject", &subject), OK);
	pair = in_plist_item(in_plist_item(subject, 0), 0);
	assert_string_equal(in_plist_text(in_plist_item(pair, 0)), "CN");
	assert_string_equal(in_plist_text(in_plist_item(pair, 1)), SERIAL);
	snprintf(url, 256, "%s", text_of(acme, "DirectoryURL"));
}

static void
check_mdm(const struct in_plist_node *mdm, const char *identity)
{
	assert_non_null(mdm);
	has_text(mdm, "IdentityCertificateUUID", identity);
	has_text(mdm, "Topic", MDMFIX_TOPIC);
	has_text(mdm, "ServerURL", "https://mdm.example.com/mdm/server");
	has_text(mdm, "CheckInURL", "https://mdm.example.com/mdm/checkin");
	has_true(mdm, "SignMessage");
	has_true(mdm, "CheckOutWhenRemoved");
	has_int(mdm, "AccessRights", 8191);
}

/* mdm-56, mdm-59: every link right, every text escaped. */
static void
test_profile(void **state)
{
	struct buf out;
	const struct in_plist_node *root, *acme;
	struct in_plist *doc;
	char url[256], again[256], want[256], *id;
	struct enrollment e;

	assign(state, SERIAL);
	require(state);
	buf_init(&out, PROFILE_BYTES_MAX);
	assert_int_equal(
	    ask(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""), &out), OK);
	assert_int_equal(in_plist_parse(buf_blob(&out), 65536, &doc), OK);
	root = in_plist_root(doc);
	has_text(root, "PayloadType", "Configuration");
	has_text(root, "PayloadIdentifier", "com.example.enrollment");
	has_text(root, "PayloadOrganization", "Tom & Jerry's <\"Ltd\">");
	acme = payload(root, "com.apple.security.acme");
	check_acme(acme, url);
	check_mdm(payload(root, "com.apple.mdm"), text_of(acme, "PayloadUUID"));
	assert_null(payload(root, "com.apple.security.root"));
	id = url + strlen("https://mdm.example.com/acme/");
	id[22] = '\0';
	assert_int_equal(enrollments_load(storefix_db(state), id, &e), OK);
	assert_string_equal(e.device.serial, SERIAL);
	assert_string_equal(e.device.udid, UDID);
	assert_string_equal(e.device.product, "Mac15,3");
	snprintf(want, sizeof want, "%s", text_of(acme, "PayloadUUID"));
	in_plist_free(doc);

	/* fleet-97: the same device again: another directory, same UUIDs. */
	assert_int_equal(
	    ask(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""), &out), OK);
	assert_int_equal(in_plist_parse(buf_blob(&out), 65536, &doc), OK);
	acme = payload(in_plist_root(doc), "com.apple.security.acme");
	check_acme(acme, again);
	assert_string_not_equal(again, url);
	assert_string_equal(text_of(acme, "PayloadUUID"), want);
	in_plist_free(doc);
	buf_release(&out);
	assert_int_equal(
	    enrollments_load_usable(storefix_db(state), id, &e), OK);
}

static void
test_room(void **state)
{
	struct buf out;
	int i;

	assign(state, SERIAL);
	buf_init(&out, PROFILE_BYTES_MAX);
	for (i = 0; i < 3 * ADE_PROFILE_OPEN_MAX; i++)
		assert_int_equal(
		    ask(state, INFO(SERIAL, UDID, "Mac15,3", "15.1", ""), &out),
		    OK);
	assert_int_equal(
	    storefix_sql(storefix_db(state),
		"SELECT count(*) FROM enrollments WHERE state = 'open'"),
	    ADE_PROFILE_OPEN_MAX);
	/* the same request sent for ever fills no disk */
	assert_int_equal(storefix_sql(storefix_db(state),
			     "SELECT count(*) FROM enrollments"),
	    2 * ADE_PROFILE_OPEN_MAX);
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM events"),
	    2 * ADE_PROFILE_OPEN_MAX);
	buf_release(&out);
}

static void
test_uuid(void **state)
{
	char a[SECRET_UUID_TEXT], b[SECRET_UUID_TEXT], c[SECRET_UUID_TEXT];

	(void)state;
	profile_uuid("com.example.enrollment", "mdm", a);
	profile_uuid("com.example.enrollment", "mdm", b);
	profile_uuid("com.example.enrollment", "identity", c);
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '8');
	assert_non_null(strchr("89AB", a[19]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_refusals),
		STOREFIX_TEST(test_other_udid),
		STOREFIX_TEST(test_profile),
		STOREFIX_TEST(test_room),
		cmocka_unit_test(test_uuid),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
