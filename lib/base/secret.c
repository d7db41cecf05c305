#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

void
secret_random(void *p, size_t n)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, p, n) != 0)
		abort();
}

/* Six random bits make one character. It needs no memory, so cannot fail. */
static void
random_text(char *out, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i;

	secret_random(out, size - 1);
	for (i = 0; i < size - 1; i++)
		out[i] = alphabet[(uint8_t)out[i] & 63];
	out[i] = '\0';
}

void
secret_id(char out[SECRET_ID_TEXT])
{
	do
		random_text(out, SECRET_ID_TEXT);
	while (out[0] == '-');
}

void
secret_token(char out[SECRET_TOKEN_TEXT])
{
	random_text(out, SECRET_TOKEN_TEXT);
}

void
secret_uuid(char out[SECRET_UUID_TEXT])
{
	uint8_t u[16];

	secret_random(u, sizeof u);
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	snprintf(out, SECRET_UUID_TEXT,
	    "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-"
	    "%02X%02X%02X%02X%02X%02X",
	    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
	    u[11], u[12], u[13], u[14], u[15]);
}

void
secret_sha256(struct blob in, uint8_t out[SECRET_SHA256])
{
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, in.p, in.n, out) != 0)
		abort();
}

void
secret_hmac_sha256(struct blob key, struct blob in, uint8_t out[SECRET_SHA256])
{
	if (gnutls_hmac_fast(
		GNUTLS_MAC_SHA256, key.p, key.n, in.p, in.n, out) != 0)
		abort();
}

bool
secret_eq(struct blob a, struct blob b)
{
	return a.n == b.n && (a.n == 0 || gnutls_memcmp(a.p, b.p, a.n) == 0);
}

void
secret_wipe(void *p, size_t n)
{
	if (p != NULL && n > 0)
		explicit_bzero(p, n);
}

void
secret_hide_process(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	/* The leak sanitizer looks into its own process from outside. */
#ifndef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

int
secret_load(const char *path, void *p, size_t n)
{
	FILE *f = fopen(path, "rbe");
	size_t got;
	int more;

	if (f == NULL)
		return fail(ERR_IO, "cannot open %s", path);
	got = fread(p, 1, n, f);
	more = fgetc(f);
	fclose(f);
	if (got == n && more == EOF)
		return OK;
	secret_wipe(p, n);
	return fail(ERR_IO, "%s does not hold exactly %zu bytes", path, n);
}
