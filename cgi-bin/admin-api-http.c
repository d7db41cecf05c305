#include "admin-api-http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "store/rowmac.h"
#include "web/bearer.h"

#define JSON_TYPE    "application/json"
#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_URN  "urn:attestmdm:problem:"

#define OPENAPI_PATH "/api/v1/openapi.json"
#define METRICS_PATH "/metrics"

/* Nesting of a body: {"mdm": {"minimum_os_versions": {"macos": "14"}}}. */
#define BODY_DEPTH 4

/* Room for the digits of a number. */
#define CURSOR_MAX 24

int
admin_api_http_load(void *p)
{
	struct admin_api *api = p;

	return rowmac_load(api->context.db, api->context.conf->admin_key);
}

/* Is the address in [metrics] allow, a list separated by blanks or commas? */
static bool
may_read_metrics(const struct conf *conf, const char *address)
{
	const char *p = conf->metrics_allow;
	size_t n;

	for (; *p != '\0'; p += n) {
		p += strspn(p, " ,\t");
		n = strcspn(p, " ,\t");
		if (n > 0 && n == strlen(address) && memcmp(p, address, n) == 0)
			return true;
	}
	return false;
}

static int
authenticate(struct admin_api *api, const struct req *req, struct resp *resp)
{
	int r = bearer_load(api->context.db, req, resp, &api->token);

	if (r == OK)
		snprintf(
		    api->actor, sizeof api->actor, "token:%s", api->token.name);
	return r;
}

int
admin_api_http_begin(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;
	bool metrics = strcmp(req->path, METRICS_PATH) == 0;
	int r;

	if (strcmp(req->path, OPENAPI_PATH) == 0 ||
	    (metrics &&
		may_read_metrics(api->context.conf, req->remote_address)))
		return OK;
	if ((r = authenticate(api, req, resp)) != OK)
		return r;
	if (!metrics && !req_accepts(req, JSON_TYPE))
		return fail(ERR_NOT_ACCEPTABLE, "the client does not accept JSON");
	return OK;
}

void
admin_api_http_end(void *p, const struct req *req, struct resp *resp)
{
	struct admin_api *api = p;

	form_free(api->query);
	api->query = NULL;
	secret_wipe(&api->token, sizeof api->token);
	api->actor[0] = api->field[0] = '\0';
}

/* The name of the error as a URN: ERR_NOT_FOUND is "…:not-found". */
static void
set_type(struct out_json *w, int code)
{
	char urn[sizeof PROBLEM_URN + 64];
	char *p;

	snprintf(urn, sizeof urn, PROBLEM_URN "%s", err_name(code));
	for (p = urn + strlen(PROBLEM_URN); *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (*p == '_')
			*p = '-';
	}
	out_json_string(w, "type", urn);
}

void
admin_api_http_on_error(
    void *p, const struct req *req, int code, struct resp *resp)
{
	const struct admin_api *api = p;
	int status = err_http_status(code);
	bool known = api->actor[0] != '\0' && status < 500;
	const char *reason = known ? log_reason() : "";
	struct out_json w;

	admin_api_http_open(&w, resp);
	set_type(&w, code);
	out_json_string(&w, "title", err_text(code));
	out_json_int(&w, "status", status);
	out_json_string(
	    &w, "detail", *reason != '\0' ? reason : err_text(code));
	if (api->field[0] != '\0')
		out_json_string(&w, "field", api->field);
	out_json_string(&w, "advice", err_advice(code));
	out_json_string(&w, "request_id", req->id);
	if (code == ERR_BUSY)
		resp_set(resp, "Retry-After", "5");
	/* a token that ended during its request, after bearer_load() */
	if (code == ERR_TOKEN && resp_get(resp, "WWW-Authenticate") == NULL)
		resp_set(resp, "WWW-Authenticate", BEARER_INVALID);
	if (admin_api_http_send(&w, status, resp) != OK ||
	    resp_set(resp, "Content-Type", PROBLEM_TYPE) != OK)
		resp_error_text(resp, code);
}

struct admin_actor
admin_api_http_actor(const struct admin_api *api)
{
	return (struct admin_actor){ .conf = api->context.conf,
		.db = api->context.db,
		.name = api->actor,
		.role = api->token.role,
		.token = &api->token };
}

int
admin_api_http_field(struct admin_api *api, int code, const char *field)
{
	snprintf(api->field, sizeof api->field, "%s", field);
	return code;
}

int
admin_api_http_query(
    struct admin_api *api, const struct req *req, const char *const *known)
{
	const char *unknown;
	int r;

	if ((r = form_parse(blob_str(req->query), &api->query)) != OK)
		return r;
	if ((unknown = form_unknown(api->query, known)) == NULL)
		return OK;
	return fail(admin_api_http_field(api, ERR_FIELD, unknown),
	    "this query has no field \"%.64s\"", unknown);
}

int
admin_api_http_no_query(struct admin_api *api, const struct req *req)
{
	static const char *const none[] = { NULL };

	return admin_api_http_query(api, req, none);
}

static bool
read_number(const char *text, int64_t *out)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n] != '\0')
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

int
admin_api_http_number(struct admin_api *api, const char *name, int64_t least,
    int64_t most, int64_t initial, int64_t *out)
{
	const char *text = form_get(api->query, name);

	*out = initial;
	if (text == NULL)
		return OK;
	if (read_number(text, out) && *out >= least && *out <= most)
		return OK;
	*out = initial;
	return fail(admin_api_http_field(api, ERR_FIELD, name),
	    "%s must be an integer from %lld to %lld", name, (long long)least,
	    (long long)most);
}

int
admin_api_http_flag(struct admin_api *api, const char *name, bool *out)
{
	const char *text = form_get(api->query, name);

	*out = text != NULL && strcmp(text, "true") == 0;
	if (text == NULL || *out || strcmp(text, "false") == 0)
		return OK;
	return fail(admin_api_http_field(api, ERR_FIELD, name),
	    "%s must be true or false", name);
}

static bool
read_cursor(const char *text, int64_t *out)
{
	struct buf b;
	bool good;

	buf_init(&b, CURSOR_MAX);
	good = enc_base64url_decode(blob_str(text), &b) == OK &&
	    strlen(buf_str(&b)) == b.n && read_number(buf_str(&b), out);
	buf_release(&b);
	return good;
}

int
admin_api_http_limit(struct admin_api *api, int *limit, const char **cursor)
{
	int64_t rows;
	int r = admin_api_http_number(api, "limit", 1, ADMIN_API_HTTP_ROWS_MAX,
	    ADMIN_API_HTTP_ROWS, &rows);

	*limit = (int)rows;
	*cursor = form_text(api->query, "cursor");
	return r;
}

int
admin_api_http_page(struct admin_api *api, int *limit, int64_t *cursor)
{
	const char *text;
	int r = admin_api_http_limit(api, limit, &text);

	*cursor = 0;
	if (r != OK || *text == '\0' || read_cursor(text, cursor))
		return r;
	*cursor = 0;
	return fail(admin_api_http_field(api, ERR_FIELD, "cursor"),
	    "this is not a cursor of this list");
}

int
admin_api_http_listed(struct admin_api *api, int r)
{
	return r == ERR_FIELD ? admin_api_http_field(api, r, "cursor") : r;
}

static int
check_members(struct admin_api *api, const struct json *object,
    const char *const *known)
{
	enum in_json_type type;
	const char *name;
	size_t i, k;

	for (i = 0; in_json_member(object, i, &name, &type); i++) {
		for (k = 0; known[k] != NULL && strcmp(known[k], name) != 0;)
			k++;
		if (known[k] != NULL)
			continue;
		return fail(admin_api_http_field(api, ERR_FIELD, name),
		    "there is no member \"%.64s\"", name);
	}
	return OK;
}

int
admin_api_http_body(struct admin_api *api, const struct req *req,
    const char *const *known, bool optional_body, struct json **out)
{
	struct blob text = req->body;
	int r;

	*out = NULL;
	if (text.n == 0 && optional_body)
		text = blob_str("{}");
	else if (!req_media_type_is(req, JSON_TYPE))
		return fail(ERR_MEDIA_TYPE, "the body is not " JSON_TYPE);
	if ((r = in_json_parse_object(text, BODY_DEPTH, out)) != OK ||
	    (r = check_members(api, *out, known)) == OK)
		return r;
	in_json_free(*out);
	*out = NULL;
	return r;
}

/* One line, all of it visible, as a form of the pages takes it. */
static bool
is_visible(struct blob text)
{
	uint32_t c;
	size_t at, n;

	for (at = 0; at < text.n; at += n)
		if ((n = utf8_decode(text, at, &c)) == 0 || !utf8_is_visible(c))
			return false;
	return true;
}

int
admin_api_http_text(struct admin_api *api, const struct json *object,
    const char *name, char *out, size_t size)
{
	struct blob text;

	out[0] = '\0';
	if (!in_json_has(object, name))
		return OK;
	if (in_json_string(object, name, &text) != OK || text.n >= size ||
	    !is_visible(text))
		return fail(admin_api_http_field(api, ERR_FIELD, name),
		    "%s must be one line of less than %zu bytes", name, size);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return OK;
}

int
admin_api_http_int(struct admin_api *api, const struct json *object,
    const char *name, int64_t least, int64_t most, int64_t initial,
    int64_t *out)
{
	*out = initial;
	if (!in_json_has(object, name) ||
	    in_json_int(object, name, least, most, out) == OK)
		return OK;
	*out = initial;
	return fail(admin_api_http_field(api, ERR_FIELD, name),
	    "%s must be an integer from %lld to %lld", name, (long long)least,
	    (long long)most);
}

int
admin_api_http_bool(struct admin_api *api, const struct json *object,
    const char *name, bool *out)
{
	*out = false;
	if (!in_json_has(object, name) || in_json_bool(object, name, out) == OK)
		return OK;
	return fail(admin_api_http_field(api, ERR_FIELD, name),
	    "%s must be true or false", name);
}

void
admin_api_http_open(struct out_json *w, struct resp *resp)
{
	buf_reset(&resp->body);
	out_json_init(w, &resp->body);
	out_json_open_object(w, NULL);
}

int
admin_api_http_send(struct out_json *w, int status, struct resp *resp)
{
	int r;

	out_json_close_object(w);
	if ((r = out_json_end(w)) != OK ||
	    (r = buf_add_byte(&resp->body, '\n')) != OK)
		return r;
	resp->status = status;
	return resp_set(resp, "Content-Type", JSON_TYPE);
}

void
admin_api_http_next(struct out_json *w, int64_t number)
{
	char text[CURSOR_MAX];
	struct buf b;

	if (number == 0) {
		out_json_null(w, "next");
		return;
	}
	snprintf(text, sizeof text, "%lld", (long long)number);
	buf_init(&b, 2 * CURSOR_MAX);
	enc_base64url(blob_str(text), &b);
	out_json_string(w, "next", buf_str(&b));
	buf_release(&b);
}

void
admin_api_http_time(struct out_json *w, const char *name, int64_t t)
{
	char text[CLOCK_TEXT];

	if (t == 0) {
		out_json_null(w, name);
		return;
	}
	clock_rfc3339(t, text);
	out_json_string(w, name, text);
}

void
admin_api_http_string(struct out_json *w, const char *name, const char *text)
{
	out_json_string(w, name, text[0] != '\0' ? text : NULL);
}

void
admin_api_http_hex(struct out_json *w, const char *name, struct blob b)
{
	struct buf hex;

	buf_init(&hex, 256);
	enc_hex(b, &hex);
	out_json_string(w, name, buf_str(&hex));
	buf_release(&hex);
}
