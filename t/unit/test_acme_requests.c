/* lib/acme: challenge, key change, signed requests: each check on its own. */
#include "acmefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/challenge.h"
#include "acme/key_change.h"
#include "acme/links.h"
#include "base/clock.h"
#include "base/enc.h"
#include "mda.h"
#include "wire/attest.h"
#include "wire/x509.h"

#define TARGET  "/acme/some/new-order"
#define MDA_MAC "C02TEST12345"

static struct acmefix f;

static int
setup(void **state)
{
	if (storefix_setup(state) != 0)
		return -1;
	clock_set_offset(MDA_NOW - clock_now());
	acmefix_init(state, &f);
	return 0;
}

static int
teardown(void **state)
{
	acmefix_release(&f);
	clock_set_offset(0);
	return storefix_teardown(state);
}

/* What a signed request says of itself; NULL: what is right. */
struct wish {
	const struct acmefix_signer *signer;
	const char *kid;
	/* a key in place of the kid */
	const char *jwk;
	const char *url;
	const char *nonce_for;
	int64_t nonce_age;
	enum request_signer by;
	const char *target;
};

static struct acmefix_signer mine, other;
static const uint8_t nonce_key[NONCE_TOKEN_KEY];

static int
verify(const struct wish *w)
{
	char nonce[NONCE_TOKEN_TEXT], kid[LINKS_TEXT], who[LINKS_TEXT + 20];
	char header[3000], body[6000];
	struct request rq;
	int r;

	links_write(
	    kid, ACMEFIX_URL, f.enrollment.id, LINK_ACCOUNT, f.account.id);
	nonce_token_make(nonce_key,
	    w->nonce_for != NULL ? w->nonce_for : f.enrollment.id, 1,
	    clock_now() - w->nonce_age, nonce);
	if (w->jwk != NULL)
		snprintf(who, sizeof who, "\"jwk\":%s", w->jwk);
	else
		snprintf(who, sizeof who, "\"kid\":\"%s\"",
		    w->kid != NULL ? w->kid : kid);
	snprintf(header, sizeof header,
	    "{\"alg\":\"ES256\",\"nonce\":\"%s\",\"url\":\"%s\",%s}", nonce,
	    w->url != NULL ? w->url : ACMEFIX_URL TARGET, who);
	acmefix_sign(w->signer != NULL ? w->signer : &mine, header, "{}", body);
	acmefix_find(&f, &rq);
	r = request_verify(&rq, nonce_key, blob_str(body),
	    w->target != NULL ? w->target : TARGET, w->by);
	assert_true((r == OK) == (rq.nonce.expires_at != 0));
	request_release(&rq);
	return r;
}

#define VERIFY(...) verify(&(struct wish){ __VA_ARGS__ })

/* The account of the fixture gets a key that can sign. */
static void
own_key(void)
{
	char sql[400];

	snprintf(sql, sizeof sql, "UPDATE accounts SET jwk = '%s'", mine.jwk);
	acmefix_sql(&f, sql);
}

static void
test_request_signer(void **state)
{
	own_key();
	assert_int_equal(VERIFY(.by = REQUEST_BY_ACCOUNT), OK);
	assert_int_equal(VERIFY(.by = REQUEST_BY_EITHER), OK);
	assert_int_equal(VERIFY(.jwk = mine.jwk, .by = REQUEST_BY_KEY), OK);
	assert_int_equal(
	    VERIFY(.jwk = mine.jwk, .by = REQUEST_BY_ACCOUNT), ERR_MALFORMED);
	assert_int_equal(VERIFY(.by = REQUEST_BY_KEY), ERR_MALFORMED);
}

static void
test_request_account(void **state)
{
	struct enrollment e;
	char kid[LINKS_TEXT];

	own_key();
	storefix_enrollment(f.db, "C02UNIT00002", &e);
	links_write(kid, ACMEFIX_URL, e.id, LINK_ACCOUNT, f.account.id);
	assert_int_equal(VERIFY(.kid = kid), ERR_NO_ACCOUNT);
	links_write(kid, "https://other.example.com", f.enrollment.id,
	    LINK_ACCOUNT, f.account.id);
	assert_int_equal(VERIFY(.kid = kid), ERR_NO_ACCOUNT);
	links_write(
	    kid, ACMEFIX_URL, f.enrollment.id, LINK_ACCOUNT, f.enrollment.id);
	assert_int_equal(VERIFY(.kid = kid), ERR_NO_ACCOUNT);
	acmefix_sql(&f, "UPDATE accounts SET status = 'deactivated'");
	assert_int_equal(VERIFY(.kid = NULL), ERR_ACCOUNT_DEAD);
}

static void
test_request_url(void **state)
{
	own_key();
	assert_int_equal(VERIFY(.target = TARGET "/"), ERR_UNAUTHORIZED);
	assert_int_equal(
	    VERIFY(.url = "https://mdm.example.org" TARGET), ERR_UNAUTHORIZED);
}

static void
test_request_nonce(void **state)
{
	own_key();
	assert_int_equal(
	    VERIFY(.nonce_age = NONCE_TOKEN_LIFE + 1), ERR_BAD_NONCE);
	assert_int_equal(VERIFY(.nonce_for = "another"), ERR_BAD_NONCE);
}

static void
test_request_signature(void **state)
{
	own_key();
	assert_int_equal(VERIFY(.signer = &other), ERR_BAD_SIGNATURE);
	assert_int_equal(
	    VERIFY(.signer = &other, .jwk = mine.jwk, .by = REQUEST_BY_KEY),
	    ERR_BAD_SIGNATURE);
	/* a key in the message does not replace that of the account */
	assert_int_equal(
	    VERIFY(.signer = &other, .jwk = other.jwk), ERR_MALFORMED);
}

#define CHANGE ACMEFIX_URL "/acme/some/key-change"

/* The inner JWS of a key change; NULL: what is right. */
struct inner {
	const struct acmefix_signer *signer;
	const char *jwk;
	const char *url;
	const char *account;
	const char *old_key;
};

static int
change_key(const struct inner *in)
{
	char url[LINKS_TEXT], header[2000], payload[1900], body[6000];
	char taken[DB_ID_TEXT];
	struct account a;
	struct request *rq;
	int r;

	links_write(
	    url, ACMEFIX_URL, f.enrollment.id, LINK_ACCOUNT, f.account.id);
	snprintf(header, sizeof header,
	    "{\"alg\":\"ES256\",\"url\":\"%s\",\"jwk\":%s}",
	    in->url != NULL ? in->url : CHANGE,
	    in->jwk != NULL ? in->jwk : other.jwk);
	snprintf(payload, sizeof payload, "{\"account\":\"%s\",\"oldKey\":%s}",
	    in->account != NULL ? in->account : url,
	    in->old_key != NULL ? in->old_key : mine.jwk);
	acmefix_sign(
	    in->signer != NULL ? in->signer : &other, header, payload, body);
	rq = acmefix_request(&f, body);
	rq->jws->url = strdup(CHANGE);
	jwk_free(rq->account_key);
	assert_int_equal(
	    jwk_parse_text(blob_str(mine.jwk), &rq->account_key), OK);
	r = key_change_request(rq, taken, &a);
	assert_true((r == OK) == (a.id[0] != '\0'));
	assert_true((r == ERR_KEY_IN_USE) == (taken[0] != '\0'));
	assert_false(db_in_transaction(f.db));
	accounts_release(&a);
	return r;
}

#define CHANGE_KEY(...) change_key(&(struct inner){ __VA_ARGS__ })

static void
test_key_change(void **state)
{
	assert_int_equal(CHANGE_KEY(.signer = &mine), ERR_BAD_SIGNATURE);
	assert_int_equal(CHANGE_KEY(.url = CHANGE "x"), ERR_MALFORMED);
	assert_int_equal(
	    CHANGE_KEY(.account = ACMEFIX_URL "/x"), ERR_MALFORMED);
	assert_int_equal(CHANGE_KEY(.old_key = other.jwk), ERR_MALFORMED);
	assert_int_equal(
	    CHANGE_KEY(.signer = &mine, .jwk = mine.jwk), ERR_MALFORMED);
	assert_int_equal(CHANGE_KEY(.signer = NULL), OK);
}

static void
spki_hex(const char *jwk, char out[65])
{
	uint8_t sha256[SECRET_SHA256];
	struct buf spki, hex;
	struct jwk *key;

	assert_int_equal(jwk_parse_text(blob_str(jwk), &key), OK);
	buf_init(&spki, 512);
	buf_init(&hex, 100);
	assert_int_equal(jwk_spki(key, &spki), OK);
	secret_sha256(buf_blob(&spki), sha256);
	enc_hex(blob_of(sha256, sizeof sha256), &hex);
	snprintf(out, 65, "%s", buf_str(&hex));
	buf_release(&spki);
	buf_release(&hex);
	jwk_free(key);
}

/* An attestation of the key with this SHA-256, for an order of before. */
static void
attest_before(const char *hex)
{
	char sql[600];
	struct order o;

	acmefix_order(&f, &o);
	snprintf(sql, sizeof sql,
	    "INSERT INTO attestations (order_id, enrollment_id, serial, spki,"
	    " spki_sha256, leaf, leaf_not_before, leaf_not_after, sip,"
	    " kernel_extensions, verified_at) VALUES ('%s', '%s', 'x', x'00',"
	    " x'%s', x'00', 1, 2, 'unknown', 'unknown', 1)",
	    o.id, o.enrollment_id, hex);
	acmefix_sql(&f, sql);
}

static void
test_key_change_to_an_attested_key(void **state)
{
	char hex[65];

	spki_hex(other.jwk, hex);
	attest_before(hex);
	assert_int_equal(CHANGE_KEY(.signer = NULL), ERR_UNAUTHORIZED);
}

static void
test_key_change_to_the_key_of_another_account(void **state)
{
	struct account in = { .jwk = other.jwk }, out;
	struct jwk *key;
	bool created;

	assert_int_equal(jwk_parse_text(blob_str(other.jwk), &key), OK);
	assert_int_equal(jwk_thumbprint(key, in.thumbprint), OK);
	jwk_free(key);
	memcpy(in.enrollment_id, f.enrollment.id, sizeof in.enrollment_id);
	WRITE(f.db, accounts_create(f.db, &in, &out, &created));
	accounts_release(&out);
	assert_int_equal(CHANGE_KEY(.signer = NULL), ERR_KEY_IN_USE);
}

/* Apple's part: what a device answers a challenge with. */
static struct mda_cert root, sub, leaf;
static struct attest_roots *roots;

static void
pin_root(void)
{
	char path[] = "/tmp/root-XXXXXX";
	int fd = mkstemp(path);
	struct buf pem;

	assert_true(fd >= 0);
	buf_init(&pem, 10000);
	assert_int_equal(x509_write_pem(buf_blob(&root.der), &pem), OK);
	assert_int_equal(write(fd, pem.p, pem.n), (ssize_t)pem.n);
	close(fd);
	assert_int_equal(attest_roots_load(path, &roots), OK);
	unlink(path);
	buf_release(&pem);
}

/* An order of the device that Apple attests, with the token it attests. */
static void
device_order(struct order *o)
{
	acmefix_order(&f, o);
	acmefix_sql(&f, "UPDATE enrollments SET serial = '" MDA_MAC "'");
	acmefix_sql(&f, "UPDATE ade_devices SET serial = '" MDA_MAC "'");
	acmefix_sql(&f,
	    "UPDATE orders SET token = '" MDA_TOKEN
	    "', identifier_value = '" MDA_MAC "'");
}

static void
answer(const struct order *o, int expected)
{
	struct blob x5c[2] = { buf_blob(&leaf.der), buf_blob(&sub.der) };
	char text[8000], payload[8100];
	struct buf object;
	struct order out;

	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	acmefix_base64url(buf_blob(&object), text, sizeof text);
	snprintf(payload, sizeof payload, "{\"attObj\":\"%s\"}", text);
	buf_release(&object);
	assert_int_equal(challenge_answer(acmefix_request(&f, payload), roots,
			     o->challenge_id, &out),
	    OK);
	assert_false(db_in_transaction(f.db));
	assert_int_equal(out.error, expected);
	assert_int_equal(out.challenge_status,
	    expected == OK ? CHALLENGE_VALID : CHALLENGE_INVALID);
	assert_int_equal(
	    out.status, expected == OK ? ORDER_READY : ORDER_INVALID);
}

static void
leaf_spki(struct attestation *a)
{
	struct blob x5c[2] = { buf_blob(&leaf.der), buf_blob(&sub.der) };
	struct buf object;

	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	assert_int_equal(attest_verify(roots, buf_blob(&object),
			     blob_str(MDA_TOKEN), MDA_NOW, a),
	    OK);
	buf_release(&object);
}

static void
leaf_hex(char out[65])
{
	struct attestation a;
	struct buf hex;

	leaf_spki(&a);
	buf_init(&hex, 100);
	enc_hex(blob_of(a.spki_sha256, sizeof a.spki_sha256), &hex);
	snprintf(out, 65, "%s", buf_str(&hex));
	buf_release(&hex);
	attest_release(&a);
}

static void
test_challenge(void **state)
{
	struct order o;

	device_order(&o);
	answer(&o, OK);
}

static void
test_challenge_of_an_unassigned_device(void **state)
{
	struct order o;

	device_order(&o);
	acmefix_sql(&f, "DELETE FROM ade_devices");
	answer(&o, ERR_ATT_UNASSIGNED);
}

static void
test_challenge_with_the_key_of_an_account(void **state)
{
	char thumbprint[JWK_THUMBPRINT_TEXT], sql[200];
	struct attestation a;
	struct order o;
	struct jwk key;

	device_order(&o);
	leaf_spki(&a);
	assert_int_equal(challenge_key_of(a.spki, &key), OK);
	assert_int_equal(jwk_thumbprint(&key, thumbprint), OK);
	attest_release(&a);
	snprintf(sql, sizeof sql, "UPDATE accounts SET thumbprint = '%s'",
	    thumbprint);
	acmefix_sql(&f, sql);
	answer(&o, ERR_ATT_KEY_REUSE);
}

static void
test_challenge_with_an_attested_key(void **state)
{
	struct order o;
	char hex[65];

	leaf_hex(hex);
	attest_before(hex);
	device_order(&o);
	answer(&o, ERR_ATT_KEY_REUSE);
}

static void
test_challenge_with_a_certified_key(void **state)
{
	struct enrollment e;
	struct order o;
	char hex[65], sql[700];

	leaf_hex(hex);
	device_order(&o);
	storefix_enrollment(f.db, "C02UNIT00002", &e);
	snprintf(sql, sizeof sql,
	    "INSERT INTO certificates (sha256, id, serial_number, der,"
	    " spki_sha256, issuer_key_id, enrollment_id, serial, purpose,"
	    " hardware_attested, state, not_before, not_after, created_at)"
	    " VALUES (x'%s', 'c', x'01', x'00', x'%s', x'01', '%s', 'x',"
	    " 'enroll', 0, 'retired', 1, 2, 1)",
	    hex, hex, e.id);
	acmefix_sql(&f, sql);
	answer(&o, ERR_ATT_KEY_REUSE);
}

static int
setup_keys(void **state)
{
	acmefix_signer_init(&mine);
	acmefix_signer_init(&other);
	mda_ca(&root, "CN=root", 1, NULL, NULL);
	mda_ca(&sub, "CN=sub", 2, &root, NULL);
	mda_leaf(&leaf, mda_key(GNUTLS_ECC_CURVE_SECP384R1, 9), &sub, NULL,
	    GNUTLS_DIG_SHA384);
	pin_root();
	return 0;
}

static int
release_keys(void **state)
{
	gnutls_privkey_deinit(mine.key);
	gnutls_privkey_deinit(other.key);
	attest_roots_free(roots);
	mda_release(&leaf);
	mda_release(&sub);
	mda_release(&root);
	mda_keys_free();
	return 0;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_request_signer),
		TEST(test_request_account),
		TEST(test_request_url),
		TEST(test_request_nonce),
		TEST(test_request_signature),
		TEST(test_key_change),
		TEST(test_key_change_to_an_attested_key),
		TEST(test_key_change_to_the_key_of_another_account),
		TEST(test_challenge),
		TEST(test_challenge_of_an_unassigned_device),
		TEST(test_challenge_with_the_key_of_an_account),
		TEST(test_challenge_with_an_attested_key),
		TEST(test_challenge_with_a_certified_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup_keys, release_keys);
}
