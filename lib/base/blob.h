/* Borrowed bytes: a pointer and a length, never owned, never NUL-terminated. */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct blob {
	const uint8_t *p;
	size_t n;
};

static inline struct blob
blob_of(const void *p, size_t n)
{
	return (struct blob){ p, n };
}

static inline struct blob
blob_str(const char *s)
{
	return (struct blob){ (const uint8_t *)s, strlen(s) };
}

static inline bool
blob_eq(struct blob a, struct blob b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
blob_eq_str(struct blob a, const char *s)
{
	return blob_eq(a, blob_str(s));
}

#endif
