/*
 * Whole requests of devices: whatever fails on the way is an error of the
 * server, and the device that asks again gets its answer.
 */
#include "checkfix.h"
#include "failures.h"
#include "renewalsfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "enroll/ade_profile.h"
#include "enroll/link_profile.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"
#include "mdm/unreadable.h"
#include "store/ade_devices.h"
#include "store/enrollment_links.h"
#include "store/settings.h"

/* A request that is made again and again, and what must serve it. */
struct asked {
	struct mdm_request *request;
	int (*serve)(struct mdm_request *);
};

static int
ask(void *arg)
{
	const struct asked *a = arg;
	struct mdm_request again = { .context = a->request->context,
		.proof = a->request->proof };
	int r = a->serve(&again);

	mdm_request_release(&again);
	return r;
}

static int
checkin(struct mdm_request *request)
{
	struct asked a = { request, checkin_serve };

	assert_true(failures_each(request->context.db, ask, &a) > 20);
	return OK;
}

static int
poll(struct mdm_request *request)
{
	struct asked a = { request, queue_serve };

	assert_true(failures_each(request->context.db, ask, &a) > 20);
	return OK;
}

static void
send(void **state, struct mdmfix_device *d, const char *body,
    int (*serve)(struct mdm_request *))
{
	struct checkfix_talk t = { .device = d, .grace = 30 };

	assert_int_equal(checkfix_send(state, &t, body, serve), OK);
}

/* From Setup Assistant, as a device does that is to be configured there. */
#define TOKEN_UPDATE_AWAITING                                                  \
	DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR("UDID", UDID_A)      \
		PAIR("PushMagic",                                              \
		    "m") "<key>Token</key><data>dG9rZW4=</data>"               \
			 "<key>AwaitingConfiguration</key><true/>")
#define SET_BOOTSTRAP_TOKEN                                                    \
	DOC(PAIR("MessageType", "SetBootstrapToken")                           \
		PAIR("UDID", UDID_A) "<key>BootstrapToken</key>"               \
				     "<data>c2VjcmV0</data>")

static void
a_device_enrolls_and_leaves(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d, again;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	send(state, &d, AUTHENTICATE(SERIAL_A, UDID_A), checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	send(state, &d, TOKEN_UPDATE_AWAITING, checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	send(state, &d, AUTHENTICATE(SERIAL_A, UDID_A), checkin);
	send(state, &d, SET_BOOTSTRAP_TOKEN, checkin);
	send(state, &d, SET_BOOTSTRAP_TOKEN, checkin);
	send(state, &d, SIMPLE("GetBootstrapToken", UDID_A), checkin);
	send(state, &d, SIMPLE("CheckOut", UDID_A), checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_UNENROLLED);
	/* its UDID, erased of all else, has another serial number now */
	mdmfix_device_make(db, SERIAL_B, ENROLLMENT_ENROLL, true, &again);
	send(state, &again, AUTHENTICATE(SERIAL_B, UDID_A), checkin);
	checkfix_host(state, SERIAL_B, &h);
	assert_int_equal(h.state, HOST_PENDING);
	mdmfix_device_release(&d);
	mdmfix_device_release(&again);
}

static void
a_device_enrolls_with_a_link(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	WRITE(db, ade_devices_remove(db, ADE_DEVICES_FILE, SERIAL_A));
	storefix_change(
	    db, "UPDATE enrollments SET source = 'manual', serial = ''");
	storefix_change(db, "UPDATE certificates SET serial = ''");
	send(state, &d, AUTHENTICATE(SERIAL_A, UDID_A), checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	mdmfix_device_release(&d);
}

static void
a_device_gets_its_command(void **state)
{
	struct mdmfix_device d;
	char uuid[37];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 1, uuid);
	send(state, &d, REPORT("Idle", UDID_A), poll);
	mdmfix_device_release(&d);
}

static void
a_device_gives_its_result(void **state)
{
	struct mdmfix_device d;
	char uuid[37], reply[8192], body[1024];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 1, uuid);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	snprintf(body, sizeof body,
	    DOC(PAIR("Status", "Acknowledged") PAIR("UDID", UDID_A)
		    PAIR("CommandUUID", "%s") "<key>QueryResponses</key>"
					      "<dict>" PAIR("OSVersion",
						  "15.2") "</dict>"),
	    uuid);
	send(state, &d, body, poll);
	mdmfix_device_release(&d);
}

/* Queued before its other commands, or in their place. */
static void
a_device_waits_in_setup_assistant(void **state)
{
	struct mdmfix_device d;
	char uuid[37];

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	assert_int_equal(
	    checkfix_checkin(state, &d, TOKEN_UPDATE_AWAITING), OK);
	checkfix_enqueue(state, SERIAL_A, 1, uuid);
	clock_set_offset(3000);
	send(state, &d, REPORT("Idle", UDID_A), poll);
	clock_set_offset(0);
	mdmfix_device_release(&d);
}

#define ANSWER(status, more)                                                   \
	DOC(PAIR("Status", status) PAIR("UDID", UDID_A)                        \
		PAIR("CommandUUID", "%s") more)

/* Until the command ends as failed. */
static void
a_device_answers_what_nobody_can_read(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	char uuid[37], reply[8192], body[1024];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 1, uuid);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	snprintf(body, sizeof body,
	    "<plist><dict>" PAIR("UDID", UDID_A)
		PAIR("CommandUUID", "%s") "<foo/></dict></plist>",
	    uuid);
	for (int i = 0; i < UNREADABLE_MAX; i++)
		send(state, &d, body, poll);
	assert_int_equal(
	    storefix_sql(
		db, "SELECT count(*) FROM commands WHERE state = 'error'"),
	    1);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM alarms"), 1);
	/* a good answer to the next one ends the alarm */
	checkfix_enqueue(state, SERIAL_A, 1, uuid);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	snprintf(body, sizeof body, ANSWER("Acknowledged", ""), uuid);
	send(state, &d, body, poll);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM alarms"
			     " WHERE closed_at IS NULL"),
	    0);
	mdmfix_device_release(&d);
}

/* An enrolled host with a renewal, and the command behind it. */
static void
begin_renewal(void **state, struct mdmfix_device *d, char renewal[37])
{
	struct enrollment e;
	struct host h;
	char other[37];

	checkfix_enroll(state, SERIAL_A, UDID_A, d);
	checkfix_enqueue(state, SERIAL_A, 1, other);
	checkfix_host(state, SERIAL_A, &h);
	renewalsfix_open_it(storefix_db(state), &h, &e, renewal);
}

static void
a_device_gets_its_renewal(void **state)
{
	struct db *db = storefix_db(state);
	struct checkfix_talk by_header = { .no_tls = true };
	char uuid[37], body[1024];
	struct mdmfix_device d;

	begin_renewal(state, &d, uuid);
	by_header.device = &d;
	storefix_change(db,
	    "UPDATE commands SET needs_client_certificate = 1"
	    " WHERE request_type = 'InstallProfile'");
	/* held back, with an alarm; then another command is due, and sent, and
	 * does not keep the renewal from being sent */
	storefix_change(db, "UPDATE hosts SET client_certificate_at = NULL");
	assert_int_equal(
	    checkfix_send(state, &by_header, REPORT("Idle", UDID_A), poll), OK);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM alarms"), 1);
	send(state, &d, REPORT("Idle", UDID_A), poll);
	send(state, &d, REPORT("Idle", UDID_A), poll);
	storefix_change(
	    db, "UPDATE certificates SET not_after = not_after - 7200");
	send(state, &d, REPORT("Idle", UDID_A), poll);
	snprintf(body, sizeof body,
	    ANSWER("Error",
		"<key>ErrorChain</key><array><dict>" PAIR("ErrorDomain", "d")
		    PAIR("LocalizedDescription", "no") "</dict></array>"),
	    uuid);
	send(state, &d, body, poll);
	assert_int_equal(storefix_sql(db, "SELECT failures FROM renewals"), 1);
	mdmfix_device_release(&d);
}

static void
a_renewal_is_not_sent_any_more(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	char uuid[37];

	begin_renewal(state, &d, uuid);
	WRITE(db,
	    settings_set(db, &mdmfix_conf, SETTINGS_BY_ADMIN,
		SETTINGS_BUSINESS_ONLY, "true", "test"));
	WRITE(db, ade_devices_remove(db, ADE_DEVICES_FILE, SERIAL_A));
	send(state, &d, REPORT("Idle", UDID_A), poll);
	assert_int_equal(
	    storefix_sql(db, "SELECT enrollment_id IS NULL FROM renewals"), 1);
	mdmfix_device_release(&d);
}

static void
a_renewal_is_over(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	char uuid[37];

	begin_renewal(state, &d, uuid);
	storefix_change(db,
	    "UPDATE enrollments SET state = 'revoked' WHERE state = 'open'");
	send(state, &d, REPORT("Idle", UDID_A), poll);
	mdmfix_device_release(&d);
}

static void
a_device_uses_its_renewed_certificate(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d, renewed;
	char uuid[37];

	begin_renewal(state, &d, uuid);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &renewed);
	storefix_change(db, "UPDATE hosts SET product_name = 'Mac15,3'");
	send(state, &renewed, REPORT("Idle", UDID_A), poll);
	mdmfix_device_release(&renewed);
	/* the next one in a check-in, with TLS that shows the one before */
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, false, &renewed);
	send(state, &renewed, TOKEN_UPDATE(UDID_A), checkin);
	mdmfix_device_release(&renewed);
	mdmfix_device_release(&d);
}

/* What asks for a profile. */
struct wish {
	struct context context;
	struct profile_files files;
	gnutls_x509_crt_t device_ca;
	struct blob cms;
};

static int
ade_profile(void *arg)
{
	const struct wish *w = arg;
	struct context c = w->context;
	struct buf out;
	int r;

	buf_init(&out, PROFILE_BYTES_MAX);
	r = ade_profile_make(
	    &c, w->device_ca, &w->files, w->cms, "", &out);
	if (r != OK)
		assert_int_equal(out.n, 0);
	buf_release(&out);
	return r;
}

static void
a_device_gets_its_profile(void **state)
{
	struct ade_device assigned = { .account = ADE_DEVICES_FILE,
		.serial = SERIAL_A };
	struct db *db = storefix_db(state);
	struct mdmfix_cert device_ca, leaf;
	struct buf cms;
	struct wish w = { .context = { .conf = &mdmfix_conf,
			      .db = db,
			      .remote_address = "192.0.2.1",
			      .step = "profile" } };

	mdmfix_cert_make(&device_ca, "Device CA", true, true, NULL);
	mdmfix_cert_make(&leaf, "leaf", false, true, &device_ca);
	WRITE(db, ade_devices_put(db, &assigned));
	buf_init(&cms, 1 << 16);
	mdmfix_sign(&leaf,
	    blob_str(DOC(PAIR("SERIAL", SERIAL_A) PAIR("UDID", UDID_A)
		    PAIR("PRODUCT", "Mac15,3") PAIR("OS_VERSION", "15.1"))),
	    GNUTLS_DIG_SHA1, GNUTLS_PKCS7_EMBED_DATA, &cms);
	w.device_ca = device_ca.crt;
	w.cms = buf_blob(&cms);
	assert_true(failures_each(db, ade_profile, &w) > 20);
	buf_release(&cms);
	mdmfix_cert_release(&leaf);
	mdmfix_cert_release(&device_ca);
}

static int
link_profile(void *arg)
{
	const struct wish *w = arg;
	struct enrollment_link link = { .created_by = "test" };
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct context c = w->context;
	struct buf out;
	int r;

	/* a profile that cannot be written has used up the link all the same */
	if ((r = db_begin(c.db)) != OK ||
	    (r = db_end(
		 c.db, enrollment_links_create(c.db, &link, 72, token))) != OK)
		return r;
	buf_init(&out, PROFILE_BYTES_MAX);
	r = link_profile_redeem(&c, &w->files, token, &out);
	if (r != OK)
		assert_int_equal(out.n, 0);
	buf_release(&out);
	return r;
}

static void
a_link_gives_its_profile(void **state)
{
	struct db *db = storefix_db(state);
	struct wish w = { .context = { .conf = &mdmfix_conf,
			      .db = db,
			      .remote_address = "192.0.2.1",
			      .step = "link" } };

	assert_true(failures_each(db, link_profile, &w) > 20);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(a_device_enrolls_and_leaves),
	STOREFIX_TEST(a_device_enrolls_with_a_link),
	STOREFIX_TEST(a_device_gets_its_command),
	STOREFIX_TEST(a_device_gives_its_result),
	STOREFIX_TEST(a_device_waits_in_setup_assistant),
	STOREFIX_TEST(a_device_answers_what_nobody_can_read),
	STOREFIX_TEST(a_device_gets_its_renewal),
	STOREFIX_TEST(a_renewal_is_not_sent_any_more),
	STOREFIX_TEST(a_renewal_is_over),
	STOREFIX_TEST(a_device_uses_its_renewed_certificate),
	STOREFIX_TEST(a_device_gets_its_profile),
	STOREFIX_TEST(a_link_gives_its_profile),
};

STOREFIX_MAIN(tests)
