/*
 * In place of libxcrypt's own: settings of yescrypt that cost next to nothing.
 * That hashes of passwords cost much is the library's matter, and a test that
 * makes hundreds waits for each.
 */
#include <crypt.h>
#include <stdio.h>

char *
crypt_gensalt_rn(const char *prefix, unsigned long count, const char *random,
    int n_random, char *out, int size)
{
	static unsigned made;

	(void)count;
	(void)random;
	(void)n_random;
	snprintf(out, (size_t)size, "%sj75$%08x", prefix, ++made);
	return out;
}
