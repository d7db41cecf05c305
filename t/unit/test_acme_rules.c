/* lib/acme: order, account, revocation, request: each check on its own. */
#include "acmefix.h"

#include <stdio.h>
#include <string.h>

#include "acme/account.h"
#include "acme/evidence.h"
#include "acme/finalize.h"
#include "acme/revocation.h"
#include "base/clock.h"
#include "base/log.h"

static struct acmefix f;

static int
setup(void **state)
{
	if (storefix_setup(state) != 0)
		return -1;
	acmefix_init(state, &f);
	return 0;
}

static int
teardown(void **state)
{
	acmefix_release(&f);
	return storefix_teardown(state);
}

static int
new_order(const char *payload)
{
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_create(acmefix_request(&f, payload), &o, &replaces);
	assert_true((r == OK) == (o.id[0] != '\0'));
	assert_false(db_in_transaction(f.db));
	buf_release(&replaces);
	return r;
}

#define IDENTIFIER(type, value)                                                \
	"{\"type\":\"" type "\",\"value\":\"" value "\"}"
#define ORDER(identifiers, more) "{\"identifiers\":[" identifiers "]" more "}"
#define MINE                     IDENTIFIER("permanent-identifier", ACMEFIX_SERIAL)

static void
test_new_order(void **state)
{
	assert_int_equal(new_order(ORDER(MINE, "")), OK);
	assert_int_equal(new_order(""), ERR_MALFORMED);
	assert_int_equal(new_order("[]"), ERR_MALFORMED);
	assert_int_equal(new_order("{}"), ERR_MALFORMED);
	assert_int_equal(new_order(ORDER("", "")), ERR_MALFORMED);
	assert_int_equal(new_order(ORDER(MINE "," MINE, "")), ERR_MALFORMED);
	assert_int_equal(
	    new_order(ORDER(IDENTIFIER("dns", ACMEFIX_SERIAL), "")),
	    ERR_IDENTIFIER_TYPE);
	assert_int_equal(
	    new_order(ORDER(MINE, ",\"notBefore\":\"2026-01-01T00:00:00Z\"")),
	    ERR_MALFORMED);
	assert_int_equal(
	    new_order(ORDER(MINE, ",\"notAfter\":\"2027-01-01T00:00:00Z\"")),
	    ERR_MALFORMED);
	assert_int_equal(
	    new_order(ORDER(MINE, ",\"profile\":\"x\"")), ERR_PROFILE);
	assert_int_equal(
	    new_order(ORDER(MINE, ",\"replaces\":1")), ERR_MALFORMED);
	assert_int_equal(new_order(ORDER(MINE, ",\"replaces\":\"AAAA.AAAA\"")),
	    ERR_MALFORMED);
}

static void
test_order_for_another_device(void **state)
{
	assert_int_equal(
	    new_order(
		ORDER(IDENTIFIER("permanent-identifier", "C02UNIT00002"), "")),
	    ERR_IDENTIFIER_REJECTED);
	assert_int_equal(
	    new_order(
		ORDER(IDENTIFIER("permanent-identifier", "c02unit00001"), "")),
	    ERR_IDENTIFIER_REJECTED);
}

static void
test_one_certificate_of_an_enrollment(void **state)
{
	acmefix_sql(&f, "UPDATE enrollments SET state = 'issued'");
	assert_int_equal(new_order(ORDER(MINE, "")), ERR_IDENTIFIER_REJECTED);
}

static int
new_account(const struct acmefix_signer *s, const char *payload)
{
	struct request *rq = acmefix_request(&f, payload);
	struct account out;
	bool created;
	int r;

	rq->has_account = false;
	assert_int_equal(jwk_parse_text(blob_str(s->jwk), &rq->jws->jwk), OK);
	r = account_create(rq, &out, &created);
	assert_int_equal(out.id[0] != '\0', r == OK);
	assert_false(r != OK && created);
	accounts_release(&out);
	return r;
}

/* acme-126: only an account from before the certificate is still found. */
static void
test_no_new_account_once_issued(void **state)
{
	struct acmefix_signer mine, other;

	acmefix_signer_init(&mine);
	acmefix_signer_init(&other);
	assert_int_equal(new_account(&mine, "{}"), OK);
	acmefix_sql(&f, "UPDATE enrollments SET state = 'issued'");
	assert_int_equal(new_account(&other, "{}"), ERR_UNAUTHORIZED);
	assert_int_equal(new_account(&other, "{\"onlyReturnExisting\":true}"),
	    ERR_NO_ACCOUNT);
	assert_int_equal(new_account(&mine, "{}"), OK);
	assert_int_equal(
	    storefix_sql(f.db, "SELECT count(*) FROM accounts"), 2);
	gnutls_privkey_deinit(mine.key);
	gnutls_privkey_deinit(other.key);
}

static void
test_order_is_for(void **state)
{
	struct order o = { .identifier_value = "C02A" };

	assert_true(order_is_for(&o, "C02A"));
	assert_false(order_is_for(&o, "C02a"));
	assert_false(order_is_for(&o, "C02"));
	o.identifier_value[0] = '\0';
	assert_false(order_is_for(&o, ""));
}

static void
test_settle(void **state)
{
	struct order good = { .status = ORDER_READY,
		.authorization_status = AUTHORIZATION_VALID,
		.challenge_status = CHALLENGE_VALID,
		.expires_at = 100 };
	struct order o = good;

	order_settle(&o, 99);
	assert_int_equal(o.status, ORDER_READY);
	order_settle(&o, 100);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(o.authorization_status, AUTHORIZATION_EXPIRED);
	assert_int_equal(o.error, ERR_EXPIRED);
	o = good;
	o.status = ORDER_VALID;
	order_settle(&o, 100);
	assert_int_equal(o.status, ORDER_VALID);
	o = (struct order){ .status = ORDER_PENDING, .expires_at = 100 };
	order_settle(&o, 100);
	assert_int_equal(o.authorization_status, AUTHORIZATION_INVALID);
	assert_int_equal(o.challenge_status, CHALLENGE_INVALID);
}

static int
read_order(const char *id, const char *payload)
{
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_read(acmefix_request(&f, payload), id, &o, &replaces);
	buf_release(&replaces);
	return r;
}

static void
test_read_order(void **state)
{
	struct order o;

	acmefix_order(&f, &o);
	assert_int_equal(read_order(o.id, ""), OK);
	assert_int_equal(read_order(o.id, "{}"), ERR_MALFORMED);
	assert_int_equal(read_order(o.challenge_id, ""), ERR_NOT_FOUND);
	acmefix_sql(&f,
	    "INSERT INTO accounts (id, enrollment_id, thumbprint, jwk, status,"
	    " created_at) SELECT 'other', enrollment_id, 'other', jwk,"
	    " 'valid', 1 FROM accounts");
	acmefix_sql(&f, "UPDATE orders SET account_id = 'other'");
	assert_int_equal(read_order(o.id, ""), ERR_NOT_FOUND);
}

static int
deactivate(const char *id, const char *payload)
{
	struct order o;

	return order_authorization(acmefix_request(&f, payload), id, &o);
}

static void
test_authorization(void **state)
{
	struct order o;

	acmefix_order(&f, &o);
	assert_int_equal(deactivate(o.authorization_id, ""), OK);
	assert_int_equal(deactivate(o.id, ""), ERR_NOT_FOUND);
	assert_int_equal(deactivate(o.authorization_id, "{}"), ERR_MALFORMED);
	assert_int_equal(
	    deactivate(o.authorization_id, "{\"status\":\"valid\"}"),
	    ERR_MALFORMED);
	assert_int_equal(
	    deactivate(o.authorization_id, "{\"status\":\"deactivated\"}"), OK);
	assert_int_equal(
	    deactivate(o.authorization_id, "{\"status\":\"deactivated\"}"),
	    ERR_MALFORMED);
}

static int
update(const char *id, const char *payload)
{
	struct account a;
	int r;

	r = account_update(acmefix_request(&f, payload), id, &a);
	accounts_release(&a);
	return r;
}

static void
test_account_update(void **state)
{
	assert_int_equal(update(f.account.id, ""), OK);
	assert_int_equal(update("another", ""), ERR_NOT_FOUND);
	assert_int_equal(update(f.account.id, "[]"), ERR_MALFORMED);
	assert_int_equal(update(f.account.id, "{\"contact\":[\"tel:1\"]}"),
	    ERR_CONTACT_SCHEME);
	/* RFC 8555 section 7.3.2 */
	assert_int_equal(update(f.account.id, "{\"status\":\"revoked\"}"), OK);
	assert_int_equal(
	    storefix_sql(
		f.db, "SELECT count(*) FROM accounts WHERE status = 'valid'"),
	    1);
	assert_int_equal(
	    update(f.account.id, "{\"status\":\"deactivated\"}"), OK);
	assert_int_equal(
	    storefix_sql(f.db,
		"SELECT count(*) FROM accounts WHERE status = 'deactivated'"),
	    1);
}

static void
test_account_offset(void **state)
{
	int n;

	assert_int_equal(account_read_offset("10", &n), OK);
	assert_int_equal(n, 10);
	assert_int_equal(account_read_offset("", &n), ERR_NOT_FOUND);
	assert_int_equal(account_read_offset("0", &n), ERR_NOT_FOUND);
	assert_int_equal(account_read_offset("01", &n), ERR_NOT_FOUND);
	assert_int_equal(account_read_offset("-1", &n), ERR_NOT_FOUND);
	assert_int_equal(account_read_offset("1x", &n), ERR_NOT_FOUND);
	assert_int_equal(account_read_offset("1000000", &n), ERR_NOT_FOUND);
}

static int
finalize(const struct order *o, const char *payload)
{
	/* nothing that is refused here gets as far as a key */
	static const struct finalize_keys none;
	struct buf replaces;
	struct order out;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = finalize_order(
	    acmefix_request(&f, payload), &none, o->id, &out, &replaces);
	assert_string_equal(out.id, "");
	assert_false(db_in_transaction(f.db));
	buf_release(&replaces);
	return r;
}

/* An order must be ready, its request a CSR, and its evidence there. */
static void
test_finalize(void **state)
{
	struct order o, other = { .id = "other" };

	acmefix_order(&f, &o);
	assert_int_equal(finalize(&other, "{}"), ERR_NOT_FOUND);
	assert_int_equal(finalize(&o, "{}"), ERR_ORDER_NOT_READY);
	acmefix_sql(&f,
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid',"
	    " challenge_status = 'valid'");
	assert_int_equal(finalize(&o, ""), ERR_MALFORMED);
	assert_int_equal(finalize(&o, "{}"), ERR_MALFORMED);
	assert_int_equal(finalize(&o, "{\"csr\":\"\"}"), ERR_MALFORMED);
	assert_int_equal(finalize(&o, "{\"csr\":\"a=\"}"), ERR_MALFORMED);
	assert_int_equal(finalize(&o, "{\"csr\":\"AAAA\"}"), ERR_BAD_CSR);
	acmefix_sql(&f, "UPDATE orders SET expires_at = 1");
	assert_int_equal(finalize(&o, "{}"), ERR_ORDER_NOT_READY);
}

static int
revoke(const char *payload)
{
	int r = revocation_request(acmefix_request(&f, payload));

	assert_false(db_in_transaction(f.db));
	return r;
}

/* "BA" is one byte, 4, whose SHA-256 is the certificate's digest here. */
#define CERTIFICATE "\"certificate\":\"BA\""

static void
make_certificate(const char *enrollment, const char *serial)
{
	static const uint8_t der = 4;
	struct certificate c = { .der = blob_of(&der, 1),
		.serial_number_len = 16,
		.issuer_key_id_len = 20 };

	secret_sha256(c.der, c.sha256);
	secret_random(c.serial_number, 16);
	secret_random(c.spki_sha256, sizeof c.spki_sha256);
	secret_id(c.id);
	snprintf(c.enrollment_id, sizeof c.enrollment_id, "%s", enrollment);
	snprintf(c.serial, sizeof c.serial, "%s", serial);
	WRITE(f.db, certificates_insert(f.db, &c));
}

static void
test_revocation(void **state)
{
	struct order o;

	assert_int_equal(revoke(""), ERR_MALFORMED);
	assert_int_equal(revoke("{}"), ERR_MALFORMED);
	assert_int_equal(revoke("{\"certificate\":\"\"}"), ERR_MALFORMED);
	assert_int_equal(revoke("{\"certificate\":\"a=\"}"), ERR_MALFORMED);
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_NOT_FOUND);
	make_certificate(f.enrollment.id, ACMEFIX_SERIAL);
	assert_int_equal(
	    revoke("{" CERTIFICATE ",\"reason\":7}"), ERR_REVOCATION_REASON);
	assert_int_equal(
	    revoke("{" CERTIFICATE ",\"reason\":11}"), ERR_REVOCATION_REASON);
	assert_int_equal(
	    revoke("{" CERTIFICATE ",\"reason\":-1}"), ERR_REVOCATION_REASON);
	/* an account that proved nothing of the device */
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_UNAUTHORIZED);
	acmefix_order(&f, &o);
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_UNAUTHORIZED);
	acmefix_sql(&f,
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid',"
	    " challenge_status = 'valid'");
	assert_int_equal(revoke("{" CERTIFICATE ",\"reason\":1}"), OK);
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_ALREADY_REVOKED);
}

static void
test_revocation_for_another(void **state)
{
	struct enrollment other;
	struct order o;

	acmefix_order(&f, &o);
	acmefix_sql(&f,
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid',"
	    " challenge_status = 'valid'");
	storefix_enrollment(f.db, ACMEFIX_SERIAL, &other);
	acmefix_sql(&f, "UPDATE enrollments SET state = 'open'");
	make_certificate(other.id, ACMEFIX_SERIAL);
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_UNAUTHORIZED);
}

static void
test_revocation_of_another_serial_number(void **state)
{
	struct order o;

	acmefix_order(&f, &o);
	acmefix_sql(&f,
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid',"
	    " challenge_status = 'valid'");
	make_certificate(f.enrollment.id, "C02UNIT00002");
	assert_int_equal(revoke("{" CERTIFICATE "}"), ERR_UNAUTHORIZED);
}

/* request_begin() looks again at what was read before its transaction. */
static void
test_begin(void **state)
{
	struct request *rq = acmefix_request(&f, "");

	assert_int_equal(request_begin(rq), OK);
	assert_int_equal(context_end(&rq->context, OK), OK);
	/* the nonce is used up */
	assert_int_equal(request_begin(rq), ERR_BAD_NONCE);
	assert_false(db_in_transaction(f.db));

	rq = acmefix_request(&f, "");
	acmefix_sql(&f, "UPDATE accounts SET thumbprint = 'another'");
	assert_int_equal(request_begin(rq), ERR_BAD_SIGNATURE);
	rq = acmefix_request(&f, "");
	acmefix_sql(&f, "UPDATE accounts SET status = 'deactivated'");
	assert_int_equal(request_begin(rq), ERR_ACCOUNT_DEAD);
	acmefix_sql(&f, "UPDATE accounts SET status = 'valid'");
	rq = acmefix_request(&f, "");
	acmefix_sql(&f, "UPDATE enrollments SET state = 'revoked'");
	assert_int_equal(request_begin(rq), ERR_NOT_FOUND);
}

static int
refusals(void)
{
	return storefix_sql(f.db,
	    "SELECT count(*) FROM events WHERE step = 'test'"
	    " AND outcome = 'refused' AND code = 'MALFORMED'"
	    " AND reason = 'no good' AND serial = '" ACMEFIX_SERIAL "'");
}

/* A refusal is logged, and the nonce is used up if the signature was good. */
static void
test_refuse(void **state)
{
	struct request *rq = acmefix_request(&f, "");

	assert_int_equal(
	    request_refuse(rq, fail(ERR_BUSY, "no good")), ERR_BUSY);
	assert_int_equal(refusals(), 0);
	assert_int_equal(request_begin(rq), OK);
	assert_int_equal(context_end(&rq->context, ERR_CONFLICT), ERR_CONFLICT);
	assert_int_equal(
	    request_refuse(rq, fail(ERR_MALFORMED, "no good")), ERR_MALFORMED);
	assert_int_equal(refusals(), 1);
	assert_false(db_in_transaction(f.db));
	assert_int_equal(request_begin(rq), ERR_BAD_NONCE);

	rq = acmefix_request(&f, "");
	memset(&rq->nonce, 0, sizeof rq->nonce);
	assert_int_equal(
	    request_refuse(rq, fail(ERR_MALFORMED, "no good")), ERR_MALFORMED);
	assert_int_equal(refusals(), 2);
	assert_int_equal(
	    storefix_sql(f.db, "SELECT count(*) FROM used_nonces"), 1);
}

/* fleet-86 */
static void
test_enrollment(void **state)
{
	const char *id = f.enrollment.id;
	struct request rq;

	acmefix_find(&f, &rq);
	assert_int_equal(request_find(&rq, id, REQUEST_WHILE_USABLE), OK);
	assert_string_equal(rq.context.enrollment_id, id);
	assert_string_equal(rq.context.serial, ACMEFIX_SERIAL);
	rq.enrollment.id[0] = '\0';
	assert_int_equal(
	    request_find(&rq, "x", REQUEST_WHILE_USABLE), ERR_NOT_FOUND);
	acmefix_sql(&f, "UPDATE enrollments SET expires_at = 1");
	assert_int_equal(
	    request_find(&rq, id, REQUEST_WHILE_USABLE), ERR_NOT_FOUND);
	assert_int_equal(
	    request_find(&rq, id, REQUEST_WHILE_CERTIFIED), ERR_NOT_FOUND);
	assert_string_equal(rq.enrollment.id, "");
	acmefix_sql(&f, "UPDATE enrollments SET state = 'enrolled'");
	assert_int_equal(request_find(&rq, id, REQUEST_WHILE_CERTIFIED), OK);
	rq.enrollment.id[0] = '\0';
	acmefix_sql(&f, "UPDATE enrollments SET method = 'scep'");
	assert_int_equal(
	    request_find(&rq, id, REQUEST_WHILE_CERTIFIED), ERR_NOT_FOUND);
	assert_string_equal(rq.enrollment.id, "");
}

/*
 * acme-208, acme-210: The attested serial number against those of enrollment
 * and order.
 */
static void
test_evidence_identity(void **state)
{
	struct attestation a = { .serial = "C02A" };
	struct enrollment e = { .device.serial = "C02A" };
	struct order o = { .identifier_value = "C02A" };

	assert_int_equal(evidence_check(&a, &e, &o, 0), OK);
	snprintf(e.device.serial, sizeof e.device.serial, "C02B");
	assert_int_equal(evidence_check(&a, &e, &o, 0), ERR_ATT_IDENTITY);
	snprintf(e.device.serial, sizeof e.device.serial, "C02A");
	snprintf(o.identifier_value, sizeof o.identifier_value, "C02B");
	assert_int_equal(evidence_check(&a, &e, &o, 0), ERR_ATT_IDENTITY);
	a.serial[0] = e.device.serial[0] = o.identifier_value[0] = '\0';
	assert_int_equal(evidence_check(&a, &e, &o, 0), ERR_ATT_IDENTITY);
}

/* An object that makes our own code stumble is as forged as any other. */
static void
test_evidence_is_unchecked(void **state)
{
	(void)state;
	assert_true(evidence_is_unchecked(ERR_NOMEM));
	assert_true(evidence_is_unchecked(ERR_DB));
	assert_true(evidence_is_unchecked(ERR_BUSY));
	assert_true(evidence_is_unchecked(ERR_CONFIG));
	assert_false(evidence_is_unchecked(ERR_CRYPTO));
	assert_false(evidence_is_unchecked(ERR_INTERNAL));
	assert_false(evidence_is_unchecked(ERR_ATT_CHAIN));
	assert_false(evidence_is_unchecked(OK));
}

static void
test_evidence_age(void **state)
{
	struct attestation a = { .serial = "C02A", .leaf_not_before = 1000 };
	struct enrollment e = { .device.serial = "C02A" };
	struct order o = { .identifier_value = "C02A" };

	assert_int_equal(
	    evidence_check(&a, &e, &o, 1000 + EVIDENCE_AGE_MAX), OK);
	assert_int_equal(
	    evidence_check(&a, &e, &o, 1001 + EVIDENCE_AGE_MAX), ERR_ATT_TIME);
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static const struct CMUnitTest tests[] = {
	RULE(test_new_order),
	RULE(test_order_for_another_device),
	RULE(test_one_certificate_of_an_enrollment),
	RULE(test_no_new_account_once_issued),
	cmocka_unit_test(test_order_is_for),
	cmocka_unit_test(test_settle),
	RULE(test_read_order),
	RULE(test_authorization),
	RULE(test_account_update),
	cmocka_unit_test(test_account_offset),
	RULE(test_finalize),
	RULE(test_revocation),
	RULE(test_revocation_for_another),
	RULE(test_revocation_of_another_serial_number),
	RULE(test_begin),
	RULE(test_refuse),
	RULE(test_enrollment),
	cmocka_unit_test(test_evidence_identity),
	cmocka_unit_test(test_evidence_is_unchecked),
	cmocka_unit_test(test_evidence_age),
};

STOREFIX_MAIN(tests)
