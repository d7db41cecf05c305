/*
 * attestmdm-sim make, with each call failing in turn: it neither crashes nor
 * succeeds less when nothing fails any more. Whether the bytes are right when
 * memory ran out does not matter for a tool of tests.
 */
#include "failures.h"
#include "storefix.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/commands/verbs.h"
#include "sim/forge/apple.h"

#define WORDS 12

/* In the folder of the test; what stands on standard output goes away. */
static int
make(void *arg)
{
	const char *const *words = arg;
	char text[WORDS][256], *argv[WORDS + 1];
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY);
	int argc, r;

	for (argc = 0; argc < WORDS && words[argc] != NULL; argc++) {
		snprintf(text[argc], sizeof text[argc], "%s", words[argc]);
		argv[argc] = text[argc];
	}
	argv[argc] = NULL;
	fflush(stdout);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		return ERR_IO;
	r = make_run(argc, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
	return r;
}

static void
prepare(void)
{
	static const char *const first[][WORDS] = {
		{ "key", "ec.key", NULL },
		{ "key", "ed.key", "--curve", "Ed25519", NULL },
		{ "key", "rsa.key", "--curve", "RSA-2048", NULL },
		{ "certificate", "--key", "ec.key", "--subject", "/CN=ec", "-o",
		    "ec.pem", NULL },
		{ "certificate", "--key", "rsa.key", "--subject", "/CN=rsa",
		    "-o", "rsa.pem", NULL },
	};
	SCRATCH_APPLE(apple);

	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		assert_int_equal(make((void *)(uintptr_t)first[i]), OK);
	assert_int_equal(apple_make(&apple), OK);
	assert_int_equal(apple_save("apple", &apple), OK);
}

static void
each_call_of_make_may_fail(void **state)
{
	static const char *const all[][WORDS] = {
		{ "key", "new.key", NULL },
		{ "jwk", "--key", "ec.key", NULL },
		{ "jwk", "--key", "ed.key", NULL },
		{ "jws", "--key", "ec.key", "--protected", "{}", NULL },
		{ "jws", "--key", "rsa.key", "--alg", "RS256", "--protected",
		    "{}", NULL },
		{ "jws", "--alg", "HS256", "--secret", "x", "--protected", "{}",
		    NULL },
		{ "attestation", "--apple", "apple", "--token", "t", "--key",
		    "ec.key", "--serial", "C02AAAAAAAAA", NULL },
		{ "csr", "--key", "ec.key", "--subject", "/CN=x", "--dns", "x",
		    "--eku", "1.3.6.1.5.5.7.3.2", NULL },
		{ "machineinfo", "--apple", "apple", "--serial", "C02AAAAAAAAA",
		    NULL },
		{ "mdm-signature", "--key", "ec.key", "--cert", "ec.pem",
		    "--body", "ec.pem", "--attributes", NULL },
		{ "pkimessage", "--ca", "rsa.pem", "--key", "rsa.key", NULL },
		{ "certificate", "--key", "ec.key", "--subject", "/CN=x",
		    NULL },
		{ "tls", "--dir", "tls", "--name", "mdm.example.com", NULL },
	};
	const struct storefix *fix = *state;

	assert_int_equal(chdir(fix->folder), 0);
	prepare();
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		assert_true(failures_each_checked(
				NULL, make, (void *)(uintptr_t)all[i]) > 4);
	}
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(each_call_of_make_may_fail),
};

STOREFIX_MAIN(tests)
