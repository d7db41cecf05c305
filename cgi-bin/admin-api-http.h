/*
 * What the routes of the REST API share: who asks, what a query and a body may
 * hold, and how answers and refusals are written.
 *
 * A refusal is a problem document (RFC 9457). The member `detail` is the reason
 * that fail() was given, for who asks is an administrator; of faults of ours it
 * is the fixed text.
 */
#ifndef ADMIN_API_HTTP_H
#define ADMIN_API_HTTP_H

#include "admin/admin_actor.h"
#include "store/api_tokens.h"
#include "store/context.h"
#include "web/form.h"
#include "web/req.h"
#include "web/resp.h"
#include "wire/in_json.h"
#include "wire/out_json.h"

/* Bodies are small; the body of a GET is read and ignored. */
#define ADMIN_API_HTTP_BODY 16384

/* Rows of one answer: as many as `limit` says. */
#define ADMIN_API_HTTP_ROWS     50
#define ADMIN_API_HTTP_ROWS_MAX 500

struct admin_api {
	struct context context;
	/* of whoever asks; all zero for what needs no token */
	struct api_token token;
	char actor[DB_ACTOR_TEXT];
	/* of the request, once admin_api_http_query() read it */
	struct form *query;
	/* the member, or the field of the query, that a refusal is about */
	char field[128];
};

/*
 * Hooks of struct web_program. `begin` checks token and headers; `end` forgets
 * who asked, for a request that cannot be read gets no `begin`.
 */
int admin_api_http_load(void *app);
int admin_api_http_begin(void *app, const struct req *req, struct resp *resp);
void admin_api_http_end(void *app, const struct req *req, struct resp *resp);
void admin_api_http_on_error(
    void *app, const struct req *req, int code, struct resp *resp);

/* Who acts: "token:NAME" with the token's role. */
struct admin_actor admin_api_http_actor(const struct admin_api *api);

/* Notes the field that the next refusal is about, and returns `code`. */
int admin_api_http_field(struct admin_api *api, int code, const char *field);

/*
 * Reads the query string, in which only the fields `known`, ended by NULL, may
 * stand, to api->query, where the functions below find it until the request
 * ends. ERR_MALFORMED, ERR_FIELD.
 */
int admin_api_http_query(
    struct admin_api *api, const struct req *req, const char *const *known);

/* The same for a route that takes no query. */
int admin_api_http_no_query(struct admin_api *api, const struct req *req);

/*
 * The field `name` as a number of `least` to `most`, `initial` when it is
 * absent; as a boolean ("true", "false"), false when it is absent. ERR_FIELD.
 */
int admin_api_http_number(struct admin_api *api, const char *name,
    int64_t least, int64_t most, int64_t initial, int64_t *out);
int admin_api_http_flag(struct admin_api *api, const char *name, bool *out);

/* The fields `limit` and `cursor`, a number that admin_api_http_next() gave. */
int admin_api_http_page(struct admin_api *api, int *limit, int64_t *cursor);

/*
 * The same fields for a list of the store that has cursors of its own
 * (store/cursor.h), and what the list returned: of ERR_FIELD the cursor is the
 * reason.
 */
int admin_api_http_limit(
    struct admin_api *api, int *limit, const char **cursor);
int admin_api_http_listed(struct admin_api *api, int r);

/*
 * The body as an object whose members are among `known`, ended by NULL. Members
 * of `optional_body` may all be absent, and with them the body. ERR_MEDIA_TYPE,
 * ERR_MALFORMED, ERR_FIELD. The caller frees it with in_json_free().
 */
int admin_api_http_body(struct admin_api *api, const struct req *req,
    const char *const *known, bool optional_body, struct json **out);

/* ERR_FIELD when the object has another member than those; `path` is its own.
 */
int admin_api_http_members(struct admin_api *api, const struct json *object,
    const char *path, const char *const *known);

/*
 * A member that is a line of text of less than `size` bytes, "" when it is
 * absent; a whole number; a boolean, false when it is absent. ERR_FIELD.
 */
int admin_api_http_text(struct admin_api *api, const struct json *object,
    const char *name, char *out, size_t size);
int admin_api_http_int(struct admin_api *api, const struct json *object,
    const char *name, int64_t least, int64_t most, int64_t initial,
    int64_t *out);
int admin_api_http_bool(struct admin_api *api, const struct json *object,
    const char *name, bool *out);

/* Begins the object that is the answer. */
void admin_api_http_open(struct out_json *w, struct resp *resp);

/* Ends it. */
int admin_api_http_send(struct out_json *w, int status, struct resp *resp);

/* `next`: a cursor, or null when the number is 0 and there is no more. */
void admin_api_http_next(struct out_json *w, int64_t number);

/* RFC 3339, or null for 0. */
void admin_api_http_time(struct out_json *w, const char *name, int64_t t);

/* null for "" */
void admin_api_http_string(
    struct out_json *w, const char *name, const char *text);

/* Lower-case hex. */
void admin_api_http_hex(struct out_json *w, const char *name, struct blob b);

#endif
