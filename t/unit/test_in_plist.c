/* Property lists from devices (lib/wire/in_plist.h). */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "unit/fixture.h"
#include "wire/in_plist.h"
#include "unit/unit.h"

#define MAX (1 << 20)

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define DOCTYPE                                                                \
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\""               \
	" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
#define OPEN  DECLARATION DOCTYPE "<plist version=\"1.0\">\n"
#define CLOSE "\n</plist>\n"

static int
parse(const char *text, struct in_plist **doc)
{
	return in_plist_parse(blob_str(text), MAX, doc);
}

/* Parses a document of one dict with this inside. */
static int
parse_dict(const char *inside, struct in_plist **doc)
{
	struct buf b;
	int r;

	buf_init(&b, MAX);
	buf_printf(&b, "%s<dict>%s</dict>%s", OPEN, inside, CLOSE);
	r = in_plist_parse(buf_blob(&b), MAX, doc);
	buf_release(&b);
	return r;
}

static void
accept(const char *text)
{
	struct in_plist *doc;

	if (parse(text, &doc) != OK)
		unit_fail("refused: %s: %s", text, log_reason());
	in_plist_free(doc);
}

static void
refuse(const char *text, const char *why)
{
	struct in_plist *doc;

	log_forget_reason();
	if (parse(text, &doc) != ERR_MALFORMED || doc != NULL)
		unit_fail("accepted: %s", text);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("%s: %s instead of %s", text, log_reason(), why);
}

static void
accept_inside(const char *inside)
{
	struct in_plist *doc;

	if (parse_dict(inside, &doc) != OK)
		unit_fail("refused: %s: %s", inside, log_reason());
	in_plist_free(doc);
}

static void
refuse_inside(const char *inside, const char *why)
{
	struct in_plist *doc;

	log_forget_reason();
	if (parse_dict(inside, &doc) != ERR_MALFORMED || doc != NULL)
		unit_fail("accepted: %s", inside);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("%s: %s instead of %s", inside, log_reason(), why);
}

static void
test_types(void **state)
{
	const struct in_plist_node *root, *node;
	struct in_plist *doc;
	const char *text;
	struct blob data;
	int64_t n;
	bool yes;

	(void)state;
	assert_int_equal(
	    parse_dict("<key>S</key><string>a &amp; &#x20ac;&lt;</string>"
		       "<key>E</key><string/>"
		       "<key>D</key><data>\n\tAQID\n\t</data>"
		       "<key>N</key><data></data>"
		       "<key>I</key><integer>-42</integer>"
		       "<key>J</key><integer>9223372036854775807</integer>"
		       "<key>B</key><true/><key>C</key><false />"
		       "<key>T</key><date>2026-11-23T21:30:00Z</date>"
		       "<key>R</key><real>1.5</real>"
		       "<key>A</key><array><string>x</string><true/></array>"
		       "<key>M</key><dict><key>S</key><true/></dict>",
		&doc),
	    OK);
	root = in_plist_root(doc);
	assert_int_equal(in_plist_string(root, "S", &text), OK);
	assert_string_equal(text, "a & \xe2\x82\xac<");
	assert_int_equal(in_plist_string(root, "E", &text), OK);
	assert_string_equal(text, "");
	assert_int_equal(in_plist_data(root, "D", &data), OK);
	assert_true(blob_eq(data, blob_of("\1\2\3", 3)));
	assert_int_equal(in_plist_data(root, "N", &data), OK);
	assert_int_equal(data.n, 0);
	assert_int_equal(in_plist_int(root, "I", &n), OK);
	assert_int_equal(n, -42);
	assert_int_equal(in_plist_int(root, "J", &n), OK);
	assert_true(n == INT64_MAX);
	assert_int_equal(in_plist_bool(root, "B", &yes), OK);
	assert_true(yes);
	assert_int_equal(in_plist_bool(root, "C", &yes), OK);
	assert_false(yes);
	assert_int_equal(in_plist_type(in_plist_get(root, "T")), IN_PLIST_DATE);
	assert_int_equal(in_plist_type(in_plist_get(root, "R")), IN_PLIST_REAL);
	assert_int_equal(in_plist_array(root, "A", &node), OK);
	assert_int_equal(in_plist_count(node), 2);
	assert_string_equal(in_plist_text(in_plist_item(node, 0)), "x");
	assert_null(in_plist_text(in_plist_item(node, 1)));
	assert_null(in_plist_item(node, 2));
	assert_int_equal(in_plist_dict(root, "M", &node), OK);
	assert_int_equal(in_plist_bool(node, "S", &yes), OK);
	in_plist_free(doc);
}

static void
test_other_type(void **state)
{
	const struct in_plist_node *root, *node;
	struct in_plist *doc;
	const char *text;
	struct blob data;
	int64_t n;
	bool yes;

	(void)state;
	assert_int_equal(parse_dict("<key>S</key><string>1</string>"
				    "<key>I</key><integer>1</integer>",
			     &doc),
	    OK);
	root = in_plist_root(doc);
	assert_int_equal(in_plist_string(root, "I", &text), ERR_MALFORMED);
	assert_int_equal(in_plist_data(root, "S", &data), ERR_MALFORMED);
	assert_int_equal(in_plist_int(root, "S", &n), ERR_MALFORMED);
	assert_int_equal(in_plist_bool(root, "I", &yes), ERR_MALFORMED);
	assert_int_equal(in_plist_dict(root, "S", &node), ERR_MALFORMED);
	assert_int_equal(in_plist_array(root, "S", &node), ERR_MALFORMED);
	assert_int_equal(in_plist_string(root, "X", &text), ERR_NOT_FOUND);
	assert_int_equal(in_plist_data(root, "X", &data), ERR_NOT_FOUND);
	assert_int_equal(in_plist_int(root, "X", &n), ERR_NOT_FOUND);
	assert_null(in_plist_get(in_plist_get(root, "S"), "S"));
	assert_null(in_plist_get(NULL, "S"));
	assert_int_equal(in_plist_count(root), 0);
	assert_int_equal(in_plist_count(NULL), 0);
	assert_int_equal(in_plist_type(NULL), IN_PLIST_NONE);
	in_plist_free(doc);
}

static void
test_prologue(void **state)
{
	(void)state;
	accept("<plist><dict/></plist>");
	accept("<plist version=\"1.0\"><dict></dict></plist>");
	accept(OPEN "<dict/>" CLOSE);
	accept(
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?><plist><dict/></plist>");
	accept("<?xml version=\"1.0\"?><plist><dict/></plist>");
	refuse("", "no bytes");
	refuse("bplist00\xd0\x08", "the binary form");
	refuse("\xef\xbb\xbf<plist><dict/></plist>", "no plist element");
	refuse("<?xml version=\"1.0\" encoding=\"UTF-16\"?><plist><dict/>"
	       "</plist>",
	    "XML declaration");
	refuse("<?xml encoding='UTF-7'?><plist><dict/></plist>",
	    "XML declaration");
	refuse("<?xml version=\"1.0\"", "XML declaration");
	refuse("<?xml version=\"\x01\"?><plist><dict/></plist>",
	    "XML declaration");
	refuse("<dict/>", "no plist element");
	refuse("<plistx><dict/></plistx>", "no plist element");
	refuse("<plist version=\"1.0><dict/></plist>", "no plist element");
	refuse("<plist></plist>", "unknown element");
	refuse("<plist/>", "no plist element");
	refuse("<plist x=\"y\"><dict/></plist>", "no plist element");
	refuse("<plist \rP/><dict/></plist>", "no plist element");
	refuse("<html></html>", "no plist element");
}

/* mdm-15 */
static void
test_doctype(void **state)
{
	(void)state;
	refuse("<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><dict><key>k</key>"
	       "<string>&a;</string></dict></plist>",
	    "DOCTYPE");
	refuse("<!DOCTYPE plist [ ]><plist><dict/></plist>", "DOCTYPE");
	refuse("<!DOCTYPE plist SYSTEM \"file:///etc/passwd><plist><dict/>"
	       "</plist>",
	    "DOCTYPE");
	refuse("<!DOCTYPE html><plist><dict/></plist>", "no plist element");
	refuse("<!DOCTYPE plist><!DOCTYPE plist><plist><dict/></plist>",
	    "no plist element");
}

/* mdm-13 */
static void
test_root(void **state)
{
	(void)state;
	refuse("<plist><array/></plist>", "root");
	refuse("<plist><string>x</string></plist>", "root");
	refuse("<plist><dict/><dict/></plist>", "more than one root");
	refuse("<plist><dict/>", "more than one root");
	refuse("<plist><dict/></plist>x", "bytes after its end");
	refuse("<plist><dict/></plist><plist><dict/></plist>",
	    "bytes after its end");
	refuse("<plist><dict/></plist><!-- -->", "bytes after its end");
	accept("<plist><dict/></plist> \t\r\n");
}

static void
test_trailing_nul(void **state)
{
	static const char text[] = "<plist><dict/></plist>";
	struct in_plist *doc;

	(void)state;
	assert_int_equal(in_plist_parse(blob_of(text, sizeof text), MAX, &doc),
	    ERR_MALFORMED);
	assert_int_equal(in_plist_parse(blob_str(text), strlen(text) - 1, &doc),
	    ERR_TOO_LARGE);
	assert_int_equal(
	    in_plist_parse(blob_str(text), strlen(text), &doc), OK);
	in_plist_free(doc);
}

static void
test_structure(void **state)
{
	(void)state;
	refuse_inside("<key>a</key>", "without a value");
	refuse_inside("<string>a</string>", "without a key");
	refuse_inside("<key>a</key><key>b</key><true/>", "out of place");
	refuse_inside(
	    "<key>a</key><array><key>b</key></array>", "out of place");
	refuse_inside("<key/><true/>", "without a key");
	refuse_inside("<key></key><true/>", "empty key");
	refuse_inside("<key>a</key><array></dict>", "not closed");
	refuse_inside("<key>a</key><string>b</data>", "not closed");
	refuse_inside("<key>a</key><string>b", "not closed");
	refuse_inside("<key>a</key>b<true/>", "between elements");
	refuse_inside("<key>a</key><foo/>", "unknown element");
	refuse_inside("<key>a</key><uid>1</uid>", "unknown element");
	refuse_inside("<key>a</key><true x=\"y\"/>", "unknown element");
	refuse_inside("<key>a</key><!-- c --><true/>", "unknown element");
	refuse_inside(
	    "<key>a</key><string><![CDATA[x]]></string>", "not closed");
	refuse_inside("<key>a</key><string>x<!-- c --></string>", "not closed");
	refuse_inside("<key>a</key><?php ?><true/>", "unknown element");
	refuse_inside("<key>a</key><true>x</true>", "text in a truth value");
	refuse_inside("<key>a</key><false>x</false>", "text in a truth value");
	accept_inside("<key>a</key><true></true>");
}

/* mdm-16 */
static void
test_twice(void **state)
{
	(void)state;
	refuse_inside("<key>a</key><true/><key>a</key><false/>", "comes twice");
	refuse_inside("<key>a</key><true/><key>b</key><true/>"
		      "<key>&#97;</key><false/>",
	    "comes twice");
	refuse_inside("<key>\xf0\x9f\x98\x80</key><true/>"
		      "<key>&#x1F600;</key><false/>",
	    "comes twice");
	refuse_inside("<key>\xe2\x82\xac</key><true/>"
		      "<key>&#8364;</key><false/>",
	    "comes twice");
	refuse_inside("<key>\xc3\xa4</key><true/><key>&#228;</key><false/>",
	    "comes twice");
	refuse_inside("<key>x</key><dict><key>a</key><true/>"
		      "<key>a</key><true/></dict>",
	    "comes twice");
	accept_inside("<key>a</key><dict><key>a</key><true/></dict>"
		      "<key>b</key><dict><key>a</key><true/></dict>");
	accept_inside("<key>a</key><true/><key>A</key><true/>"
		      "<key>aa</key><true/>");
}

static void
test_text(void **state)
{
	static const char bad[] = "not clean UTF-8";

	(void)state;
	refuse_inside("<key>a</key><string>\x01</string>", bad);
	refuse_inside("<key>a</key><string>\x7f</string>", bad);
	refuse_inside("<key>a</key><string>\xff</string>", bad);
	refuse_inside("<key>a</key><string>\xc0\x80</string>", bad);
	refuse_inside("<key>a</key><string>\xed\xa0\x80</string>", bad);
	refuse_inside("<key>a</key><string>\xef\xbf\xbf</string>", bad);
	refuse_inside("<key>a\x02</key><true/>", bad);
	refuse_inside("<key>a</key><string>&a;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&amp</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#0;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#1;</string>", "unknown entity");
	refuse_inside(
	    "<key>a</key><string>&#xD800;</string>", "unknown entity");
	refuse_inside(
	    "<key>a</key><string>&#x110000;</string>", "unknown entity");
	refuse_inside(
	    "<key>a</key><string>&#99999999;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#12a;</string>", "unknown entity");
	refuse_inside(
	    "<key>a</key><string>&#xFFFE;</string>", "unknown entity");
	refuse_inside(
	    "<key>a</key><string>&#xffff;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#x;</string>", "unknown entity");
	refuse_inside("<key>a</key><string>&#65", "unknown entity");
	refuse_inside("<key>a</key><string>&#4a;</string>", "unknown entity");
	accept_inside("<key>a</key><string>&#x20AC;\xef\xbc\x81\xef\xbf\xbd"
		      "\xee\xbf\xbf\xef\xbe\xbf</string>");
	accept_inside("<key>a</key><string>\t\n\r&quot;&apos;></string>");
}

static void
test_data(void **state)
{
	static const char bad[] = "strict base64";

	(void)state;
	accept_inside("<key>a</key><data>AQ==</data>");
	accept_inside("<key>a</key><data>AQ I\n=</data>");
	accept_inside("<key>a</key><data/>");
	refuse_inside("<key>a</key><data>AQ=</data>", bad);
	refuse_inside("<key>a</key><data>AQ</data>", bad);
	refuse_inside("<key>a</key><data>A===</data>", bad);
	refuse_inside("<key>a</key><data>A=ID</data>", bad);
	refuse_inside("<key>a</key><data>AB=A</data>", bad);
	refuse_inside("<key>a</key><data>AR==</data>", bad);
	refuse_inside("<key>a</key><data>AQJ=</data>", bad);
	refuse_inside("<key>a</key><data>AQ_D</data>", bad);
	refuse_inside("<key>a</key><data>&#65;QID</data>", bad);
}

static void
test_numbers(void **state)
{
	static const char *const bad_integers[] = { "", "-", "+1", "01", "-0",
		" 1", "1 ", "0x10", "1.0", "9223372036854775808",
		"-9223372036854775809", "99999999999999999999", NULL };
	static const char *const bad_reals[] = { "", ".5", "1.", "nan", "inf",
		"1e", "0x1p3", "1 ", "-",
		"11111111111111111111111111111111111111111", NULL };
	static const char *const bad_dates[] = { "", "2026-11-23",
		"2026-11-23T21:30:00", "2026-11-23T21:30:00+00:00",
		"2026-41-23T21:30:00Z", "2026-11-23 21:30:00Z", NULL };
	char text[128];

	(void)state;
	for (const char *const *p = bad_integers; *p != NULL; p++) {
		snprintf(
		    text, sizeof text, "<key>a</key><integer>%s</integer>", *p);
		refuse_inside(text, "an integer");
	}
	for (const char *const *p = bad_reals; *p != NULL; p++) {
		snprintf(text, sizeof text, "<key>a</key><real>%s</real>", *p);
		refuse_inside(text, "a real");
	}
	for (const char *const *p = bad_dates; *p != NULL; p++) {
		snprintf(text, sizeof text, "<key>a</key><date>%s</date>", *p);
		refuse_inside(text, "a date");
	}
	refuse_inside("<key>a</key><integer/>", "empty");
	refuse_inside("<key>a</key><real/>", "empty");
	refuse_inside("<key>a</key><date/>", "empty");
	accept_inside("<key>a</key><integer>0</integer>");
	accept_inside("<key>a</key><integer>-9223372036854775808</integer>");
	accept_inside("<key>a</key><real>-1.5e+10</real>");
	accept_inside("<key>a</key><real>3</real>");
	accept_inside("<key>a</key><real>+3E-5</real>");
}

/* A dict in which `n` arrays are nested. */
static int
parse_nested(size_t n)
{
	struct in_plist *doc;
	struct buf b;
	size_t i;
	int r;

	buf_init(&b, MAX);
	buf_add_str(&b, "<plist><dict><key>a</key>");
	for (i = 0; i < n; i++)
		buf_add_str(&b, "<array>");
	for (i = 0; i < n; i++)
		buf_add_str(&b, "</array>");
	buf_add_str(&b, "</dict></plist>");
	r = in_plist_parse(buf_blob(&b), MAX, &doc);
	buf_release(&b);
	in_plist_free(doc);
	return r;
}

/* mdm-14 */
static void
test_depth(void **state)
{
	(void)state;
	assert_int_equal(parse_nested(IN_PLIST_DEPTH_MAX - 1), OK);
	assert_int_equal(parse_nested(IN_PLIST_DEPTH_MAX), ERR_MALFORMED);
	assert_int_equal(parse_nested(30000), ERR_MALFORMED);
}

static int
parse_many(size_t n)
{
	struct in_plist *doc;
	struct buf b;
	size_t i;
	int r;

	buf_init(&b, MAX);
	buf_add_str(&b, "<plist><dict><key>a</key><array>");
	for (i = 0; i < n; i++)
		buf_add_str(&b, "<true/>");
	buf_add_str(&b, "</array></dict></plist>");
	r = in_plist_parse(buf_blob(&b), MAX, &doc);
	buf_release(&b);
	in_plist_free(doc);
	return r;
}

static void
test_many(void **state)
{
	(void)state;
	assert_int_equal(parse_many(IN_PLIST_NODES_MAX - 2), OK);
	assert_int_equal(parse_many(IN_PLIST_NODES_MAX - 1), ERR_MALFORMED);
}

static void
test_real_messages(void **state)
{
	static const char *const names[] = { "checkin-Authenticate.1.plist",
		"checkin-TokenUpdate.1.plist",
		"checkin-DeviceInformation.1.plist",
		"mdm-signature-macos.body.plist",
		"result-certificate_list.plist",
		"result-device_information.plist", "result-security_info.plist",
		NULL };
	const struct in_plist_node *root;
	struct in_plist *doc;
	const char *text;
	struct buf b;

	(void)state;
	for (const char *const *p = names; *p != NULL; p++) {
		if (fixture_read(*p, &b)) {
			if (in_plist_parse(buf_blob(&b), MAX, &doc) != OK)
				unit_fail("%s: %s", *p, log_reason());
			root = in_plist_root(doc);
			assert_true(
			    in_plist_string(root, "UDID", &text) == OK ||
			    in_plist_string(root, "EnrollmentID", &text) == OK);
			in_plist_free(doc);
		}
		buf_release(&b);
	}
}

static void
test_real_token_update(void **state)
{
	const struct in_plist_node *root;
	struct in_plist *doc;
	const char *text;
	struct blob data;
	struct buf b;

	(void)state;
	if (fixture_read("checkin-TokenUpdate.1.plist", &b)) {
		assert_int_equal(in_plist_parse(buf_blob(&b), MAX, &doc), OK);
		root = in_plist_root(doc);
		assert_int_equal(
		    in_plist_string(root, "MessageType", &text), OK);
		assert_string_equal(text, "TokenUpdate");
		assert_int_equal(in_plist_data(root, "Token", &data), OK);
		assert_int_equal(data.n, 32);
		in_plist_free(doc);
	}
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_other_type),
		cmocka_unit_test(test_prologue),
		cmocka_unit_test(test_doctype),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_trailing_nul),
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_real_messages),
		cmocka_unit_test(test_real_token_update),
	};

	log_open("test", LOG_ERROR);
	return unit_run("in_plist", tests);
}
