/*
 * One line per event on standard error, with a "<N>" priority that journald
 * and syslog understand. Control and invisible characters are escaped, so that
 * hostile text can neither start a line of its own nor hide in one.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/blob.h"
#include "base/err.h"

enum log_priority {
	LOG_ERROR = 3,
	LOG_WARN = 4,
	LOG_NOTICE = 5,
	LOG_INFO = 6,
	LOG_DEBUG = 7,
};

/* Names the program in every line; drops lines less urgent than `least`. */
void log_open(const char *program, enum log_priority least);

/*
 * The request in hand: its id marks the lines that follow, and the activity log
 * takes both; NULL, NULL ends that.
 */
void log_request(const char *id, const char *address);

/* Its id, escaped, and its client's address; "" when there is none. */
const char *log_request_id(void);
const char *log_request_address(void);

/* The name given to log_open(). */
const char *log_program(void);

void log_line(enum log_priority prio, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Logs a failure where it is noticed and returns `code`, so that the caller
 * writes `return fail(ERR_X, "…")`. Callers further up pass the code on and do
 * not log again. The sentence is for administrators only; the client gets the
 * fixed text of err.def. The code is evaluated twice, and seen by compilers and
 * analyzers, which therefore know that the caller has failed.
 */
#define fail(code, ...)                                                        \
	(log_fail(__FILE__, __LINE__, __func__, (code), __VA_ARGS__),          \
	    log_same(code))
void log_fail(const char *file, int line, const char *func, int code,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static inline int
log_same(int code)
{
	return code;
}

/* The sentence of the last fail() of this process, escaped; "" if none. */
const char *log_reason(void);

/* Puts a longer sentence in its place, without a line in the log. */
void log_restate_reason(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Forgets it; the request loop does so before each request. */
void log_forget_reason(void);

/*
 * Copies `in` as utf8_show() shows it, a backslash as \x5c; always terminated,
 * cut at a whole character.
 */
void log_escape(struct blob in, char *out, size_t outlen);

#endif
