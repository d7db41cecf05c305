/*
 * One HTTP response, built whole before the first byte leaves, so that a late
 * failure can still become an error page; resp_stream() is the exception. It
 * starts as an empty 200 with headers that suit machine-read answers:
 *
 *	Cache-Control: no-store
 *	Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
 *	Referrer-Policy: no-referrer
 *	X-Content-Type-Options: nosniff
 */
#ifndef WEB_RESP_H
#define WEB_RESP_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"

#define RESP_HEADERS_MAX 32
#define RESP_BODY_MAX    (32u << 20)

struct resp_header {
	char *name;
	char *value;
};

/*
 * Appends the next part of a body to `out`, or nothing at its end. A code breaks the
 * connection off, so that nobody takes what came for the whole.
 */
typedef int resp_more(void *arg, struct buf *out);

struct resp {
	int status;
	struct buf body;

	/* Of resp.c only. */
	struct resp_header headers[RESP_HEADERS_MAX];
	size_t header_count;
	/* a header is missing for lack of memory: it is not sent without */
	bool incomplete;
	/* of resp_stream() */
	resp_more *more;
	void (*release)(void *arg);
	void *arg;
};

void resp_init(struct resp *resp);
void resp_release(struct resp *resp);

/*
 * Sets a header, in place of one with the same name; a NULL value removes it.
 * ERR_INTERNAL when name or value hold a control character or there are too
 * many; then the header is not set.
 */
int resp_set(struct resp *resp, const char *name, const char *value);

/* Adds one to those with the same name: Link, Set-Cookie. */
int resp_add(struct resp *resp, const char *name, const char *value);

/* The value of the first header with this name, or NULL. */
const char *resp_get(const struct resp *resp, const char *name);

/* Status, Content-Type and body in one; replaces what the body held. */
int resp_body(
    struct resp *resp, int status, const char *type, struct blob body);

/* A line of plain text. */
int resp_text(struct resp *resp, int status, const char *text);

/* 303 See Other to a path of our own ("/…"): the end of every form POST. */
int resp_redirect(struct resp *resp, const char *path);

/*
 * A problem document (RFC 7807) for an err.def code: type is urn_prefix and
 * the code's type, detail its fixed text. `members` is further JSON members
 * such as "\"algorithms\":[\"ES256\"]", or NULL. Headers stay as they are.
 */
int resp_problem(
    struct resp *resp, int code, const char *urn_prefix, const char *members);

/*
 * The fixed text of a code as plain text, with the code's HTTP status; 500 in
 * place of 503, except for ERR_MDM_OFF.
 */
int resp_error_text(struct resp *resp, int code);

/* The same as a small page of HTML without style. */
int resp_error_page(struct resp *resp, int code);

/*
 * Writes the response in CGI form (Status, headers, blank line, body) with
 * its Content-Length. The answer to HEAD has the headers only; 204 and 304
 * have no body.
 */
int resp_write(const struct resp *resp, bool head, struct buf *out);

/*
 * For a body that is too long to be built whole: after what `body` holds, `more` is
 * called for one part after the other, and there is no Content-Length. `release`
 * frees `arg` with the response, also when an error page takes its place.
 */
void resp_stream(struct resp *resp, resp_more *more,
    void (*release)(void *arg), void *arg);

/* Undoes resp_stream(), and releases its `arg`. */
void resp_end_stream(struct resp *resp);

/* The usual phrase of a status, such as "Not Found". */
const char *resp_phrase(int status);

#endif
