/* Random bytes, digests, comparing and wiping secrets. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

#define SECRET_SHA256 32

/* 22 random characters of base64url, with the NUL. */
#define SECRET_ID_TEXT 23
/* 43 random characters of base64url, with the NUL. */
#define SECRET_TOKEN_TEXT 44

/* Fills p from the system's CSPRNG; aborts the process if it has none. */
void secret_random(void *p, size_t n);

/*
 * A fresh unguessable id (132 bits) or token (258 bits). An id does not begin
 * with '-', so that a command line does not take it for an option.
 */
void secret_id(char out[SECRET_ID_TEXT]);
void secret_token(char out[SECRET_TOKEN_TEXT]);

/* A random UUID, version 4, in upper case, as Apple's protocols write it. */
#define SECRET_UUID_TEXT 37
void secret_uuid(char out[SECRET_UUID_TEXT]);

void secret_sha256(struct blob in, uint8_t out[SECRET_SHA256]);
void secret_hmac_sha256(
    struct blob key, struct blob in, uint8_t out[SECRET_SHA256]);

/* Equal length and equal bytes, in time that depends on the length only. */
bool secret_eq(struct blob a, struct blob b);

/* Overwrites p in a way the compiler does not drop. NULL is fine. */
void secret_wipe(void *p, size_t n);

/*
 * Call this before opening keys. From then on no other process of the same user
 * can look into this one, by ptrace or /proc/PID, and it leaves no core file.
 * exec() undoes the former.
 */
void secret_hide_process(void);

/* Reads exactly n bytes from a file: ERR_IO when absent, longer or shorter. */
int secret_load(const char *path, void *p, size_t n);

#endif
