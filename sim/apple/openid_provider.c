#include "sim/apple/openid_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/http_server.h"
#include "sim/apple/openid_token.h"
#include "sim/apple/stand_in.h"

#define TEXT 1024
/* Requests that wait for a name, and codes that wait to be redeemed. */
#define GRANTS       64
#define CODE_SECONDS 60
#define TOKEN_SECONDS 300
#define HUGE_ITEM    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},"

/* A request of a browser, later its code. */
struct grant {
	char id[33]; /* of the form, then the code; "": free */
	bool is_code;
	int64_t at;
	char redirect_uri[TEXT], state[TEXT], nonce[TEXT], challenge[TEXT];
	char scope[TEXT], account[TEXT];
};

struct provider {
	struct stand_in base;
	const struct openid_provider_plan *plan;
	char issuer[64];
	struct openid_keys keys;
	struct grant grants[GRANTS];
	size_t next;
};

/* A connection. */
struct caller {
	struct provider *provider;
	struct tls_peer *peer;
	struct buf in;
};

/* A request and its answer. */
struct exchange {
	struct provider *provider;
	const struct http_server_request *request;
	json_object *script;
	int status;
	const char *type;
	struct buf headers, body;
};

/* A parameter of a query or form, decoded; "" when it is absent. */
static void
parameter(struct blob text, const char *name, char out[TEXT])
{
	const char *p = (const char *)text.p, *end = p + text.n, *stop;
	size_t n = strlen(name);
	SCRATCH_BUF(value);

	out[0] = '\0';
	for (; p != NULL && p < end; p = stop + 1) {
		stop = memchr(p, '&', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		if ((size_t)(stop - p) <= n || strncmp(p, name, n) != 0 ||
		    p[n] != '=')
			continue;
		if (enc_percent_decode(
			blob_of(p + n + 1, (size_t)(stop - p) - n - 1),
			&value) == OK)
			snprintf(out, TEXT, "%s", buf_str(&value));
		return;
	}
}

static void
refuse(struct exchange *x, int status, const char *word)
{
	x->status = status;
	buf_reset(&x->body);
	buf_printf(&x->body, "{\"error\":\"%s\"}", word);
}

static void
random_id(char out[33])
{
	uint8_t bytes[16];
	SCRATCH_BUF(text);

	keypair_random(bytes, sizeof bytes);
	enc_hex(blob_of(bytes, sizeof bytes), &text);
	snprintf(out, 33, "%s", buf_str(&text));
}

static struct grant *
find_grant(struct provider *p, const char *id, bool is_code)
{
	for (size_t i = 0; i < GRANTS && id[0] != '\0'; i++)
		if (strcmp(p->grants[i].id, id) == 0 &&
		    p->grants[i].is_code == is_code)
			return &p->grants[i];
	return NULL;
}

/* OpenID Connect Discovery section 3 */
static void
send_configuration(struct exchange *x)
{
	const char *issuer = x->provider->issuer;

	buf_printf(&x->body,
	    "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/authorize\","
	    "\"token_endpoint\":\"%s/token\",\"jwks_uri\":\"%s/jwks\","
	    "\"response_types_supported\":[\"code\"],"
	    "\"subject_types_supported\":[\"public\"],"
	    "\"id_token_signing_alg_values_supported\":[\"%s\"],"
	    "\"token_endpoint_auth_methods_supported\":[\"%s\"],"
	    "\"authorization_response_iss_parameter_supported\":true,"
	    "\"code_challenge_methods_supported\":[\"S256\"]}",
	    issuer, issuer, issuer, issuer, x->provider->keys.alg,
	    x->provider->plan->client_secret[0] != '\0' ? "client_secret_basic"
							: "none");
}

static bool
is_authorization_request(const struct exchange *x)
{
	struct blob q = blob_str(x->request->query);
	char type[TEXT], client[TEXT], method[TEXT];

	parameter(q, "response_type", type);
	parameter(q, "client_id", client);
	parameter(q, "code_challenge_method", method);
	return strcmp(type, "code") == 0 && strcmp(method, "S256") == 0 &&
	    strcmp(client, x->provider->plan->client_id) == 0;
}

/* The form; whoever fills it in is believed. */
static void
send_form(struct exchange *x)
{
	struct provider *p = x->provider;
	struct grant *g = &p->grants[p->next++ % GRANTS];
	struct blob q = blob_str(x->request->query);

	if (!is_authorization_request(x)) {
		refuse(x, 400, "invalid_request");
		return;
	}
	*g = (struct grant){ .at = clock_now() };
	random_id(g->id);
	parameter(q, "redirect_uri", g->redirect_uri);
	parameter(q, "state", g->state);
	parameter(q, "nonce", g->nonce);
	parameter(q, "scope", g->scope);
	parameter(q, "code_challenge", g->challenge);
	x->type = "text/html; charset=utf-8";
	buf_printf(&x->body,
	    "<!DOCTYPE html><html lang=\"en\"><title>Simulated identity "
	    "provider</title><h1>Sign in</h1>"
	    "<form method=\"post\" action=\"/login\">"
	    "<input type=\"hidden\" name=\"request\" value=\"%s\">"
	    "<label>Account <input name=\"account\"></label>"
	    "<button>Sign in</button></form></html>\n",
	    g->id);
}

/* Back to the client with a code, or without when no name was given. */
static void
take_form(struct exchange *x)
{
	struct grant *g;
	char id[TEXT];

	parameter(x->request->body, "request", id);
	if ((g = find_grant(x->provider, id, false)) == NULL) {
		refuse(x, 400, "invalid_request");
		return;
	}
	parameter(x->request->body, "account", g->account);
	x->status = 302;
	buf_printf(&x->headers, "Location: %s?state=", g->redirect_uri);
	enc_percent(g->state, &x->headers);
	buf_add_str(&x->headers, "&iss=");
	enc_percent(x->provider->issuer, &x->headers);
	g->is_code = g->account[0] != '\0';
	random_id(g->id);
	buf_printf(&x->headers, g->is_code ? "&code=%s\r\n"
					   : "&error=access_denied\r\n",
	    g->id);
	if (!g->is_code)
		g->id[0] = '\0';
}

/* RFC 6749 section 2.3.1, of values without escapes. */
static bool
is_our_client(const struct exchange *x)
{
	const struct openid_provider_plan *plan = x->provider->plan;
	char header[TEXT] = "", client[TEXT];
	SCRATCH_BUF(pair);
	SCRATCH_BUF(wanted);

	if (plan->client_secret[0] == '\0') {
		parameter(x->request->body, "client_id", client);
		return strcmp(client, plan->client_id) == 0;
	}
	http_server_header(
	    x->request, "Authorization", header, sizeof header);
	buf_printf(&pair, "%s:%s", plan->client_id, plan->client_secret);
	buf_add_str(&wanted, "Basic ");
	enc_base64(buf_blob(&pair), &wanted);
	return strcmp(header, buf_str(&wanted)) == 0;
}

/* RFC 7636 section 4.6 */
static bool
proves_key(const struct grant *g, const char *verifier)
{
	uint8_t digest[KEYPAIR_SHA256];
	SCRATCH_BUF(text);

	keypair_sha256(blob_str(verifier), digest);
	enc_base64url(blob_of(digest, sizeof digest), &text);
	return strcmp(buf_str(&text), g->challenge) == 0;
}

static void
add_text(json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, json_object_new_string(value));
}

static json_object *
make_claims(const struct provider *p, const struct grant *g)
{
	json_object *o = json_object_new_object();
	json_object *groups = json_object_new_array();
	int64_t now = clock_now();

	add_text(o, "iss", p->issuer);
	add_text(o, "aud", p->plan->client_id);
	add_text(o, "sub", "248289761001");
	add_text(o, "nonce", g->nonce);
	json_object_object_add(o, "iat", json_object_new_int64(now));
	json_object_object_add(
	    o, "exp", json_object_new_int64(now + TOKEN_SECONDS));
	add_text(o, "email", g->account);
	json_object_object_add(
	    o, "email_verified", json_object_new_boolean(1));
	add_text(o, "preferred_username", g->account);
	json_object_array_add(groups, json_object_new_string("staff"));
	json_object_object_add(o, "groups", groups);
	return o;
}

/* A code works once. */
static void
send_token(struct exchange *x)
{
	struct provider *p = x->provider;
	char code[TEXT], uri[TEXT], verifier[TEXT];
	json_object *claims;
	struct grant *g;

	parameter(x->request->body, "code", code);
	parameter(x->request->body, "redirect_uri", uri);
	parameter(x->request->body, "code_verifier", verifier);
	if (!is_our_client(x)) {
		refuse(x, 401, "invalid_client");
		return;
	}
	g = find_grant(p, code, true);
	if (g == NULL || g->at + CODE_SECONDS < clock_now() ||
	    strcmp(uri, g->redirect_uri) != 0 || !proves_key(g, verifier)) {
		refuse(x, 400, "invalid_grant");
		return;
	}
	claims = make_claims(p, g);
	g->id[0] = '\0';
	buf_add_str(&x->body, "{\"access_token\":\"none\",\"token_type\":"
			      "\"Bearer\",\"id_token\":\"");
	if (openid_token_write(&p->keys, claims, x->script, &x->body) != OK)
		refuse(x, 500, "server_error");
	else
		buf_add_str(&x->body, "\"}");
	json_object_put(claims);
}

static void
route(struct exchange *x)
{
	static const struct {
		const char *method, *path;
		void (*answer)(struct exchange *);
	} routes[] = {
		{ "GET", "/.well-known/openid-configuration",
		    send_configuration },
		{ "GET", "/authorize", send_form },
		{ "POST", "/login", take_form },
		{ "POST", "/token", send_token },
	};
	const struct http_server_request *q = x->request;

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(q->method, routes[i].method) == 0 &&
		    strcmp(q->path, routes[i].path) == 0) {
			routes[i].answer(x);
			return;
		}
	if (strcmp(q->path, "/jwks") == 0)
		(void)openid_keys_write(&x->provider->keys, &x->body);
	else
		refuse(x, 404, "not_found");
}

static void
answer_huge(struct exchange *x)
{
	size_t bytes =
	    1000000 * (size_t)stand_in_number(x->script, "megabytes", 10);

	buf_add_str(&x->body, "{\"keys\":[");
	while (x->body.n < bytes)
		buf_add_str(&x->body, HUGE_ITEM);
	buf_add_str(&x->body, "{}]}");
}

static void
answer_by_script(struct exchange *x)
{
	const char *location = stand_in_text(x->script, "location", NULL);

	x->status = (int)stand_in_number(x->script, "status", 200);
	buf_add_str(&x->body, stand_in_text(x->script, "body", ""));
	if (location != NULL)
		buf_printf(&x->headers, "Location: %s\r\n", location);
}

static void
note_request(const struct exchange *x, const char *how)
{
	json_object *line = json_object_new_object();

	add_text(line, "method", x->request->method);
	add_text(line, "path", x->request->path);
	add_text(line, "query", x->request->query);
	json_object_object_add(line, "status", json_object_new_int(x->status));
	if (how[0] != '\0')
		add_text(line, "do", how);
	stand_in_log(x->provider->base.dir, "requests.log", line);
}

static void
fill(struct exchange *x, const char *how)
{
	if (strcmp(how, "huge") == 0)
		answer_huge(x);
	else if (json_object_object_get(x->script, "status") != NULL ||
	    json_object_object_get(x->script, "body") != NULL)
		answer_by_script(x);
	else
		route(x);
}

static int
handle(struct caller *caller, const struct http_server_request *q)
{
	struct tls_peer *peer = caller->peer;
	struct exchange x = { .provider = caller->provider,
		.request = q,
		.status = 200,
		.type = "application/json" };
	const char *how;

	buf_init(&x.headers, HTTP_SERVER_HEAD);
	buf_init(&x.body, SCRATCH_MAX);
	x.script = stand_in_take(&caller->provider->base, q->path, "*");
	how = stand_in_text(x.script, "do", "");
	peer->drip = 0;
	peer->frozen = strcmp(how, "freeze") == 0;
	peer->abandoned = strcmp(how, "close") == 0;
	if (!peer->frozen && !peer->abandoned) {
		fill(&x, how);
		buf_printf(&x.headers, "Content-Type: %s\r\n", x.type);
		if (strcmp(how, "drip") == 0)
			peer->drip = (long)stand_in_number(
			    x.script, "milliseconds", 100);
		http_server_head(
		    &peer->out, x.status, buf_str(&x.headers), x.body.n);
		buf_add_blob(&peer->out, buf_blob(&x.body));
	}
	note_request(&x, how);
	json_object_put(x.script);
	buf_release(&x.headers);
	buf_release(&x.body);
	return buf_status(&peer->out);
}

static int
opened(struct tls_peer *peer)
{
	struct caller *caller = calloc(1, sizeof *caller);

	if (caller == NULL)
		return fail(ERR_NOMEM, "no memory");
	caller->provider = peer->server->arg;
	caller->peer = peer;
	buf_init(&caller->in, HTTP_SERVER_HEAD + HTTP_SERVER_BODY + 4);
	peer->state = caller;
	return OK;
}

static int
received(struct tls_peer *peer, struct blob data)
{
	struct caller *caller = peer->state;
	struct http_server_request q;
	int r = buf_add_blob(&caller->in, data);

	stand_in_read_script(&caller->provider->base);
	while (r == OK && !peer->frozen && !peer->abandoned &&
	    (r = http_server_read(&caller->in, &q)) == OK) {
		r = handle(caller, &q);
		memmove(caller->in.p, caller->in.p + q.length,
		    caller->in.n - q.length);
		caller->in.n -= q.length;
	}
	return r == ERR_BUSY ? OK : r;
}

static void
closed(struct tls_peer *peer)
{
	struct caller *caller = peer->state;

	if (caller != NULL)
		buf_release(&caller->in);
	free(caller);
}

static const struct tls_service callbacks = {
	.alpn = "http/1.1",
	.opened = opened,
	.received = received,
	.closed = closed,
};

static void
apply(void *arg, json_object *line)
{
	static const char *const names[] = { "RS256", "PS256", "ES256",
		"EdDSA" };
	struct provider *p = arg;
	const char *alg = p->keys.alg;
	const char *value = stand_in_text(line, "value", "");

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0)
			alg = names[i];
	(void)openid_keys_make(&p->keys, alg);
}

int
openid_provider_run(const struct openid_provider_plan *plan)
{
	static struct provider p = {
		.base = { .apply = apply, .server.listener = -1 },
	};
	int r;

	p.plan = plan;
	p.base.dir = plan->dir;
	p.base.arg = &p;
	if ((r = openid_keys_make(&p.keys, plan->alg)) == OK &&
	    (r = stand_in_open(&p.base, &callbacks, NULL, plan->port)) == OK) {
		snprintf(p.issuer, sizeof p.issuer, "https://127.0.0.1:%d",
		    p.base.server.port);
		r = stand_in_run(&p.base);
	}
	stand_in_release(&p.base);
	openid_keys_release(&p.keys);
	return r;
}
