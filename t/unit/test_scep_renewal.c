/* RenewalReq (scep/scep_authorization.h): who may ask, for what, and when. */
#include "scepfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "store/certificates.h"
#include "store/renewals.h"
#include "wire/x509.h"

/* An enrolled host, its client with the certificate it got, and a renewal. */
struct renewing {
	struct scepfix_client client;
	uint8_t sha256[SECRET_SHA256];
	struct host host;
	struct enrollment renewal;
	char challenge[SCEP_CHALLENGES_TEXT];
};

/* The client signs from now on with the certificate that it was given. */
static void
take_certificate(struct db *db, const char *hex, struct renewing *r)
{
	struct certificate c;
	struct buf sha256;

	buf_init(&sha256, SECRET_SHA256);
	assert_int_equal(enc_hex_decode(blob_str(hex), &sha256), OK);
	memcpy(r->sha256, sha256.p, SECRET_SHA256);
	buf_release(&sha256);
	assert_int_equal(certificates_load(db, r->sha256, &c), OK);
	r->client = scepfix_first;
	assert_int_equal(x509_parse(c.der, &r->client.crt), OK);
	certificates_release(&c);
}

static void
enroll(struct db *db, struct renewing *r)
{
	struct host_identity identity = { .certificate_sha256 = r->sha256 };
	struct host_vitals vitals = { .device = { .serial = SCEPFIX_SERIAL,
					  .udid = "UDID-1" },
		.device_name = "Mac" };
	struct host_tokens tokens = { .push_token = blob_str("token"),
		.push_magic = "magic" };
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_message m;
	struct scepfix_reply reply;
	bool is_first;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	scepfix_granted(db, true, &m, &reply);
	take_certificate(db, reply.sha256, r);
	WRITE(db, certificates_make_current(db, r->sha256));
	identity.enrollment_id = "e";
	WRITE(db, hosts_authenticate(db, &identity, &vitals, &r->host));
	WRITE(db, hosts_token_update(db, r->host.id, &tokens, &is_first));
}

static void
open_renewal(struct db *db, struct renewing *r)
{
	scepfix_open(db, ENROLLMENT_RENEW, &r->renewal, r->challenge);
	WRITE(db, renewals_open(db, r->host.id, r->renewal.id, "uuid"));
}

/* RenewalReq for a new key, signed by the present certificate. */
static struct scepfix_message
renewal_of(const struct renewing *r)
{
	struct scepfix_message m = scepfix_message(&scepfix_second, NULL);

	m.signer = &r->client;
	m.type = "17";
	return m;
}

static void
release(struct renewing *r)
{
	x509_free(r->client.crt);
}

static void
test_renewal_request(void **state)
{
	struct db *db = storefix_db(state);
	struct scepfix_reply reply, again;
	struct renewing r;
	struct scepfix_message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	scepfix_refused(db, false, &m, '2', "SCEP_REQUEST");
	scepfix_granted(db, true, &m, &reply);
	scepfix_granted(db, true, &m, &again);
	assert_string_equal(reply.sha256, again.sha256);
	assert_int_equal(
	    storefix_sql(db,
		"SELECT count(*) FROM certificates c JOIN enrollments e"
		" ON e.id = c.enrollment_id WHERE c.purpose = 'renew'"
		" AND c.serial = '" SCEPFIX_SERIAL "' AND e.purpose = 'renew'"),
	    1);
	m.transaction = "T2";
	scepfix_refused(db, true, &m, '2', "SCEP_CHALLENGE");
	m = scepfix_message(&scepfix_second, r.challenge);
	m.transaction = "T3";
	scepfix_refused(db, true, &m, '2', "SCEP_CHALLENGE");
	release(&r);
}

/* mdm-83: the key that is certified already is no new one. */
static void
test_renewal_of_same_key(void **state)
{
	struct db *db = storefix_db(state);
	struct renewing r;
	struct scepfix_message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	m.subject = &scepfix_first;
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	m.subject = &scepfix_curve;
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	scepfix_reason(db, "the request''s key is not RSA");
	release(&r);
}

/* mdm-83: neither an unknown certificate nor one that names ours. */
static void
test_renewal_by_unknown_signer(void **state)
{
	struct db *db = storefix_db(state);
	struct scepfix_client copy = scepfix_second;
	struct renewing r;
	struct scepfix_message m;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	m.signer = &scepfix_second;
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	copy.crt = r.client.crt;
	m.signer = &copy;
	scepfix_refused(db, true, &m, '1', "SCEP_MESSAGE");
	release(&r);
}

static void
test_renewal_not_open(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment acme = { .source = ENROLLMENT_COMMAND,
		.purpose = ENROLLMENT_RENEW,
		.method = ENROLLMENT_ACME,
		.device.serial = SCEPFIX_SERIAL };
	struct renewing r;
	struct scepfix_message m;

	enroll(db, &r);
	m = renewal_of(&r);
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	WRITE(db, enrollments_create(db, &acme, 24));
	WRITE(db, renewals_open(db, r.host.id, acme.id, "uuid"));
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	scepfix_reason(db, "the open renewal is not for SCEP");
	/* one that is over leaves its row */
	storefix_sql(db, "UPDATE renewals SET enrollment_id = NULL");
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	scepfix_reason(
	    db, "host " SCEPFIX_SERIAL " asks for a renewal, but none is open");
	release(&r);
}

/* A message that was refused before the renewal was opened comes again. */
static void
test_renewal_replayed(void **state)
{
	struct db *db = storefix_db(state);
	struct renewing r;
	struct scepfix_message m;
	struct scepfix_reply reply;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	storefix_sql(db, "UPDATE renewals SET opened_at = opened_at + 3700");
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	storefix_sql(db, "UPDATE renewals SET opened_at = opened_at - 200");
	/* nobody knows which of two times is true */
	m.second_time = true;
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	scepfix_reason(db,
	    "the message has no signing time, or was signed before the renewal "
	    "was opened");
	m.second_time = false;
	scepfix_granted(db, true, &m, &reply);
	release(&r);
}

/* mdm-83: a certificate that is not in use any more asks for nothing. */
static void
test_renewal_by_old_certificate(void **state)
{
	static const struct {
		const char *spoil, *mend;
	} faults[] = {
		{ "UPDATE certificates SET state = 'revoked'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET state = 'retired'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET state = 'issued'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE certificates SET not_after = not_after - 366 * 86400",
		    "UPDATE certificates SET not_after = not_after"
		    " + 366 * 86400" },
		{ "UPDATE certificates SET not_before = not_before + 86400",
		    "UPDATE certificates SET not_before = not_before - 86400" },
		{ "UPDATE hosts SET state = 'unenrolled'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET state = 'blocked'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET state = 'pending'",
		    "UPDATE hosts SET state = 'enrolled'" },
		{ "UPDATE hosts SET certificate_sha256 = NULL",
		    "UPDATE hosts SET certificate_sha256 ="
		    " (SELECT sha256 FROM certificates)" },
		{ "UPDATE hosts SET serial = 'C02OTHER0001'",
		    "UPDATE hosts SET serial = '" SCEPFIX_SERIAL "'" },
		{ "UPDATE hosts SET certificate_sha256 = zeroblob(32)",
		    "UPDATE hosts SET certificate_sha256 ="
		    " (SELECT sha256 FROM certificates)" },
	};
	struct db *db = storefix_db(state);
	struct renewing r;
	struct scepfix_message m;
	struct scepfix_reply reply;
	size_t i;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	for (i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		storefix_sql(db, faults[i].spoil);
		scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
		storefix_sql(db, faults[i].mend);
	}
	scepfix_granted(db, true, &m, &reply);
	release(&r);
}

static void
test_renewal_changed_meanwhile(void **state)
{
	static const struct {
		const char *change, *back;
	} changes[] = {
		{ "UPDATE renewals SET enrollment_id = NULL", NULL },
		{ "UPDATE certificates SET state = 'revoked'",
		    "UPDATE certificates SET state = 'current'" },
		{ "UPDATE hosts SET state = 'unenrolled'",
		    "UPDATE hosts SET state = 'enrolled'" },
	};
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT], sql[256];
	struct enrollment other;
	struct renewing r;
	struct scepfix_message m;
	struct scepfix_reply reply;
	size_t i;

	enroll(db, &r);
	open_renewal(db, &r);
	m = renewal_of(&r);
	for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		storefix_meanwhile(state, changes[i].change);
		scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
		storefix_meanwhile_end(state);
		if (changes[i].back != NULL)
			storefix_sql(db, changes[i].back);
		else
			WRITE(db,
			    renewals_open(db, r.host.id, r.renewal.id, "uuid"));
	}
	scepfix_open(db, ENROLLMENT_RENEW, &other, challenge);
	snprintf(sql, sizeof sql, "UPDATE renewals SET enrollment_id = '%s'",
	    other.id);
	storefix_meanwhile(state, sql);
	scepfix_refused(db, true, &m, '2', "SCEP_REQUEST");
	storefix_meanwhile_end(state);
	scepfix_reason(db, "another renewal was opened meanwhile");
	scepfix_granted(db, true, &m, &reply);
	release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { STOREFIX_TEST(test_renewal_request),
		STOREFIX_TEST(test_renewal_of_same_key),
		STOREFIX_TEST(test_renewal_by_unknown_signer),
		STOREFIX_TEST(test_renewal_not_open),
		STOREFIX_TEST(test_renewal_replayed),
		STOREFIX_TEST(test_renewal_by_old_certificate),
		STOREFIX_TEST(test_renewal_changed_meanwhile) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, scepfix_setup, scepfix_teardown);
}
