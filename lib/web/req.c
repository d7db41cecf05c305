#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/secret.h"
#include "web/req.h"

#define REQ_ID_MAX      64
#define REQ_HEADER_MAX  64
#define REQ_DRAIN_MAX   (64u << 20)
#define REQ_DRAIN_CHUNK 8192

/* Parameters that decide who somebody is or where a request ends. */
static const char *const unique[] = { "CONTENT_LENGTH", "CONTENT_TYPE",
	"HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_IF_MATCH",
	"HTTP_MDM_SIGNATURE", "HTTP_X_APPLE_ASPEN_DEVICEINFO",
	"MDM_CLIENT_CERT", "REMOTE_ADDR", "REQUEST_ID", "REQUEST_METHOD",
	"REQUEST_URI" };

static const char *
value_of(const char *pair, const char *name)
{
	size_t n = strlen(name);

	return strncmp(pair, name, n) == 0 && pair[n] == '=' ? pair + n + 1
							     : NULL;
}

const char *
req_param(const struct req *req, const char *name)
{
	char *const *e;
	const char *value;

	for (e = req->envp; e != NULL && *e != NULL; e++)
		if ((value = value_of(*e, name)) != NULL)
			return value;
	return NULL;
}

static const char *
param_text(const struct req *req, const char *name)
{
	const char *value = req_param(req, name);

	return value != NULL ? value : "";
}

/* Old nginx passes a repeated header twice; the first one must not win. */
static int
check_unique(char *const *envp)
{
	size_t i, seen;
	char *const *e;

	for (i = 0; i < sizeof unique / sizeof unique[0]; i++) {
		seen = 0;
		for (e = envp; *e != NULL; e++)
			if (value_of(*e, unique[i]) != NULL)
				seen++;
		if (seen > 1)
			return fail(ERR_MALFORMED, "parameter %s came twice",
			    unique[i]);
	}
	return OK;
}

/* Only what a URL may hold unescaped (RFC 3986 appendix A), and '%'. */
static bool
target_ok(const char *target)
{
	const char *p;

	if (target[0] != '/' || strlen(target) > REQ_TARGET_MAX)
		return false;
	for (p = target; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '#')
			return false;
	return true;
}

static int
take_target(struct req *req)
{
	const char *target = param_text(req, "REQUEST_URI");
	char *mark;

	if (!target_ok(target))
		return fail(ERR_MALFORMED, "the request target is not usable");
	if ((req->path_copy = strdup(target)) == NULL)
		return fail(ERR_NOMEM, "no memory for a request target");
	req->target = target;
	req->path = req->path_copy;
	if ((mark = strchr(req->path_copy, '?')) != NULL) {
		*mark = '\0';
		req->query = mark + 1;
	}
	return OK;
}

static int
take_length(struct req *req)
{
	const char *p = param_text(req, "CONTENT_LENGTH");
	size_t n = 0;

	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || n > SIZE_MAX / 100)
			return fail(ERR_MALFORMED,
			    "the content length is not a number");
		n = n * 10 + (size_t)(*p - '0');
	}
	req->body_left = n;
	return OK;
}

/* nginx's id joins its log with ours; without one we make our own. */
static int
take_id(struct req *req)
{
	const char *given = param_text(req, "REQUEST_ID");
	char fresh[SECRET_ID_TEXT];

	if (!enc_is_base64url(given, REQ_ID_MAX)) {
		secret_id(fresh);
		given = fresh;
	}
	if ((req->id_copy = strdup(given)) == NULL)
		return fail(ERR_NOMEM, "no memory for a request id");
	req->id = req->id_copy;
	return OK;
}

int
req_init(struct req *req, char *const *envp)
{
	int r;

	memset(req, 0, sizeof *req);
	req->method = req->target = req->path = req->query = "";
	req->content_type = req->remote_address = req->id = "";
	req->envp = envp;
	if ((r = take_id(req)) != OK || (r = check_unique(envp)) != OK ||
	    (r = take_length(req)) != OK || (r = take_target(req)) != OK)
		return r;
	req->method = param_text(req, "REQUEST_METHOD");
	req->content_type = param_text(req, "CONTENT_TYPE");
	req->remote_address = param_text(req, "REMOTE_ADDR");
	return OK;
}

void
req_release(struct req *req)
{
	size_t i;

	for (i = 0; i < req->path_param_count; i++)
		free(req->path_params[i].value);
	free(req->path_copy);
	free(req->id_copy);
	if (req->body_bytes != NULL)
		secret_wipe(req->body_bytes, req->body.n);
	free(req->body_bytes);
	memset(req, 0, sizeof *req);
}

int
req_read_body(struct req *req, size_t max, req_reader *reader, void *arg)
{
	size_t want = req->body_left;
	long got;

	if (want > max)
		return fail(ERR_TOO_LARGE,
		    "a body of %zu bytes where %zu are allowed", want, max);
	if (want == 0)
		return OK;
	if ((req->body_bytes = malloc(want + 1)) == NULL)
		return fail(ERR_NOMEM, "no memory for a body");
	while (req->body_left > 0) {
		got =
		    reader(arg, req->body_bytes + req->body.n, req->body_left);
		if (got <= 0)
			return fail(
			    ERR_MALFORMED, "the body ends before its time");
		req->body.n += (size_t)got;
		req->body_left -= (size_t)got;
	}
	req->body_bytes[want] = '\0';
	req->body.p = req->body_bytes;
	return OK;
}

void
req_drain(struct req *req, req_reader *reader, void *arg)
{
	unsigned char chunk[REQ_DRAIN_CHUNK];
	size_t left =
	    req->body_left < REQ_DRAIN_MAX ? req->body_left : REQ_DRAIN_MAX;
	size_t n;
	long got = 1;

	while (left > 0 && got > 0) {
		n = left < sizeof chunk ? left : sizeof chunk;
		if ((got = reader(arg, chunk, n)) > 0)
			left -= (size_t)got;
	}
	req->body_left = 0;
}

const char *
req_header(const struct req *req, const char *name)
{
	char param[REQ_HEADER_MAX] = "HTTP_";
	size_t n = strlen(param);

	for (; *name != '\0' && n < sizeof param - 1; name++, n++) {
		if (*name == '-')
			param[n] = '_';
		else if (*name >= 'a' && *name <= 'z')
			param[n] = (char)(*name - 'a' + 'A');
		else
			param[n] = *name;
	}
	param[n] = '\0';
	return *name == '\0' ? req_param(req, param) : NULL;
}

const char *
req_path_param(const struct req *req, const char *name)
{
	size_t i;

	for (i = 0; i < req->path_param_count; i++)
		if (strlen(name) == req->path_params[i].name_len &&
		    memcmp(name, req->path_params[i].name,
			req->path_params[i].name_len) == 0)
			return req->path_params[i].value;
	/* The table and the handler disagree: a fault in the program. */
	abort();
}

bool
req_type_is(const struct req *req, const char *type)
{
	return strcasecmp(req->content_type, type) == 0;
}

bool
req_media_type_is(const struct req *req, const char *type)
{
	size_t n = strlen(type);
	const char *rest;

	if (strncasecmp(req->content_type, type, n) != 0)
		return false;
	rest = req->content_type + n;
	rest += strspn(rest, " \t");
	return *rest == '\0' || *rest == ';';
}

bool
req_method_is(const struct req *req, const char *method)
{
	return strcmp(req->method, method) == 0;
}

/* Does this element of Accept, without its parameters, take the type? */
static bool
range_takes(const char *range, size_t n, const char *type)
{
	size_t main_type = strcspn(type, "/") + 1;

	if (n == strlen(type) && strncasecmp(range, type, n) == 0)
		return true;
	if (n == 3 && memcmp(range, "*/*", 3) == 0)
		return true;
	return n == main_type + 1 && range[main_type] == '*' &&
	    strncasecmp(range, type, main_type) == 0;
}

bool
req_accepts(const struct req *req, const char *type)
{
	const char *p = req_header(req, "Accept");
	size_t whole, n;

	if (p == NULL || p[strspn(p, " \t")] == '\0')
		return true;
	for (; *p != '\0'; p += whole + (p[whole] == ',')) {
		whole = strcspn(p, ",");
		n = strspn(p, " \t");
		if (n < whole &&
		    range_takes(p + n, strcspn(p + n, "; \t,"), type))
			return true;
	}
	return false;
}
