/*
 * Check-in against a database: generations, renewals, and the messages that
 * follow.
 */
#include "checkfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"

/* mdm-41: Authenticate again with the present certificate keeps everything;
 * with a new one it starts over. */
static void
test_generations(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new;
	char uuid[37], reply[8192];
	struct host h;
	int i;

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	assert_int_equal(checkfix_checkin(state, &old,
			     DOC(PAIR("MessageType", "SetBootstrapToken") PAIR(
				 "UDID", UDID_A) "<key>BootstrapToken</key>"
						 "<data>c2VjcmV0</data>")),
	    OK);
	checkfix_enqueue(state, SERIAL_A, 0, uuid);
	for (i = 0; i < 10; i++)
		assert_int_equal(checkfix_checkin(state, &old,
				     AUTHENTICATE(SERIAL_A, UDID_A)),
		    OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.generation, 1);
	assert_true(h.has_bootstrap_token);
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &new);
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	assert_int_equal(
	    checkfix_checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_B)),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkfix_checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_PENDING);
	assert_int_equal(h.generation, 2);
	assert_false(h.has_bootstrap_token);
	/* mdm-37 */
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "replaced");
	assert_int_equal(
	    checkfix_checkin(state, &new, TOKEN_UPDATE(UDID_A)), OK);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_A), reply), OK);
	assert_string_equal(reply, "");
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* mdm-102: a renewed certificate takes over and nothing else changes. */
static void
test_renewal(void **state)
{
	struct mdmfix_device old, new;
	char uuid[37], reply[8192];
	struct host h;

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	checkfix_enqueue(state, SERIAL_A, 0, uuid);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_RENEW, true, &new);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_B), reply),
	    ERR_MDM_DEVICE);
	assert_int_equal(
	    checkfix_checkin(state, &new, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_int_equal(h.generation, 1);
	/* Authenticate alone retires nothing: the profile may yet fail. */
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));
	assert_int_equal(
	    checkfix_checkin(state, &new, TOKEN_UPDATE(UDID_A)), OK);
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, uuid));
	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(h.generation, 1);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* Connections outlive a renewal: TLS may show the certificate before. */
static void
test_tls_of_before(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new, other;
	struct checkfix_talk by_new = { .device = &new, .required = true };
	struct checkfix_talk by_old = { .device = &old };
	struct buf pem_old, pem_new, pem_other;

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	checkfix_enroll(state, SERIAL_B, UDID_B, &other);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &new);
	storefix_sql(
	    db, "UPDATE certificates SET not_after = not_after + 86400");
	buf_init(&pem_old, 1 << 16);
	buf_init(&pem_new, 1 << 16);
	buf_init(&pem_other, 1 << 16);
	checkfix_escape_pem(&old.cert, &pem_old);
	checkfix_escape_pem(&new.cert, &pem_new);
	checkfix_escape_pem(&other.cert, &pem_other);
	by_old.client_certificate = buf_str(&pem_new);
	assert_int_equal(
	    checkfix_send(state, &by_old, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	by_new.client_certificate = buf_str(&pem_other);
	assert_int_equal(checkfix_send(state, &by_new,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    ERR_MDM_CERTIFICATE);
	by_new.client_certificate = buf_str(&pem_old);
	assert_int_equal(checkfix_send(state, &by_new,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    OK);
	assert_int_equal(
	    checkfix_send(state, &by_new, TOKEN_UPDATE(UDID_A), checkin_serve),
	    OK);
	clock_set_offset(IDENTITY_TLS_LAG - 60);
	assert_int_equal(
	    checkfix_send(state, &by_new, REPORT("Idle", UDID_A), queue_serve),
	    OK);
	clock_set_offset(IDENTITY_TLS_LAG + 60);
	assert_int_equal(
	    checkfix_send(state, &by_new, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "different certificates");
	by_new.client_certificate = buf_str(&pem_new);
	assert_int_equal(
	    checkfix_send(state, &by_new, REPORT("Idle", UDID_A), queue_serve),
	    OK);
	clock_set_offset(0);
	buf_release(&pem_old);
	buf_release(&pem_new);
	buf_release(&pem_other);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
	mdmfix_device_release(&other);
}

/* Neither one of another enrollment, nor a revoked one, is the one before. */
static void
test_tls_of_no_predecessor(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, anew, new;
	struct checkfix_talk t = { .device = &anew };
	struct buf pem_old;

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	buf_init(&pem_old, 1 << 16);
	checkfix_escape_pem(&old.cert, &pem_old);
	t.client_certificate = buf_str(&pem_old);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &anew);
	assert_int_equal(checkfix_send(state, &t,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    ERR_MDM_CERTIFICATE);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &new);
	t.device = &new;
	WRITE(db, certificates_revoke(db, old.row.sha256, 1));
	assert_int_equal(checkfix_send(state, &t,
			     AUTHENTICATE(SERIAL_A, UDID_A), checkin_serve),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "different certificates");
	buf_release(&pem_old);
	mdmfix_device_release(&old);
	mdmfix_device_release(&anew);
	mdmfix_device_release(&new);
}

/* A certificate whose predecessor is revoked takes nothing over. */
static void
test_renewal_of_a_revoked_certificate(void **state)
{
	struct mdmfix_device old, new;
	struct host before, after;
	struct db *db = storefix_db(state);

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &new);
	checkfix_host(state, SERIAL_A, &before);
	storefix_sql(db,
	    "UPDATE certificates SET state = 'revoked', revoked_at = 1"
	    " WHERE state = 'current'");
	assert_int_equal(checkfix_checkin(state, &new, TOKEN_UPDATE(UDID_A)),
	    ERR_MDM_BLOCKED);
	checkfix_because(
	    state, SERIAL_A, "the certificate that this one renews is revoked");
	checkfix_host(state, SERIAL_A, &after);
	assert_memory_equal(&before, &after, sizeof before);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* A connection from before the renewal is the same device's, or none. */
static void
test_connection_older_than_the_renewal(void **state)
{
	static const struct {
		const char *serial, *udid;
	} rows[] = { { SERIAL_A, UDID_A }, { SERIAL_B, UDID_B } };
	struct mdmfix_device old[2], new[2];
	struct checkfix_talk t = { .device = &new[0] };
	struct buf pem[2];
	char body[2048];

	for (int i = 0; i < 2; i++) {
		checkfix_enroll(state, rows[i].serial, rows[i].udid, &old[i]);
		mdmfix_device_make(storefix_db(state), rows[i].serial,
		    ENROLLMENT_RENEW, true, &new[i]);
		snprintf(body, sizeof body, TOKEN_UPDATE("%s"), rows[i].udid);
		assert_int_equal(checkfix_checkin(state, &new[i], body), OK);
		buf_init(&pem[i], 1 << 16);
		checkfix_escape_pem(&old[i].cert, &pem[i]);
	}
	snprintf(body, sizeof body, TOKEN_UPDATE("%s"), UDID_A);
	t.client_certificate = buf_str(&pem[0]);
	assert_int_equal(checkfix_send(state, &t, body, checkin_serve), OK);
	t.client_certificate = buf_str(&pem[1]);
	assert_int_equal(
	    checkfix_send(state, &t, body, checkin_serve), ERR_MDM_CERTIFICATE);
	for (int i = 0; i < 2; i++) {
		buf_release(&pem[i]);
		mdmfix_device_release(&old[i]);
		mdmfix_device_release(&new[i]);
	}
}

/* What was revoked after its certificate was handed out does not take over. */
static void
test_revoked_renewal(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device old, new;
	struct host before, after;
	char reply[8192], sql[128];

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_RENEW, true, &new);
	checkfix_host(state, SERIAL_A, &before);
	snprintf(sql, sizeof sql,
	    "UPDATE enrollments SET state = 'revoked' WHERE id = '%s'",
	    new.row.enrollment_id);
	storefix_sql(db, sql);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "the enrollment was revoked");
	/* nor does what another certificate was used for already */
	snprintf(sql, sizeof sql,
	    "UPDATE enrollments SET state = 'enrolled' WHERE id = '%s'",
	    new.row.enrollment_id);
	storefix_sql(db, sql);
	assert_int_equal(
	    checkfix_poll(state, &new, REPORT("Idle", UDID_A), reply),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "the renewal of this certificate was revoked");
	assert_int_equal(checkfix_checkin(state, &new, TOKEN_UPDATE(UDID_A)),
	    ERR_MDM_CERTIFICATE);
	checkfix_host(state, SERIAL_A, &after);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(
	    checkfix_poll(state, &old, REPORT("Idle", UDID_A), reply), OK);
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

static void
ended_ago(void **state, const struct mdmfix_device *d, int seconds)
{
	char sql[192];

	snprintf(sql, sizeof sql,
	    "UPDATE certificates SET not_after = %lld WHERE enrollment_id ="
	    " '%s'",
	    (long long)(clock_now() - seconds), d->row.enrollment_id);
	storefix_sql(storefix_db(state), sql);
}

/* mdm-39: the grace is for who has nothing else. */
static void
test_unused_renewal_that_ended(void **state)
{
	struct mdmfix_device old, new;
	struct checkfix_talk t = { .device = &new, .grace = 1 };

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_RENEW, true, &new);
	ended_ago(state, &new, 60);
	assert_int_equal(
	    checkfix_send(state, &t, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "expired before it was used");
	t.device = &old;
	assert_int_equal(
	    checkfix_send(state, &t, REPORT("Idle", UDID_A), queue_serve), OK);
	/* when both have ended, the newer one is the better one */
	ended_ago(state, &old, 120);
	t.device = &new;
	assert_int_equal(
	    checkfix_send(state, &t, REPORT("Idle", UDID_A), queue_serve), OK);
	t.device = &old;
	assert_int_equal(
	    checkfix_send(state, &t, REPORT("Idle", UDID_A), queue_serve),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "replaced");
	mdmfix_device_release(&old);
	mdmfix_device_release(&new);
}

/* A certificate of the future, or a clock that went back, enrolls nobody. */
static void
test_first_use_too_early(void **state)
{
	struct mdmfix_device d;

	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	clock_set_offset(-601);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)),
	    ERR_MDM_CERTIFICATE);
	checkfix_because(state, SERIAL_A, "not valid yet");
	clock_set_offset(-600);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	clock_set_offset(0);
	mdmfix_device_release(&d);
}

/* Members of another type than Apple's, or with other contents. */
static void
test_members(void **state)
{
	static const char *const bad[] = {
		DOC(PAIR("UDID", UDID_A) "<key>MessageType</key>"
					 "<integer>1</integer>"),
		DOC(PAIR("MessageType", "CheckOut")
			PAIR("UDID", UDID_A) "<key>Topic</key><true/>"),
		DOC(PAIR("MessageType", "CheckOut") TOPIC PAIR("UDID", UDID_A)
			PAIR("UserID", "a user")),
		DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR("UDID",
		    UDID_A) PAIR("PushMagic", "m") PAIR("Token", "dG9rZW4=")),
		DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR("UDID",
		    UDID_A) PAIR("PushMagic", "m") "<key>Token</key>"
						   "<data>dG9rZW4=</data>"
		    PAIR("AwaitingConfiguration", "true")),
	};
	struct mdmfix_device d;
	struct host before, after;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_host(state, SERIAL_A, &before);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    checkfix_checkin(state, &d, bad[i]), ERR_MDM_MESSAGE);
	checkfix_host(state, SERIAL_A, &after);
	assert_memory_equal(&before, &after, sizeof before);
	mdmfix_device_release(&d);
}

static void
test_messages(void **state)
{
	struct mdmfix_device d;
	struct checkfix_talk t = { .device = &d };
	struct host h;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	assert_int_equal(
	    checkfix_checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate") PAIR(
		    "Topic", "com.apple.mgmt.other") PAIR("UDID", UDID_A))),
	    ERR_MDM_TOPIC);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("Nonsense", UDID_A)),
	    ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("GetToken", UDID_A)),
	    ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("ReturnToService", UDID_A)),
	    ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkfix_checkin(state, &d, SIMPLE("UserAuthenticate", UDID_A)),
	    ERR_MDM_USER_CHANNEL);
	assert_int_equal(checkfix_checkin(state, &d,
			     SIMPLE("DeclarativeManagement", UDID_A)),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    checkfix_checkin(state, &d, DOC(PAIR("MessageType", "CheckOut"))),
	    ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkfix_checkin(state, &d, "<plist"), ERR_MDM_MESSAGE);
	assert_int_equal(
	    checkfix_checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate") TOPIC PAIR(
		    "UDID", UDID_A) PAIR("PushMagic", "m") "<key>Token</key>"
							   "<data></data>")),
	    ERR_MDM_MESSAGE);
	checkfix_because(state, SERIAL_A, "lacks Token");
	/* mdm-5: a user's tokens touch nothing. */
	assert_int_equal(
	    checkfix_checkin(state, &d,
		DOC(PAIR("MessageType", "TokenUpdate")
			TOPIC PAIR("UDID", UDID_A) PAIR("UserID", UDID_B)
			    PAIR("PushMagic", "user") "<key>Token</key>"
						      "<data>dXNlcg==</data>")),
	    OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_string_equal(h.push_magic, "m\\\"agic");
	/* mdm-9 */
	assert_int_equal(
	    checkfix_send(
		state, &t, SIMPLE("GetBootstrapToken", UDID_A), checkin_serve),
	    OK);
	assert_null(strstr(t.reply, "BootstrapToken"));
	mdmfix_device_release(&d);
}

/* mdm-18, mdm-17 */
static void
test_udids(void **state)
{
	static const char *const bad[] = { "", "x", "../..", "A&quot;", "A A" };
	struct mdmfix_device d;
	char body[1024];
	size_t i;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(body, sizeof body, SIMPLE("CheckOut", "%s"), bad[i]);
		assert_int_equal(
		    checkfix_checkin(state, &d, body), ERR_MDM_MESSAGE);
	}
	assert_int_equal(checkfix_checkin(state, &d,
			     DOC(PAIR("MessageType", "CheckOut") TOPIC PAIR(
				 "UDID", UDID_A) PAIR("EnrollmentID", "E"))),
	    ERR_MDM_MESSAGE);
	mdmfix_device_release(&d);
}

/* It is that order, and no other of the same enrollment. */
static void
test_attested_by_its_order(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device d;
	struct enrollment e;
	struct account a;
	struct order o;
	struct host h;

	mdmfix_device_make(db, SERIAL_A, ENROLLMENT_ENROLL, true, &d);
	storefix_sql(
	    db, "UPDATE orders SET status = 'invalid', certificate_id = NULL");
	assert_int_equal(enrollments_load(db, d.row.enrollment_id, &e), OK);
	storefix_account(db, &e, 2, &a);
	storefix_order(db, &a, &o);
	WRITE(db, orders_challenge_valid(db, &o));
	WRITE(db, orders_finalize(db, &o, d.row.id));
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM orders"
			     " WHERE status = 'valid'"),
	    1);
	assert_int_equal(
	    checkfix_checkin(state, &d, AUTHENTICATE(SERIAL_A, UDID_A)), OK);
	checkfix_host(state, SERIAL_A, &h);
	assert_false(h.hardware_attested);
	accounts_release(&a);
	mdmfix_device_release(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_generations),
		STOREFIX_TEST(test_renewal),
		STOREFIX_TEST(test_tls_of_before),
		STOREFIX_TEST(test_tls_of_no_predecessor),
		STOREFIX_TEST(test_renewal_of_a_revoked_certificate),
		STOREFIX_TEST(test_connection_older_than_the_renewal),
		STOREFIX_TEST(test_revoked_renewal),
		STOREFIX_TEST(test_unused_renewal_that_ended),
		STOREFIX_TEST(test_first_use_too_early),
		STOREFIX_TEST(test_members),
		STOREFIX_TEST(test_messages),
		STOREFIX_TEST(test_udids),
		STOREFIX_TEST(test_attested_by_its_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
