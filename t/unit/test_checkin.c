/*
 * Check-in against a database: identity (mdm-23 to mdm-41) and the life of an
 * enrollment.
 */
#include "checkfix.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"

static void
test_enroll(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	struct enrollment e;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(checkfix_checkin(state, &d, TOKEN_UPDATE(UDID_A)),
	    ERR_MDM_CERTIFICATE);
	checkfix_refused(state, SERIAL_A, "token-update", ERR_MDM_CERTIFICATE);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	assert_true(h.hardware_attested);
	assert_string_equal(h.device.udid, UDID_A);
	assert_int_equal(checkfix_checkin(state, &d, TOKEN_UPDATE(UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.push_token_len, 5);
	assert_int_equal(enrollments_load(db, d.row.enrollment_id, &e), OK);
	assert_int_equal(e.state, ENROLLMENT_ENROLLED);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("CheckOut", UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_UNENROLLED);
	/* mdm-7: the certificate of a host that left opens nothing. */
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	mdmfix_device_release(&d);
}

static void
test_not_attested(void **state)
{
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, false, &d);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	mdmfix_device_release(&d);
}

/* The order behind an attested certificate must be a valid one. */
static void
test_attested_needs_order(void **state)
{
	struct mdmfix_device d;
	struct host h;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(storefix_db(state),
	    "UPDATE orders SET status = 'invalid', certificate_id = NULL");
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	mdmfix_device_release(&d);
}

/* mdm-24: a certificate of A opens nothing of B. */
static void
test_other_device(void **state)
{
	struct mdmfix_device a, b, fresh;
	struct host before, after;

	checkfix_enroll(state, SERIAL_B, UDID_B, &b);
	checkfix_host(state, SERIAL_B, &before);
	checkfix_enroll(state, SERIAL_A, UDID_A, &a);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &fresh);
	assert_int_equal(
	    checkfix_checkin(state, &fresh, AUTHENTICATE(SERIAL_B, UDID_B)),
	    ERR_MDM_DEVICE);
	checkfix_refused(state, SERIAL_A, "authenticate", ERR_MDM_DEVICE);
	assert_int_equal(
	    checkfix_checkin(state, &fresh, AUTHENTICATE(SERIAL_A, UDID_B)),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkfix_checkin(state, &a, TOKEN_UPDATE(UDID_B)), ERR_MDM_DEVICE);
	assert_int_equal(
	    checkfix_checkin(state, &a, SIMPLE("CheckOut", UDID_B)),
	    ERR_MDM_DEVICE);
	checkfix_host(state, SERIAL_B, &after);
	assert_memory_equal(&before, &after, sizeof before);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
	mdmfix_device_release(&fresh);
}

/* A UDID of an unfinished host cannot be taken either, in no letter case. */
static void
test_udid_taken(void **state)
{
	struct mdmfix_device a, b;

	checkfix_enroll(state, SERIAL_B, UDID_B, &b);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &a);
	assert_int_equal(
	    checkfix_checkin(state, &a,
		AUTHENTICATE(SERIAL_A, "bbbbbbbb-0000-0000-0000-000000000002")),
	    ERR_MDM_DEVICE);
	checkfix_because(state, SERIAL_A, SERIAL_B);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

/* mdm-2: without a serial number the UDID must be known. */
static void
test_no_serial(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("Authenticate", UDID_A)),
	    ERR_MDM_DEVICE);
	storefix_sql(
	    storefix_db(state), "UPDATE enrollments SET udid = '" UDID_A "'");
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("Authenticate", UDID_A)), OK);
	mdmfix_device_release(&d);
}

/* Nothing attests who asked for a profile with SCEP. */
static void
test_scep_profile_of_another_udid(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(storefix_db(state),
	    "UPDATE enrollments SET method = 'scep', udid = '" UDID_B "'");
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_DEVICE);
	checkfix_because(state, SERIAL_A, "the profile was for UDID");
	mdmfix_device_release(&d);
}

/* With a link for any device nobody takes the place of one that left. */
static void
test_link_of_another_udid(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new;

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	assert_int_equal(
	    checkfix_checkin(state, &old, SIMPLE("CheckOut", UDID_A)), OK);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &new);
	storefix_sql(db, "DELETE FROM ade_devices");
	storefix_sql(db,
	    "UPDATE enrollments SET source = 'manual', serial = ''"
	    " WHERE state = 'issued'");
	storefix_sql(db,
	    "UPDATE certificates SET serial = '' WHERE state = 'issued'");
	assert_int_equal(
	    checkfix_checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_B)),
	    ERR_ENROLL_OTHER_DEVICE);
	checkfix_because(state, SERIAL_A, "was another device");
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

static void
test_revoked_enrollment(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	WRITE(db, enrollments_revoke(db, d.row.enrollment_id));
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "enrollment was revoked");
	mdmfix_device_release(&d);
}

static void
test_unassigned(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(
	    storefix_db(state), "UPDATE ade_devices SET removed_at = 1");
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_ENROLL_UNASSIGNED);
	checkfix_because(state, SERIAL_A, "no longer assigned in Apple Business");
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM hosts"), 0);
	mdmfix_device_release(&d);
}

/*
 * mdm-23, mdm-25, mdm-26, mdm-27, mdm-30: who cannot prove a key of ours is
 * nobody.
 */
static void
test_proofs(void **state)
{
	struct mdmfix_device d, copy;
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);
	struct checkfix_talk t = { .device = &d, .unsigned_ = true };

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t = (struct checkfix_talk){ .device = &d, .other_body = "another" };
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_SIGNATURE);
	checkfix_refused(state, SERIAL_A, "authenticate", ERR_MDM_SIGNATURE);
	/* The same name and dates, another key. */
	mdmfix_cert_make(&copy.cert, SERIAL_A, false, false, NULL);
	assert_int_equal(
	    checkfix_checkin(state, &copy, body), ERR_MDM_CERTIFICATE);
	mdmfix_cert_release(&copy.cert);
	t = (struct checkfix_talk){ .device = &d, .signature = "MIIB" };
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.signature = "not base64!";
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.signature = "";
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	/* An attached content could differ from the body. */
	t = (struct checkfix_talk){ .device = &d,
		.flags = GNUTLS_PKCS7_EMBED_DATA };
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_SIGNATURE);
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM hosts"), 0);
	mdmfix_device_release(&d);
}

/* mdm-33: every form that devices use. */
static void
test_signature_forms(void **state)
{
	struct mdmfix_device d;
	struct checkfix_talk t = { .device = &d };
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	t.flags = GNUTLS_PKCS7_INCLUDE_TIME;
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	t.digest = GNUTLS_DIG_SHA256;
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	t.flags = 0;
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	mdmfix_device_release(&d);
}

/* Refused for its length, before anything decodes it. */
static void
test_long_header(void **state)
{
	static char header[IDENTITY_HEADER_MAX + 2];
	struct identity_proof proof = { .signature = header,
		.body = blob_str("x") };
	struct identity id = { 0 };

	memset(header, 'A', sizeof header - 1);
	assert_int_equal(
	    identity_prove(storefix_db(state), &proof, &id), ERR_MDM_IDENTITY);
	assert_non_null(strstr(log_reason(), "has 16385 bytes"));
	identity_release(&id);
}

/* mdm-28: both ways must show one certificate. */
static void
test_tls_certificate(void **state)
{
	struct mdmfix_device a, b;
	struct checkfix_talk t = { .device = &a };
	const char *body = AUTHENTICATE(SERIAL_A, UDID_A);
	struct buf pem_a, pem_b;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &a);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_B, ENROLLMENT_ENROLL, true, &b);
	buf_init(&pem_a, 1 << 16);
	buf_init(&pem_b, 1 << 16);
	checkfix_escape_pem(&a.cert, &pem_a);
	checkfix_escape_pem(&b.cert, &pem_b);
	t.client_certificate = buf_str(&pem_b);
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_CERTIFICATE);
	t.unsigned_ = true;
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_DEVICE);
	t.client_certificate = "garbage%";
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_IDENTITY);
	t.client_certificate = buf_str(&pem_a);
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	t.unsigned_ = false;
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	buf_release(&pem_a);
	buf_release(&pem_b);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

/* mdm-37: another certificate of the host's is current in the table only. */
static void
test_not_the_present_certificate(void **state)
{
	struct db *db = storefix_db(state);
	char reply[8192];
	struct mdmfix_device d;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	storefix_sql(db, "UPDATE hosts SET certificate_sha256 = zeroblob(32)");
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "another certificate now");
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	storefix_sql(db, "UPDATE hosts SET certificate_sha256 = NULL");
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	mdmfix_device_release(&d);
}

/* mdm-36: who saw a message can send it again, header and all. */
static void
test_header_alone(void **state)
{
	struct mdmfix_device d;
	struct checkfix_talk header = { .device = &d, .no_tls = true };
	struct checkfix_talk tls = { .device = &d };

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	header.required = true;
	assert_int_equal(checkfix_send(state, &header,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    ERR_MDM_CLIENT_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "requires the certificate");
	header.required = false;
	assert_int_equal(checkfix_send(state, &header,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    OK);
	assert_int_equal(
	    checkfix_send(state, &header, TOKEN_UPDATE(UDID_A), checkin_serve),
	    OK);
	assert_int_equal(
	    checkfix_send(state, &header, SIMPLE("GetBootstrapToken", UDID_A),
		checkin_serve),
	    ERR_MDM_CLIENT_CERTIFICATE);
	checkfix_refused(
	    state, SERIAL_A, "bootstrap-token", ERR_MDM_CLIENT_CERTIFICATE);
	assert_int_equal(
	    checkfix_send(state, &header, REPORT("Idle", UDID_A), queue_serve),
	    OK);
	/* Once it showed the certificate in TLS it has to. */
	assert_int_equal(
	    checkfix_send(state, &tls, REPORT("Idle", UDID_A), queue_serve),
	    OK);
	assert_int_equal(
	    checkfix_send(state, &header, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CLIENT_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "in TLS before");
	mdmfix_device_release(&d);
}

/* mdm-38: only these make a device give up its enrollment. */
static void
test_blocked(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device a, b;
	struct host h;
	char reply[8192];

	checkfix_enroll(state, SERIAL_A, UDID_A, &a);
	checkfix_host(state, SERIAL_A, &h);
	WRITE(db, hosts_block(db, h.id));
	assert_int_equal(
	    checkfix_poll(state, &a, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_BLOCKED);
	checkfix_enroll(state, SERIAL_B, UDID_B, &b);
	WRITE(db, certificates_revoke(db, b.row.sha256, 1));
	assert_int_equal(
	    checkfix_poll(state, &b, REPORT("Idle", UDID_B), reply),
	    ERR_MDM_BLOCKED);
	checkfix_refused(state, SERIAL_B, "command", ERR_MDM_BLOCKED);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

static void
test_dates(void **state)
{
	struct mdmfix_device d;
	char reply[8192];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	clock_set_offset(7200);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	clock_set_offset(-7200);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	clock_set_offset(0);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	mdmfix_device_release(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_enroll),
		STOREFIX_TEST(test_not_attested),
		STOREFIX_TEST(test_attested_needs_order),
		STOREFIX_TEST(test_other_device),
		STOREFIX_TEST(test_udid_taken),
		STOREFIX_TEST(test_no_serial),
		STOREFIX_TEST(test_scep_profile_of_another_udid),
		STOREFIX_TEST(test_link_of_another_udid),
		STOREFIX_TEST(test_unassigned),
		STOREFIX_TEST(test_revoked_enrollment),
		STOREFIX_TEST(test_proofs),
		STOREFIX_TEST(test_signature_forms),
		STOREFIX_TEST(test_long_header),
		STOREFIX_TEST(test_tls_certificate),
		STOREFIX_TEST(test_header_alone),
		STOREFIX_TEST(test_not_the_present_certificate),
		STOREFIX_TEST(test_blocked),
		STOREFIX_TEST(test_dates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
