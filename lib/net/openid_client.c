#include "net/openid_client.h"

#include <stdio.h>
#include <string.h>

#include "config.h"

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/file.h"

/* OpenID Connect Discovery section 4.1 */
#define CONFIGURATION "/.well-known/openid-configuration"
#define BODY_MAX      16384
#define CALL_SECONDS  8
#define STALL_SECONDS 5

/* One request and its answer. */
struct call {
	struct openid_client *client;
	struct buf body;
	int code;
	long status;
	bool done;
};

/* The text of the file, without the line end that editors leave. */
static int
load_secret(struct openid_client *c)
{
	const char *path = c->conf->sign_in_secret_file;
	struct buf text;
	int r;

	if (*path == '\0')
		return OK;
	buf_init(&text, OPENID_CLIENT_SECRET_MAX);
	if ((r = file_check_secret(path)) == OK &&
	    (r = file_read(path, &text)) == OK) {
		memcpy(c->secret, buf_str(&text), text.n);
		c->secret[strcspn(c->secret, "\r\n")] = '\0';
		if (c->secret[0] == '\0')
			r = fail(ERR_CONFIG, "%s holds no secret", path);
	}
	buf_wipe(&text);
	return r;
}

int
openid_client_open(struct openid_client *c, const struct conf *conf)
{
	int r;

	*c = (struct openid_client){ .conf = conf };
	openid_client_begin(c);
	if ((r = net_prepare()) != OK || (r = net_open(&c->net)) != OK)
		return r;
	return load_secret(c);
}

void
openid_client_close(struct openid_client *c)
{
	if (c->net.multi != NULL)
		net_close(&c->net);
	jwkset_free(c->keys);
	secret_wipe(c, sizeof *c);
}

void
openid_client_begin(struct openid_client *c)
{
	c->deadline =
	    clock_monotonic_ms() + INT64_C(1000) * OPENID_CLIENT_SECONDS;
}

void
openid_client_new_try(struct openid_client_try *out)
{
	secret_token(out->state);
	secret_token(out->nonce);
	secret_token(out->verifier);
	out->again = false;
}

static void
on_answer(void *arg, const struct net_answer *answer)
{
	struct call *call = arg;
	const char *date;

	call->done = true;
	if (answer->code != OK) {
		call->code = fail(answer->code, "%s", answer->reason);
		return;
	}
	call->status = answer->status;
	call->code = buf_add_blob(&call->body, answer->body);
	date = net_header(answer, "Date");
	call->client->clock_difference = 0;
	if (date != NULL && curl_getdate(date, NULL) > 0)
		call->client->clock_difference =
		    (int64_t)curl_getdate(date, NULL) - clock_now();
}

/* Waits for an answer; what it is, is in the call. */
static int
perform(struct call *call, struct net_request *request)
{
	struct openid_client *c = call->client;
	int64_t left = c->deadline - clock_monotonic_ms();
	int r;

	if (left < 1000)
		return fail(ERR_NET_TIMEOUT,
		    "%s: no time is left to ask the provider", request->url);
	request->seconds =
	    left < CALL_SECONDS * 1000 ? (int)(left / 1000) : CALL_SECONDS;
	request->stall_seconds = STALL_SECONDS;
	request->ca_file = *c->conf->sign_in_server_ca == '\0'
	    ? NULL
	    : c->conf->sign_in_server_ca;
	r = net_start(&c->net, request, on_answer, call);
	if (r != OK)
		return r;
	while (r == OK && !call->done)
		r = net_wait(&c->net, -1, 1000);
	if (call->done)
		return call->code;
	/* It must not answer later, when the call is not there any more. */
	net_close(&c->net);
	(void)net_open(&c->net);
	return r;
}

/* GET with status 200; the body is in call->body, to be released anyway. */
static int
get(struct openid_client *c, struct call *call, const char *url, size_t max)
{
	static const char *const headers[] = {
		"Accept: application/json",
		"User-Agent: attestmdm/" PACKAGE_VERSION,
	};
	struct net_request request = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.n_headers = sizeof headers / sizeof headers[0],
		.answer_max = max,
	};
	int r;

	*call = (struct call){ .client = c };
	buf_init(&call->body, max);
	if ((r = perform(call, &request)) == OK && call->status != 200)
		r = fail(ERR_SIGN_IN_PROVIDER, "%s answers with status %ld", url,
		    call->status);
	return r;
}

/* A clock that was set back makes everything old. */
static bool
is_fresh(int64_t at)
{
	int64_t now = clock_now();

	return at != 0 && now >= at && now - at < OPENID_CLIENT_CACHE;
}

static int
fetch_provider(struct openid_client *c)
{
	const char *issuer = c->conf->sign_in_issuer;
	size_t n = strlen(issuer);
	char url[CONF_ISSUER_TEXT + sizeof CONFIGURATION];
	struct in_openid provider;
	struct call call;
	int r;

	if (n == 0)
		return fail(ERR_CONFIG,
		    "[sign_in] issuer is not set in the configuration");
	snprintf(url, sizeof url, "%.*s" CONFIGURATION,
	    (int)(issuer[n - 1] == '/' ? n - 1 : n), issuer);
	r = get(c, &call, url, IN_OPENID_BYTES_MAX);
	if (r == OK &&
	    (r = in_openid_read(buf_blob(&call.body), issuer, &provider)) ==
		OK) {
		c->provider = provider;
		c->provider_at = clock_now();
	}
	buf_release(&call.body);
	return r;
}

static int
need_provider(struct openid_client *c)
{
	return is_fresh(c->provider_at) ? OK : fetch_provider(c);
}

static int
fetch_keys(struct openid_client *c)
{
	struct jwkset *keys;
	struct call call;
	int r;

	r = get(c, &call, c->provider.jwks_uri, JWKSET_BYTES_MAX);
	if (r == OK && (r = jwkset_read(buf_blob(&call.body), &keys)) == OK) {
		jwkset_free(c->keys);
		c->keys = keys;
		c->keys_at = clock_now();
	}
	buf_release(&call.body);
	return r;
}

static void
add_parameter(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "&%s=", name);
	enc_percent(value, out);
}

static void
add_callback(const struct openid_client *c, struct buf *out)
{
	buf_add_str(out, "&redirect_uri=");
	enc_percent(c->conf->url, out);
	enc_percent(OPENID_CLIENT_CALLBACK, out);
}

/* RFC 7636 section 4.2, S256 */
static void
add_challenge(const char *verifier, struct buf *out)
{
	uint8_t digest[SECRET_SHA256];

	secret_sha256(blob_str(verifier), digest);
	buf_add_str(out, "&code_challenge_method=S256&code_challenge=");
	enc_base64url(blob_of(digest, sizeof digest), out);
}

int
openid_client_url(struct openid_client *c, const struct openid_client_try *try,
    struct buf *out)
{
	const char *endpoint = c->provider.authorization_endpoint;
	int r;

	if ((r = need_provider(c)) != OK)
		return r;
	buf_printf(out, "%s%cresponse_type=code", endpoint,
	    strchr(endpoint, '?') != NULL ? '&' : '?');
	add_parameter(out, "client_id", c->conf->sign_in_client_id);
	add_parameter(out, "scope", c->conf->sign_in_scopes);
	add_callback(c, out);
	add_parameter(out, "state", try->state);
	add_parameter(out, "nonce", try->nonce);
	add_challenge(try->verifier, out);
	if (try->again)
		buf_add_str(out, "&prompt=login");
	return buf_status(out);
}

/* RFC 6749 section 2.3.1: both are escaped before they are joined. */
static int
write_basic(const struct openid_client *c, struct buf *out)
{
	struct buf pair;
	int r;

	buf_init(&pair, BODY_MAX);
	enc_percent(c->conf->sign_in_client_id, &pair);
	buf_add_byte(&pair, ':');
	enc_percent(c->secret, &pair);
	buf_add_str(out, "Authorization: Basic ");
	if ((r = buf_status(&pair)) == OK)
		r = enc_base64(buf_blob(&pair), out);
	buf_wipe(&pair);
	return r;
}

static int
check_method(const struct openid_client *c)
{
	if (c->secret[0] != '\0' ? c->provider.takes_basic
				 : c->provider.takes_none)
		return OK;
	return c->secret[0] != '\0'
	    ? fail(ERR_SIGN_IN_PROVIDER,
		  "the provider does not take client_secret_basic")
	    : fail(ERR_SIGN_IN_PROVIDER,
		  "the provider wants a client secret, and [sign_in] "
		  "client_secret_file is not set");
}

/* What the token endpoint's refusal means (RFC 6749 section 5.2). */
static int
explain_refusal(const struct call *call)
{
	char word[IN_OPENID_WORD_TEXT];

	in_openid_error(buf_blob(&call->body), word);
	if (strcmp(word, "invalid_grant") == 0)
		return fail(ERR_SIGN_IN_EXPIRED,
		    "the provider does not accept the code: it has expired, "
		    "was used before or is for somebody else");
	return fail(ERR_SIGN_IN_PROVIDER,
	    "the provider's token endpoint answers with status %ld %s",
	    call->status, word);
}

static int
post_code(struct openid_client *c, struct blob body, const char *authorization,
    struct buf *token)
{
	const char *headers[] = {
		"Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json",
		"User-Agent: attestmdm/" PACKAGE_VERSION,
		authorization,
	};
	struct net_request request = {
		.method = "POST",
		.url = c->provider.token_endpoint,
		.headers = headers,
		.n_headers = authorization[0] != '\0' ? 4 : 3,
		.body = body,
		.answer_max = IN_OPENID_BYTES_MAX,
	};
	struct call call = { .client = c };
	int r;

	buf_init(&call.body, IN_OPENID_BYTES_MAX);
	if ((r = perform(&call, &request)) == OK)
		r = call.status == 200
		    ? in_openid_token(buf_blob(&call.body), token)
		    : explain_refusal(&call);
	buf_wipe(&call.body);
	return r;
}

static int
get_token(struct openid_client *c, const struct openid_client_try *try,
    const char *code, struct buf *token)
{
	bool secret = c->secret[0] != '\0';
	struct buf body, authorization;
	int r;

	if ((r = check_method(c)) != OK)
		return r;
	buf_init(&body, BODY_MAX);
	buf_init(&authorization, BODY_MAX);
	buf_add_str(&body, "grant_type=authorization_code");
	add_parameter(&body, "code", code);
	add_parameter(&body, "code_verifier", try->verifier);
	add_callback(c, &body);
	if (!secret)
		add_parameter(&body, "client_id", c->conf->sign_in_client_id);
	if ((r = buf_status(&body)) == OK &&
	    (!secret || (r = write_basic(c, &authorization)) == OK))
		r = post_code(
		    c, buf_blob(&body), buf_str(&authorization), token);
	buf_wipe(&authorization);
	buf_wipe(&body);
	return r;
}

static int
verify(struct openid_client *c, const struct openid_client_try *try,
    struct blob token, struct idtoken *out)
{
	struct idtoken_expected expected = {
		.issuer = c->conf->sign_in_issuer,
		.client_id = c->conf->sign_in_client_id,
		.nonce = try->nonce,
		.now = clock_now(),
	};

	return idtoken_verify(token, c->keys, &expected, out);
}

/* May keys be fetched again for the sake of one that is not among them? */
static bool
may_refetch(struct openid_client *c)
{
	int64_t now = clock_now();

	if (c->refetch_at != 0 && now >= c->refetch_at &&
	    now - c->refetch_at < OPENID_CLIENT_REFETCH)
		return false;
	c->refetch_at = now;
	return true;
}

static int
verify_by_keys(struct openid_client *c, const struct openid_client_try *try,
    struct blob token, struct idtoken *out)
{
	bool fetched = !is_fresh(c->keys_at);
	int r;

	if (fetched && (r = fetch_keys(c)) != OK)
		return r;
	r = verify(c, try, token, out);
	if (r != ERR_SIGN_IN_KEY || fetched || !may_refetch(c))
		return r;
	if ((r = fetch_keys(c)) == OK)
		r = verify(c, try, token, out);
	return r;
}

/* A code of another provider must not be given to this one. */
static int
check_answer(
    const struct openid_client *c, const struct openid_client_answer *answer)
{
	if (answer->issuer == NULL ? c->provider.names_issuer
				   : strcmp(answer->issuer,
					 c->conf->sign_in_issuer) != 0)
		return fail(ERR_SIGN_IN_TOKEN,
		    "the answer in the browser is from another issuer");
	return OK;
}

int
openid_client_redeem(struct openid_client *c,
    const struct openid_client_try *try,
    const struct openid_client_answer *answer, struct idtoken *out)
{
	struct buf token;
	int r;

	*out = (struct idtoken){ .subject = "" };
	buf_init(&token, IDTOKEN_BYTES_MAX);
	if ((r = need_provider(c)) == OK &&
	    (r = check_answer(c, answer)) == OK &&
	    (r = get_token(c, try, answer->code, &token)) == OK)
		r = verify_by_keys(c, try, buf_blob(&token), out);
	buf_wipe(&token);
	return r;
}

int
openid_client_probe(struct openid_client *c)
{
	int r;

	if ((r = fetch_provider(c)) != OK || (r = check_method(c)) != OK)
		return r;
	return fetch_keys(c);
}
