#include "net/ade_service.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/ade_identity.h"
#include "ca/file.h"
#include "net/oauth1.h"

#define BODY_MAX      ((size_t)1 << 20)
#define HEADERS       5
#define CALL_SECONDS  120
#define STALL_SECONDS 20
#define DAY           86400

void
ade_service_open(struct ade_service *s, struct net *net,
    const struct conf *conf, const char *account)
{
	memset(s, 0, sizeof *s);
	s->net = net;
	s->conf = conf;
	snprintf(s->account, sizeof s->account, "%s", account);
	buf_init(&s->body, BODY_MAX);
}

void
ade_service_close(struct ade_service *s)
{
	buf_release(&s->body);
	secret_wipe(s, sizeof *s);
}

static bool
same_token(const struct ade_token *a, const struct ade_token *b)
{
	return a->expires_at == b->expires_at &&
	    strcmp(a->consumer_key, b->consumer_key) == 0 &&
	    strcmp(a->consumer_secret, b->consumer_secret) == 0 &&
	    strcmp(a->access_token, b->access_token) == 0 &&
	    strcmp(a->access_secret, b->access_secret) == 0;
}

int
ade_service_load(struct ade_service *s, const char *consumer_key)
{
	char path[ADE_IDENTITY_PATH];
	struct ade_token token = { .expires_at = 0 };
	struct buf text;
	int r;

	ade_identity_path(s->conf, s->account, ADE_IDENTITY_TOKEN, path);
	buf_init(&text, ADE_TOKEN_FILE_MAX);
	if ((r = file_check_secret(path)) == OK &&
	    (r = file_read(path, &text)) == OK &&
	    (r = ade_token_read(buf_blob(&text), &token)) == OK &&
	    strcmp(token.consumer_key, consumer_key) != 0)
		r = fail(ERR_ADE_TOKEN,
		    "%s is not the token that was imported last", path);
	buf_wipe(&text);
	if (r == OK && !same_token(&token, &s->token)) {
		s->token = token;
		s->session[0] = '\0';
	}
	secret_wipe(&token, sizeof token);
	return r == OK || r == ERR_NOMEM ? r : ERR_ADE_TOKEN;
}

/* The call is over. Its function may make the next one. */
static void
finish(struct ade_service *s, struct ade_reply *reply)
{
	ade_service_done *done = s->done;

	s->done = NULL;
	done(s->arg, reply);
}

static int start(struct ade_service *s);

static void
begin_again(struct ade_service *s)
{
	struct ade_reply reply = { .date = clock_now(), .reason = "" };

	s->session[0] = '\0';
	if ((reply.code = start(s)) != OK)
		finish(s, &reply);
}

static void __attribute__((format(printf, 4, 5))) refuse(struct ade_service *s,
    struct ade_reply *reply, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->reason, sizeof s->reason, fmt, args);
	va_end(args);
	reply->code = code;
	reply->reason = s->reason;
}

/* Seconds, or a date (RFC 9110 section 10.2.3). */
static int64_t
retry_after(const struct net_answer *answer, int64_t date)
{
	const char *v = net_header(answer, "Retry-After");
	int64_t seconds;
	char *end;

	if (v == NULL)
		return 0;
	seconds = strtoll(v, &end, 10);
	if (end == v || *end != '\0')
		seconds = (int64_t)curl_getdate(v, NULL) - date;
	return seconds < 0 ? 0 : seconds > DAY ? DAY : seconds;
}

/* What any answer says in its headers; any may bring a new session. */
static void
read_headers(struct ade_service *s, const struct net_answer *answer,
    struct ade_reply *reply)
{
	const char *v = net_header(answer, "X-ADM-Auth-Session");
	const char *date = net_header(answer, "Date");

	if (v != NULL && in_ade_is_session(v))
		snprintf(s->session, sizeof s->session, "%s", v);
	if (date != NULL && curl_getdate(date, NULL) > 0)
		reply->date = (int64_t)curl_getdate(date, NULL);
	reply->retry_after_seconds = retry_after(answer, reply->date);
}

static void
explain_refusal(struct ade_service *s, struct ade_reply *reply)
{
	const char *word = reply->word;

	if (strcmp(word, "T_C_NOT_SIGNED") == 0)
		refuse(s, reply, ERR_ADE_TERMS,
		    "new terms of Apple Business are not accepted yet");
	else if (strcmp(word, "ACCESS_DENIED") == 0)
		refuse(s, reply, ERR_ADE_DENIED,
		    "Apple Business denies this account access");
	else if (reply->status == 401 || reply->status == 403)
		refuse(s, reply, ERR_ADE_REFUSED,
		    "Apple Business does not accept the server token (%ld %s)",
		    reply->status, word);
	else if (reply->status == 429)
		refuse(s, reply, ERR_ADE_LIMITED,
		    "Apple Business limits how often it is asked");
	else if (reply->status >= 500)
		refuse(s, reply, ERR_ADE_UNAVAILABLE,
		    "Apple Business is not available (%ld)", reply->status);
	else
		refuse(s, reply, ERR_ADE_ANSWER,
		    "Apple Business answers %s with %ld %s", s->path,
		    reply->status, word);
}

/* What an answer means; true when it is 200. */
static bool
read_answer(struct ade_service *s, const struct net_answer *answer,
    struct ade_reply *reply)
{
	*reply = (struct ade_reply){ .date = clock_now(), .reason = "" };
	if (answer->code != OK) {
		refuse(s, reply, answer->code, "%s", answer->reason);
		return false;
	}
	read_headers(s, answer, reply);
	reply->status = answer->status;
	reply->body = answer->body;
	if (answer->status == 200)
		return true;
	in_ade_word(answer->body, reply->word);
	explain_refusal(s, reply);
	return false;
}

/* Apple ends sessions after some minutes, with one of two answers. */
static bool
session_is_over(const struct ade_reply *reply)
{
	return reply->status == 401 ||
	    (reply->status == 403 && strcmp(reply->word, "FORBIDDEN") == 0);
}

static void
on_answer(void *arg, const struct net_answer *answer)
{
	struct ade_service *s = arg;
	struct ade_reply reply;

	if (!read_answer(s, answer, &reply) && session_is_over(&reply)) {
		if (!s->again) {
			s->again = true;
			begin_again(s);
			return;
		}
		s->session[0] = '\0';
	}
	finish(s, &reply);
}

static void
on_session(void *arg, const struct net_answer *answer)
{
	struct ade_service *s = arg;
	struct ade_reply reply;

	if (!read_answer(s, answer, &reply)) {
		finish(s, &reply);
		return;
	}
	reply.code = in_ade_session(reply.body, s->session);
	if (reply.code == OK)
		reply.code = start(s);
	if (reply.code != OK)
		finish(s, &reply);
}

static int
start_session(
    struct ade_service *s, struct net_request *request, const char **headers)
{
	struct buf url, header;
	int r;

	buf_init(&url, 4096);
	buf_init(&header, 8192);
	if ((r = buf_printf(&url, "%s/session", s->conf->enrollment_url)) ==
		OK &&
	    (r = oauth1_header("GET", buf_str(&url), &s->token, clock_now(),
		 &header)) == OK) {
		headers[request->n_headers++] = buf_str(&header);
		request->method = "GET";
		request->url = buf_str(&url);
		r = net_start(s->net, request, on_session, s);
		headers[--request->n_headers] = NULL;
	}
	buf_wipe(&header);
	buf_release(&url);
	return r;
}

static int
start_call(
    struct ade_service *s, struct net_request *request, const char **headers)
{
	char session[sizeof "X-ADM-Auth-Session: " + IN_ADE_SESSION_TEXT];
	struct buf url;
	int r;

	buf_init(&url, 4096);
	snprintf(session, sizeof session, "X-ADM-Auth-Session: %s", s->session);
	headers[request->n_headers++] = session;
	request->method = s->method;
	request->body = buf_blob(&s->body);
	if ((r = buf_printf(&url, "%s%s", s->conf->enrollment_url, s->path)) ==
	    OK) {
		request->url = buf_str(&url);
		r = net_start(s->net, request, on_answer, s);
	}
	headers[--request->n_headers] = NULL;
	secret_wipe(session, sizeof session);
	buf_release(&url);
	return r;
}

/* The session, or the call when there is one. */
static int
start(struct ade_service *s)
{
	const char *headers[HEADERS] = {
		"Content-Type: application/json;charset=UTF8",
		"Accept: application/json",
		"X-Server-Protocol-Version: 10",
		"User-Agent: attestmdm/" PACKAGE_VERSION,
	};
	struct net_request request = {
		.headers = headers,
		.n_headers = HEADERS - 1,
		.ca_file = s->conf->apple_server_ca[0] == '\0'
		    ? NULL
		    : s->conf->apple_server_ca,
		.answer_max = IN_ADE_ANSWER_MAX,
		.seconds = CALL_SECONDS,
		.stall_seconds = STALL_SECONDS,
	};

	return s->session[0] == '\0' ? start_session(s, &request, headers)
				     : start_call(s, &request, headers);
}

int
ade_service_call(struct ade_service *s, const char *method, const char *path,
    struct blob body, ade_service_done *done, void *arg)
{
	int r;

	assert(s->done == NULL);
	s->method = method;
	snprintf(s->path, sizeof s->path, "%s", path);
	buf_reset(&s->body);
	s->again = false;
	s->done = done;
	s->arg = arg;
	if ((r = buf_add_blob(&s->body, body)) != OK || (r = start(s)) != OK)
		s->done = NULL;
	return r;
}
