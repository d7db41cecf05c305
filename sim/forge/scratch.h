/* Variables of a function that are freed when it returns, wherever it does. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <openssl/evp.h>

#include "base/buf.h"

/* More than any message of the simulator needs. */
#define SCRATCH_MAX ((size_t)64 << 20)

/* An empty buffer. */
#define SCRATCH_BUF(b)                                                         \
	__attribute__((                                                        \
	    cleanup(buf_release))) struct buf b = { .max = SCRATCH_MAX }

/* A key that is NULL at first. */
#define SCRATCH_KEY(k)                                                         \
	__attribute__((cleanup(scratch_free_key))) EVP_PKEY *k = NULL

static inline void
scratch_free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

#endif
