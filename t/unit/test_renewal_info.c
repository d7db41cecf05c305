#include "unit/unit.h"

#include <string.h>

#include "acme/renewal_info.h"
#include "base/err.h"

/* RFC 9773 section 4.1 */
#define EXAMPLE "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"

/* acme-261 */
static void
the_example_of_the_rfc(void **state)
{
	static const uint8_t number[] = { 0x00, 0x87, 0x65, 0x43, 0x21 };
	struct certificate c = { .id = "" };
	struct renewal_id id;
	struct buf b;

	(void)state;
	assert_int_equal(renewal_info_parse(EXAMPLE, &id), OK);
	assert_int_equal(id.key_id_len, 20);
	assert_int_equal(id.key_id[0], 0x69);
	assert_int_equal(id.number_len, sizeof number);
	assert_memory_equal(id.number, number, sizeof number);

	memcpy(c.issuer_key_id, id.key_id, id.key_id_len);
	c.issuer_key_id_len = id.key_id_len;
	memcpy(c.serial_number, id.number, id.number_len);
	c.serial_number_len = id.number_len;
	buf_init(&b, 100);
	assert_int_equal(renewal_info_id(&c, &b), OK);
	assert_string_equal(buf_str(&b), EXAMPLE);
	buf_release(&b);
}

/* acme-260 */
static void
other_texts(void **state)
{
	static const char *const bad[] = { "", ".", "aYhb", "aYhb.", ".AIdl",
		"aYhb.AIdl.AIdl", "aYhb=.AIdl", "aY+b.AIdl", "aYhb.AIdlQyF",
		"aYhb.AIdlAIdlAIdlAIdlAIdlAIdlAIdlAIdl" };
	struct renewal_id id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(
		    renewal_info_parse(bad[i], &id), ERR_MALFORMED);
		assert_int_equal(id.key_id_len, 0);
	}
}

/* acme-259 */
static void
the_window_is_late_in_life(void **state)
{
	struct certificate c = { .not_before = 1000000,
		.not_after = 1000000 + 90 * 86400,
		.lifetime = 90 * 86400 };
	struct renewal_window w;

	(void)state;
	w = renewal_info_window(&c, 1000000);
	assert_int_equal(w.start, 1000000 + 60 * 86400);
	assert_int_equal(w.end, 1000000 + 62 * 86400);
	/* the time that the row says it began is not the certificate's */
	c.not_before += 30 * 86400;
	w = renewal_info_window(&c, 1000000);
	assert_int_equal(w.start, 1000000 + 60 * 86400);
	c.not_after = c.not_before + 3600;
	c.lifetime = 3600;
	w = renewal_info_window(&c, 1000000);
	assert_true(w.start < w.end && w.end <= c.not_after);
	c.state = CERTIFICATE_REVOKED;
	w = renewal_info_window(&c, 5000000);
	assert_true(w.start < w.end && w.end <= 5000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(other_texts),
		cmocka_unit_test(the_window_is_late_in_life),
	};

	return unit_run("renewal_info", tests);
}
