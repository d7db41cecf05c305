#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/player.h"

#define URL_TEXT 4096
/* Pages on the way. */
#define HOPS 10

/* Where the browser is. */
struct place {
	struct player *player;
	char url[URL_TEXT];
};

static bool
is_abroad(const struct place *at)
{
	const char *server = at->player->server;
	size_t n = strlen(server);

	return strncmp(at->url, server, n) != 0 ||
	    (at->url[n] != '/' && at->url[n] != '?' && at->url[n] != '\0');
}

static int
visit(struct place *at, const char *method, const char *header,
    struct blob body)
{
	struct http_request q = {
		.method = method,
		.url = at->url,
		.headers = { header },
		.has_body = body.n > 0,
		.body = body,
		.as_is = true,
		.abroad = is_abroad(at),
	};

	return http_send(&at->player->http, &q);
}

/* Follows a link of the page to this path or URL. */
static int
go_to(struct place *at, const char *link)
{
	const char *host = strstr(at->url, "://");
	char next[URL_TEXT];
	int n;

	if (link[0] == '/' && host != NULL)
		n = snprintf(next, sizeof next, "%.*s%s",
		    (int)(host + 3 + strcspn(host + 3, "/?") - at->url),
		    at->url, link);
	else
		n = snprintf(next, sizeof next, "%s", link);
	if (n < 0 || (size_t)n >= sizeof next)
		return fail(ERR_MALFORMED, "a link is too long");
	memcpy(at->url, next, (size_t)n + 1);
	return OK;
}

/* The text between the first `before` and the quote after it. */
static bool
find_quoted(const char *page, const char *before, char *out, size_t room)
{
	const char *p = strstr(page, before);
	size_t n;

	if (p == NULL)
		return false;
	p += strlen(before);
	n = strcspn(p, "\"");
	if (n >= room)
		return false;
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

/* The one form that sim/apple/openid_provider.c shows. */
static int
fill_form(struct place *at)
{
	const char *page = buf_str(&at->player->http.body);
	char action[URL_TEXT], request[256];
	SCRATCH_BUF(body);
	int r;

	if (!find_quoted(page, "action=\"", action, sizeof action) ||
	    !find_quoted(
		page, "name=\"request\" value=\"", request, sizeof request))
		return fail(ERR_MALFORMED, "the provider shows no form");
	buf_printf(&body, "request=%s&account=", request);
	enc_percent(at->player->sign_in, &body);
	if ((r = go_to(at, action)) != OK)
		return r;
	return visit(at, "POST",
	    "Content-Type: application/x-www-form-urlencoded",
	    buf_blob(&body));
}

/* One page further; *ended when there is none. */
static int
go_on(struct place *at, bool *ended)
{
	struct http *http = &at->player->http;
	const char *location = http_header(http, "Location");
	int r;

	*ended = false;
	if ((http->status == 302 || http->status == 303) && location != NULL)
		return (r = go_to(at, location)) == OK
		    ? visit(at, "GET", NULL, blob_of(NULL, 0))
		    : r;
	if (http->status == 200 && is_abroad(at))
		return fill_form(at);
	*ended = true;
	return OK;
}

int
web_view_run(struct player *p, struct blob machineinfo)
{
	struct place at = { .player = p };
	bool ended = false;
	SCRATCH_BUF(header);
	int r;

	http_keep_cookies(&p->http);
	snprintf(at.url, sizeof at.url, "%s/enroll/sso", p->server);
	buf_add_str(&header, "x-apple-aspen-deviceinfo: ");
	enc_base64(machineinfo, &header);
	r = visit(&at, "GET", buf_str(&header), blob_of(NULL, 0));
	for (int i = 0; i < HOPS && r == OK && !ended; i++)
		r = go_on(&at, &ended);
	return r;
}
