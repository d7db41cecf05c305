#include "unit/unit.h"

#include <string.h>

#include "acme/nonce_token.h"
#include "base/err.h"

#define NOW 1800000000

static const uint8_t key[NONCE_TOKEN_KEY] = "0123456789abcdef0123456789abcdef";
static const uint8_t other_key[NONCE_TOKEN_KEY] = "another";

static void
a_fresh_nonce_is_ours(void **state)
{
	char text[NONCE_TOKEN_TEXT], again[NONCE_TOKEN_TEXT];
	struct nonce_token t;

	(void)state;
	nonce_token_make(key, "E1", 7, NOW, text);
	nonce_token_make(key, "E1", 7, NOW, again);
	assert_int_equal(strlen(text), NONCE_TOKEN_TEXT - 1);
	assert_string_not_equal(text, again);
	assert_int_equal(nonce_token_check(key, "E1", text, NOW, &t), OK);
	assert_int_equal(t.expires_at, NOW + NONCE_TOKEN_LIFE);
	assert_int_equal(t.generation, 7);
}

/* acme-26 */
static void
it_lives_an_hour(void **state)
{
	char text[NONCE_TOKEN_TEXT];
	struct nonce_token t;

	(void)state;
	nonce_token_make(key, "E1", 7, NOW, text);
	assert_int_equal(
	    nonce_token_check(key, "E1", text, NOW + 3599, &t), OK);
	assert_int_equal(
	    nonce_token_check(key, "E1", text, NOW + 3600, &t), ERR_BAD_NONCE);
	assert_int_equal(t.expires_at, 0);
	/* A clock that was set back a little fails no device. */
	assert_int_equal(
	    nonce_token_check(key, "E1", text, NOW - 86400, &t), OK);
}

/* acme-27 */
static void
it_is_bound_to_key_and_enrollment(void **state)
{
	char text[NONCE_TOKEN_TEXT];
	struct nonce_token t;

	(void)state;
	nonce_token_make(key, "E1", 7, NOW, text);
	assert_int_equal(
	    nonce_token_check(other_key, "E1", text, NOW, &t), ERR_BAD_NONCE);
	assert_int_equal(
	    nonce_token_check(key, "E2", text, NOW, &t), ERR_BAD_NONCE);
}

/* acme-34 */
static void
every_character_counts(void **state)
{
	char text[NONCE_TOKEN_TEXT], bad[NONCE_TOKEN_TEXT];
	struct nonce_token t;
	size_t i;

	(void)state;
	nonce_token_make(key, "E1", 7, NOW, text);
	for (i = 0; i < sizeof text - 1; i++) {
		memcpy(bad, text, sizeof bad);
		bad[i] = bad[i] == 'A' ? 'Q' : 'A';
		assert_int_equal(
		    nonce_token_check(key, "E1", bad, NOW, &t), ERR_BAD_NONCE);
	}
}

static void
other_shapes_are_refused(void **state)
{
	char text[NONCE_TOKEN_TEXT], longer[80];
	struct nonce_token t;

	(void)state;
	nonce_token_make(key, "E1", 7, NOW, text);
	text[40] = '\0';
	assert_int_equal(
	    nonce_token_check(key, "E1", text, NOW, &t), ERR_BAD_NONCE);
	assert_int_equal(
	    nonce_token_check(key, "E1", "", NOW, &t), ERR_MALFORMED);
	assert_int_equal(
	    nonce_token_check(key, "E1", "a b", NOW, &t), ERR_MALFORMED);
	assert_int_equal(
	    nonce_token_check(key, "E1", "a+b=", NOW, &t), ERR_MALFORMED);
	memset(longer, 'A', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(
	    nonce_token_check(key, "E1", longer, NOW, &t), ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_nonce_is_ours),
		cmocka_unit_test(it_lives_an_hour),
		cmocka_unit_test(it_is_bound_to_key_and_enrollment),
		cmocka_unit_test(every_character_counts),
		cmocka_unit_test(other_shapes_are_refused),
	};

	return unit_run("nonce_token", tests);
}
