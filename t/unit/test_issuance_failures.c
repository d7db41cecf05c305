/* From a device's request to its certificate, whatever fails on the way. */
#include "failures.h"
#include "scepfix.h"

#include <stdio.h>
#include <string.h>

#include "acme/challenge.h"
#include "acme/finalize.h"
#include "acmefix.h"
#include "base/clock.h"
#include "base/enc.h"
#include "unit/attestfix.h"
#include "unit/mda.h"
#include "wire/cms.h"

static int
verify(void *object)
{
	struct attestation a;
	const char *what;
	int r = attestfix_verify_with(
	    attestfix_roots, buf_blob(object), MDA_TOKEN, MDA_NOW, &a);

	/* with any other code the order would be invalid for good */
	what = failures_disarm();
	if (what != NULL &&
	    (strcmp(what, "gnutls_x509_crt_import") == 0 ||
		strcmp(what, "gnutls_x509_crt_get_extension_by_oid2") == 0))
		assert_int_equal(r, ERR_NOMEM);
	attest_release(&a);
	return r;
}

static void
an_attestation_is_verified(void **state)
{
	struct blob x5c[2] = { buf_blob(&attestfix_leaf.der),
		buf_blob(&attestfix_sub.der) };
	struct buf object;

	(void)state;
	buf_init(&object, 10000);
	mda_object(&object, x5c, 2);
	assert_true(failures_each(NULL, verify, &object) > 20);
	buf_release(&object);
}

/* A message of a SCEP client, sent again and again. */
struct sent {
	struct db *db;
	const struct scepfix_message *m;
	struct blob bytes;
};

static int
serve(void *arg)
{
	const struct sent *s = arg;
	struct scepfix_reply reply;
	struct buf out;
	int r;

	buf_init(&out, CMS_BYTES_MAX);
	r = scepfix_serve(s->db, true, s->bytes, &out);
	failures_disarm();
	if (r == OK) {
		scepfix_read(s->m, buf_blob(&out), &reply);
		if (reply.status != '0')
			r = ERR_SCEP_MESSAGE;
	}
	buf_release(&out);
	return r;
}

static void
a_scep_client_gets_its_certificate(void **state)
{
	struct db *db = storefix_db(state);
	char challenge[SCEP_CHALLENGES_TEXT];
	struct scepfix_message m;
	struct buf bytes;
	struct sent s;

	scepfix_begin(db, challenge);
	m = scepfix_message(&scepfix_first, challenge);
	buf_init(&bytes, PKIMESSAGE_BYTES_MAX);
	scepfix_write(&m, &bytes);
	s = (struct sent){ db, &m, buf_blob(&bytes) };
	assert_true(failures_each(db, serve, &s) > 50);
	/* and the same one when its message comes again */
	assert_true(failures_each(db, serve, &s) > 50);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM certificates"), 1);
	buf_release(&bytes);
}

/* An ACME client with one order, and the CA that serves it. */
struct client {
	struct acmefix f;
	struct order order;
	struct finalize_keys keys;
	struct request *request;
};

static void
begin(void **state, struct client *c)
{
	struct storefix *fix = *state;
	char key[128], certificate[128];

	snprintf(key, sizeof key, "%s/ca.key", fix->folder);
	snprintf(certificate, sizeof certificate, "%s/ca.pem", fix->folder);
	clock_set_offset(0);
	clock_set_offset(MDA_NOW - clock_now());
	assert_int_equal(
	    authority_create(key, certificate, "CA", "Example", KEY_P384, 10),
	    OK);
	assert_int_equal(authority_load(key, certificate, &c->keys.ca), OK);
	strcpy(c->keys.files.crl_file, "acme.crl");
	c->keys.roots = attestfix_roots;
	acmefix_init(state, &c->f);
	acmefix_order(&c->f, &c->order);
	/* as the attestation of attestfix.h says */
	acmefix_sql(&c->f, "UPDATE enrollments SET serial = 'C02TEST12345'");
	acmefix_sql(&c->f, "UPDATE ade_devices SET serial = 'C02TEST12345'");
	acmefix_sql(&c->f,
	    "UPDATE orders SET identifier_value = 'C02TEST12345',"
	    " token = '" MDA_TOKEN "'");
}

static void
end(struct client *c)
{
	acmefix_release(&c->f);
	authority_free(c->keys.ca);
	clock_set_offset(0);
}

/* The same request with another nonce. */
static struct request *
repeat(struct client *c)
{
	secret_random(c->request->nonce.id, sizeof c->request->nonce.id);
	c->request->context.logged = false;
	return c->request;
}

static int
answer(void *arg)
{
	struct client *c = arg;
	struct order out;
	int r = challenge_answer(
	    repeat(c), attestfix_roots, c->order.challenge_id, &out);
	const char *what;

	what = failures_disarm();
	if (r == OK && out.status == ORDER_INVALID) {
		/* a lack of memory of ours must not make it invalid */
		assert_int_equal(strncmp(what, "gnutls_", 7), 0);
		acmefix_sql(&c->f,
		    "UPDATE orders SET status = 'pending', error = NULL,"
		    " authorization_status = 'pending',"
		    " challenge_status = 'pending'");
		r = ERR_ATT_CHAIN;
	}
	return r;
}

static int
finalize(void *arg)
{
	struct client *c = arg;
	struct buf replaces;
	const char *what;
	struct order out;
	int r;

	buf_init(&replaces, ORDER_REPLACES_MAX);
	r = finalize_order(repeat(c), &c->keys, c->order.id, &out, &replaces);
	assert_int_equal(out.id[0] != '\0', r == OK);
	what = failures_disarm();
	/* a lack of memory of ours is no forgery */
	if (r == ERR_EVIDENCE)
		assert_int_equal(strncmp(what, "gnutls_", 7), 0);
	buf_release(&replaces);
	return r;
}

static int
download(void *arg)
{
	struct client *c = arg;
	struct buf chain;
	int r;

	buf_init(&chain, 65536);
	r = finalize_download(
	    repeat(c), &c->keys, c->order.certificate_id, &chain);
	buf_release(&chain);
	return r;
}

static void
write_csr(struct buf *out)
{
	gnutls_x509_crq_t crq;
	gnutls_datum_t der;

	assert_int_equal(gnutls_x509_crq_init(&crq), 0);
	gnutls_x509_crq_set_version(crq, 1);
	gnutls_x509_crq_set_key(crq, attestfix_leaf_key());
	assert_int_equal(gnutls_x509_crq_sign2(
			     crq, attestfix_leaf_key(), GNUTLS_DIG_SHA384, 0),
	    0);
	assert_int_equal(
	    gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der), 0);
	assert_int_equal(enc_base64url(blob_of(der.data, der.size), out), OK);
	gnutls_free(der.data);
	gnutls_x509_crq_deinit(crq);
}

static void
an_acme_client_gets_its_certificate(void **state)
{
	struct blob x5c[2] = { buf_blob(&attestfix_leaf.der),
		buf_blob(&attestfix_sub.der) };
	struct client c = { .request = NULL };
	struct buf object, text;

	begin(state, &c);
	buf_init(&object, 10000);
	buf_init(&text, 20000);
	mda_object(&object, x5c, 2);
	buf_add_str(&text, "{\"attObj\":\"");
	assert_int_equal(enc_base64url(buf_blob(&object), &text), OK);
	buf_add_str(&text, "\"}");
	c.request = acmefix_request(&c.f, buf_str(&text));
	assert_true(failures_each(c.f.db, answer, &c) > 50);
	buf_reset(&text);
	buf_add_str(&text, "{\"csr\":\"");
	write_csr(&text);
	buf_add_str(&text, "\"}");
	c.request = acmefix_request(&c.f, buf_str(&text));
	assert_true(failures_each(c.f.db, finalize, &c) > 50);
	assert_int_equal(
	    storefix_sql(c.f.db, "SELECT count(*) FROM certificates"), 1);
	assert_int_equal(orders_load(c.f.db, c.f.enrollment.id, c.f.account.id,
			     c.order.id, &c.order),
	    OK);
	c.request = acmefix_request(&c.f, "");
	assert_true(failures_each(c.f.db, download, &c) > 10);
	buf_release(&object);
	buf_release(&text);
	end(&c);
}

static int
setup(void **state)
{
	return attestfix_setup(state) != 0 ? -1 : scepfix_setup(state);
}

static int
teardown(void **state)
{
	return attestfix_teardown(state) != 0 ? -1 : scepfix_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attestation_is_verified),
		STOREFIX_TEST(a_scep_client_gets_its_certificate),
		STOREFIX_TEST(an_acme_client_gets_its_certificate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
