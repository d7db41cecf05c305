/* Which accounts may enroll devices (lib/policy/sign_in.h). */
#include "unit/unit.h"

#include <string.h>

#include "base/log.h"
#include "policy/sign_in.h"

static struct idtoken token = {
	.subject = "248",
	.email = "Ada@Example.com",
	.preferred_username = "ada@corp.example",
};

static struct conf
conf_of(const char *claim, const char *domains, const char *groups)
{
	return (struct conf){
		.sign_in_account_claim = (char *)(uintptr_t)claim,
		.sign_in_domains = (char *)(uintptr_t)domains,
		.sign_in_groups = (char *)(uintptr_t)groups,
	};
}

/* The account, or "" and these words in the reason. */
static void
expect(const char *claim, const char *domains, const char *groups,
    const char *account, const char *why)
{
	struct conf conf = conf_of(claim, domains, groups);
	char out[ENROLLMENTS_ACCOUNT_TEXT];
	int r;

	log_forget_reason();
	r = sign_in_account(&conf, &token, out);
	assert_int_equal(r, *account != '\0' ? OK : ERR_SIGN_IN_ACCOUNT);
	assert_string_equal(out, account);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("\"%s\", not \"%s\"", log_reason(), why);
}

static void
test_claims(void **state)
{
	expect("email", "", "", "Ada@Example.com", "");
	expect("preferred_username", "", "", "ada@corp.example", "");
	expect("sub", "", "", "248", "");
	token.email_is_unverified = true;
	expect("email", "", "", "", "did not verify");
	expect("preferred_username", "", "", "ada@corp.example", "");
	token.email_is_unverified = false;
	token.preferred_username[0] = '\0';
	expect("preferred_username", "", "", "", "no usable preferred_username");
	strcpy(token.preferred_username, "ada@corp.example");
}

static void
test_domains(void **state)
{
	expect("email", "example.com", "", "Ada@Example.com", "");
	expect("email", "a.example , EXAMPLE.COM,b.example", "",
	    "Ada@Example.com", "");
	expect("email", "xample.com", "", "", "domains");
	expect("email", "example.com.evil", "", "", "domains");
	expect("email", "com", "", "", "domains");
	expect("email", ",", "", "", "domains");
	expect("preferred_username", "example.com", "", "", "domains");
	strcpy(token.email, "ada@evil.example@example.net");
	expect("email", "evil.example", "", "", "domains");
	strcpy(token.email, "example.com");
	expect("email", "example.com", "", "", "domains");
	strcpy(token.email, "ada@");
	expect("email", "example.com,", "", "", "domains");
	strcpy(token.email, "Ada@Example.com");
}

static void
test_groups(void **state)
{
	buf_init(&token.groups, 100);
	expect("email", "", "staff", "", "groups");
	buf_add(&token.groups, "staff\0IT desk", 14);
	expect("email", "", "staff", "Ada@Example.com", "");
	expect("email", "", "x, IT desk ", "Ada@Example.com", "");
	expect("email", "", "Staff", "", "groups");
	expect("email", "", "IT", "", "groups");
	expect("email", "example.com", "staff", "Ada@Example.com", "");
	expect("email", "example.net", "staff", "", "domains");
	expect("email", "example.com", "other", "", "groups");
	buf_release(&token.groups);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_groups),
	};

	log_open("test_sign_in", LOG_ERROR);
	return unit_run("sign_in", tests);
}
