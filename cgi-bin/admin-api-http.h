/*
 * What the routes of the REST API share: authenticating the client, reading query
 * and body, and writing answers and refusals.
 *
 * A refusal is a problem document (RFC 9457). Its `detail` is the reason given to
 * fail(), since the client is an administrator; for a client that was not
 * authenticated, and for a status of 500 and above, it is the error's fixed text.
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

/* Rows of one page: when the query has no `limit`, and the largest `limit`. */
#define ADMIN_API_HTTP_ROWS     50
#define ADMIN_API_HTTP_ROWS_MAX 500

struct admin_api {
	struct context context;
	/* of the client; all zero on routes that need no token */
	struct api_token token;
	char actor[DB_ACTOR_TEXT];
	/* NULL until admin_api_http_query() has read it */
	struct form *query;
	/* the member of the body or field of the query that is refused, or "" */
	char field[128];
};

/*
 * Hooks of struct web_program. `begin` checks token and headers. `end` clears what
 * belongs to the request, because the next one gets no `begin` if it cannot be read.
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
 * Parses the query string into api->query, for the functions below. ERR_FIELD for a
 * field that is not in `known`, a list ended by NULL; ERR_MALFORMED.
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

/*
 * The fields `limit` and `cursor` of a list by number: the number that
 * admin_api_http_next() wrote, or 0 for the first page. ERR_FIELD.
 */
int admin_api_http_page(struct admin_api *api, int *limit, int64_t *cursor);

/*
 * The same for a list of lib/store with its own cursors (store/cursor.h): *cursor is
 * the text, "" for the first page, valid until the request ends. What the list then
 * returns goes through admin_api_http_listed(), which blames `cursor` for ERR_FIELD.
 */
int admin_api_http_limit(
    struct admin_api *api, int *limit, const char **cursor);
int admin_api_http_listed(struct admin_api *api, int r);

/*
 * The body as an object whose members are among `known`, ended by NULL. With
 * `optional_body` an empty body is an empty object. ERR_MEDIA_TYPE, ERR_MALFORMED,
 * ERR_FIELD. The caller frees *out with in_json_free().
 */
int admin_api_http_body(struct admin_api *api, const struct req *req,
    const char *const *known, bool optional_body, struct json **out);

/*
 * The member `name`: as one line of text of less than `size` bytes, "" when it is
 * absent; as an integer of `least` to `most`, `initial` when it is absent; as a
 * boolean, false when it is absent. ERR_FIELD.
 */
int admin_api_http_text(struct admin_api *api, const struct json *object,
    const char *name, char *out, size_t size);
int admin_api_http_int(struct admin_api *api, const struct json *object,
    const char *name, int64_t least, int64_t most, int64_t initial,
    int64_t *out);
int admin_api_http_bool(struct admin_api *api, const struct json *object,
    const char *name, bool *out);

/* Begins the answer, a JSON object, in place of any earlier body. */
void admin_api_http_open(struct out_json *w, struct resp *resp);

/* Ends it and sets status and Content-Type. The errors of out_json_end(). */
int admin_api_http_send(struct out_json *w, int status, struct resp *resp);

/* The member `next`: the number as a cursor, or null for 0: the last page. */
void admin_api_http_next(struct out_json *w, int64_t number);

/* Seconds since 1970, in RFC 3339; null for 0. */
void admin_api_http_time(struct out_json *w, const char *name, int64_t t);

/* null for "" */
void admin_api_http_string(
    struct out_json *w, const char *name, const char *text);

/* Lower-case hex. */
void admin_api_http_hex(struct out_json *w, const char *name, struct blob b);

#endif
