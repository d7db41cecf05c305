#include "wire/in_openid.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/idtoken.h"
#include "wire/in_json.h"
#include "wire/jwkset.h"

/* Providers put claims and keys of their own into their configuration. */
#define DEPTH 10

static int
parse(struct blob text, struct json **out)
{
	int r;

	*out = NULL;
	if (text.n > IN_OPENID_BYTES_MAX)
		return fail(ERR_SIGN_IN_PROVIDER,
		    "the provider's answer is %zu bytes long", text.n);
	r = in_json_parse_object(text, DEPTH, out);
	return r == ERR_MALFORMED || r == ERR_TOO_LARGE ? ERR_SIGN_IN_PROVIDER
							: r;
}

/* What may stand in a request line and in a Location, and nothing more. */
bool
in_openid_is_url(const char *url)
{
	static const char https[] = "https://";
	const char *host = url + sizeof https - 1;
	size_t n;

	if (strncmp(url, https, sizeof https - 1) != 0)
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\"#<>\\^`{|}", *p))
			return false;
	n = strcspn(host, "/?");
	return n > 0 && memchr(host, '@', n) == NULL;
}

static int
read_url(const struct json *o, const char *name, char out[IN_OPENID_URL_TEXT])
{
	struct blob text;

	if (in_json_string(o, name, &text) != OK)
		return ERR_SIGN_IN_PROVIDER;
	if (text.n >= IN_OPENID_URL_TEXT ||
	    !in_openid_is_url((const char *)text.p))
		return fail(ERR_SIGN_IN_PROVIDER,
		    "the provider's %s is not an https URL", name);
	memcpy(out, text.p, text.n + 1);
	return OK;
}

/* What a list that is absent stands for. */
static int
find_word(const struct json *o, const char *name, const char *word, bool absent,
    bool *out)
{
	struct json *list;
	struct blob text;

	*out = absent;
	if (!in_json_has(o, name))
		return OK;
	if (in_json_array(o, name, &list) != OK)
		return ERR_SIGN_IN_PROVIDER;
	*out = false;
	for (size_t i = 0; i < in_json_count(list) && !*out; i++) {
		if (in_json_at_string(list, i, &text) != OK)
			return ERR_SIGN_IN_PROVIDER;
		*out = blob_eq_str(text, word);
	}
	return OK;
}

static int
need_word(const struct json *o, const char *name, const char *word)
{
	bool found;

	if (find_word(o, name, word, true, &found) != OK)
		return ERR_SIGN_IN_PROVIDER;
	return found ? OK
		     : fail(ERR_SIGN_IN_PROVIDER,
			   "the provider's %s does not have %s", name, word);
}

static int
check_algorithms(const struct json *o)
{
	static const char name[] = "id_token_signing_alg_values_supported";
	static const char *const words[] = { "RS256", "PS256", "ES256",
		"EdDSA" };
	bool found = false;

	for (size_t i = 0; i < sizeof words / sizeof words[0] && !found; i++)
		if (find_word(o, name, words[i], true, &found) != OK)
			return ERR_SIGN_IN_PROVIDER;
	return found ? OK
		     : fail(ERR_SIGN_IN_PROVIDER,
			   "the provider signs with no algorithm of ours");
}

static int
check_issuer(const struct json *o, const char *issuer)
{
	struct blob text;

	if (in_json_string(o, "issuer", &text) != OK)
		return ERR_SIGN_IN_PROVIDER;
	return blob_eq_str(text, issuer)
	    ? OK
	    : fail(ERR_SIGN_IN_PROVIDER,
		  "the provider names itself \"%s\", and [sign_in] issuer is "
		  "\"%s\"",
		  (const char *)text.p, issuer);
}

/* client_secret_basic is what a provider without the list takes. */
static int
read_members(const struct json *o, const char *issuer, struct in_openid *out)
{
	static const char methods[] = "token_endpoint_auth_methods_supported";
	static const char names[] =
	    "authorization_response_iss_parameter_supported";
	int r;

	if ((r = check_issuer(o, issuer)) != OK ||
	    (r = read_url(o, "authorization_endpoint",
		 out->authorization_endpoint)) != OK ||
	    (r = read_url(o, "token_endpoint", out->token_endpoint)) != OK ||
	    (r = read_url(o, "jwks_uri", out->jwks_uri)) != OK ||
	    (r = need_word(o, "response_types_supported", "code")) != OK ||
	    (r = need_word(o, "code_challenge_methods_supported", "S256")) !=
		OK ||
	    (r = check_algorithms(o)) != OK ||
	    (r = find_word(o, methods, "client_secret_basic", true,
		 &out->takes_basic)) != OK ||
	    (r = find_word(o, methods, "none", false, &out->takes_none)) != OK)
		return r;
	return !in_json_has(o, names) ||
		in_json_bool(o, names, &out->names_issuer) == OK
	    ? OK
	    : ERR_SIGN_IN_PROVIDER;
}

int
in_openid_read(struct blob text, const char *issuer, struct in_openid *out)
{
	struct json *doc;
	int r;

	*out = (struct in_openid){ .takes_basic = false };
	if ((r = parse(text, &doc)) != OK)
		return r;
	if ((r = read_members(doc, issuer, out)) != OK)
		*out = (struct in_openid){ .takes_basic = false };
	in_json_free(doc);
	return r;
}

int
in_openid_token(struct blob text, struct buf *out)
{
	struct json *doc;
	struct blob token;
	int r;

	if ((r = parse(text, &doc)) != OK)
		return r;
	if (in_json_string(doc, "id_token", &token) != OK)
		r = ERR_SIGN_IN_PROVIDER;
	else if (token.n > IDTOKEN_BYTES_MAX)
		r = fail(ERR_SIGN_IN_PROVIDER, "the ID token is %zu bytes long",
		    token.n);
	else
		r = buf_add_blob(out, token);
	in_json_free(doc);
	return r;
}

void
in_openid_error(struct blob text, char out[IN_OPENID_WORD_TEXT])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	struct json *doc;
	struct blob word;

	out[0] = '\0';
	if (parse(text, &doc) != OK)
		return;
	if (in_json_opt_string(doc, "error", &word) == OK && word.p != NULL &&
	    word.n < IN_OPENID_WORD_TEXT &&
	    strspn((const char *)word.p, letters) == word.n)
		memcpy(out, word.p, word.n + 1);
	in_json_free(doc);
}
