#include "bin/gitops-server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_gitops_json.h"
#include "admin/admin_preview_json.h"
#include "base/log.h"
#include "ca/file.h"
#include "net/net.h"

#define CONFIG_PATH       "/api/v1/config"
#define ANSWER_MAX        ((size_t)256 << 10)
#define ANSWER_DEPTH      8
#define SECONDS           30
#define STALL_SECONDS     10
#define TOKEN_MAX         512
#define POLL_MILLISECONDS 1000

/* What came back. */
struct exchange {
	bool ended;
	int code;
	long status;
	struct buf body;
	char etag[100];
	char reason[NET_REASON_TEXT];
};

static int
read_url(const char *url, char out[300])
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:"
	    "[]";
	bool is_https = strncmp(url, "https://", strlen("https://")) == 0;
	const char *host = is_https ? url + strlen("https://") : "";
	size_t n = strspn(host, safe);

	if (n == 0 || n > 250 ||
	    (host[n] != '\0' && strcmp(host + n, "/") != 0))
		return fail(ERR_USAGE,
		    "--url takes https://host[:port], without a path");
	snprintf(out, 300, "https://%.*s" CONFIG_PATH, (int)n, host);
	return OK;
}

/* One line of characters that a token may have (RFC 6750 section 2.1). */
static int
add_token(struct buf *out, const char *text)
{
	static const char safe[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
	    "+/=";
	size_t n = strspn(text, safe);

	if (n == 0 || text[n + strspn(text + n, "\r\n")] != '\0')
		return fail(ERR_USAGE,
		    "the token is not one line of letters "
		    "and digits");
	buf_add_str(out, "Authorization: Bearer ");
	buf_add(out, text, n);
	return buf_status(out);
}

static int
read_token(const char *path, struct buf *out)
{
	const char *text = getenv(GITOPS_SERVER_TOKEN_ENVIRONMENT);
	struct buf file;
	int r;

	if (path == NULL && text == NULL)
		return fail(ERR_USAGE,
		    "--url needs a token: give --token-file or "
		    "set " GITOPS_SERVER_TOKEN_ENVIRONMENT);
	if (path == NULL)
		return add_token(out, text);
	buf_init(&file, TOKEN_MAX);
	if ((r = file_read_input(path, &file)) == OK)
		r = add_token(out, buf_str(&file));
	buf_wipe(&file);
	return r;
}

int
gitops_server_open(const struct cli *cli, struct gitops_server *server)
{
	int r;

	*server =
	    (struct gitops_server){ .ca_file = cli_option(cli, "cacert") };
	buf_init(&server->authorization, TOKEN_MAX + 40);
	if ((r = read_url(cli_option(cli, "url"), server->url)) != OK)
		return r;
	return read_token(
	    cli_option(cli, "token-file"), &server->authorization);
}

void
gitops_server_close(struct gitops_server *server)
{
	buf_wipe(&server->authorization);
}

static void
take_answer(void *arg, const struct net_answer *answer)
{
	struct exchange *x = arg;
	const char *etag;

	x->ended = true;
	x->code = answer->code;
	x->status = answer->status;
	snprintf(x->reason, sizeof x->reason, "%s", answer->reason);
	if (x->code != OK)
		return;
	x->code = buf_add_blob(&x->body, answer->body);
	etag = net_header(answer, "ETag");
	snprintf(x->etag, sizeof x->etag, "%s", etag != NULL ? etag : "");
}

/* Sends one request and waits for its end, which net's limits bring about. */
static int
exchange(const struct gitops_server *server, const char *method,
    const char *query, struct blob body, struct exchange *x)
{
	const char *headers[4] = { buf_str(&server->authorization),
		"Accept: application/json" };
	char url[sizeof server->url + 32];
	struct net_request q = { .method = method,
		.url = url,
		.headers = headers,
		.n_headers = 2,
		.body = body,
		.ca_file = server->ca_file,
		.answer_max = ANSWER_MAX,
		.seconds = SECONDS,
		.stall_seconds = STALL_SECONDS };
	struct net net;
	int r;

	if (body.n > 0)
		headers[q.n_headers++] = "Content-Type: application/json";
	if (body.n > 0 && *server->if_match != '\0')
		headers[q.n_headers++] = server->if_match;
	snprintf(url, sizeof url, "%s%s", server->url, query);
	buf_init(&x->body, ANSWER_MAX);
	if ((r = net_prepare()) != OK)
		return r;
	if ((r = net_open(&net)) == OK)
		r = net_start(&net, &q, take_answer, x);
	while (r == OK && !x->ended)
		r = net_wait(&net, -1, POLL_MILLISECONDS);
	net_close(&net);
	if (r == OK && x->code != OK)
		r = fail(x->code, "%s", x->reason);
	return r;
}

/* What the server says is wrong (RFC 9457), or `otherwise`. */
static int
refuse(const struct exchange *x, int code, const char *otherwise)
{
	struct json *problem;
	struct blob detail = blob_of(NULL, 0);
	int r = code;

	if (in_json_parse_object(buf_blob(&x->body), ANSWER_DEPTH, &problem) !=
	    OK)
		return fail(code, "%s", otherwise);
	if (in_json_opt_string(problem, "detail", &detail) != OK ||
	    detail.n == 0)
		fail(code, "%s", otherwise);
	else
		fail(code, "the server refused it: %.*s",
		    (int)(detail.n < 400 ? detail.n : 400),
		    (const char *)detail.p);
	in_json_free(problem);
	return r;
}

static int
check_status(const struct exchange *x)
{
	if (x->status >= 300 && x->status < 400)
		return fail(ERR_NET_ANSWER,
		    "the server redirects to another address; give that one by "
		    "--url");
	switch (x->status) {
	case 200:
		return OK;
	case 400:
	case 413:
	case 415:
	case 422:
		return refuse(x, ERR_FIELD, "the server refused the settings");
	case 401:
		return fail(ERR_UNAUTHORIZED,
		    "the server does not accept the token; it may have expired "
		    "or been revoked");
	case 403:
		return refuse(x, ERR_ROLE,
		    "the role of the token does not permit this; it needs the "
		    "role gitops");
	case 404:
		return fail(ERR_NOT_FOUND,
		    "there is no " CONFIG_PATH " at this address");
	case 409:
		return refuse(x, ERR_CONFLICT, "the server refused the change");
	case 412:
		return fail(ERR_CONFLICT,
		    "somebody else has just changed the settings; try again");
	case 429:
		return fail(
		    ERR_BUSY, "the server asks to wait; try again in a minute");
	default:
		return fail(ERR_NET_ANSWER,
		    "the server answers with status %ld", x->status);
	}
}

static int
read_config(
    const struct exchange *x, struct admin_gitops *present, bool *premium)
{
	struct json *config;
	int r;

	if ((r = check_status(x)) != OK)
		return r;
	r = in_json_parse_object(buf_blob(&x->body), ANSWER_DEPTH, &config);
	if (r == OK) {
		r = admin_gitops_json_load(config, present, premium);
		in_json_free(config);
	}
	return r == OK
	    ? OK
	    : fail(ERR_NET_ANSWER, "the server's answer is not understood: %s",
		  log_reason());
}

int
gitops_server_load(
    struct gitops_server *server, struct admin_gitops *present, bool *premium)
{
	struct exchange x = { .ended = false };
	int r;

	*premium = false;
	r = exchange(server, "GET", "", blob_of(NULL, 0), &x);
	if (r == OK)
		r = read_config(&x, present, premium);
	if (r == OK && *x.etag != '\0')
		snprintf(server->if_match, sizeof server->if_match,
		    "If-Match: %s", x.etag);
	buf_release(&x.body);
	return r;
}

/* Null: no requirement changes; absent: an older server, without previews. */
static bool
has_preview(const struct json *answer)
{
	enum in_json_type type;
	const char *name;

	for (size_t i = 0; in_json_member(answer, i, &name, &type); i++)
		if (strcmp(name, "preview") == 0)
			return type != IN_JSON_NULL;
	return false;
}

static int
read_preview(const struct exchange *x, struct admin_preview *out, bool *known)
{
	struct json *answer, *preview;
	int r;

	if ((r = check_status(x)) != OK)
		return r;
	r = in_json_parse_object(buf_blob(&x->body), ANSWER_DEPTH, &answer);
	if (r != OK)
		return fail(ERR_NET_ANSWER,
		    "the server's answer is not understood: %s", log_reason());
	*known = has_preview(answer);
	if (*known && (r = in_json_object(answer, "preview", &preview)) == OK)
		r = admin_preview_json_load(preview, out);
	if (r != OK)
		r = fail(ERR_NET_ANSWER,
		    "the server's preview is not understood: %s", log_reason());
	in_json_free(answer);
	return r;
}

int
gitops_server_preview(struct gitops_server *server,
    const struct admin_gitops *wanted, const struct admin_gitops *present,
    struct admin_preview *out, bool *known)
{
	struct exchange x = { .ended = false };
	struct buf body;
	int r;

	*known = false;
	buf_init(&body, ANSWER_MAX);
	if ((r = admin_gitops_json_patch(wanted, present, &body)) == OK &&
	    (r = exchange(server, "PATCH", "?dry_run=true", buf_blob(&body),
		 &x)) == OK)
		r = read_preview(&x, out, known);
	buf_release(&body);
	buf_release(&x.body);
	return r;
}

/* Is all that the server has now as it should be? */
static int
check_result(const struct exchange *x, const struct admin_gitops *wanted)
{
	struct admin_gitops now;
	bool premium;
	int r;

	if ((r = read_config(x, &now, &premium)) != OK)
		return r;
	for (size_t i = 0; i < now.n; i++)
		if (admin_gitops_differs(wanted, &now, i))
			return fail(ERR_NET_ANSWER,
			    "the server did not change %s", now.all[i].path);
	return OK;
}

int
gitops_server_apply(struct gitops_server *server,
    const struct admin_gitops *wanted, const struct admin_gitops *present)
{
	struct exchange x = { .ended = false };
	struct buf body;
	int r;

	buf_init(&body, ANSWER_MAX);
	if ((r = admin_gitops_json_patch(wanted, present, &body)) == OK &&
	    (r = exchange(server, "PATCH", "", buf_blob(&body), &x)) == OK)
		r = check_result(&x, wanted);
	buf_release(&body);
	buf_release(&x.body);
	return r;
}
