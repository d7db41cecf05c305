#include "unit/unit.h"

#include <string.h>

#include "acme/objects.h"
#include "acme/order.h"
#include "base/err.h"

#define NOW 1800000000

static char url[] = "https://h";
static const struct conf conf = { .url = url };
static const struct request rq = { .context.conf = &conf,
	.enrollment.id = "E" };

static struct order
pending_order(void)
{
	return (struct order){ .id = "O",
		.authorization_id = "Z",
		.challenge_id = "C",
		.identifier_type = "permanent-identifier",
		.identifier_value = "C02\"\x01",
		.token = "T",
		.expires_at = NOW + 3600 };
}

static void
check(struct buf *b, const char *want)
{
	assert_string_equal(buf_str(b), want);
	buf_release(b);
}

static void
an_order_is_born_pending(void **state)
{
	struct order o = pending_order();
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(objects_order(&rq, &o, NULL, &b), OK);
	check(&b,
	    "{\"status\":\"pending\",\"expires\":\"2027-01-15T09:00:00Z\","
	    "\"identifiers\":[{\"type\":\"permanent-identifier\","
	    "\"value\":\"C02\\\"\\u0001\"}],"
	    "\"authorizations\":[\"https://h/acme/E/authz/Z\"],"
	    "\"finalize\":\"https://h/acme/E/order/O/finalize\"}");
}

static void
an_authorization_has_one_challenge(void **state)
{
	struct order o = pending_order();
	struct buf b;

	(void)state;
	memcpy(o.identifier_value, "C02", 4);
	buf_init(&b, 4096);
	assert_int_equal(objects_authorization(&rq, &o, &b), OK);
	check(&b,
	    "{\"identifier\":{\"type\":\"permanent-identifier\","
	    "\"value\":\"C02\"},\"status\":\"pending\","
	    "\"expires\":\"2027-01-15T09:00:00Z\",\"challenges\":["
	    "{\"type\":\"device-attest-01\","
	    "\"url\":\"https://h/acme/E/challenge/C\","
	    "\"status\":\"pending\",\"token\":\"T\"}]}");
}

static void
an_account_always_names_its_orders(void **state)
{
	struct account a = { .id = "A", .contact = "[]" };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(objects_account(&rq, &a, &b), OK);
	check(&b,
	    "{\"status\":\"valid\","
	    "\"orders\":\"https://h/acme/E/account/A/orders\"}");
	a.contact = "[\"mailto:a@b\"]";
	a.terms_agreed = true;
	buf_init(&b, 4096);
	assert_int_equal(objects_account(&rq, &a, &b), OK);
	check(&b,
	    "{\"status\":\"valid\",\"contact\":[\"mailto:a@b\"],"
	    "\"termsOfServiceAgreed\":true,"
	    "\"orders\":\"https://h/acme/E/account/A/orders\"}");
}

static void
time_makes_it_invalid(void **state)
{
	struct order o = pending_order();

	(void)state;
	order_settle(&o, NOW + 3599);
	assert_int_equal(o.status, ORDER_PENDING);
	order_settle(&o, NOW + 3600);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(o.authorization_status, AUTHORIZATION_INVALID);
	assert_int_equal(o.challenge_status, CHALLENGE_INVALID);
	assert_int_equal(o.error, ERR_EXPIRED);
}

static void
time_spares_what_ended(void **state)
{
	struct order o = pending_order();

	(void)state;
	o.status = ORDER_READY;
	o.authorization_status = AUTHORIZATION_VALID;
	o.challenge_status = CHALLENGE_VALID;
	order_settle(&o, NOW + 3600);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(o.authorization_status, AUTHORIZATION_EXPIRED);
	assert_int_equal(o.challenge_status, CHALLENGE_VALID);
	o.status = ORDER_VALID;
	o.authorization_status = AUTHORIZATION_VALID;
	order_settle(&o, NOW + 3600);
	assert_int_equal(o.status, ORDER_VALID);
	assert_int_equal(o.authorization_status, AUTHORIZATION_VALID);
}

static void
an_invalid_challenge_says_why(void **state)
{
	struct order o = pending_order();
	struct buf b;

	(void)state;
	o.status = ORDER_INVALID;
	o.challenge_status = CHALLENGE_INVALID;
	o.error = ERR_ATT_CBOR;
	buf_init(&b, 4096);
	assert_int_equal(objects_challenge(&rq, &o, &b), OK);
	assert_non_null(strstr(buf_str(&b),
	    "\"error\":{\"type\":"
	    "\"urn:ietf:params:acme:error:badAttestationStatement\""));
	assert_null(strstr(buf_str(&b), "validated"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_born_pending),
		cmocka_unit_test(an_authorization_has_one_challenge),
		cmocka_unit_test(an_account_always_names_its_orders),
		cmocka_unit_test(time_makes_it_invalid),
		cmocka_unit_test(time_spares_what_ended),
		cmocka_unit_test(an_invalid_challenge_says_why),
	};

	return unit_run("objects", tests);
}
