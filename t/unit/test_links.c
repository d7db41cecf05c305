#include "unit/unit.h"

#include <string.h>

#include "acme/links.h"

#define SERVER "https://mdm.example.com:8443"

static void
every_link_has_safe_characters(void **state)
{
	char url[LINKS_TEXT];
	int i;

	(void)state;
	for (i = LINK_DIRECTORY; i <= LINK_CERTIFICATE; i++) {
		links_write(url, SERVER, "E_-1", (enum link)i,
		    i >= LINK_ACCOUNT ? "id-_9" : NULL);
		assert_int_equal(
		    strspn(url,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789-_.:/"),
		    strlen(url));
		assert_memory_equal(
		    url, SERVER "/acme/E_-1/", strlen(SERVER "/acme/E_-1/"));
	}
	links_write(url, SERVER, "E", LINK_FINALIZE, "o1");
	assert_string_equal(url, SERVER "/acme/E/order/o1/finalize");
}

static void
a_kid_is_exactly_an_account(void **state)
{
	static const char *const bad[] = { "", "a1", "/acme/E/account/a1",
		SERVER "/acme/E/account/", SERVER "/acme/E/account/a1/",
		SERVER "/acme/E//account/a1", SERVER "/acme/F/account/a1",
		SERVER "/acme/E/order/a1", SERVER "/acme/E/account/a%31",
		SERVER "/acme/E/account/a1?x",
		"http://mdm.example.com:8443"
		"/acme/E/account/a1",
		"https://MDM.example.com:8443/acme/E/account/a1",
		"https://mdm.example.com/acme/E/account/a1",
		SERVER "/acme/E/account/aaaaaaaaaaaaaaaaaaaaaaa" };
	char id[DB_ID_TEXT];
	size_t i;

	(void)state;
	assert_true(
	    links_read_account(SERVER, "E", SERVER "/acme/E/account/a1", id));
	assert_string_equal(id, "a1");
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(links_read_account(SERVER, "E", bad[i], id));
		assert_string_equal(id, "");
	}
}

static void
the_enrollment_in_a_path(void **state)
{
	char id[DB_ID_TEXT];

	(void)state;
	assert_true(links_read_enrollment("/acme/E-1/new-order", id));
	assert_string_equal(id, "E-1");
	assert_true(links_read_enrollment("/acme/E/", id));
	assert_false(links_read_enrollment("/acme/E", id));
	assert_false(links_read_enrollment("/acme//x", id));
	assert_false(links_read_enrollment("/acme/a%2e/x", id));
	assert_false(links_read_enrollment("/acme/a\"b/x", id));
	assert_false(links_read_enrollment("/mdm/E/x", id));
	assert_false(
	    links_read_enrollment("/acme/aaaaaaaaaaaaaaaaaaaaaaa/x", id));
	assert_string_equal(id, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_has_safe_characters),
		cmocka_unit_test(a_kid_is_exactly_an_account),
		cmocka_unit_test(the_enrollment_in_a_path),
	};

	return unit_run("links", tests);
}
