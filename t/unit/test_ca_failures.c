/* lib/ca: whatever fails, nothing half made is taken for whole. */
#include "failures.h"
#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/authority.h"
#include "ca/crl.h"
#include "ca/issue.h"

static struct authority *ca;
static struct key *key;

static const char *
in_folder(void **state, const char *name)
{
	static char path[8][128];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof path[0], "%s/%s",
	    ((struct storefix *)*state)->folder, name);
	return p;
}

static int
setup(void **state)
{
	if (storefix_setup(state) != 0 ||
	    authority_create(in_folder(state, "ca.key"),
		in_folder(state, "ca.pem"), "CA", "Example", KEY_P384,
		10) != OK ||
	    authority_load(in_folder(state, "ca.key"),
		in_folder(state, "ca.pem"), &ca) != OK ||
	    key_generate(KEY_P256, &key) != OK)
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	key_free(key);
	authority_free(ca);
	return storefix_teardown(state);
}

#define CA_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The key and the certificate of a CA, of each kind. */
struct files {
	const char *key, *certificate;
	enum key_kind kind;
};

static int
create(void *arg)
{
	const struct files *f = arg;
	int r = authority_create(
	    f->key, f->certificate, "CA", "Example", f->kind, 1);

	assert_int_equal(access(f->certificate, F_OK) == 0, r == OK);
	/* a key that stayed behind would stop the next try */
	assert_int_equal(access(f->key, F_OK) == 0, r == OK);
	return r;
}

static void
an_authority_is_made_whole_or_not_at_all(void **state)
{
	struct files f = { in_folder(state, "new.key"),
		in_folder(state, "new.pem"), KEY_P256 };

	assert_true(failures_each(NULL, create, &f) > 20);
}

static int
load(void *arg)
{
	const struct files *f = arg;
	struct authority *loaded;
	int r = authority_load(f->key, f->certificate, &loaded);

	assert_int_equal(loaded != NULL, r == OK);
	authority_free(loaded);
	return r;
}

static void
an_authority_is_loaded_whole_or_not_at_all(void **state)
{
	struct files f = { in_folder(state, "ca.key"),
		in_folder(state, "ca.pem"), KEY_P384 };

	assert_true(failures_each(NULL, load, &f) > 10);
}

static int
load_scep(void *arg)
{
	const struct files *f = arg;
	struct authority *loaded;
	int r = authority_load(f->key, f->certificate, &loaded);

	if (r == OK)
		r = authority_check_scep(loaded);
	authority_free(loaded);
	return r;
}

static void
an_authority_of_scep_is_loaded_likewise(void **state)
{
	struct files f = { in_folder(state, "scep.key"),
		in_folder(state, "scep.pem"), KEY_RSA_3072 };

	assert_int_equal(create(&f), OK);
	assert_true(failures_each(NULL, load_scep, &f) > 10);
}

static int
issue(void *arg)
{
	struct conf conf = { .url = (char[]){ "https://mdm.example.com" },
		.organization = (char[]){ "Example" },
		.certificate_days = 365 };
	struct enrollment e = { .id = "enrollment",
		.method = ENROLLMENT_ACME,
		.device.serial = "C02AAAAAAAAA" };
	struct certificate c;
	struct buf spki, chain;
	int r;

	(void)arg;
	buf_init(&spki, 1024);
	buf_init(&chain, 65536);
	if ((r = key_spki(key, &spki)) == OK &&
	    (r = issue_for_enrollment(ca, "acme.crl", &conf, &e,
		 buf_blob(&spki), &c)) == OK) {
		r = issue_chain(ca, c.der, &chain);
		certificates_release(&c);
	} else if (spki.n > 0) {
		assert_null(c.memory);
		assert_int_equal(c.der.n, 0);
	}
	buf_release(&chain);
	buf_release(&spki);
	return r;
}

static void
a_certificate_is_issued_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_true(failures_each(NULL, issue, NULL) > 30);
}

struct publication {
	struct db *db;
	const char *folder, *path;
};

static int
publish(void *arg)
{
	const struct publication *p = arg;
	int r = crl_publish(p->db, ca, p->folder, "ca.crl", clock_now());

	assert_int_equal(access(p->path, F_OK) == 0, r == OK);
	return r;
}

static int
read_list(void *arg)
{
	const struct publication *p = arg;
	struct crl_facts facts;
	int r = crl_read(p->path, ca, &facts);

	assert_int_equal(facts.entries, r == OK);
	return r;
}

static void
a_list_is_published_whole_or_not_at_all(void **state)
{
	struct storefix *fix = *state;
	struct publication p = { fix->db, fix->folder,
		in_folder(state, "ca.crl") };
	struct certificate c = { .id = "c",
		.serial_number = { 1 },
		.serial_number_len = 16,
		.issuer_key_id_len = 20,
		.der = blob_str("der"),
		.serial = "C02AAAAAAAAA" };
	struct enrollment e;

	storefix_enrollment(fix->db, c.serial, &e);
	memcpy(c.enrollment_id, e.id, sizeof c.enrollment_id);
	memcpy(c.issuer_key_id, authority_key_id(ca).p, 20);
	c.not_before = clock_now();
	c.not_after = clock_now() + 86400;
	WRITE(fix->db, certificates_insert(fix->db, &c));
	storefix_change(fix->db,
	    "UPDATE certificates SET state = 'revoked', revoked_at = 1,"
	    " revocation_reason = 0");
	assert_true(failures_each(fix->db, publish, &p) > 20);
	assert_true(failures_each(NULL, read_list, &p) > 3);
}

static const struct CMUnitTest tests[] = {
	CA_TEST(an_authority_is_made_whole_or_not_at_all),
	CA_TEST(an_authority_is_loaded_whole_or_not_at_all),
	CA_TEST(an_authority_of_scep_is_loaded_likewise),
	CA_TEST(a_certificate_is_issued_whole_or_not_at_all),
	CA_TEST(a_list_is_published_whole_or_not_at_all),
};

STOREFIX_MAIN(tests)
