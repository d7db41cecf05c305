/* HTTP/1.1 as a server sees it (RFC 9112), with hard limits on everything. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/buf.h"
#include "base/err.h"

#define HTTP_SERVER_HEAD ((size_t)16 << 10)
#define HTTP_SERVER_BODY ((size_t)4 << 20)
#define HTTP_SERVER_TEXT 2048

/* One request; the blobs are of the buffer that it was read from. */
struct http_server_request {
	char method[16];
	char path[HTTP_SERVER_TEXT];  /* without the query */
	char query[HTTP_SERVER_TEXT]; /* without its '?' */
	struct blob head;
	struct blob body;
	size_t length; /* bytes of head and body */
};

/*
 * Reads the request at the beginning of `in`. ERR_BUSY while it is not whole,
 * ERR_MALFORMED, ERR_TOO_LARGE.
 */
int http_server_read(const struct buf *in, struct http_server_request *q);

/* Copies a header's value; false when it is absent, or does not fit. */
bool http_server_header(const struct http_server_request *q, const char *name,
    char *out, size_t room);

/*
 * Appends the head of an answer, dated by the stand-in's clock, with `length`
 * bytes to follow. headers are whole lines with CRLF, or "".
 */
void http_server_head(
    struct buf *out, int status, const char *headers, size_t length);

#endif
