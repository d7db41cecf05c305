/* lib/ca/generation.c: the files of a CA that was renewed. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "ca/generation.h"

static char folder[] = "/tmp/generationXXXXXX";
static char paths[4][128];
static struct conf conf;

/* Makes the CA of that generation and says what its key identifier is. */
static void
make(int number, uint8_t id[AUTHORITY_KEY_ID])
{
	struct authority *ca;
	struct generation g;

	generation_names(&conf, GENERATION_ACME, number, &g);
	assert_int_equal(authority_create(g.key, g.certificate, "CA", "Example",
			     KEY_P256, 1),
	    OK);
	assert_int_equal(authority_load_certificate(g.certificate, &ca), OK);
	memcpy(id, authority_key_id(ca).p, AUTHORITY_KEY_ID);
	authority_free(ca);
}

static void
each_generation_has_its_names(void **state)
{
	struct conf odd = { .ca_key = (char[]){ "/a.b/key" },
		.ca_certificate = (char[]){ "ca.x.pem" } };
	struct generation g;

	(void)state;
	generation_names(&conf, GENERATION_ACME, 1, &g);
	assert_string_equal(g.key, paths[0]);
	assert_string_equal(g.crl_file, "acme.crl");
	generation_names(&conf, GENERATION_SCEP, 3, &g);
	assert_non_null(strstr(g.key, "/scep-ca.3.key"));
	assert_non_null(strstr(g.certificate, "/scep-ca.3.pem"));
	assert_string_equal(g.crl_file, "scep-3.crl");
	generation_names(&odd, GENERATION_ACME, 2, &g);
	assert_string_equal(g.key, "/a.b/key.2");
	assert_string_equal(g.certificate, "ca.x.2.pem");
}

static void
the_newest_is_the_current_one(void **state)
{
	uint8_t id[AUTHORITY_KEY_ID];
	struct generation g;

	(void)state;
	generation_current(&conf, GENERATION_ACME, &g);
	assert_int_equal(g.number, 1);
	assert_false(generation_exists(&g));
	make(1, id);
	make(3, id);
	generation_current(&conf, GENERATION_ACME, &g);
	assert_int_equal(g.number, 3);
	assert_true(generation_exists(&g));
	generation_current(&conf, GENERATION_SCEP, &g);
	assert_int_equal(g.number, 1);
	/* a key alone is none */
	generation_names(&conf, GENERATION_ACME, 3, &g);
	assert_int_equal(remove(g.certificate), 0);
	generation_current(&conf, GENERATION_ACME, &g);
	assert_int_equal(g.number, 1);
}

static void
one_is_found_by_its_key_identifier(void **state)
{
	uint8_t id[AUTHORITY_KEY_ID];
	struct authority *ca;

	(void)state;
	make(2, id);
	assert_int_equal(generation_find(&conf, GENERATION_ACME,
			     blob_of(id, sizeof id), &ca),
	    OK);
	assert_memory_equal(authority_key_id(ca).p, id, sizeof id);
	authority_free(ca);
	id[0] ^= 1;
	assert_int_equal(generation_find(&conf, GENERATION_ACME,
			     blob_of(id, sizeof id), &ca),
	    ERR_NOT_FOUND);
	assert_null(ca);
}

static int
set_up(void **state)
{
	static const char *const names[] = { "acme-ca.key", "acme-ca.pem",
		"scep-ca.key", "scep-ca.pem" };

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	for (size_t i = 0; i < 4; i++)
		snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
	conf.ca_key = paths[0];
	conf.ca_certificate = paths[1];
	conf.scep_ca_key = paths[2];
	conf.scep_ca_certificate = paths[3];
	return 0;
}

static int
tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_generation_has_its_names),
		cmocka_unit_test(the_newest_is_the_current_one),
		cmocka_unit_test(one_is_found_by_its_key_identifier),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
