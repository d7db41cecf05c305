/* lib/base: encoders, buffers, times, escaping, configuration. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/aside.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/enc.h"
#include "base/err.h"
/* cmocka has a fail() of its own. */
#undef fail
#include "base/log.h"
#include "base/nearest.h"
#include "base/network.h"
#include "base/secret.h"

static void
buffers_stop_at_their_maximum(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_add_str(&b, "1234"), OK);
	assert_int_equal(buf_add_byte(&b, '5'), ERR_TOO_LARGE);
	assert_int_equal(buf_add(&b, "", 0), ERR_TOO_LARGE);
	assert_string_equal(buf_str(&b), "1234");
	buf_reset(&b);
	assert_int_equal(buf_printf(&b, "%d", 12345), ERR_TOO_LARGE);
	buf_reset(&b);
	assert_int_equal(buf_printf(&b, "%s", "abcd"), OK);
	buf_release(&b);
}

static void
buffers_grow_and_give_their_bytes_away(void **state)
{
	struct buf b;
	uint8_t *p;
	size_t n;
	int i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < 100000; i++)
		buf_add_byte(&b, (uint8_t)('a' + i % 26));
	p = buf_steal(&b, &n);
	assert_int_equal(n, 100000);
	assert_int_equal(p[99999], 'a' + 99999 % 26);
	assert_int_equal(p[n], 0);
	assert_int_equal(b.n, 0);
	free(p);
}

static void
networks(void **state)
{
	static const struct {
		const char *address, *wide, *narrow;
	} rows[] = {
		{ "192.0.2.77", "192.0.2.0", "192.0.2.77" },
		{ "::ffff:192.0.2.77", "192.0.2.0", "192.0.2.77" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::", "2001:db8:1:2::" },
		{ "::2", "::", "::" },
		{ "0:0:3::1", "0:0:3::", "0:0:3::" },
		{ "0:0:0:0:4::", "::", "::" },
		{ "::5:0:0", "::", "::" },
		{ "unix:", "unix:", "unix:" },
		{ "", "", "" },
	};
	char out[NETWORK_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		network_of(rows[i].address, 24, 48, out);
		assert_string_equal(out, rows[i].wide);
		network_of(rows[i].address, 32, 64, out);
		assert_string_equal(out, rows[i].narrow);
	}
	network_of("255.255.255.255", 20, 48, out);
	assert_string_equal(out, "255.255.240.0");
}

static int
decodes(int (*f)(struct blob, struct buf *), const char *text)
{
	struct buf b;
	int r;

	buf_init(&b, 100);
	r = f(blob_str(text), &b);
	buf_release(&b);
	return r;
}

static void
base64url_has_one_spelling(void **state)
{
	static const char *const bad[] = { "AA==", "AB", "AAB", "A", "A+A",
		"A/A", "AA AA", "AAAA\n" };
	size_t i;

	assert_int_equal(decodes(enc_base64url_decode, ""), OK);
	assert_int_equal(decodes(enc_base64url_decode, "AA"), OK);
	assert_int_equal(decodes(enc_base64url_decode, "-_8"), OK);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    decodes(enc_base64url_decode, bad[i]), ERR_MALFORMED);
}

static void
base64_wants_its_padding(void **state)
{
	static const char *const bad[] = { "AA", "A===", "AA=A", "AB==", "-_-_",
		"=", "====" };
	size_t i;

	assert_int_equal(decodes(enc_base64_decode, "AA=="), OK);
	assert_int_equal(decodes(enc_base64_decode, "AAA="), OK);
	assert_int_equal(decodes(enc_base64_decode, "+/+/"), OK);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    decodes(enc_base64_decode, bad[i]), ERR_MALFORMED);
}

static void
round_trip(int (*encode)(struct blob, struct buf *),
    int (*decode)(struct blob, struct buf *), struct blob raw)
{
	struct buf text, back;

	buf_init(&text, 200);
	buf_init(&back, 200);
	assert_int_equal(encode(raw, &text), OK);
	assert_int_equal(decode(buf_blob(&text), &back), OK);
	assert_true(blob_eq(buf_blob(&back), raw));
	buf_release(&text);
	buf_release(&back);
}

static void
encodings_round_trip(void **state)
{
	uint8_t raw[40];
	size_t n;

	for (n = 0; n < sizeof raw; n++) {
		secret_random(raw, sizeof raw);
		round_trip(enc_base64, enc_base64_decode, blob_of(raw, n));
		round_trip(
		    enc_base64url, enc_base64url_decode, blob_of(raw, n));
		round_trip(enc_hex, enc_hex_decode, blob_of(raw, n));
	}
	assert_int_equal(decodes(enc_hex_decode, "0"), ERR_MALFORMED);
	assert_int_equal(decodes(enc_hex_decode, "aF"), OK);
	assert_int_equal(decodes(enc_hex_decode, "0g"), ERR_MALFORMED);
	assert_int_equal(decodes(enc_hex_decode, "0G"), ERR_MALFORMED);
	assert_int_equal(decodes(enc_hex_decode, "/0"), ERR_MALFORMED);
	assert_int_equal(decodes(enc_hex_decode, ":0"), ERR_MALFORMED);
	assert_true(enc_is_base64url("a-_9", 4));
	assert_false(enc_is_base64url("a-_9x", 4));
	assert_false(enc_is_base64url("", 4));
	assert_false(enc_is_base64url("a.b", 4));
}

static void
times_are_written_in_utc(void **state)
{
	char text[CLOCK_TEXT];

	clock_rfc3339(1709208000, text);
	assert_string_equal(text, "2024-02-29T12:00:00Z");
	clock_people(1709208000, text);
	assert_string_equal(text, "2024-02-29 12:00:00 UTC");
	/* the last year that there is, and one behind it */
	clock_people(INT64_C(67767976233532799), text);
	assert_string_equal(text, "2147483647-12-31 23:59:59 UTC");
	clock_people(INT64_MAX, text);
	assert_string_equal(text, "");
}

static void
log_text_is_one_harmless_line(void **state)
{
	char out[64];

	log_escape(blob_str("a\nb\x1b[31m\\\xc3\xa9"), out, sizeof out);
	assert_string_equal(out, "a\\x0ab\\x1b[31m\\x5c\xc3\xa9");
	log_escape(blob_str("\xc2\x9b\xe2\x80\xae\xff"), out, sizeof out);
	assert_string_equal(out, "\\x9b\\u{202e}\\xff");
	log_escape(blob_str("\n\n\n\n"), out, 10);
	assert_string_equal(out, "\\x0a\\x0a");
	fail(ERR_MALFORMED, "evil %s", "x\ny");
	assert_string_equal(log_reason(), "evil x\\x0ay");
	log_forget_reason();
	assert_string_equal(log_reason(), "");
}

static void
codes_have_their_row(void **state)
{
	assert_string_equal(err_name(ERR_BAD_NONCE), "BAD_NONCE");
	assert_int_equal(err_http_status(ERR_ACCOUNT_DEAD), 401);
	assert_string_equal(err_acme_type(ERR_CSR_KEY), "badCSR");
	assert_string_equal(err_name(OK), "OK");
	assert_string_equal(err_name(12345), "INTERNAL");
	assert_string_equal(err_name(-12345), "INTERNAL");
	assert_string_equal(err_advice(OK), "");
	assert_non_null(strstr(err_advice(ERR_SCHEMA), "attestmdm migrate"));
	assert_int_equal(err_find("BAD_NONCE"), ERR_BAD_NONCE);
	assert_int_equal(err_find("GITOPS"), ERR_GITOPS);
	assert_int_equal(err_find("OF_AN_OLDER_VERSION"), OK);
	assert_int_equal(err_find(""), OK);
}

/* Writes `text` to a new file whose name replaces the Xs of `path`. */
static void
write_file(char *path, const char *text)
{
	int fd = mkstemp(path);
	ssize_t n = (ssize_t)strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
}

static int
load(const char *text, struct conf *c)
{
	char path[] = "/tmp/attestmdm-conf-XXXXXX";
	int r;

	write_file(path, text);
	r = conf_load(path, c);
	unlink(path);
	return r;
}

#define GOOD                                                                   \
	"[server]\nurl = https://mdm.example.com\n"                            \
	"[mdm]\ntopic = com.apple.mgmt.External.x\n"

static void
configuration_has_defaults(void **state)
{
	struct conf c;

	assert_int_equal(load(GOOD, &c), OK);
	assert_string_equal(c.database, "/var/lib/attestmdm/db/attestmdm.db");
	assert_int_equal(c.certificate_days, 365);
	assert_int_equal(c.per_run, 100); /* fleet-113 */
	assert_true(c.premium);
	assert_false(conf_is_test_bench(&c));
	conf_release(&c);
	assert_int_equal(load(GOOD "[apple]\ndevice_ca=/x\n", &c), OK);
	assert_true(conf_is_test_bench(&c));
	conf_release(&c);
	assert_int_equal(load(GOOD "[apple]\nattestation_root=/x\n", &c), OK);
	assert_true(conf_is_test_bench(&c));
	conf_release(&c);
	assert_int_equal(load(GOOD "[testing]\nsingle_des=true\n", &c), OK);
	assert_true(conf_is_test_bench(&c));
	conf_release(&c);
}

static void
configuration_refuses_what_it_does_not_know(void **state)
{
	static const char *const bad[] = {
		"",
		"[server]\norganization = x\n",
		GOOD "[server]\nurl = https://b.example\n",
		GOOD "[mdm]\nunknown = 1\n",
		GOOD "[nosuch]\nurl = 1\n",
		GOOD "[acme]\nprivacy_mode = yes\n",
		GOOD "[acme]\ncertificate_days = 0\n",
		GOOD "[acme]\ncertificate_days = 10x\n",
		GOOD "[acme]\ncertificate_days =\n",
		GOOD "[acme]\ncertificate_days = 999999\n",
		GOOD "[license]\ntier = gold\n",
		GOOD "[server]\nlog_level = chatty\n",
		GOOD "log_level\n",
		/* the first fault counts */
		GOOD "[nosuch]\nurl = 1\n[mdm]\ntopic = x\n",
		"[server]\nurl = https://\n[mdm]\ntopic = com.apple.mgmt.x\n",
		GOOD "[profile]\nsigning_key = /k\n",
		"[server]\nurl = http://a.example\n[mdm]\ntopic = "
		"com.apple.mgmt.x\n",
		"[server]\nurl = https://a.example/\n[mdm]\ntopic = "
		"com.apple.mgmt.x\n",
		"[server]\nurl = https://a%41.example\n[mdm]\ntopic = "
		"com.apple.mgmt.x\n",
		"[server]\nurl = https://a.example\n[mdm]\ntopic = x\n",
	};
	struct conf c;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(load(bad[i], &c), ERR_CONFIG);
	assert_int_equal(conf_load("/nonexistent", &c), ERR_CONFIG);
}

/* What is not named is beside the file, or where the state is. */
static void
configuration_fills_in_paths(void **state)
{
	char path[] = "/tmp/attestmdm-conf-XXXXXX";
	struct conf c;
	int here = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	write_file(path, GOOD "[testing]\nclock_offset_file = /x\n");
	assert_int_equal(conf_load(path, &c), OK);
	assert_string_equal(c.nginx_secret, "/tmp/nginx-secret.conf");
	assert_true(conf_is_test_bench(&c));
	conf_release(&c);
	assert_int_equal(chdir("/tmp"), 0);
	assert_int_equal(conf_load(path + strlen("/tmp/"), &c), OK);
	assert_int_equal(fchdir(here), 0);
	assert_string_equal(c.nginx_secret, "./nginx-secret.conf");
	conf_release(&c);
	close(here);
	unlink(path);
}

static void
a_mistyped_word_is_guessed(void **state)
{
	static const char *const words[] = { "show", "last", "list", "lint" };
	static const char forty[] = "1234567890123456789012345678901234567890";
	struct nearest best = { NULL, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		nearest_offer(&best, "lsit", words[i]);
	assert_string_equal(best.word, "list");
	best = (struct nearest){ NULL, 0 };
	nearest_offer(&best, "xyzxyz", "show");
	assert_null(best.word);
	assert_int_equal(nearest_distance(forty, forty), 0);
	assert_true(nearest_distance(forty, "1234567890123456789012345678901"
					    "2345678901") > NEAREST_ENOUGH);
	assert_true(nearest_distance("1234567890123456789012345678901"
				     "2345678901",
			forty) > NEAREST_ENOUGH);
}

static void
make_file(int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Until there are too many; and none is lost. */
static void
files_are_put_aside(void **state)
{
	char folder[] = "/tmp/attestmdm-aside-XXXXXX", name[5000];
	int at;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true((at = open(folder, O_RDONLY | O_DIRECTORY)) >= 0);
	assert_int_equal(aside_put(at, "f", ".old"), OK);
	make_file(at, "f");
	assert_int_equal(aside_put(at, "f", ".old"), OK);
	for (int n = 1; n < 1000; n++) {
		snprintf(name, sizeof name, "f.old.%d", n);
		make_file(at, name);
	}
	make_file(at, "f");
	assert_int_equal(aside_put(at, "f", ".old"), ERR_EXISTS);
	assert_int_equal(unlinkat(at, "f.old.7", 0), 0);
	assert_int_equal(aside_put(at, "f", ".old"), OK);
	for (int n = 1; n < 1000; n++) {
		snprintf(name, sizeof name, "f.old.%d", n);
		assert_int_equal(unlinkat(at, name, 0), 0);
	}
	assert_int_equal(unlinkat(at, "f.old", 0), 0);
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(aside_put(at, name, ".old"), ERR_IO);
	close(at);
	assert_int_equal(aside_put(at, "f", ".old"), ERR_IO);
	assert_int_equal(rmdir(folder), 0);
}

static void
the_clock_follows_its_offset_file(void **state)
{
	char path[] = "/tmp/attestmdm-clock-XXXXXX";
	int64_t before = clock_now();

	write_file(path, "86400\n");
	clock_use_offset_file(path);
	assert_true(clock_now() - before >= 86400);
	/* while it is written, or gone, the clock stays as it was */
	assert_int_equal(truncate(path, 0), 0);
	clock_refresh();
	assert_true(clock_now() - before >= 86400);
	assert_int_equal(unlink(path), 0);
	clock_refresh();
	assert_true(clock_now() - before >= 86400);
	clock_use_offset_file(NULL);
	clock_set_offset(0);
}

static void
ids_are_no_options(void **state)
{
	char id[SECRET_ID_TEXT];

	(void)state;
	/* One text in 64 begins with '-'. */
	for (int i = 0; i < 2000; i++) {
		secret_id(id);
		assert_int_equal(strlen(id), SECRET_ID_TEXT - 1);
		assert_int_not_equal(id[0], '-');
	}
}

static void
secrets_compare_and_load(void **state)
{
	char path[] = "/tmp/attestmdm-key-XXXXXX", got[4];

	write_file(path, "1234");
	assert_int_equal(secret_load(path, got, 4), OK);
	assert_int_equal(secret_load(path, got, 3), ERR_IO);
	assert_int_equal(secret_load("/nonexistent", got, 4), ERR_IO);
	unlink(path);
	assert_true(secret_eq(blob_str("a"), blob_str("a")));
	assert_false(secret_eq(blob_str("a"), blob_str("b")));
	assert_false(secret_eq(blob_str("a"), blob_str("aa")));
	assert_true(secret_eq(blob_of(NULL, 0), blob_str("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_stop_at_their_maximum),
		cmocka_unit_test(networks),
		cmocka_unit_test(buffers_grow_and_give_their_bytes_away),
		cmocka_unit_test(base64url_has_one_spelling),
		cmocka_unit_test(base64_wants_its_padding),
		cmocka_unit_test(encodings_round_trip),
		cmocka_unit_test(times_are_written_in_utc),
		cmocka_unit_test(log_text_is_one_harmless_line),
		cmocka_unit_test(codes_have_their_row),
		cmocka_unit_test(configuration_has_defaults),
		cmocka_unit_test(configuration_refuses_what_it_does_not_know),
		cmocka_unit_test(configuration_fills_in_paths),
		cmocka_unit_test(a_mistyped_word_is_guessed),
		cmocka_unit_test(files_are_put_aside),
		cmocka_unit_test(the_clock_follows_its_offset_file),
		cmocka_unit_test(ids_are_no_options),
		cmocka_unit_test(secrets_compare_and_load),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
