/* Repair of property lists (lib/wire/plistmend.h). */
#include <string.h>

#include "base/log.h"
#include "unit/unit.h"
#include "wire/in_plist.h"
#include "wire/plistmend.h"

#define MAX     65536
#define FFFD    "\xef\xbf\xbd"
#define TEXT(x) "<plist><dict><key>a</key><string>" x "</string></dict></plist>"
#define VALUE(x) "<plist><dict><key>a</key>" x "</dict></plist>"

static void
becomes(struct blob in, const char *want, size_t changes)
{
	struct in_plist *doc;
	struct buf out;

	buf_init(&out, MAX);
	assert_int_equal(plistmend(in, &out), changes);
	assert_string_equal(buf_str(&out), want);
	if (in_plist_parse(buf_blob(&out), MAX, &doc) != OK)
		unit_fail("refused: %s: %s", want, log_reason());
	in_plist_free(doc);
	buf_release(&out);
}

static void
test_sound(void **state)
{
	static const char *const sound[] = {
		TEXT("a &amp; &#65;&#x20ac; \xc3\xa4\t\r\n\xf0\x9f\x98\x80"),
		VALUE("<real>-1.5e3</real>"),
		VALUE("<integer>-42</integer>"),
		VALUE("<date>2026-11-23T21:30:00Z</date>"),
		VALUE("<data>AQID</data>"),
		"<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"a\" \"b\">\n"
		"<plist version=\"1.0\"><dict/></plist>\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof sound / sizeof sound[0]; i++)
		becomes(blob_str(sound[i]), sound[i], 0);
}

static void
test_characters(void **state)
{
	static const char nul[] = TEXT("a\0b");

	(void)state;
	becomes(blob_of(nul, sizeof nul - 1), TEXT("a" FFFD "b"), 1);
	becomes(blob_str(TEXT("a\x01\x1f")), TEXT("a" FFFD FFFD), 2);
	becomes(blob_str(TEXT("\x7f")), TEXT(FFFD), 1);
	becomes(blob_str(TEXT("\xef\xbf\xbe\xef\xbf\xbf")), TEXT(FFFD FFFD), 2);
	becomes(blob_str(TEXT("\xff")), TEXT(FFFD), 1);
	becomes(blob_str(TEXT("\xed\xa0\x80")), TEXT(FFFD FFFD FFFD), 3);
	becomes(blob_str(TEXT("&#1;&#x7f;&#xFFFE;")), TEXT(FFFD FFFD FFFD), 3);
	becomes(blob_str("<plist><dict><key>a\x02</key><true/></dict></plist>"),
	    "<plist><dict><key>a" FFFD "</key><true/></dict></plist>", 1);
}

static void
test_scalars(void **state)
{
	(void)state;
	becomes(blob_str(VALUE("<real>nan</real>")),
	    VALUE("<string>nan</string>"), 1);
	becomes(blob_str(VALUE("<real>+infinity</real>")),
	    VALUE("<string>+infinity</string>"), 1);
	becomes(blob_str(VALUE("<integer>18446744073709551615</integer>")),
	    VALUE("<string>18446744073709551615</string>"), 1);
	becomes(blob_str(VALUE("<date>12026-01-01T00:00:00Z</date>")),
	    VALUE("<string>12026-01-01T00:00:00Z</string>"), 1);
}

/* Structure, entities and long texts are left for the strict reader to judge.
 */
static void
test_left_alone(void **state)
{
	static const char *const broken[] = {
		TEXT("&unknown;"),
		TEXT("&#<x>;"),
		TEXT("a < b"),
		VALUE("<real>&nan;</real>"),
		VALUE("<real>nan</integer>"),
		VALUE("<real>nan"),
		VALUE("<data>A</data>"),
		"<plist",
		"<real>",
		"&",
	};
	struct buf out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		buf_init(&out, MAX);
		assert_int_equal(plistmend(blob_str(broken[i]), &out), 0);
		assert_string_equal(buf_str(&out), broken[i]);
		buf_release(&out);
	}
}

static void
test_long_scalar(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, MAX);
	buf_init(&out, MAX);
	buf_printf(&in, "<real>%0100d</real>", 0);
	assert_int_equal(plistmend(buf_blob(&in), &out), 0);
	assert_string_equal(buf_str(&out), buf_str(&in));
	buf_release(&out);
	buf_release(&in);
}

static void
test_room(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	plistmend(blob_str(TEXT("")), &out);
	assert_int_not_equal(buf_status(&out), OK);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_long_scalar),
		cmocka_unit_test(test_room),
	};

	log_open("test", LOG_ERROR);
	return unit_run("plistmend", tests);
}
