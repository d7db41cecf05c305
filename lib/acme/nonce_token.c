#include "acme/nonce_token.h"

#include "base/buf.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "base/secret.h"

/* Three bytes of generation, then five bytes of seconds since 1970. */
#define TIME_BYTES 8
#define TIME_BITS  40
#define TAG_BYTES  16
#define RAW_BYTES  (TIME_BYTES + NONCE_TOKEN_ID + TAG_BYTES)

/* Longer texts are not looked at. */
#define TEXT_MAX 64

static void
tag(const uint8_t key[NONCE_TOKEN_KEY], const char *enrollment,
    const uint8_t *raw, uint8_t out[SECRET_SHA256])
{
	struct buf b;

	/* The label keeps this use of the key apart from any other. */
	buf_init(&b, 1024);
	buf_add_str(&b, "nonce");
	buf_add_byte(&b, 0);
	buf_add(&b, raw, TIME_BYTES + NONCE_TOKEN_ID);
	buf_add_str(&b, enrollment);
	if (buf_status(&b) == OK)
		secret_hmac_sha256(
		    blob_of(key, NONCE_TOKEN_KEY), buf_blob(&b), out);
	else
		secret_random(out, SECRET_SHA256);
	buf_release(&b);
}

void
nonce_token_make(const uint8_t key[NONCE_TOKEN_KEY], const char *enrollment,
    int64_t generation, int64_t now, char out[NONCE_TOKEN_TEXT])
{
	uint64_t head = (uint64_t)generation << TIME_BITS | (uint64_t)now;
	uint8_t raw[RAW_BYTES], mac[SECRET_SHA256];
	struct buf text;
	int i;

	for (i = 0; i < TIME_BYTES; i++)
		raw[i] = (uint8_t)(head >> (56 - 8 * i));
	secret_random(raw + TIME_BYTES, NONCE_TOKEN_ID);
	tag(key, enrollment, raw, mac);
	memcpy(raw + TIME_BYTES + NONCE_TOKEN_ID, mac, TAG_BYTES);
	buf_init(&text, NONCE_TOKEN_TEXT);
	enc_base64url(blob_of(raw, sizeof raw), &text);
	/* Without memory the client gets an empty nonce and fails alone. */
	memset(out, 0, NONCE_TOKEN_TEXT);
	if (buf_status(&text) == OK)
		memcpy(out, text.p, text.n);
	buf_release(&text);
}

int
nonce_token_check(const uint8_t key[NONCE_TOKEN_KEY], const char *enrollment,
    const char *text, int64_t now, struct nonce_token *out)
{
	uint8_t raw[RAW_BYTES], mac[SECRET_SHA256];
	uint64_t head = 0;
	int64_t issued;
	struct buf b;
	int i, r;

	*out = (struct nonce_token){ .expires_at = 0 };
	if (!enc_is_base64url(text, TEXT_MAX))
		return fail(ERR_MALFORMED, "the nonce is not base64url");
	buf_init(&b, TEXT_MAX);
	r = enc_base64url_decode(blob_str(text), &b);
	if (r != OK || b.n != RAW_BYTES)
		r = fail(refusal_code(r, ERR_BAD_NONCE),
		    "the nonce has another shape than ours");
	else
		memcpy(raw, b.p, RAW_BYTES);
	buf_release(&b);
	if (r != OK)
		return r;
	tag(key, enrollment, raw, mac);
	if (!secret_eq(blob_of(mac, TAG_BYTES),
		blob_of(raw + TIME_BYTES + NONCE_TOKEN_ID, TAG_BYTES)))
		return fail(ERR_BAD_NONCE, "the nonce is not one of ours");
	for (i = 0; i < TIME_BYTES; i++)
		head = head << 8 | raw[i];
	issued = (int64_t)(head & ((UINT64_C(1) << TIME_BITS) - 1));
	if (issued + NONCE_TOKEN_LIFE <= now)
		return fail(ERR_BAD_NONCE, "the nonce is too old");
	memcpy(out->id, raw + TIME_BYTES, NONCE_TOKEN_ID);
	out->generation = (int64_t)(head >> TIME_BITS);
	out->expires_at = issued + NONCE_TOKEN_LIFE;
	return OK;
}
