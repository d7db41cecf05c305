#include "unit/unit.h"

#include <string.h>

#include "acme/identifier.h"
#include "base/err.h"

static int
check(const char *value)
{
	return identifier_check(
	    blob_str("permanent-identifier"), blob_str(value));
}

/* acme-119 */
static void
values_of_the_grammar(void **state)
{
	static const char *const good[] = { "C02ABC123XYZ", "A/1.2.3",
		"A/2.999.1", "A/0.39", "A/0.0", "A/2.100", "A/1.2.0",
		"A/1.2.99999999999999999999", "two words", "\xc3\xa4" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(check(good[i]), OK);
}

/* acme-118, acme-120 */
static void
values_outside_of_it(void **state)
{
	static const char *const bad[] = { "", "/", "/1.2.3", "A/", "A/B",
		"A/1", "A/3.1", "A/1.40", "A/0.100", "A/01.2", "A/1.2.03",
		"A/1.02", "A/1.2/1.3", "A//1.2", "A/1.", "A/1..2", "A/.1.2",
		"A/1.2.", "A/ 1.2", "A/-1.2", "A/12.3", "kJ3v/+wQ" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(check(bad[i]), ERR_MALFORMED);
}

/* acme-121 */
static void
the_length_is_bounded(void **state)
{
	char value[IDENTIFIER_MAX + 2];

	(void)state;
	memset(value, 'A', sizeof value);
	value[IDENTIFIER_MAX] = '\0';
	assert_int_equal(check(value), OK);
	value[IDENTIFIER_MAX] = 'A';
	value[IDENTIFIER_MAX + 1] = '\0';
	assert_int_equal(check(value), ERR_MALFORMED);
}

/* acme-116, acme-117 */
static void
other_types(void **state)
{
	static const char *const types[] = { "dns", "ip", "",
		"Permanent-Identifier", "permanent-identifier ",
		"hardware-module" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof types / sizeof types[0]; i++)
		assert_int_equal(
		    identifier_check(blob_str(types[i]), blob_str("C02/1.2.3")),
		    ERR_IDENTIFIER_TYPE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_the_grammar),
		cmocka_unit_test(values_outside_of_it),
		cmocka_unit_test(the_length_is_bounded),
		cmocka_unit_test(other_types),
	};

	return unit_run("identifier", tests);
}
