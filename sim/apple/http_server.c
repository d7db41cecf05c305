#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "sim/apple/http_server.h"

bool
http_server_header(const struct http_server_request *q, const char *name,
    char *out, size_t room)
{
	const char *p = (const char *)q->head.p, *end = p + q->head.n;
	size_t n = strlen(name);

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		const char *value = ++p + n + 1, *stop;

		if ((size_t)(end - p) <= n + 1 ||
		    strncasecmp(p, name, n) != 0 || p[n] != ':')
			continue;
		while (value < end && *value == ' ')
			value++;
		stop = memchr(value, '\r', (size_t)(end - value));
		if (stop == NULL || (size_t)(stop - value) >= room)
			return false;
		snprintf(out, room, "%.*s", (int)(stop - value), value);
		return true;
	}
	return false;
}

/* METHOD SP target SP HTTP/1.1 */
static int
read_line(struct http_server_request *q)
{
	char line[HTTP_SERVER_TEXT + 64], *save = NULL, *target, *query;
	const uint8_t *end = memchr(q->head.p, '\r', q->head.n);
	size_t n = end == NULL ? 0 : (size_t)(end - q->head.p);
	const char *method, *version;

	if (n == 0 || n >= sizeof line)
		return ERR_MALFORMED;
	memcpy(line, q->head.p, n);
	line[n] = '\0';
	method = strtok_r(line, " ", &save);
	target = strtok_r(NULL, " ", &save);
	version = strtok_r(NULL, " ", &save);
	if (version == NULL || strcmp(version, "HTTP/1.1") != 0 ||
	    target[0] != '/' || strlen(method) >= sizeof q->method)
		return ERR_MALFORMED;
	if ((query = strchr(target, '?')) != NULL)
		*query++ = '\0';
	snprintf(q->method, sizeof q->method, "%s", method);
	snprintf(q->path, sizeof q->path, "%s", target);
	snprintf(q->query, sizeof q->query, "%s", query != NULL ? query : "");
	return OK;
}

int
http_server_read(const struct buf *in, struct http_server_request *q)
{
	const uint8_t *end =
	    in->n == 0 ? NULL : memmem(in->p, in->n, "\r\n\r\n", 4);
	char text[32] = "0", *stop = NULL;
	unsigned long n;
	int r;

	memset(q, 0, sizeof *q);
	if (end == NULL)
		return in->n > HTTP_SERVER_HEAD ? ERR_TOO_LARGE : ERR_BUSY;
	q->head = blob_of(in->p, (size_t)(end - in->p) + 2);
	if (q->head.n > HTTP_SERVER_HEAD)
		return ERR_TOO_LARGE;
	if ((r = read_line(q)) != OK)
		return r;
	if (http_server_header(q, "Transfer-Encoding", text, sizeof text))
		return ERR_MALFORMED;
	http_server_header(q, "Content-Length", text, sizeof text);
	n = strtoul(text, &stop, 10);
	if (*stop != '\0' || text[0] == '-')
		return ERR_MALFORMED;
	if (n > HTTP_SERVER_BODY)
		return ERR_TOO_LARGE;
	q->length = q->head.n + 2 + n;
	if (in->n < q->length)
		return ERR_BUSY;
	q->body = blob_of(in->p + q->head.n + 2, n);
	return OK;
}

static const char *
phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 302:
		return "Found";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 429:
		return "Too Many Requests";
	case 503:
		return "Service Unavailable";
	default:
		return "Other";
	}
}

void
http_server_head(
    struct buf *out, int status, const char *headers, size_t length)
{
	time_t now = (time_t)clock_now();
	char date[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(out,
	    "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %zu\r\n%s\r\n",
	    status, phrase(status), date, length, headers);
}
