#include "wire/idtoken.h"

#include <string.h>
#include <strings.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "wire/in_json.h"

#define HEADER_MAX    4096
#define SIGNATURE_MAX 1024
#define DEPTH         10

#define refuse(...) fail(ERR_SIGN_IN_TOKEN, __VA_ARGS__)

/* The three parts in base64url, as received. */
struct parts {
	struct blob header, payload, signature;
	struct blob signed_text;
};

static int
split(struct blob token, struct parts *out)
{
	const uint8_t *end = token.p + token.n, *first, *second;

	if (token.n > IDTOKEN_BYTES_MAX)
		return refuse("the ID token is %zu bytes long", token.n);
	if (token.n == 0 || (first = memchr(token.p, '.', token.n)) == NULL ||
	    (second = memchr(
		 first + 1, '.', (size_t)(end - first - 1))) == NULL ||
	    memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return refuse("the ID token does not have three parts");
	out->header = blob_of(token.p, (size_t)(first - token.p));
	out->payload = blob_of(first + 1, (size_t)(second - first - 1));
	out->signature = blob_of(second + 1, (size_t)(end - second - 1));
	out->signed_text = blob_of(token.p, (size_t)(second - token.p));
	return OK;
}

/* A lack of memory is not the token's fault. */
static int
decode(struct blob text, const char *what, struct buf *out)
{
	int r = enc_base64url_decode(text, out);

	return r == OK || r == ERR_NOMEM
	    ? r
	    : refuse("%s of the ID token is not base64url", what);
}

/* One of the parts that is JSON. */
static int
open_part(struct blob text, size_t max, struct json **out)
{
	struct buf bytes;
	int r;

	*out = NULL;
	buf_init(&bytes, max);
	if ((r = decode(text, "a part", &bytes)) == OK &&
	    (r = in_json_parse_object(buf_blob(&bytes), DEPTH, out)) != OK)
		r = r == ERR_NOMEM ? r : ERR_SIGN_IN_TOKEN;
	buf_release(&bytes);
	return r;
}

static int
need_text(const struct json *o, const char *name, struct blob *out)
{
	return in_json_string(o, name, out) == OK ? OK : ERR_SIGN_IN_TOKEN;
}

/*
 * A token for something else may be signed with the same key and say so in
 * "typ" (RFC 8725 section 3.11). Keys that the header brings along are not
 * looked at.
 */
static int
read_header(
    const struct json *o, enum jwkset_alg *alg, char kid[JWKSET_KID_TEXT])
{
	struct blob text;
	int r;

	kid[0] = '\0';
	if (in_json_has(o, "crit") || in_json_has(o, "b64"))
		return refuse("the ID token has extensions that change it");
	if (in_json_has(o, "typ")) {
		if ((r = need_text(o, "typ", &text)) != OK)
			return r;
		if (strcasecmp((const char *)text.p, "JWT") != 0)
			return refuse("the token is of type \"%s\"",
			    (const char *)text.p);
	}
	if ((r = need_text(o, "alg", &text)) != OK ||
	    (r = jwkset_alg(text, alg)) != OK)
		return r;
	if (!in_json_has(o, "kid"))
		return OK;
	if ((r = need_text(o, "kid", &text)) != OK)
		return r;
	if (text.n == 0 || text.n >= JWKSET_KID_TEXT)
		return refuse("the name of the ID token's key is %zu bytes long",
		    text.n);
	memcpy(kid, text.p, text.n + 1);
	return OK;
}

static int
check_signature(const struct parts *parts, const struct jwkset *keys)
{
	char kid[JWKSET_KID_TEXT];
	enum jwkset_alg alg;
	struct buf signature;
	struct json *header;
	int r;

	if ((r = open_part(parts->header, HEADER_MAX, &header)) != OK)
		return r;
	r = read_header(header, &alg, kid);
	in_json_free(header);
	if (r != OK)
		return r;
	buf_init(&signature, SIGNATURE_MAX);
	if ((r = decode(parts->signature, "the signature", &signature)) == OK)
		r = jwkset_verify(keys, alg, kid, parts->signed_text,
		    buf_blob(&signature));
	buf_release(&signature);
	return r;
}

static int
check_issuer(const struct json *o, const char *issuer)
{
	struct blob text;

	if (need_text(o, "iss", &text) != OK)
		return ERR_SIGN_IN_TOKEN;
	return blob_eq_str(text, issuer)
	    ? OK
	    : refuse("the ID token is of issuer \"%s\"", (const char *)text.p);
}

/* One audience as a text, or an array of them. */
static int
find_audience(
    const struct json *o, const char *client_id, size_t *count, bool *found)
{
	struct json *list;
	struct blob text;

	*count = 1;
	*found = false;
	if (in_json_has_string(o, "aud")) {
		if (need_text(o, "aud", &text) != OK)
			return ERR_SIGN_IN_TOKEN;
		*found = blob_eq_str(text, client_id);
		return OK;
	}
	if (in_json_array(o, "aud", &list) != OK)
		return ERR_SIGN_IN_TOKEN;
	*count = in_json_count(list);
	if (*count > IDTOKEN_AUDIENCES_MAX)
		return refuse("the ID token has %zu audiences", *count);
	for (size_t i = 0; i < *count; i++) {
		if (in_json_at_string(list, i, &text) != OK)
			return ERR_SIGN_IN_TOKEN;
		*found |= blob_eq_str(text, client_id);
	}
	return OK;
}

/* The authorized party is who asked for the token; of several, it says who. */
static int
check_audience(const struct json *o, const char *client_id)
{
	struct blob party;
	size_t count;
	bool found;

	if (find_audience(o, client_id, &count, &found) != OK)
		return ERR_SIGN_IN_TOKEN;
	if (!found)
		return refuse("the ID token is for another client");
	if (count == 1 && !in_json_has(o, "azp"))
		return OK;
	if (need_text(o, "azp", &party) != OK)
		return ERR_SIGN_IN_TOKEN;
	return blob_eq_str(party, client_id)
	    ? OK
	    : refuse("another client than this server got the ID token");
}

static int
need_time(const struct json *o, const char *name, int64_t *out)
{
	/* up to the year 9999 */
	return in_json_seconds(o, name, 0, INT64_C(253402300799), out) == OK
	    ? OK
	    : ERR_SIGN_IN_TOKEN;
}

static int
check_times(const struct json *o, int64_t now)
{
	int64_t expires, issued, not_before = 0;
	int r;

	if ((r = need_time(o, "exp", &expires)) != OK ||
	    (r = need_time(o, "iat", &issued)) != OK ||
	    (in_json_has(o, "nbf") &&
		(r = need_time(o, "nbf", &not_before)) != OK))
		return r;
	if (expires + IDTOKEN_LEEWAY <= now)
		return refuse("the ID token has expired");
	if (issued - IDTOKEN_LEEWAY > now || not_before - IDTOKEN_LEEWAY > now)
		return refuse("the ID token is not valid yet");
	if (issued + IDTOKEN_AGE_MAX < now)
		return refuse("the ID token is older than this sign-in");
	return OK;
}

static int
check_nonce(const struct json *o, const char *nonce)
{
	struct blob text;

	if (need_text(o, "nonce", &text) != OK)
		return ERR_SIGN_IN_TOKEN;
	return secret_eq(text, blob_str(nonce))
	    ? OK
	    : refuse("the ID token is the answer to another sign-in");
}

static bool
is_shown_as_it_is(struct blob text)
{
	uint32_t character = 0;
	size_t n;

	for (size_t at = 0; at < text.n; at += n)
		if ((n = utf8_decode(text, at, &character)) == 0 ||
		    !utf8_is_visible(character))
			return false;
	return true;
}

static int
copy_text(const struct json *o, const char *name, char out[IDTOKEN_TEXT])
{
	struct blob text;

	if (in_json_opt_string(o, name, &text) != OK)
		return ERR_SIGN_IN_TOKEN;
	if (text.n > 0 && text.n < IDTOKEN_TEXT && is_shown_as_it_is(text))
		memcpy(out, text.p, text.n + 1);
	return OK;
}

/* Some providers write the boolean as a text. */
static int
read_email_verified(const struct json *o, bool *is_unverified)
{
	static const char name[] = "email_verified";
	struct blob text;
	bool verified = true;

	if (!in_json_has(o, name))
		return OK;
	if (in_json_has_string(o, name)) {
		if (need_text(o, name, &text) != OK)
			return ERR_SIGN_IN_TOKEN;
		verified = blob_eq_str(text, "true");
	} else if (in_json_bool(o, name, &verified) != OK)
		return ERR_SIGN_IN_TOKEN;
	*is_unverified = !verified;
	return OK;
}

static int
read_groups(const struct json *o, struct buf *out)
{
	struct json *list;
	struct blob text;
	size_t n;

	if (!in_json_has(o, "groups"))
		return OK;
	if (in_json_array(o, "groups", &list) != OK)
		return ERR_SIGN_IN_TOKEN;
	if ((n = in_json_count(list)) > IDTOKEN_GROUPS_MAX)
		return refuse("the ID token has %zu groups", n);
	for (size_t i = 0; i < n; i++) {
		if (in_json_at_string(list, i, &text) != OK)
			return ERR_SIGN_IN_TOKEN;
		buf_add_blob(out, text);
		buf_add_byte(out, '\0');
	}
	return buf_status(out);
}

static int
read_person(const struct json *o, struct idtoken *out)
{
	struct blob subject;
	int r;

	if ((r = need_text(o, "sub", &subject)) != OK ||
	    (r = copy_text(o, "sub", out->subject)) != OK ||
	    (r = copy_text(o, "email", out->email)) != OK ||
	    (r = copy_text(
		 o, "preferred_username", out->preferred_username)) != OK ||
	    (r = read_email_verified(o, &out->email_is_unverified)) != OK)
		return r;
	if (out->subject[0] == '\0')
		return refuse("the ID token's sub is empty, too long or has "
			      "invisible characters");
	return read_groups(o, &out->groups);
}

static int
read_claims(const struct json *o, const struct idtoken_expected *expected,
    struct idtoken *out)
{
	int r;

	if ((r = check_issuer(o, expected->issuer)) != OK ||
	    (r = check_audience(o, expected->client_id)) != OK ||
	    (r = check_times(o, expected->now)) != OK ||
	    (r = check_nonce(o, expected->nonce)) != OK)
		return r;
	return read_person(o, out);
}

int
idtoken_verify(struct blob token, const struct jwkset *keys,
    const struct idtoken_expected *expected, struct idtoken *out)
{
	struct parts parts;
	struct json *claims;
	int r;

	*out = (struct idtoken){ .subject = "" };
	buf_init(&out->groups, IDTOKEN_BYTES_MAX);
	if ((r = split(token, &parts)) != OK ||
	    (r = check_signature(&parts, keys)) != OK ||
	    (r = open_part(parts.payload, IDTOKEN_BYTES_MAX, &claims)) != OK)
		return r;
	r = read_claims(claims, expected, out);
	in_json_free(claims);
	if (r != OK)
		idtoken_release(out);
	return r;
}

void
idtoken_release(struct idtoken *token)
{
	buf_release(&token->groups);
	*token = (struct idtoken){ .subject = "" };
}

bool
idtoken_has_group(const struct idtoken *token, const char *group)
{
	const char *p = buf_str(&token->groups), *end = p + token->groups.n;

	for (; p < end; p += strlen(p) + 1)
		if (strcmp(p, group) == 0)
			return true;
	return false;
}
