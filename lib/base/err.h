/*
 * The one list of outcomes. Functions that can fail return `int`: OK (0) or
 * one negative code of err.def, from which follow the text a client may see,
 * the HTTP status, the ACME problem type and the log priority.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

#define OK 0

enum err_index {
#define ERR(name, http, acme, prio, text, advice) ERR_INDEX_##name,
#include "base/err.def"
#undef ERR
	ERR_INDEX_COUNT
};

enum err_code {
#define ERR(name, http, acme, prio, text, advice)                              \
	ERR_##name = -1 - (int)ERR_INDEX_##name,
#include "base/err.def"
#undef ERR
};

/* The name of a code without its ERR_ prefix, such as "BAD_NONCE". */
const char *err_name(int code);

/* Fixed text that may be shown to anybody; never quotes input. */
const char *err_text(int code);

/* What an administrator should do about it, in one or two sentences. */
const char *err_advice(int code);

/*
 * The code with this name, as events and orders store it, or OK when there is
 * none: a database may hold the names of an older version.
 */
int err_find(const char *name);

int err_http_status(int code);

/* The ACME problem type without its URN prefix (RFC 8555 section 6.7). */
const char *err_acme_type(int code);

/* Priority of the log line, as in log.h. */
int err_priority(int code);

#endif
