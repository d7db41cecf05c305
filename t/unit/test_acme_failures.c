/*
 * Requests of ACME clients: whatever fails is an error, and the client that
 * asks again gets what it wanted.
 */
#include "acmefix.h"
#include "failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "acme/key_change.h"
#include "acme/links.h"
#include "acme/objects.h"
#include "acme/revocation.h"
#include "base/clock.h"
#include "base/enc.h"
#include "store/certificates.h"

#define CHANGE ACMEFIX_URL "/acme/some/key-change"
#define TARGET "/acme/some/new-order"

static struct acmefix f;
static struct acmefix_signer mine, other;
static const uint8_t nonce_key[NONCE_TOKEN_KEY];

static int
setup(void **state)
{
	char sql[400];

	if (storefix_setup(state) != 0)
		return -1;
	acmefix_init(state, &f);
	acmefix_signer_init(&mine);
	acmefix_signer_init(&other);
	snprintf(sql, sizeof sql, "UPDATE accounts SET jwk = '%s'", mine.jwk);
	acmefix_sql(&f, sql);
	return 0;
}

static int
teardown(void **state)
{
	acmefix_release(&f);
	gnutls_privkey_deinit(mine.key);
	gnutls_privkey_deinit(other.key);
	return storefix_teardown(state);
}

/* What is asked, and about what. */
struct asked {
	int (*serve)(struct request *rq, struct asked *a);
	struct request *rq;
	char id[DB_ID_TEXT];
	const char *body;
};

/* The same request with another nonce. */
static int
ask(void *arg)
{
	struct asked *a = arg;

	secret_random(a->rq->nonce.id, sizeof a->rq->nonce.id);
	a->rq->context.logged = false;
	return a->serve(a->rq, a);
}

static void
each(struct asked *a)
{
	assert_true(failures_each(f.db, ask, a) > 5);
}

/* A request by the account of the fixture. */
static void
by_account(struct asked *a, const char *payload)
{
	a->rq = acmefix_request(&f, payload);
	a->rq->jws->url = strdup(CHANGE);
	jwk_free(a->rq->account_key);
	assert_int_equal(
	    jwk_parse_text(blob_str(mine.jwk), &a->rq->account_key), OK);
	each(a);
}

/* And one by a key that is not known yet, or without an account. */
static void
by_key(struct asked *a, const struct acmefix_signer *s, const char *payload)
{
	a->rq = acmefix_request(&f, payload);
	a->rq->has_account = false;
	assert_int_equal(
	    jwk_parse_text(blob_str(s->jwk), &a->rq->jws->jwk), OK);
	each(a);
}

static int
verify(struct request *rq, struct asked *a)
{
	struct request again = { .context = rq->context };
	int r = request_find(&again, f.enrollment.id, REQUEST_WHILE_USABLE);

	if (r == OK)
		r = request_verify(&again, nonce_key, blob_str(a->body), TARGET,
		    REQUEST_BY_ACCOUNT);
	request_release(&again);
	return r;
}

static void
a_signature_is_verified(void **state)
{
	char nonce[NONCE_TOKEN_TEXT], kid[LINKS_TEXT], header[2000], body[6000];
	struct asked a = { .serve = verify, .body = body };

	(void)state;
	links_write(
	    kid, ACMEFIX_URL, f.enrollment.id, LINK_ACCOUNT, f.account.id);
	nonce_token_make(nonce_key, f.enrollment.id, 1, clock_now(), nonce);
	snprintf(header, sizeof header,
	    "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",\"kid\":\"%"
	    "s\"}",
	    nonce, ACMEFIX_URL TARGET, kid);
	acmefix_sign(&mine, header, "{\"a\":1}", body);
	by_account(&a, "");
}

/* An account that could not be stored is none. */
static int
check_account(int r, struct account *out)
{
	assert_int_equal(out->id[0] != '\0', r == OK);
	accounts_release(out);
	return r;
}

static int
create_account(struct request *rq, struct asked *a)
{
	struct account out;
	bool created;

	(void)a;
	return check_account(account_create(rq, &out, &created), &out);
}

static int
update_account(struct request *rq, struct asked *a)
{
	struct account out;

	return check_account(account_update(rq, a->id, &out), &out);
}

static int
list_orders(struct request *rq, struct asked *a)
{
	struct order_list list;
	int r = account_orders(rq, a->id, 0, &list);

	assert_int_equal(list.rows != NULL, r == OK);
	orders_list_release(&list);
	return r;
}

static int
change_key(struct request *rq, struct asked *a)
{
	char taken[DB_ID_TEXT];
	struct account out;

	(void)a;
	return check_account(key_change_request(rq, taken, &out), &out);
}

static void
an_account_lives_and_ends(void **state)
{
	char url[LINKS_TEXT], header[2000], payload[1900], body[6000];
	struct asked a = { .serve = create_account };
	struct order o;

	(void)state;
	/* a new one, and then the one that there is */
	for (int i = 0; i < 2; i++)
		by_key(&a, &other,
		    "{\"contact\":[\"mailto:a@example.com\"],"
		    "\"termsOfServiceAgreed\":true}");
	assert_int_equal(
	    storefix_sql(f.db, "SELECT count(*) FROM accounts"), 2);
	acmefix_order(&f, &o);
	memcpy(a.id, f.account.id, sizeof a.id);
	a.serve = list_orders;
	by_account(&a, "");
	a.serve = update_account;
	by_account(&a, "{\"contact\":[\"mailto:b@example.com\"]}");
	acmefix_sql(
	    &f, "DELETE FROM accounts WHERE thumbprint <> 'thumbprint'");
	links_write(
	    url, ACMEFIX_URL, f.enrollment.id, LINK_ACCOUNT, f.account.id);
	snprintf(header, sizeof header,
	    "{\"alg\":\"ES256\",\"url\":\"%s\",\"jwk\":%s}", CHANGE, other.jwk);
	snprintf(payload, sizeof payload, "{\"account\":\"%s\",\"oldKey\":%s}",
	    url, mine.jwk);
	acmefix_sign(&other, header, payload, body);
	a.serve = change_key;
	by_account(&a, body);
	a.serve = update_account;
	by_account(&a, "{\"status\":\"deactivated\"}");
	assert_int_equal(storefix_sql(f.db,
			     "SELECT count(*) FROM accounts"
			     " WHERE status = 'deactivated'"),
	    1);
}

static void
make_certificate(struct asked *a)
{
	struct certificate c = { .id = "c",
		.serial_number = { 1 },
		.serial_number_len = 16,
		.issuer_key_id = { 1 },
		.issuer_key_id_len = 20,
		.der = blob_str("der"),
		.not_after = clock_now() + 86400 };
	struct jwk *key;
	struct buf spki;

	buf_init(&spki, 512);
	assert_int_equal(jwk_parse_text(blob_str(mine.jwk), &key), OK);
	assert_int_equal(jwk_spki(key, &spki), OK);
	secret_sha256(buf_blob(&spki), c.spki_sha256);
	secret_sha256(c.der, c.sha256);
	jwk_free(key);
	buf_release(&spki);
	memcpy(c.enrollment_id, f.enrollment.id, sizeof c.enrollment_id);
	memcpy(c.serial, f.enrollment.device.serial, sizeof c.serial);
	memcpy(a->id, c.id, sizeof "c");
	WRITE(f.db, certificates_insert(f.db, &c));
}

static int
create_order(struct request *rq, struct asked *a)
{
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_create(rq, &o, &replaces);
	memcpy(a->id, o.id, sizeof a->id);
	buf_release(&replaces);
	return r;
}

static int
read_order(struct request *rq, struct asked *a)
{
	struct buf replaces;
	struct order o;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = order_read(rq, a->id, &o, &replaces);
	buf_release(&replaces);
	return r;
}

static int
read_authorization(struct request *rq, struct asked *a)
{
	struct order o;

	return order_authorization(rq, a->id, &o);
}

static void
an_order_lives_and_ends(void **state)
{
	struct asked a = { .serve = create_order };
	struct order o;

	(void)state;
	make_certificate(&a);
	/* AQAAAA… is the serial number and the key identifier of above */
	by_account(&a,
	    "{\"identifiers\":[{\"type\":\"permanent-identifier\","
	    "\"value\":\"" ACMEFIX_SERIAL "\"}],\"replaces\":"
	    "\"AQAAAAAAAAAAAAAAAAAAAAAAAAA.AQAAAAAAAAAAAAAAAAAAAA\"}");
	assert_int_equal(
	    orders_load(f.db, f.enrollment.id, f.account.id, a.id, &o), OK);
	assert_true(o.has_replaces);
	a.serve = read_order;
	by_account(&a, "");
	memcpy(a.id, o.authorization_id, sizeof a.id);
	a.serve = read_authorization;
	by_account(&a, "");
	by_account(&a, "{\"status\":\"deactivated\"}");
}

static int
revoke(struct request *rq, struct asked *a)
{
	(void)a;
	return revocation_request(rq);
}

#define REVOKE "{\"certificate\":\"ZGVy\",\"reason\":1}"

static void
a_certificate_is_revoked(void **state)
{
	struct asked a = { .serve = revoke };
	struct order o;

	(void)state;
	make_certificate(&a);
	acmefix_order(&f, &o);
	acmefix_sql(&f,
	    "UPDATE orders SET authorization_status = 'valid', status = "
	    "'ready'");
	by_account(&a, REVOKE);
	acmefix_sql(
	    &f, "UPDATE certificates SET state = 'issued', revoked_at = NULL");
	by_key(&a, &mine, REVOKE);
}

/* All that is ever answered. */
static int
write_all(struct request *rq, struct asked *a)
{
	struct account account = { .contact = "[\"mailto:a@example.com\"]" };
	struct order o = { .status = ORDER_INVALID,
		.challenge_status = CHALLENGE_INVALID,
		.error = ERR_ATT_CHAIN };
	struct order_list list = { .rows = &o, .n = 1 };
	struct buf out[6];
	int r;

	(void)a;
	for (int i = 0; i < 6; i++)
		buf_init(&out[i], 4096);
	if ((r = objects_directory(rq, &out[0])) == OK &&
	    (r = objects_account(rq, &account, &out[1])) == OK &&
	    (r = objects_order(rq, &o, "x.y", &out[2])) == OK &&
	    (r = objects_authorization(rq, &o, &out[3])) == OK &&
	    (r = objects_challenge(rq, &o, &out[4])) == OK)
		r = objects_orders(rq, &list, &out[5]);
	for (int i = 0; i < 6; i++)
		buf_release(&out[i]);
	return r;
}

static void
an_answer_is_written(void **state)
{
	struct asked a = { .serve = write_all };

	(void)state;
	by_account(&a, "");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(a_signature_is_verified),
	TEST(an_account_lives_and_ends),
	TEST(an_order_lives_and_ends),
	TEST(a_certificate_is_revoked),
	TEST(an_answer_is_written),
};

STOREFIX_MAIN(tests)
