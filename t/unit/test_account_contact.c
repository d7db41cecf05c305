#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "acme/account_contact.h"
#include "base/err.h"

static int
read_contact(const char *json, char *out, size_t outlen)
{
	struct json *doc;
	struct buf b;
	int r;

	assert_int_equal(in_json_parse(blob_str(json), 4, &doc), OK);
	buf_init(&b, 2048);
	r = account_contact_read(doc, &b);
	snprintf(out, outlen, "%s", buf_str(&b));
	buf_release(&b);
	in_json_free(doc);
	return r;
}

static void
plain_addresses(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(read_contact("{}", out, sizeof out), OK);
	assert_string_equal(out, "[]");
	assert_int_equal(read_contact("{\"contact\":[]}", out, sizeof out), OK);
	assert_int_equal(
	    read_contact(
		"{\"contact\":[\"mailto:a@b.example\",\"MailTo:c@d\"]}", out,
		sizeof out),
	    OK);
	assert_non_null(strstr(out, "mailto:a@b.example"));
}

static void
other_urls(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(
	    read_contact("{\"contact\":[\"tel:+4912345\"]}", out, sizeof out),
	    ERR_CONTACT_SCHEME);
	assert_int_equal(
	    read_contact("{\"contact\":[\"http://x@y\"]}", out, sizeof out),
	    ERR_CONTACT_SCHEME);
}

static void
more_than_an_address(void **state)
{
	static const char *const bad[] = { "a@b", "mailto:", "mailto:@b",
		"mailto:a@", "mailto:a", "mailto:a@b@c", "mailto:a@b,c@d",
		"mailto:a@b?subject=x", "mailto:a b@c", "mailto:<a@b>" };
	char json[128], out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(json, sizeof json, "{\"contact\":[\"%s\"]}", bad[i]);
		assert_int_equal(
		    read_contact(json, out, sizeof out), ERR_CONTACT);
	}
}

static void
too_many_or_not_a_list(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(
	    read_contact("{\"contact\":\"mailto:a@b\"}", out, sizeof out),
	    ERR_MALFORMED);
	assert_int_equal(
	    read_contact("{\"contact\":[1]}", out, sizeof out), ERR_MALFORMED);
	assert_int_equal(
	    read_contact("{\"contact\":[\"mailto:a@b\",\"mailto:a@b\","
			 "\"mailto:a@b\",\"mailto:a@b\",\"mailto:a@b\"]}",
		out, sizeof out),
	    ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_addresses),
		cmocka_unit_test(other_urls),
		cmocka_unit_test(more_than_an_address),
		cmocka_unit_test(too_many_or_not_a_list),
	};

	return unit_run("contact", tests);
}
