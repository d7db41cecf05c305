#include "sim/apple/openid_token.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/jose.h"

static const char *
kind_of(const char *alg)
{
	if (strcmp(alg, "ES256") == 0)
		return "P-256";
	return strcmp(alg, "EdDSA") == 0 ? "Ed25519" : "RSA-2048";
}

int
openid_keys_make(struct openid_keys *k, const char *alg)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
	k->alg = alg;
	k->number++;
	return keypair_make(kind_of(alg), &k->key);
}

void
openid_keys_release(struct openid_keys *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
}

int
openid_keys_write(const struct openid_keys *k, struct buf *out)
{
	int r;

	buf_add_str(out, "{\"keys\":[");
	if ((r = jose_jwk(k->key, out)) != OK)
		return r;
	out->n--; /* the closing brace */
	return buf_printf(out,
	    ",\"use\":\"sig\",\"alg\":\"%s\",\"kid\":\"key-%ld\"}]}", k->alg,
	    k->number);
}

/* Members of `spoil` take the place of those of `o`. */
static void
spoil_members(json_object *o, json_object *spoil)
{
	json_object_object_foreach(spoil, name, value)
	{
		if (value == NULL)
			json_object_object_del(o, name);
		else
			json_object_object_add(
			    o, name, json_object_get(value));
	}
}

static json_object *
make_header(const struct openid_keys *k, json_object *spoil)
{
	json_object *o = json_object_new_object(), *other;
	char kid[32];

	snprintf(kid, sizeof kid, "key-%ld", k->number);
	json_object_object_add(o, "alg", json_object_new_string(k->alg));
	json_object_object_add(o, "kid", json_object_new_string(kid));
	json_object_object_add(o, "typ", json_object_new_string("JWT"));
	if (json_object_object_get_ex(spoil, "header", &other))
		spoil_members(o, other);
	return o;
}

static const char *
plain(json_object *o)
{
	return json_object_to_json_string_ext(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* How it is signed; `secret` keeps what the HMAC is made with. */
static int
choose_signature(const struct openid_keys *k, const char *how,
    struct buf *secret, EVP_PKEY **other, struct jose *out)
{
	int r = OK;

	*out = (struct jose){ .alg = k->alg, .key = k->key };
	if (strcmp(how, "none") == 0) {
		*out = (struct jose){ .alg = "none" };
	} else if (strcmp(how, "hs256") == 0) {
		r = jose_jwk(k->key, secret);
		*out = (struct jose){ .alg = "HS256",
			.secret = buf_blob(secret) };
	} else if (strcmp(how, "other") == 0) {
		r = keypair_make(kind_of(k->alg), other);
		out->key = *other;
	}
	out->corrupt = strcmp(how, "corrupt") == 0;
	return r;
}

int
openid_token_write(const struct openid_keys *k, json_object *claims,
    json_object *spoil, struct buf *out)
{
	json_object *header = make_header(k, spoil), *other;
	struct jose how;
	SCRATCH_BUF(secret);
	SCRATCH_KEY(key);
	int r;

	if (json_object_object_get_ex(spoil, "claims", &other))
		spoil_members(claims, other);
	r = choose_signature(
	    k, stand_in_text(spoil, "sign", ""), &secret, &key, &how);
	if (r == OK)
		r = jose_compact(&how, blob_str(plain(header)),
		    blob_str(plain(claims)), out);
	json_object_put(header);
	return r;
}
