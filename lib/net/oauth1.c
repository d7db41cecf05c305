#include "net/oauth1.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#define TEXT_MAX 8192
#define SHA1     20

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Section 3.4.1.3.2: "name=value", escaped, in the order of their bytes. */
static int
add_parameters(
    struct buf *out, const struct oauth1_parameter *parameters, size_t n)
{
	char *pairs[OAUTH1_PARAMETERS_MAX] = { NULL };
	struct buf pair, all;
	int r = OK;

	if (n > OAUTH1_PARAMETERS_MAX)
		return fail(ERR_TOO_LARGE, "too many parameters to sign");
	buf_init(&pair, TEXT_MAX);
	buf_init(&all, TEXT_MAX);
	for (size_t i = 0; i < n && r == OK; i++) {
		enc_percent(parameters[i].name, &pair);
		buf_add_byte(&pair, '=');
		enc_percent(parameters[i].value, &pair);
		if ((r = buf_status(&pair)) == OK)
			pairs[i] = (char *)buf_steal(&pair, &(size_t){ 0 });
	}
	if (r == OK)
		qsort(pairs, n, sizeof pairs[0], compare);
	for (size_t i = 0; i < n && r == OK; i++)
		r = buf_printf(&all, "%s%s", i == 0 ? "" : "&", pairs[i]);
	if (r == OK)
		enc_percent(buf_str(&all), out);
	for (size_t i = 0; i < n; i++)
		free(pairs[i]);
	buf_release(&all);
	buf_release(&pair);
	return r;
}

int
oauth1_sign(const char *method, const char *url,
    const struct oauth1_parameter *parameters, size_t n,
    const char *consumer_secret, const char *token_secret, struct buf *out)
{
	struct buf text, key;
	uint8_t mac[SHA1];
	int r;

	buf_init(&text, TEXT_MAX);
	buf_init(&key, TEXT_MAX);
	buf_printf(&text, "%s&", method);
	enc_percent(url, &text);
	buf_add_byte(&text, '&');
	enc_percent(consumer_secret, &key);
	buf_add_byte(&key, '&');
	enc_percent(token_secret, &key);
	if ((r = add_parameters(&text, parameters, n)) == OK &&
	    (r = buf_status(&text)) == OK && (r = buf_status(&key)) == OK &&
	    gnutls_hmac_fast(
		GNUTLS_MAC_SHA1, key.p, key.n, text.p, text.n, mac) < 0)
		r = fail(ERR_CRYPTO, "HMAC-SHA1 cannot be used");
	if (r == OK)
		r = enc_base64(blob_of(mac, sizeof mac), out);
	buf_wipe(&key);
	buf_release(&text);
	return r;
}

int
oauth1_header(const char *method, const char *url,
    const struct ade_token *token, int64_t now, struct buf *out)
{
	char nonce[SECRET_ID_TEXT], time[24];
	struct oauth1_parameter parameters[] = {
		{ "oauth_consumer_key", token->consumer_key },
		{ "oauth_token", token->access_token },
		{ "oauth_signature_method", "HMAC-SHA1" },
		{ "oauth_timestamp", time },
		{ "oauth_nonce", nonce },
		{ "oauth_version", "1.0" },
	};
	const size_t n = sizeof parameters / sizeof parameters[0];
	struct buf signature;
	int r;

	secret_id(nonce);
	snprintf(time, sizeof time, "%" PRId64, now);
	buf_init(&signature, TEXT_MAX);
	r = oauth1_sign(method, url, parameters, n, token->consumer_secret,
	    token->access_secret, &signature);
	buf_add_str(out, "Authorization: OAuth realm=\"ADM\"");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, ", %s=\"", parameters[i].name);
		enc_percent(parameters[i].value, out);
		buf_add_byte(out, '"');
	}
	buf_add_str(out, ", oauth_signature=\"");
	enc_percent(buf_str(&signature), out);
	buf_add_byte(out, '"');
	buf_release(&signature);
	return r == OK ? buf_status(out) : r;
}
