/* Single members of unreadable property lists (lib/wire/plisthead.h). */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "unit/unit.h"
#include "wire/plisthead.h"

#define OPEN                                                                   \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC "  \
	"\"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/"         \
	"PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n"
#define CLOSE     "</dict>\n</plist>\n"
#define UUID(x)   "<key>CommandUUID</key>\n\t<string>" x "</string>\n"
#define STATUS(x) "<key>Status</key>\n\t<string>" x "</string>\n"

/* What is found of CommandUUID and Status, such as "A Acknowledged". */
static void
finds(struct blob in, const char *want)
{
	struct plisthead_member m[] = { { .key = "CommandUUID" },
		{ .key = "Status" } };
	char got[2 * PLISTHEAD_TEXT + 64];
	int r = plisthead_find(in, m, 2);

	snprintf(got, sizeof got, "%s%s%s%s %s%s", r == OK ? "" : "!",
	    m[0].present ? "" : "no ", "uuid:", m[0].text,
	    m[1].present ? "status:" : "no status", m[1].text);
	if (strcmp(got, want) != 0)
		unit_fail("%.*s: %s instead of %s", (int)in.n,
		    (const char *)in.p, got, want);
}

static void
text_finds(const char *in, const char *want)
{
	finds(blob_str(in), want);
}

static void
test_found(void **state)
{
	(void)state;
	text_finds(OPEN UUID("A") STATUS("Acknowledged") CLOSE,
	    "uuid:A status:Acknowledged");
	text_finds(
	    "<plist><dict>" STATUS("Idle") CLOSE, "no uuid: status:Idle");
	text_finds(OPEN CLOSE, "no uuid: no status");
	/* whatever is between them */
	text_finds(OPEN UUID("A") "<key>x</key><string>\x01\xff</string>"
				  "<key>y</key><real>nan</real><key>y</key>"
				  "<dict><key>z</key><array><dict/></array>"
				  "</dict><foo/>" STATUS("Error") CLOSE,
	    "uuid:A status:Error");
	/* up to where it breaks off */
	text_finds(OPEN UUID("A") "<key>x</key><string>y", "uuid:A no status");
	text_finds(OPEN UUID("A") "<key>x</key><array>" STATUS("Error"),
	    "uuid:A no status");
}

static void
test_not_fooled(void **state)
{
	(void)state;
	text_finds(OPEN "<key>x</key><dict>" UUID("B") STATUS(
		       "Error") "</dict>" UUID("A") CLOSE,
	    "uuid:A no status");
	text_finds(OPEN "<key>x</key><array><dict>" UUID(
		       "B") "</dict></array>" STATUS("Idle") CLOSE,
	    "no uuid: status:Idle");
	text_finds(OPEN "<key>x</key><string><key>CommandUUID</key>"
			"<string>B</string>" STATUS("Idle") CLOSE,
	    "no uuid: status:Idle");
	text_finds(OPEN "<!-- " UUID("B") " -->" UUID("A") CLOSE,
	    "uuid:A no status");
	text_finds(OPEN "<![CDATA[ " UUID("B") " ]]>" UUID("A") CLOSE,
	    "uuid:A no status");
	text_finds(OPEN "<key>x</key><string><![CDATA[</string>" UUID(
		       "B") "]]></string>" CLOSE,
	    "no uuid: no status");
	text_finds(OPEN UUID("A") CLOSE STATUS("Error"), "uuid:A no status");
	text_finds(OPEN "<key>CommandUUID</key><dict>" STATUS(
		       "Error") "</dict><string>B</string>" CLOSE,
	    "uuid: no status");
	text_finds(OPEN "<key>CommandUUID</key><true/><string>B</string>" CLOSE,
	    "uuid: no status");
	text_finds(OPEN "<key>CommandUUID</key><array/><string>B</string>" CLOSE,
	    "uuid: no status");
}

static void
test_unusable(void **state)
{
	(void)state;
	text_finds(OPEN UUID("A") UUID("A") CLOSE, "!uuid: no status");
	text_finds(OPEN UUID("a&amp;b") STATUS("\xc3\xa4") CLOSE,
	    "uuid: status:");
	text_finds(OPEN "<key>CommandUUID</key><integer>1</integer>" CLOSE,
	    "uuid: no status");
	text_finds("", "!no uuid: no status");
	text_finds("bplist00", "!no uuid: no status");
	text_finds("<plist><array>" UUID("A") "</array></plist>",
	    "!no uuid: no status");
	text_finds("<plist", "!no uuid: no status");
	text_finds("<plist><dict", "!no uuid: no status");
	text_finds("<plist><dict>", "no uuid: no status");
	text_finds("<plist><dict><", "no uuid: no status");
}

static void
test_long(void **state)
{
	struct plisthead_member m[] = { { .key = "CommandUUID" } };
	char value[PLISTHEAD_TEXT + 1];
	struct buf b;
	size_t n;

	(void)state;
	for (n = PLISTHEAD_TEXT - 1; n <= PLISTHEAD_TEXT; n++) {
		memset(value, 'A', n);
		value[n] = '\0';
		buf_init(&b, 65536);
		buf_printf(&b, "%s<key>CommandUUID</key><string>%s</string>%s",
		    OPEN, value, CLOSE);
		assert_int_equal(plisthead_find(buf_blob(&b), m, 1), OK);
		assert_string_equal(
		    m[0].text, n < PLISTHEAD_TEXT ? value : "");
		buf_release(&b);
	}
	buf_init(&b, 65536);
	while (b.n < 5000)
		buf_add_byte(&b, ' ');
	buf_add_str(&b, OPEN CLOSE);
	assert_int_equal(plisthead_find(buf_blob(&b), m, 1), ERR_MALFORMED);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_not_fooled),
		cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_long),
	};

	log_open("test", LOG_ERROR);
	return unit_run("plisthead", tests);
}
