#include "wire/jwkset.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdlib.h>

#include "base/enc.h"
#include "base/log.h"
#include "wire/in_json.h"
#include "wire/jwk.h"

/* A set, a key, and what a key may hold ("key_ops", "x5c"). */
#define DEPTH 6

#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 1024
/* Of the public exponent; 65537 has three. */
#define EXPONENT_BYTES_MAX 8

enum kind { RSA, P256, ED25519 };

static const struct suite {
	const char *name;
	enum kind kind;
	gnutls_sign_algorithm_t sign;
} suites[] = {
	[JWKSET_RS256] = { "RS256", RSA, GNUTLS_SIGN_RSA_SHA256 },
	[JWKSET_PS256] = { "PS256", RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 },
	[JWKSET_ES256] = { "ES256", P256, GNUTLS_SIGN_ECDSA_SHA256 },
	[JWKSET_EDDSA] = { "EdDSA", ED25519, GNUTLS_SIGN_EDDSA_ED25519 },
};

#define SUITES (sizeof suites / sizeof suites[0])

struct key {
	char kid[JWKSET_KID_TEXT];
	/* for these, by their number */
	bool serves[SUITES];
	/* one of them */
	gnutls_pubkey_t rsa;
	struct jwk *jwk;
};

struct jwkset {
	size_t n;
	struct key keys[JWKSET_KEYS_MAX];
};

static gnutls_datum_t
datum(struct blob b)
{
	return (gnutls_datum_t){ (uint8_t *)(uintptr_t)b.p, (unsigned)b.n };
}

/* Is the optional member absent, or this text? */
static bool
may_be(const struct json *o, const char *name, const char *value)
{
	struct blob text;

	return !in_json_has(o, name) ||
	    (in_json_string(o, name, &text) == OK && blob_eq_str(text, value));
}

/* RFC 7517 sections 4.2 and 4.3. */
static bool
is_for_signatures(const struct json *o)
{
	struct json *ops;
	struct blob op;

	if (!may_be(o, "use", "sig"))
		return false;
	if (!in_json_has(o, "key_ops"))
		return true;
	if (in_json_array(o, "key_ops", &ops) != OK)
		return false;
	for (size_t i = 0; i < in_json_count(ops); i++)
		if (in_json_at_string(ops, i, &op) == OK &&
		    blob_eq_str(op, "verify"))
			return true;
	return false;
}

/* A private key that is published is everybody's. */
static bool
is_private(const struct json *o)
{
	return in_json_has(o, "d") || in_json_has(o, "k");
}

static bool
read_kind(const struct json *o, enum kind *out)
{
	struct blob kty, crv;

	if (in_json_string(o, "kty", &kty) != OK)
		return false;
	*out = RSA;
	if (blob_eq_str(kty, "RSA"))
		return true;
	if ((!blob_eq_str(kty, "EC") && !blob_eq_str(kty, "OKP")) ||
	    in_json_string(o, "crv", &crv) != OK)
		return false;
	*out = blob_eq_str(kty, "EC") ? P256 : ED25519;
	return blob_eq_str(crv, *out == P256 ? "P-256" : "Ed25519");
}

/* A number, without the zeros that some put in front of it. */
static bool
read_number(const struct json *o, const char *name, struct buf *out)
{
	struct blob text;
	size_t zeros = 0;

	if (in_json_string(o, name, &text) != OK ||
	    enc_base64url_decode(text, out) != OK)
		return false;
	while (zeros < out->n && out->p[zeros] == 0)
		zeros++;
	if (zeros > 0)
		memmove(out->p, out->p + zeros, out->n - zeros);
	out->n -= zeros;
	return out->n > 0 && out->p[out->n - 1] % 2 == 1;
}

/* An exponent of 1 would make every message its own signature. */
static bool
read_rsa(const struct json *o, struct key *key)
{
	struct buf n, e;
	gnutls_datum_t nd, ed;
	bool good;

	buf_init(&n, RSA_BYTES_MAX + 1);
	buf_init(&e, EXPONENT_BYTES_MAX);
	good = read_number(o, "n", &n) && read_number(o, "e", &e) &&
	    n.n >= RSA_BYTES_MIN && n.n <= RSA_BYTES_MAX &&
	    (n.n > RSA_BYTES_MIN || n.p[0] >= 0x80) && (e.n > 1 || e.p[0] > 1);
	if (good) {
		nd = datum(buf_blob(&n));
		ed = datum(buf_blob(&e));
		good = gnutls_pubkey_init(&key->rsa) == 0 &&
		    gnutls_pubkey_import_rsa_raw(key->rsa, &nd, &ed) == 0;
	}
	buf_release(&n);
	buf_release(&e);
	return good;
}

static void
free_key(struct key *key)
{
	if (key->rsa != NULL)
		gnutls_pubkey_deinit(key->rsa);
	jwk_free(key->jwk);
	*key = (struct key){ .rsa = NULL };
}

static bool
read_key(const struct json *o, struct key *key)
{
	enum kind kind;
	struct blob kid;
	bool served = false;

	if (!is_for_signatures(o) || is_private(o) || !read_kind(o, &kind) ||
	    in_json_opt_string(o, "kid", &kid) != OK ||
	    kid.n >= sizeof key->kid)
		return false;
	if (kid.n > 0)
		memcpy(key->kid, kid.p, kid.n);
	for (size_t i = 0; i < SUITES; i++) {
		key->serves[i] = suites[i].kind == kind &&
		    may_be(o, "alg", suites[i].name);
		served |= key->serves[i];
	}
	if (!served)
		return false;
	return kind == RSA ? read_rsa(o, key) : jwk_parse(o, &key->jwk) == OK;
}

static int
fill(struct blob text, struct jwkset *set)
{
	struct json *doc, *keys, *o;
	size_t n;
	int r;

	if (text.n > JWKSET_BYTES_MAX)
		return fail(ERR_SIGN_IN_PROVIDER,
		    "the provider's keys are %zu bytes long", text.n);
	if ((r = in_json_parse_object(text, DEPTH, &doc)) != OK)
		return r == ERR_NOMEM ? r : ERR_SIGN_IN_PROVIDER;
	if (in_json_array(doc, "keys", &keys) != OK)
		r = ERR_SIGN_IN_PROVIDER;
	else if ((n = in_json_count(keys)) > JWKSET_KEYS_MAX)
		r = fail(ERR_SIGN_IN_PROVIDER, "the provider has %zu keys", n);
	else
		for (size_t i = 0; i < n; i++) {
			if (in_json_at_object(keys, i, &o) == OK &&
			    read_key(o, &set->keys[set->n]))
				set->n++;
			else
				free_key(&set->keys[set->n]);
		}
	in_json_free(doc);
	if (r == OK && set->n == 0)
		r = fail(ERR_SIGN_IN_PROVIDER,
		    "none of the provider's keys can be used");
	return r;
}

int
jwkset_read(struct blob text, struct jwkset **out)
{
	struct jwkset *set;
	int r;

	*out = NULL;
	if ((set = calloc(1, sizeof *set)) == NULL)
		return fail(ERR_NOMEM, "no memory for keys");
	if ((r = fill(text, set)) != OK) {
		jwkset_free(set);
		return r;
	}
	*out = set;
	return OK;
}

void
jwkset_free(struct jwkset *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		free_key(&set->keys[i]);
	free(set);
}

size_t
jwkset_count(const struct jwkset *set)
{
	return set->n;
}

int
jwkset_alg(struct blob name, enum jwkset_alg *out)
{
	for (size_t i = 0; i < SUITES; i++) {
		if (blob_eq_str(name, suites[i].name)) {
			*out = (enum jwkset_alg)i;
			return OK;
		}
	}
	return fail(ERR_SIGN_IN_TOKEN,
	    "the ID token is signed with an algorithm that is not accepted");
}

static bool
verifies(const struct key *key, const struct suite *suite, struct blob message,
    struct blob signature)
{
	gnutls_datum_t data = datum(message), sig = datum(signature);

	return key->jwk != NULL
	    ? jwk_verifies(key->jwk, message, signature)
	    : gnutls_pubkey_verify_data2(
		  key->rsa, suite->sign, 0, &data, &sig) >= 0;
}

int
jwkset_verify(const struct jwkset *set, enum jwkset_alg alg, const char *kid,
    struct blob message, struct blob signature)
{
	const struct key *found = NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct key *key = &set->keys[i];

		if (!key->serves[alg] ||
		    (*kid != '\0' && strcmp(kid, key->kid) != 0))
			continue;
		if (found != NULL)
			return fail(ERR_SIGN_IN_TOKEN,
			    "several keys of the provider may have signed the "
			    "ID token");
		found = key;
	}
	if (found == NULL)
		return fail(ERR_SIGN_IN_KEY,
		    "the provider has no key \"%s\" for %s", kid,
		    suites[alg].name);
	if (verifies(found, &suites[alg], message, signature))
		return OK;
	/* A new key in its place would have no other name. */
	return fail(*kid == '\0' ? ERR_SIGN_IN_KEY : ERR_SIGN_IN_TOKEN,
	    "the signature of the ID token does not verify");
}
