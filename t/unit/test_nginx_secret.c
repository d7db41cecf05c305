#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "web/nginx_secret.h"

#define SECRET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP_"

static char path[] = "/tmp/nginx-secret-XXXXXX";
static char secret[SECRET_TOKEN_TEXT];

static int
load(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return nginx_secret_load(path, secret);
}

static void
test_written_is_read(void **state)
{
	char first[SECRET_TOKEN_TEXT];
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(nginx_secret_write(&b), OK);
	assert_int_equal(load(buf_str(&b)), OK);
	assert_int_equal(strlen(secret), 43);
	memcpy(first, secret, sizeof first);
	buf_reset(&b);
	assert_int_equal(nginx_secret_write(&b), OK);
	assert_int_equal(load(buf_str(&b)), OK);
	assert_string_not_equal(secret, first);
	buf_release(&b);
}

static void
test_load_is_strict(void **state)
{
#define LINE "fastcgi_param ATTESTMDM_SECRET "
	assert_int_equal(load("# a\n\n" LINE SECRET ";\n"), OK);
	assert_string_equal(secret, SECRET);
	assert_int_equal(load(""), ERR_CONFIG);
	assert_int_equal(load("# a\n"), ERR_CONFIG);
	assert_int_equal(load(LINE ";\n"), ERR_CONFIG);
	assert_int_equal(load(LINE SECRET "\n"), ERR_CONFIG);
	assert_int_equal(load(LINE SECRET "x;\n"), ERR_CONFIG);
	assert_int_equal(load(LINE "short;\n"), ERR_CONFIG);
	assert_int_equal(
	    load(LINE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP$;\n"),
	    ERR_CONFIG);
	assert_int_equal(load(LINE SECRET "; # no\n"), ERR_CONFIG);
	assert_int_equal(
	    load(LINE SECRET ";\n" LINE SECRET ";\n"), ERR_CONFIG);
	assert_string_equal(secret, "");
	assert_int_equal(load("fastcgi_param OTHER " SECRET ";\n"), ERR_CONFIG);
	assert_int_equal(nginx_secret_load("/nonexistent", secret), ERR_IO);
}

static int
check(const char *a, const char *b)
{
	char x[128], y[128];
	char *envp[] = { x, y, NULL };

	snprintf(x, sizeof x, "%s", a);
	snprintf(y, sizeof y, "%s", b);
	return nginx_secret_check(SECRET, envp);
}

static void
test_check(void **state)
{
#define PARAM "ATTESTMDM_SECRET="
	assert_int_equal(check("A=1", PARAM SECRET), OK);
	assert_int_equal(check(PARAM SECRET, "A=1"), OK);
	assert_int_equal(check("A=1", "B=2"), ERR_NOT_NGINX);
	assert_int_equal(check("A=1", PARAM), ERR_NOT_NGINX);
	assert_int_equal(check("A=1", PARAM SECRET "x"), ERR_NOT_NGINX);
	assert_int_equal(
	    check("A=1", PARAM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP-"),
	    ERR_NOT_NGINX);
	assert_int_equal(check("A=1", "HTTP_" PARAM SECRET), ERR_NOT_NGINX);
	assert_int_equal(check(PARAM SECRET, PARAM SECRET), ERR_NOT_NGINX);
}

/* What could not be loaded fits nobody, also not who sends nothing. */
static void
test_an_empty_secret_fits_nobody(void **state)
{
	char empty[] = PARAM;
	char *envp[] = { empty, NULL };
	char none[SECRET_TOKEN_TEXT] = "";

	assert_int_equal(nginx_secret_check(none, envp), ERR_NOT_NGINX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_load_is_strict),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_an_empty_secret_fits_nobody),
	};
	int fd = mkstemp(path);
	int r;

	log_open("t", LOG_ERROR);
	close(fd);
	r = unit_run("nginx_secret", tests);
	unlink(path);
	return r;
}
