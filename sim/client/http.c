#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "sim/client/connect.h"
#include "sim/client/http.h"

#define HTTP_HEAD_MAX ((size_t)64 << 10)
#define HTTP_BODY_MAX ((size_t)32 << 20)

void
http_init(struct http *h, const struct http_config *config, SSL_CTX *ctx)
{
	memset(h, 0, sizeof *h);
	h->config = config;
	h->ctx = ctx;
	h->fd = -1;
	buf_init(&h->input, HTTP_BODY_MAX);
}

void
http_close(struct http *h)
{
	connect_close(h);
	buf_reset(&h->input);
	h->authority[0] = '\0';
}

void
http_release(struct http *h)
{
	http_close(h);
	buf_release(&h->input);
}

void
http_reply_init(struct http_reply *r)
{
	r->status = 0;
	buf_init(&r->head, HTTP_HEAD_MAX);
	buf_init(&r->body, HTTP_BODY_MAX);
}

void
http_reply_release(struct http_reply *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
}

bool
http_header(
    const struct http_reply *r, const char *name, char *out, size_t room)
{
	const char *line = buf_str(&r->head);
	size_t n = strlen(name);

	while ((line = strstr(line, "\r\n")) != NULL) {
		size_t length;

		line += 2;
		if (strncasecmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		length = strcspn(line, "\r");
		if (length >= room)
			return false;
		memcpy(out, line, length);
		out[length] = '\0';
		return true;
	}
	return false;
}

/* Splits https://host[:port]/path; the path is empty or begins with '/'. */
static int
http_split(const char *url, char authority[300], const char **path)
{
	const char *start = url + 8;
	size_t n;

	if (strncmp(url, "https://", 8) != 0)
		return fail(ERR_USAGE, "not an https URL: %s", url);
	n = strcspn(start, "/?#");
	if (n == 0 || n > 280)
		return fail(ERR_USAGE, "no host in %s", url);
	memcpy(authority, start, n);
	authority[n] = '\0';
	*path = start + n;
	return OK;
}

/* Takes up to n bytes of what was read off the front. */
static void
http_drop(struct http *h, size_t n)
{
	memmove(h->input.p, h->input.p + n, h->input.n - n);
	h->input.n -= n;
}

static int
http_need(struct http *h, size_t n)
{
	while (h->input.n < n)
		if (connect_read(h) <= 0)
			return fail(ERR_IO, "the answer breaks off");
	return OK;
}

/* The place of CR LF at or after `from`; reads on until it is there. */
static int
http_line_end(struct http *h, const char *end, size_t *at)
{
	size_t n = strlen(end), from = 0;

	for (;;) {
		for (; from + n <= h->input.n; from++) {
			if (memcmp(h->input.p + from, end, n) == 0) {
				*at = from;
				return OK;
			}
		}
		if (h->input.n > HTTP_HEAD_MAX)
			return fail(ERR_MALFORMED, "the header is too long");
		if (connect_read(h) <= 0)
			return ERR_IO;
	}
}

static int
http_read_chunks(struct http *h, struct buf *body)
{
	for (;;) {
		size_t at = 0, n;
		int rc = http_line_end(h, "\r\n", &at);

		if (rc != OK)
			return fail(rc, "a chunk breaks off");
		h->input.p[at] = '\0';
		n = strtoul((const char *)h->input.p, NULL, 16);
		http_drop(h, at + 2);
		if (n > HTTP_BODY_MAX)
			return fail(ERR_MALFORMED, "a chunk is too long");
		if ((rc = http_need(h, n + 2)) != OK)
			return rc;
		buf_add(body, h->input.p, n);
		http_drop(h, n + 2);
		if (n == 0)
			return buf_status(body);
	}
}

static int
http_read_body(struct http *h, struct http_reply *r)
{
	char value[64];
	size_t n;
	int rc;

	if (http_header(r, "Transfer-Encoding", value, sizeof value) &&
	    strcasecmp(value, "chunked") == 0)
		return http_read_chunks(h, &r->body);
	if (http_header(r, "Content-Length", value, sizeof value)) {
		n = strtoul(value, NULL, 10);
		if (n > HTTP_BODY_MAX)
			return fail(ERR_MALFORMED, "the answer is too long");
		if ((rc = http_need(h, n)) != OK)
			return rc;
		buf_add(&r->body, h->input.p, n);
		http_drop(h, n);
		return buf_status(&r->body);
	}
	while (connect_read(h) > 0)
		;
	buf_add(&r->body, h->input.p, h->input.n);
	http_close(h);
	return buf_status(&r->body);
}

/* ERR_IO, unlogged, when the connection ended before any byte came. */
static int
http_read_reply(struct http *h, bool is_head, struct http_reply *r)
{
	char value[64];
	size_t at = 0;
	int rc;

	buf_reset(&r->head);
	buf_reset(&r->body);
	if ((rc = http_line_end(h, "\r\n\r\n", &at)) != OK)
		return rc;
	if ((rc = buf_add(&r->head, h->input.p, at + 2)) != OK)
		return rc;
	http_drop(h, at + 4);
	if (strncmp(buf_str(&r->head), "HTTP/1.", 7) != 0)
		return fail(ERR_MALFORMED, "the answer is no HTTP");
	r->status = (int)strtol(buf_str(&r->head) + 9, NULL, 10);
	if (!is_head && r->status != 204 && r->status != 304)
		rc = http_read_body(h, r);
	if (http_header(r, "Connection", value, sizeof value) &&
	    strcasecmp(value, "close") == 0)
		http_close(h);
	return rc;
}

static void
http_write_head(const struct http_request *q, const char *authority,
    const char *path, struct buf *out)
{
	buf_printf(out, "%s ", q->method);
	if (*path == '\0')
		buf_add_byte(out, '/');
	/* Apple's ACME client escapes a finished URL once more. */
	for (; *path != '\0'; path++)
		buf_add_str(out,
		    *path == '%' && !q->as_is ? "%25" : (char[]){ *path, 0 });
	buf_printf(out,
	    " HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "Accept: */*\r\n",
	    authority);
	if (q->headers != NULL)
		buf_add_str(out, q->headers);
	if (q->has_body)
		buf_printf(out, "Content-Length: %zu\r\n", q->body.n);
	buf_add_str(out, "Connection: keep-alive\r\n\r\n");
	buf_add_blob(out, q->body);
}

static int
http_try(struct http *h, const struct http_request *q, const char *authority,
    struct blob bytes, struct http_reply *r)
{
	int rc = OK;

	if (h->ssl != NULL &&
	    (strcmp(h->authority, authority) != 0 || connect_is_dead(h)))
		http_close(h);
	if (h->ssl == NULL)
		rc = connect_open(h, authority);
	if (rc != OK)
		return rc;
	snprintf(h->authority, sizeof h->authority, "%s", authority);
	if (connect_write(h, bytes) != OK)
		return ERR_IO;
	return http_read_reply(h, strcmp(q->method, "HEAD") == 0, r);
}

int
http_send(struct http *h, const struct http_request *q, struct http_reply *r)
{
	char authority[300];
	const char *path = "";
	struct buf bytes;
	bool kept = h->ssl != NULL;
	int rc = http_split(q->url, authority, &path);

	if (rc != OK)
		return rc;
	buf_init(&bytes, HTTP_BODY_MAX);
	http_write_head(q, authority, path, &bytes);
	rc = buf_status(&bytes);
	if (rc == OK)
		rc = http_try(h, q, authority, buf_blob(&bytes), r);
	if (rc == ERR_IO && kept) {
		http_close(h);
		rc = http_try(h, q, authority, buf_blob(&bytes), r);
	}
	if (rc == ERR_IO)
		log_line(LOG_NOTICE, "no answer to %s %s", q->method, q->url);
	if (rc != OK)
		http_close(h);
	if (h->config->verbose)
		fprintf(stderr, "> %s %s\n< %d %.*s\n", q->method, q->url,
		    r->status, (int)(r->body.n > 2000 ? 2000 : r->body.n),
		    buf_str(&r->body));
	buf_release(&bytes);
	return rc;
}
