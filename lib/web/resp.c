#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "web/resp.h"

static const struct {
	int status;
	const char *phrase;
} resp_phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

const char *
resp_phrase(int status)
{
	size_t i;

	for (i = 0; i < sizeof resp_phrases / sizeof resp_phrases[0]; i++)
		if (resp_phrases[i].status == status)
			return resp_phrases[i].phrase;
	return "Unknown";
}

void
resp_init(struct resp *resp)
{
	memset(resp, 0, sizeof *resp);
	resp->status = 200;
	buf_init(&resp->body, RESP_BODY_MAX);
	resp_set(resp, "Cache-Control", "no-store");
	resp_set(resp, "Content-Security-Policy",
	    "default-src 'none'; frame-ancestors 'none'");
	resp_set(resp, "Referrer-Policy", "no-referrer");
	resp_set(resp, "X-Content-Type-Options", "nosniff");
}

static void
header_release(struct resp_header *h)
{
	free(h->name);
	free(h->value);
}

void
resp_release(struct resp *resp)
{
	size_t i;

	for (i = 0; i < resp->header_count; i++)
		header_release(&resp->headers[i]);
	resp->header_count = 0;
	resp_end_stream(resp);
	buf_wipe(&resp->body);
}

void
resp_stream(struct resp *resp, resp_more *more, void (*release)(void *arg),
    void *arg)
{
	resp_end_stream(resp);
	resp->more = more;
	resp->release = release;
	resp->arg = arg;
}

void
resp_end_stream(struct resp *resp)
{
	if (resp->release != NULL)
		resp->release(resp->arg);
	resp->more = NULL;
	resp->release = NULL;
	resp->arg = NULL;
}

/* A header never holds a line end: nobody writes a second one through it. */
static bool
header_ok(const char *name, const char *value)
{
	const char *p;

	for (p = name; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == ':')
			return false;
	for (p = value; *p != '\0'; p++)
		if ((*p < ' ' || *p > '~') && *p != '\t')
			return false;
	return *name != '\0';
}

int
resp_add(struct resp *resp, const char *name, const char *value)
{
	struct resp_header h;

	if (!header_ok(name, value))
		return fail(ERR_INTERNAL, "a header holds a foreign byte");
	if (resp->header_count == RESP_HEADERS_MAX)
		return fail(ERR_INTERNAL, "a response has too many headers");
	h.name = strdup(name);
	h.value = strdup(value);
	if (h.name == NULL || h.value == NULL) {
		header_release(&h);
		resp->incomplete = true;
		return fail(ERR_NOMEM, "no memory for a header");
	}
	resp->headers[resp->header_count++] = h;
	return OK;
}

static void
remove_header(struct resp *resp, const char *name)
{
	size_t i, kept = 0;

	for (i = 0; i < resp->header_count; i++) {
		if (strcasecmp(resp->headers[i].name, name) == 0)
			header_release(&resp->headers[i]);
		else
			resp->headers[kept++] = resp->headers[i];
	}
	resp->header_count = kept;
}

int
resp_set(struct resp *resp, const char *name, const char *value)
{
	remove_header(resp, name);
	return value != NULL ? resp_add(resp, name, value) : OK;
}

const char *
resp_get(const struct resp *resp, const char *name)
{
	size_t i;

	for (i = 0; i < resp->header_count; i++)
		if (strcasecmp(resp->headers[i].name, name) == 0)
			return resp->headers[i].value;
	return NULL;
}

int
resp_body(struct resp *resp, int status, const char *type, struct blob body)
{
	int r = resp_set(resp, "Content-Type", type);

	if (r != OK)
		return r;
	resp->status = status;
	buf_reset(&resp->body);
	return buf_add_blob(&resp->body, body);
}

int
resp_text(struct resp *resp, int status, const char *text)
{
	int r = resp_body(
	    resp, status, "text/plain; charset=utf-8", blob_str(text));

	return r == OK ? buf_add_byte(&resp->body, '\n') : r;
}

int
resp_redirect(struct resp *resp, const char *path)
{
	/* "//host" would be another site's address. */
	if (path[0] != '/' || path[1] == '/' || path[1] == '\\')
		return fail(ERR_INTERNAL, "a redirect leads out of the site");
	resp->status = 303;
	buf_reset(&resp->body);
	resp_set(resp, "Content-Type", NULL);
	return resp_set(resp, "Location", path);
}

/* The texts of err.def are plain ASCII without quotes; a test sees to it. */
int
resp_problem(
    struct resp *resp, int code, const char *urn_prefix, const char *members)
{
	int r = resp_set(resp, "Content-Type", "application/problem+json");

	if (r != OK)
		return r;
	resp->status = err_http_status(code);
	buf_reset(&resp->body);
	buf_printf(&resp->body,
	    "{\"type\":\"%s%s\",\"detail\":\"%s\",\"status\":%d", urn_prefix,
	    err_acme_type(code), err_text(code), resp->status);
	if (members != NULL)
		buf_printf(&resp->body, ",%s", members);
	return buf_add_str(&resp->body, "}\n");
}

int
resp_error_text(struct resp *resp, int code)
{
	int status = err_http_status(code);

	/* For devices, which must not be answered 503 but when all is off. */
	if (status == 503 && code != ERR_MDM_OFF)
		status = 500;
	return resp_text(resp, status, err_text(code));
}

int
resp_error_page(struct resp *resp, int code)
{
	int status = err_http_status(code);
	char page[1024];

	snprintf(page, sizeof page,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n</html>\n",
	    status, resp_phrase(status), resp_phrase(status), err_text(code));
	return resp_body(
	    resp, status, "text/html; charset=utf-8", blob_str(page));
}

static bool
has_body(const struct resp *resp)
{
	return resp->status != 204 && resp->status != 304;
}

int
resp_write(const struct resp *resp, bool head, struct buf *out)
{
	const struct resp_header *h;
	size_t i;

	if (buf_status(&resp->body) != OK)
		return fail(buf_status(&resp->body), "a response did not fit");
	if (resp->incomplete)
		return fail(ERR_NOMEM, "a response has not all its headers");
	buf_printf(
	    out, "Status: %d %s\r\n", resp->status, resp_phrase(resp->status));
	for (i = 0; i < resp->header_count; i++) {
		h = &resp->headers[i];
		buf_printf(out, "%s: %s\r\n", h->name, h->value);
	}
	if (has_body(resp) && resp->more == NULL)
		buf_printf(out, "Content-Length: %zu\r\n", resp->body.n);
	buf_add_str(out, "\r\n");
	if (has_body(resp) && !head)
		buf_add_blob(out, buf_blob(&resp->body));
	return buf_status(out);
}
