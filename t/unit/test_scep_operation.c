/*
 * PKIOperation (scep/operation.h) from message to CertRep, with messages that
 * no well-behaved client sends.
 */
#include "scepfix.h"

#include <stdio.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "store/ade_devices.h"
#include "wire/x509.h"

static void
test_reply(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_reply one, two;
	struct scepfix_message m;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	scepfix_granted(db, false, &m, &one);
	scepfix_granted(db, false, &m, &two);
	assert_string_equal(one.sha256, two.sha256);
	assert_memory_not_equal(
	    one.sender_nonce, two.sender_nonce, PKIMESSAGE_NONCE);
	assert_memory_not_equal(
	    one.sender_nonce, SCEPFIX_NONCE, PKIMESSAGE_NONCE);
	assert_int_equal(
	    storefix_sql(db, "SELECT state = 'issued' FROM enrollments"), 1);
	storefix_sql(db, "UPDATE enrollments SET state = 'revoked'");
	scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
}

/* mdm-75: what was revoked or replaced meanwhile is not given out again. */
static void
test_answered_again(void **state)
{
	static const char *const over[] = { "revoked", "retired" };
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], text[128];
	struct scepfix_reply one, two;
	struct scepfix_message m;
	size_t i;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	scepfix_granted(db, false, &m, &one);
	for (i = 0; i < sizeof over / sizeof over[0]; i++) {
		snprintf(text, sizeof text,
		    "UPDATE certificates SET state = '%s'", over[i]);
		storefix_sql(db, text);
		scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
		snprintf(text, sizeof text, "the certificate is %s", over[i]);
		scepfix_reason(db, text);
	}
	storefix_sql(db, "UPDATE certificates SET state = 'current'");
	scepfix_granted(db, false, &m, &two);
	assert_string_equal(one.sha256, two.sha256);
}

/* mdm-80: the kinds of message that are not served, each answered in kind. */
static void
test_types(void **state)
{
	static const char *const types[] = { "0", "3", "17", "18", "20", "21",
		"22", "99", "999", "1900", "-1", "1 9", "" };
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_message m;
	size_t i;

	scepfix_begin(db, challenge);
	for (i = 0; i < sizeof types / sizeof types[0]; i++) {
		m = scepfix_message(&scepfix_first, challenge);
		m.type = types[i];
		scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
	}
	m = scepfix_message(&scepfix_first, challenge);
	m.type = "\x13";
	m.type_tag = 0x02;
	scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
	scepfix_reason(db, "no usable message type");
	m = scepfix_message(&scepfix_first, challenge);
	m.nonce = "";
	scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
	scepfix_reason(db, "no usable nonce");
}

/* A message is bounded before anything reads it. */
static void
test_size(void **state)
{
	static uint8_t bytes[PKIMESSAGE_BYTES_MAX + 1];
	struct pkimessage m;

	(void)state;
	assert_int_equal(
	    pkimessage_parse(blob_of(bytes, sizeof bytes), &m), ERR_TOO_LARGE);
	pkimessage_release(&m);
	assert_int_equal(pkimessage_parse(blob_of(bytes, sizeof bytes - 1), &m),
	    ERR_MALFORMED);
	pkimessage_release(&m);
}

/* mdm-79 */
static void
test_keys(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], other[SCEP_CHALLENGES_TEXT];
	struct enrollment e;
	struct scepfix_reply reply;
	struct scepfix_message m;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_second, challenge);
	m.signer = &scepfix_first;
	/* one answer, whatever an unknown client wraps */
	scepfix_refused(db, false, &m, '1', "SCEP_MESSAGE");
	scepfix_reason(
	    db, "the request''s key is not the one that signed for it");
	m.subject = &scepfix_small;
	scepfix_refused(db, false, &m, '1', "SCEP_MESSAGE");
	m.subject = &scepfix_curve;
	scepfix_refused(db, false, &m, '1', "SCEP_MESSAGE");
	m.subject = &scepfix_first;
	scepfix_granted(db, false, &m, &reply);
	scepfix_open(db, ENROLLMENT_ENROLL, &e, other);
	m.challenge = other;
	m.transaction = "T2";
	scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
}

/* mdm-76 */
static void
test_challenges(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_reply reply;
	struct scepfix_message m;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, NULL);
	scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	scepfix_reason(db, "there is no challenge");
	m.challenge = "wrong";
	scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	m.challenge = challenge;
	scepfix_granted(db, false, &m, &reply);
	m.transaction = "T2";
	scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
	scepfix_reason(db, "the challenge was used");
	m = scepfix_message(&scepfix_second, challenge);
	scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
}

/* mdm-76: what became of the enrollment since its profile was handed out. */
static void
test_enrollment_is_over(void **state)
{
	static const struct {
		const char *spoil, *reason;
	} faults[] = {
		{ "state = 'revoked'", "the enrollment is revoked" },
		{ "state = 'enrolled'", "the enrollment is enrolled" },
		{ "state = 'open', expires_at = 1",
		    "the enrollment is expired" },
	};
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], sql[128];
	struct scepfix_message m;
	size_t i;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		snprintf(sql, sizeof sql, "UPDATE enrollments SET %s",
		    faults[i].spoil);
		storefix_sql(db, sql);
		scepfix_refused(db, false, &m, '2', "SCEP_CHALLENGE");
		scepfix_reason(db, faults[i].reason);
	}
}

/* A host that an administrator blocked since its profile was handed out. */
static void
test_blocked_host(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_reply reply;
	struct scepfix_message m;
	struct host h;

	scepfix_begin(db, challenge);
	storefix_host(db, SCEPFIX_SERIAL, 1, &h);
	m = scepfix_message(&scepfix_first, challenge);
	storefix_sql(db, "UPDATE hosts SET state = 'blocked'");
	scepfix_refused(db, false, &m, '2', "MDM_BLOCKED");
	storefix_sql(db, "UPDATE hosts SET state = 'unenrolled'");
	scepfix_granted(db, false, &m, &reply);
}

/* Reads the message, and says why it is refused; "" when it is not. */
static const char *
fault_of(const struct scepfix_message *m, bool older)
{
	struct pkimessage parsed;
	struct buf message;
	int r;

	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	scepfix_write(m, &message);
	log_forget_reason();
	assert_int_equal(pkimessage_parse(buf_blob(&message), &parsed), OK);
	r = pkimessage_verify(&parsed, older);
	assert_true(r == OK || r == ERR_SCEP_REQUEST);
	if (r == OK && m->junk_bytes == 0)
		assert_string_equal(parsed.transaction_id, m->transaction);
	pkimessage_release(&parsed);
	buf_release(&message);
	return r == OK ? "" : log_reason();
}

/* Both come back in the answer, and the one is kept in the database. */
static void
test_transactions_and_nonces(void **state)
{
	static const char *const junk[] = { "\0", "\n", "\x1f", "\x7f", "\x80",
		"\0A" };
	static const size_t bytes[] = { 1, 1, 1, 1, 1, 2 };
	struct scepfix_message m = scepfix_message(&scepfix_first, "challenge");
	size_t i;

	(void)state;
	assert_string_equal(fault_of(&m, false), "");
	for (i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		m.junk = junk[i];
		m.junk_bytes = bytes[i];
		assert_string_equal(
		    fault_of(&m, false), "no usable transaction id");
	}
	m = scepfix_message(&scepfix_first, "challenge");
	m.transaction = "";
	assert_string_equal(fault_of(&m, false), "no usable transaction id");
	m = scepfix_message(&scepfix_first, "challenge");
	m.nonce = SCEPFIX_NONCE "g";
	assert_string_equal(fault_of(&m, false), "no usable nonce");
	assert_string_equal(fault_of(&m, true), "no usable nonce");
	m.nonce = "0123456789abcde";
	assert_string_equal(fault_of(&m, false), "no usable nonce");
	assert_string_equal(fault_of(&m, true), "");
	m.nonce = "01234567";
	assert_string_equal(fault_of(&m, true), "");
	m.nonce = "0123456";
	assert_string_equal(fault_of(&m, true), "no usable nonce");
}

/* The key of the first client, in SQL. */
static void
key_of_first(char out[SCEPFIX_HEX])
{
	uint8_t sha256[SECRET_SHA256];
	struct buf spki, hex;

	buf_init(&spki, X509_DER_MAX);
	buf_init(&hex, SCEPFIX_HEX);
	assert_int_equal(x509_spki(scepfix_first.crt, &spki), OK);
	secret_sha256(buf_blob(&spki), sha256);
	enc_hex(blob_of(sha256, sizeof sha256), &hex);
	snprintf(out, SCEPFIX_HEX, "%s", buf_str(&hex));
	buf_release(&spki);
	buf_release(&hex);
}

/* One that is over by the time of the commit gets nothing: all is as it was. */
static void
test_changed_meanwhile(void **state)
{
	static const struct {
		const char *change, *back, *code, *reason;
	} changes[] = {
		{ "UPDATE ade_devices SET removed_at = 1",
		    "UPDATE ade_devices SET removed_at = NULL",
		    "ENROLL_UNASSIGNED", NULL },
		{ "UPDATE hosts SET state = 'blocked'",
		    "UPDATE hosts SET state = 'enrolled'", "MDM_BLOCKED",
		    NULL },
		{ "INSERT INTO settings VALUES"
		  " ('apple_require_hardware_attestation', 'true', 1, 'x'),"
		  " ('apple_business_enrollments_only', 'true', 1, 'x')",
		    "DELETE FROM settings", "ENROLL_DOWNGRADE", NULL },
		{ "UPDATE enrollments SET state = 'revoked'"
		  " WHERE id = (SELECT enrollment_id FROM scep_challenges"
		  " WHERE used_at IS NULL)",
		    "UPDATE enrollments SET state = 'open'", "SCEP_CHALLENGE",
		    "the enrollment is revoked" },
		{ "UPDATE scep_challenges SET used_at = 1, transaction_id = 'x'"
		  " WHERE used_at IS NULL",
		    "UPDATE scep_challenges SET used_at = NULL"
		    " WHERE transaction_id = 'x'",
		    "SCEP_CHALLENGE",
		    "challenge or enrollment was used meanwhile" },
	};
	struct db *db = storefix_db(state);
	char other[SCEP_CHALLENGES_TEXT], challenge[SCEP_CHALLENGES_TEXT];
	char key[SCEPFIX_HEX], sql[256];
	struct enrollment e;
	struct scepfix_message m;
	struct scepfix_reply reply;
	struct host h;
	size_t i;

	scepfix_begin(db, other);
	m = scepfix_message(&scepfix_second, other);
	scepfix_granted(db, false, &m, &reply);
	storefix_host(db, SCEPFIX_SERIAL, 1, &h);
	scepfix_open(db, ENROLLMENT_ENROLL, &e, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		storefix_meanwhile(state, changes[i].change);
		scepfix_refused(db, false, &m, '2', changes[i].code);
		storefix_meanwhile_end(state);
		if (changes[i].reason != NULL)
			scepfix_reason(db, changes[i].reason);
		storefix_sql(db, changes[i].back);
	}
	/* mdm-79 */
	key_of_first(key);
	snprintf(sql, sizeof sql, "UPDATE certificates SET spki_sha256 = x'%s'",
	    key);
	storefix_meanwhile(state, sql);
	scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
	storefix_meanwhile_end(state);
	scepfix_reason(db, "the request''s key was certified before");
	storefix_sql(db, "UPDATE certificates SET spki_sha256 = zeroblob(32)");
	scepfix_granted(db, false, &m, &reply);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { STOREFIX_TEST(test_reply),
		STOREFIX_TEST(test_answered_again), STOREFIX_TEST(test_types),
		cmocka_unit_test(test_size), STOREFIX_TEST(test_keys),
		STOREFIX_TEST(test_challenges),
		STOREFIX_TEST(test_enrollment_is_over),
		STOREFIX_TEST(test_blocked_host),
		cmocka_unit_test(test_transactions_and_nonces),
		STOREFIX_TEST(test_changed_meanwhile) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, scepfix_setup, scepfix_teardown);
}
