/* From a device's request to its certificate, whatever fails on the way. */
#include "failures.h"
#include "scepfix.h"

#include <string.h>

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
	if (what != NULL && strcmp(what, "gnutls_x509_crt_import") == 0)
		assert_int_equal(r, ERR_NOMEM);
	/* what could not be read is unknown, and never a good value */
	if (r == OK &&
	    (a.serial[0] == '\0' || a.udid[0] == '\0' ||
		a.software_update_device_id[0] == '\0' ||
		a.os_version[0] == '\0' || a.sepos_version[0] == '\0' ||
		a.llb_version[0] == '\0' || a.secure_boot[0] == '\0' ||
		strcmp(a.sip, "unknown") == 0 ||
		strcmp(a.kernel_extensions, "unknown") == 0))
		r = ERR_ATT_IDENTITY;
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
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM certificates"), 1);
	buf_release(&bytes);
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
