/*
 * Whole requests of devices: whatever fails on the way is an error of the
 * server, and the device that asks again gets its answer.
 */
#include "checkfix.h"
#include "failures.h"

#include <stdio.h>
#include <string.h>

#include "enroll/ade_profile.h"
#include "enroll/link_profile.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"
#include "store/ade_devices.h"
#include "store/enrollment_links.h"

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
	struct checkfix_talk t = { .device = d };

	assert_int_equal(checkfix_send(state, &t, body, serve), OK);
}

static void
a_device_enrolls_and_leaves(void **state)
{
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	send(state, &d, AUTHENTICATE(SERIAL_A, UDID_A), checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	send(state, &d, TOKEN_UPDATE(UDID_A), checkin);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
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
	r = ade_profile_make(&c, w->device_ca, &w->files, w->cms, &out);
	if (r != OK)
		assert_int_equal(out.n, 0);
	buf_release(&out);
	return r;
}

static void
a_device_gets_its_profile(void **state)
{
	struct ade_device assigned = { .source = "test", .serial = SERIAL_A };
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
	STOREFIX_TEST(a_device_gets_its_command),
	STOREFIX_TEST(a_device_gives_its_result),
	STOREFIX_TEST(a_device_gets_its_profile),
	STOREFIX_TEST(a_link_gives_its_profile),
};

STOREFIX_MAIN(tests)
