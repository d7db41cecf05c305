#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "sim/sim_connect.h"
#include "sim/sim_http.h"

#define SIM_HTTP_HEAD_MAX ((size_t)64 << 10)
#define SIM_HTTP_BODY_MAX ((size_t)32 << 20)

void
sim_http_init(
    struct sim_http *h, const struct sim_http_config *config, SSL_CTX *ctx)
{
	memset(h, 0, sizeof *h);
	h->config = config;
	h->ctx = ctx;
	h->fd = -1;
	buf_init(&h->input, SIM_HTTP_BODY_MAX);
}

void
sim_http_close(struct sim_http *h)
{
	sim_connect_close(h);
	buf_reset(&h->input);
	h->authority[0] = '\0';
}

void
sim_http_release(struct sim_http *h)
{
	sim_http_close(h);
	buf_release(&h->input);
}

void
sim_http_reply_init(struct sim_http_reply *r)
{
	r->status = 0;
	buf_init(&r->head, SIM_HTTP_HEAD_MAX);
	buf_init(&r->body, SIM_HTTP_BODY_MAX);
}

void
sim_http_reply_release(struct sim_http_reply *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
}

bool
sim_http_header(
    const struct sim_http_reply *r, const char *name, char *out, size_t room)
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
sim_http_split(const char *url, char authority[300], const char **path)
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
sim_http_drop(struct sim_http *h, size_t n)
{
	memmove(h->input.p, h->input.p + n, h->input.n - n);
	h->input.n -= n;
}

static int
sim_http_need(struct sim_http *h, size_t n)
{
	while (h->input.n < n)
		if (sim_connect_read(h) <= 0)
			return fail(ERR_IO, "the answer breaks off");
	return OK;
}

/* The place of CR LF at or after `from`; reads on until it is there. */
static int
sim_http_line_end(struct sim_http *h, const char *end, size_t *at)
{
	size_t n = strlen(end), from = 0;

	for (;;) {
		for (; from + n <= h->input.n; from++) {
			if (memcmp(h->input.p + from, end, n) == 0) {
				*at = from;
				return OK;
			}
		}
		if (h->input.n > SIM_HTTP_HEAD_MAX)
			return fail(ERR_MALFORMED, "the header is too long");
		if (sim_connect_read(h) <= 0)
			return ERR_IO;
	}
}

static int
sim_http_read_chunks(struct sim_http *h, struct buf *body)
{
	for (;;) {
		size_t at = 0, n;
		int rc = sim_http_line_end(h, "\r\n", &at);

		if (rc != OK)
			return fail(rc, "a chunk breaks off");
		h->input.p[at] = '\0';
		n = strtoul((const char *)h->input.p, NULL, 16);
		sim_http_drop(h, at + 2);
		if (n > SIM_HTTP_BODY_MAX)
			return fail(ERR_MALFORMED, "a chunk is too long");
		if ((rc = sim_http_need(h, n + 2)) != OK)
			return rc;
		buf_add(body, h->input.p, n);
		sim_http_drop(h, n + 2);
		if (n == 0)
			return buf_status(body);
	}
}

static int
sim_http_read_body(struct sim_http *h, struct sim_http_reply *r)
{
	char value[64];
	size_t n;
	int rc;

	if (sim_http_header(r, "Transfer-Encoding", value, sizeof value) &&
	    strcasecmp(value, "chunked") == 0)
		return sim_http_read_chunks(h, &r->body);
	if (sim_http_header(r, "Content-Length", value, sizeof value)) {
		n = strtoul(value, NULL, 10);
		if (n > SIM_HTTP_BODY_MAX)
			return fail(ERR_MALFORMED, "the answer is too long");
		if ((rc = sim_http_need(h, n)) != OK)
			return rc;
		buf_add(&r->body, h->input.p, n);
		sim_http_drop(h, n);
		return buf_status(&r->body);
	}
	while (sim_connect_read(h) > 0)
		;
	buf_add(&r->body, h->input.p, h->input.n);
	sim_http_close(h);
	return buf_status(&r->body);
}

/* ERR_IO, unlogged, when the connection ended before any byte came. */
static int
sim_http_read_reply(struct sim_http *h, bool is_head, struct sim_http_reply *r)
{
	char value[64];
	size_t at = 0;
	int rc;

	buf_reset(&r->head);
	buf_reset(&r->body);
	if ((rc = sim_http_line_end(h, "\r\n\r\n", &at)) != OK)
		return rc;
	if ((rc = buf_add(&r->head, h->input.p, at + 2)) != OK)
		return rc;
	sim_http_drop(h, at + 4);
	if (strncmp(buf_str(&r->head), "HTTP/1.", 7) != 0)
		return fail(ERR_MALFORMED, "the answer is no HTTP");
	r->status = (int)strtol(buf_str(&r->head) + 9, NULL, 10);
	if (!is_head && r->status != 204 && r->status != 304)
		rc = sim_http_read_body(h, r);
	if (sim_http_header(r, "Connection", value, sizeof value) &&
	    strcasecmp(value, "close") == 0)
		sim_http_close(h);
	return rc;
}

static void
sim_http_write_head(const struct sim_http_request *q, const char *authority,
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
sim_http_try(struct sim_http *h, const struct sim_http_request *q,
    const char *authority, struct blob bytes, struct sim_http_reply *r)
{
	int rc = OK;

	if (h->ssl != NULL &&
	    (strcmp(h->authority, authority) != 0 || sim_connect_is_dead(h)))
		sim_http_close(h);
	if (h->ssl == NULL)
		rc = sim_connect_open(h, authority);
	if (rc != OK)
		return rc;
	snprintf(h->authority, sizeof h->authority, "%s", authority);
	if (sim_connect_write(h, bytes) != OK)
		return ERR_IO;
	return sim_http_read_reply(h, strcmp(q->method, "HEAD") == 0, r);
}

int
sim_http_send(struct sim_http *h, const struct sim_http_request *q,
    struct sim_http_reply *r)
{
	char authority[300];
	const char *path = "";
	struct buf bytes;
	bool kept = h->ssl != NULL;
	int rc = sim_http_split(q->url, authority, &path);

	if (rc != OK)
		return rc;
	buf_init(&bytes, SIM_HTTP_BODY_MAX);
	sim_http_write_head(q, authority, path, &bytes);
	rc = buf_status(&bytes);
	if (rc == OK)
		rc = sim_http_try(h, q, authority, buf_blob(&bytes), r);
	if (rc == ERR_IO && kept) {
		sim_http_close(h);
		rc = sim_http_try(h, q, authority, buf_blob(&bytes), r);
	}
	if (rc == ERR_IO)
		log_line(LOG_NOTICE, "no answer to %s %s", q->method, q->url);
	if (rc != OK)
		sim_http_close(h);
	if (h->config->verbose)
		fprintf(stderr, "> %s %s\n< %d %.*s\n", q->method, q->url,
		    r->status, (int)(r->body.n > 2000 ? 2000 : r->body.n),
		    buf_str(&r->body));
	buf_release(&bytes);
	return rc;
}
