#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/business.h"
#include "sim/apple/business_calls.h"
#include "sim/apple/server_token.h"
#include "sim/forge/keypair.h"

#define TYPE "application/json;charset=UTF8"

/* {"serial_number":"HUGE00000000"}, for answers without end. */
#define HUGE_HEAD "{\"devices\":["
#define HUGE_ITEM "{\"serial_number\":\"HUGE00000000\"},"
#define HUGE_TAIL "{\"serial_number\":\"HUGE00000001\"}]}"

/* A connection. */
struct caller {
	struct business *service;
	struct tls_peer *peer;
	struct buf in;
	size_t huge; /* items that are still to be sent */
};

/* Sessions */

static void
new_token(struct business_session *s)
{
	uint8_t bytes[64];
	SCRATCH_BUF(text);

	keypair_random(bytes, sizeof bytes);
	enc_hex(blob_of(bytes, sizeof bytes), &text);
	snprintf(s->token, sizeof s->token, "%s", buf_str(&text));
}

/* GET /session: whose token signed it? */
static void
begin_session(struct business_call *c)
{
	char authorization[HTTP_SERVER_TEXT] = "", key[SERVER_TOKEN_TEXT];
	struct business *s = c->service;
	const char *word = "consumer_key_unknown";
	struct business_session *session;

	http_server_header(
	    &c->request, "Authorization", authorization, sizeof authorization);
	if (!server_token_consumer(authorization, key)) {
		business_calls_refuse(c, 400, "BAD_REQUEST");
		return;
	}
	for (size_t i = 0; i < s->account_count && c->account == NULL; i++) {
		json_object *token =
		    server_token_load(s->base.dir, s->accounts[i].name);

		if (strcmp(stand_in_text(token, "consumer_key", ""), key) ==
		    0) {
			word = server_token_check(
			    &c->request, authorization, token, s->nonces);
			c->account = &s->accounts[i];
		}
		json_object_put(token);
	}
	if (word != NULL) {
		business_calls_refuse(c, 401, word);
		return;
	}
	session = &s->sessions[s->next_session++ % BUSINESS_SESSIONS];
	new_token(session);
	session->account = c->account;
	session->until = clock_now() + s->lifetime;
	c->reply = json_object_new_object();
	business_calls_put(c->reply, "auth_session_token", session->token);
}

static void
find_session(struct business_call *c)
{
	char token[BUSINESS_TOKEN] = "";

	http_server_header(
	    &c->request, "X-ADM-Auth-Session", token, sizeof token);
	for (size_t i = 0; i < BUSINESS_SESSIONS && token[0] != '\0'; i++)
		if (strcmp(c->service->sessions[i].token, token) == 0)
			c->session = &c->service->sessions[i];
	if (c->session == NULL)
		business_calls_refuse(c, 403, "FORBIDDEN");
	else if (clock_now() > c->session->until)
		business_calls_refuse(c, 401, "UNAUTHORIZED");
	else
		c->account = c->session->account;
}

/* With every so many answers the token changes; the old one is worth nothing.
 */
static void
rotate(struct business_call *c)
{
	struct business *s = c->service;

	if (c->session == NULL || s->rotate == 0 ||
	    ++s->answers % s->rotate != 0)
		return;
	new_token(c->session);
	buf_printf(
	    &c->headers, "X-ADM-Auth-Session: %s\r\n", c->session->token);
}

/* The rules that hold for every call; true when it may go on. */
static bool
check_call(struct business_call *c)
{
	char text[256] = "";
	struct http_server_request *q = &c->request;
	bool is_session = strcmp(q->path, "/session") == 0;

	if (!http_server_header(q, "User-Agent", text, sizeof text)) {
		business_calls_refuse(c, 400, "USER_AGENT_MISSING");
		return false;
	}
	if (!http_server_header(q, "Content-Type", text, sizeof text) ||
	    strcmp(text, TYPE) != 0) {
		business_calls_refuse(c, 400, "CONTENT_TYPE_INVALID");
		return false;
	}
	if (http_server_header(
		q, "X-Server-Protocol-Version", text, sizeof text))
		c->version = strtol(text, NULL, 10);
	if (!is_session) {
		find_session(c);
		if (c->session == NULL || c->account == NULL)
			return false;
	}
	if (c->service->terms) {
		business_calls_refuse(c, 403, "T_C_NOT_SIGNED");
		return false;
	}
	return true;
}

static void
route(struct business_call *c)
{
	const struct http_server_request *q = &c->request;
	bool wants_body =
	    strcmp(q->method, "GET") != 0 && strcmp(q->path, "/session") != 0;
	SCRATCH_BUF(text);

	if (!check_call(c))
		return;
	buf_add_blob(&text, q->body);
	c->body = json_tokener_parse(buf_str(&text));
	if (wants_body && !json_object_is_type(c->body, json_type_object)) {
		business_calls_refuse(c, 400, "MALFORMED_REQUEST_BODY");
		return;
	}
	if (strcmp(q->path, "/session") == 0)
		begin_session(c);
	else
		business_calls_run(c);
}

/* Answers */

static void
log_call(const struct business_call *c, const char *outcome)
{
	json_object *line = json_object_new_object();
	json_object *list = json_object_object_get(c->body, "devices");
	const char *cursor = stand_in_text(c->body, "cursor", NULL);

	json_object_object_add(
	    line, "time", json_object_new_int64(clock_now()));
	business_calls_put(line, "method", c->request.method);
	business_calls_put(line, "path", c->request.path);
	if (c->account != NULL)
		business_calls_put(line, "account", c->account->name);
	json_object_object_add(
	    line, "version", json_object_new_int64(c->version));
	if (cursor != NULL)
		business_calls_put(line, "cursor", cursor);
	if (json_object_is_type(list, json_type_array))
		json_object_object_add(line, "devices",
		    json_object_new_int64(
			(int64_t)json_object_array_length(list)));
	list = json_object_object_get(c->reply, "devices");
	if (json_object_is_type(list, json_type_array))
		json_object_object_add(line, "answered",
		    json_object_new_int64(
			(int64_t)json_object_array_length(list)));
	json_object_object_add(line, "status", json_object_new_int(c->status));
	if (outcome != NULL)
		business_calls_put(line, "outcome", outcome);
	stand_in_log(c->service->base.dir, "requests.log", line);
}

/* An answer that the script gives in our place. */
static void
answer_by_script(struct business_call *c, struct buf *body)
{
	const char *error = stand_in_text(c->script, "error", NULL);
	const char *location = stand_in_text(c->script, "location", NULL);
	int64_t retry = stand_in_number(c->script, "retry_after", 0);
	bool quoted =
	    c->service->quoted || stand_in_number(c->script, "quoted", 0) != 0;

	c->status = (int)stand_in_number(c->script, "status", 400);
	buf_add_str(body, stand_in_text(c->script, "body", ""));
	if (error != NULL)
		buf_printf(body, quoted ? "\"%s\"" : "%s", error);
	if (location != NULL)
		buf_printf(&c->headers, "Location: %s\r\n", location);
	if (retry > 0)
		buf_printf(
		    &c->headers, "Retry-After: %lld\r\n", (long long)retry);
}

static void
answer_huge(struct caller *caller, const struct business_call *c)
{
	size_t bytes =
	    1000000 * (size_t)stand_in_number(c->script, "megabytes", 100);
	struct buf *out = &caller->peer->out;

	caller->huge = bytes / (sizeof HUGE_ITEM - 1);
	http_server_head(out, 200, "Content-Type: " TYPE "\r\n",
	    sizeof HUGE_HEAD - 1 + caller->huge * (sizeof HUGE_ITEM - 1) +
		sizeof HUGE_TAIL - 1);
	buf_add_str(out, HUGE_HEAD);
}

/* Writes the answer, in the way that `how` wants it. */
static void
send_answer(struct caller *caller, struct business_call *c,
    const struct buf *body, const char *how)
{
	struct tls_peer *p = caller->peer;
	size_t n = body->n;

	buf_add_str(&c->headers, "Content-Type: " TYPE "\r\n");
	rotate(c);
	http_server_head(&p->out, c->status, buf_str(&c->headers), n);
	if (strcmp(how, "truncate") == 0) {
		n /= 2;
		p->closing = true;
	}
	if (strcmp(how, "drip") == 0)
		p->drip = (long)stand_in_number(c->script, "milliseconds", 100);
	buf_add(&p->out, body->p, n);
}

static void
answer(struct caller *caller, struct business_call *c)
{
	struct business *s = c->service;
	const char *how;
	SCRATCH_BUF(body);

	c->script = stand_in_take(&s->base, c->request.path, "*");
	how = stand_in_text(c->script, "do", "");
	if (strcmp(how, "freeze") == 0 || strcmp(how, "stall") == 0) {
		caller->peer->frozen = true;
	} else if (strcmp(how, "close") == 0) {
		caller->peer->abandoned = true;
	} else if (strcmp(how, "huge") == 0) {
		answer_huge(caller, c);
	} else if (c->script != NULL && how[0] == '\0') {
		find_session(c);
		answer_by_script(c, &body);
		send_answer(caller, c, &body, how);
	} else {
		c->wants_empty = strcmp(how, "empty") == 0;
		route(c);
		if (c->word != NULL)
			buf_printf(&body, s->quoted ? "\"%s\"" : "%s", c->word);
		else
			buf_add_str(&body,
			    json_object_to_json_string_ext(c->reply,
				JSON_C_TO_STRING_PLAIN |
				    JSON_C_TO_STRING_NOSLASHESCAPE));
		send_answer(caller, c, &body, how);
	}
	log_call(c,
	    how[0] != '\0'          ? how
		: c->script != NULL ? "script"
				    : c->word);
}

static int
handle(struct caller *caller, const struct http_server_request *q)
{
	struct business_call c = {
		.service = caller->service, .request = *q, .status = 200
	};

	buf_init(&c.headers, HTTP_SERVER_HEAD);
	answer(caller, &c);
	json_object_put(c.body);
	json_object_put(c.script);
	json_object_put(c.reply);
	buf_release(&c.headers);
	return buf_status(&caller->peer->out);
}

static int
opened(struct tls_peer *p)
{
	struct caller *caller = calloc(1, sizeof *caller);

	if (caller == NULL)
		return fail(ERR_NOMEM, "no memory");
	caller->service = p->server->arg;
	caller->peer = p;
	buf_init(&caller->in, HTTP_SERVER_HEAD + HTTP_SERVER_BODY + 4);
	p->state = caller;
	return OK;
}

static int
received(struct tls_peer *p, struct blob data)
{
	struct caller *caller = p->state;
	struct http_server_request q;
	int r = buf_add_blob(&caller->in, data);

	stand_in_read_script(&caller->service->base);
	while (r == OK && !p->frozen && !p->closing && !p->abandoned &&
	    (r = http_server_read(&caller->in, &q)) == OK) {
		r = handle(caller, &q);
		memmove(caller->in.p, caller->in.p + q.length,
		    caller->in.n - q.length);
		caller->in.n -= q.length;
	}
	return r == ERR_BUSY ? OK : r;
}

static void
drained(struct tls_peer *p)
{
	struct caller *caller = p->state;
	bool was_huge = caller->huge > 0;

	p->drip = 0;
	for (int i = 0; i < 10000 && caller->huge > 0; i++, caller->huge--)
		buf_add_str(&p->out, HUGE_ITEM);
	if (was_huge && caller->huge == 0)
		buf_add_str(&p->out, HUGE_TAIL);
}

static void
closed(struct tls_peer *p)
{
	struct caller *caller = p->state;

	if (caller != NULL)
		buf_release(&caller->in);
	free(caller);
}

static const struct tls_service callbacks = {
	.alpn = "http/1.1",
	.opened = opened,
	.received = received,
	.drained = drained,
	.closed = closed,
};

/* The script */

static struct business_account *
account_of(struct business *s, json_object *line)
{
	const char *name = stand_in_text(line, "account", s->accounts[0].name);

	for (size_t i = 0; i < s->account_count; i++)
		if (strcmp(s->accounts[i].name, name) == 0)
			return &s->accounts[i];
	return NULL;
}

/* {"add":"SIM","first":1,"count":300} stands for as many lines. */
static void
change_devices(struct business *s, const char *verb, json_object *line)
{
	struct business_account *account = account_of(s, line);
	const char *serial = stand_in_text(line, verb, "");
	int64_t count = stand_in_number(line, "count", 0);
	int64_t first = stand_in_number(line, "first", 1);
	char many[65];

	if (account == NULL) {
		log_line(LOG_WARN, "script: no such account");
		return;
	}
	if (count == 0)
		business_devices_change(&account->devices, verb, serial, line);
	for (int64_t i = first; i < first + count; i++) {
		snprintf(many, sizeof many, "%s%06lld", serial, (long long)i);
		business_devices_change(&account->devices, verb, many, line);
	}
}

static void
switch_to(struct business *s, json_object *line)
{
	const char *name = stand_in_text(line, "set", "");
	int64_t value = stand_in_number(line, "value", 0);

	if (strcmp(name, "verbs") == 0)
		snprintf(s->verbs, sizeof s->verbs, "%s",
		    stand_in_text(line, "value", "both"));
	else if (strcmp(name, "rotate") == 0)
		s->rotate = value;
	else if (strcmp(name, "session") == 0)
		s->lifetime = value;
	else if (strcmp(name, "page") == 0)
		s->style.page = value;
	else if (strcmp(name, "quoted") == 0)
		s->quoted = value != 0;
	else if (strcmp(name, "mixed_case") == 0)
		s->style.mixed_case = value != 0;
	else if (strcmp(name, "duplicates") == 0)
		s->style.duplicates = value != 0;
	else if (strcmp(name, "unknown_keys") == 0)
		s->style.unknown_keys = value != 0;
	else if (strcmp(name, "terms") == 0)
		s->terms = value != 0;
	else
		log_line(LOG_WARN, "script: no switch is called %s", name);
}

static void
end_sessions(struct business *s, const char *how)
{
	for (size_t i = 0; i < BUSINESS_SESSIONS; i++) {
		s->sessions[i].until = 0;
		if (strcmp(how, "restart") == 0)
			s->sessions[i].token[0] = '\0';
	}
}

static void
apply(void *arg, json_object *line)
{
	static const char *const verbs[] = { "add", "modify", "delete",
		"record" };
	struct business *s = arg;
	const char *now = stand_in_text(line, "now", NULL);

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (json_object_object_get(line, verbs[i]) == NULL)
			continue;
		change_devices(s, verbs[i], line);
		return;
	}
	if (now != NULL)
		end_sessions(s, now);
	else
		switch_to(s, line);
}

static int
make_accounts(struct business *s, const struct business_plan *plan)
{
	char *names = strdup(plan->accounts), *save = NULL;
	json_object *token;

	for (char *name = names == NULL ? NULL : strtok_r(names, ",", &save);
	     name != NULL && s->account_count < BUSINESS_ACCOUNTS;
	     name = strtok_r(NULL, ",", &save)) {
		struct business_account *account =
		    &s->accounts[s->account_count++];

		snprintf(account->name, sizeof account->name, "%s", name);
		business_devices_init(&account->devices);
		account->profiles = json_object_new_object();
		if ((token = server_token_load(plan->dir, name)) == NULL) {
			free(names);
			return ERR_IO;
		}
		json_object_put(token);
	}
	free(names);
	if (s->account_count == 0)
		return fail(ERR_USAGE, "no account");
	return business_devices_fill(
	    &s->accounts[0].devices, plan->prefix, plan->first, plan->devices);
}

int
business_run(const struct business_plan *plan)
{
	static struct business s = {
		.base = { .apply = apply, .server.listener = -1 },
		.style = { .mixed_case = true,
		    .unknown_keys = true,
		    .page = 1000 },
		.verbs = "both",
		.rotate = 10,
		.lifetime = 180,
	};
	int r;

	s.base.dir = plan->dir;
	s.base.arg = &s;
	s.nonces = json_object_new_object();
	if ((r = make_accounts(&s, plan)) == OK &&
	    (r = stand_in_open(&s.base, &callbacks, NULL, plan->port)) == OK)
		r = stand_in_run(&s.base);
	stand_in_release(&s.base);
	for (size_t i = 0; i < s.account_count; i++) {
		business_devices_release(&s.accounts[i].devices);
		json_object_put(s.accounts[i].profiles);
	}
	json_object_put(s.nonces);
	return r;
}
