#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/business_oauth.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/scratch.h"

#define SKEW 300 /* seconds that clocks may differ */

/* RFC 5849 section 3.6. */
static void
escape(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (isalnum((unsigned char)*text) ||
		    strchr("-._~", *text) != NULL)
			buf_add_byte(out, (uint8_t)*text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* Copies the value of name="value" without its escapes; "" if it is absent. */
static void
value_of(const char *header, const char *name, char out[BUSINESS_OAUTH_TEXT])
{
	size_t n = strlen(name);
	const char *p = header, *end;
	SCRATCH_BUF(text);

	out[0] = '\0';
	while ((p = strstr(p, name)) != NULL) {
		bool begins = p > header && (p[-1] == ' ' || p[-1] == ',');

		p += n;
		if (!begins || strncmp(p, "=\"", 2) != 0)
			continue;
		if ((end = strchr(p + 2, '"')) != NULL &&
		    enc_percent_decode(
			blob_of(p + 2, (size_t)(end - p - 2)), &text) == OK)
			snprintf(
			    out, BUSINESS_OAUTH_TEXT, "%s", buf_str(&text));
		return;
	}
}

bool
business_oauth_consumer(
    const char *authorization, char out[BUSINESS_OAUTH_TEXT])
{
	value_of(authorization, "oauth_consumer_key", out);
	return strncmp(authorization, "OAuth ", 6) == 0 && out[0] != '\0';
}

/* METHOD&URL&PARAMETERS, each escaped (section 3.4.1); realm is no part. */
static void
write_base(const struct http_server_request *q, const char *authorization,
    struct buf *out)
{
	static const char *const sorted[] = { "oauth_consumer_key",
		"oauth_nonce", "oauth_signature_method", "oauth_timestamp",
		"oauth_token", "oauth_version" };
	char value[BUSINESS_OAUTH_TEXT], host[256] = "";
	SCRATCH_BUF(url);
	SCRATCH_BUF(parameters);

	http_server_header(q, "Host", host, sizeof host);
	buf_printf(&url, "https://%s%s", host, q->path);
	for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
		value_of(authorization, sorted[i], value);
		/* The version may be left out. */
		if (value[0] == '\0')
			continue;
		buf_printf(&parameters, "%s%s=", i > 0 ? "&" : "", sorted[i]);
		escape(&parameters, value);
	}
	buf_printf(out, "%s&", q->method);
	escape(out, buf_str(&url));
	buf_add_str(out, "&");
	escape(out, buf_str(&parameters));
}

static bool
is_signed(const struct http_server_request *q, const char *authorization,
    json_object *token)
{
	char signature[BUSINESS_OAUTH_TEXT];
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	SCRATCH_BUF(base);
	SCRATCH_BUF(key);
	SCRATCH_BUF(text);

	write_base(q, authorization, &base);
	escape(&key, stand_in_text(token, "consumer_secret", ""));
	buf_add_str(&key, "&");
	escape(&key, stand_in_text(token, "access_secret", ""));
	HMAC(EVP_sha1(), key.p, (int)key.n, base.p, base.n, mac, &n);
	enc_base64(blob_of(mac, n), &text);
	value_of(authorization, "oauth_signature", signature);
	return strcmp(buf_str(&text), signature) == 0;
}

/* Each nonce once (section 3.3). */
static bool
is_new(json_object *used, const char *nonce, const char *timestamp)
{
	char key[2 * BUSINESS_OAUTH_TEXT];

	snprintf(key, sizeof key, "%s %s", timestamp, nonce);
	if (nonce[0] == '\0' || json_object_object_get(used, key) != NULL)
		return false;
	json_object_object_add(used, key, json_object_new_boolean(true));
	return true;
}

const char *
business_oauth_check(const struct http_server_request *q,
    const char *authorization, json_object *token, json_object *used)
{
	char method[BUSINESS_OAUTH_TEXT], access[BUSINESS_OAUTH_TEXT];
	char time[BUSINESS_OAUTH_TEXT], nonce[BUSINESS_OAUTH_TEXT];
	char now[CLOCK_TEXT];

	value_of(authorization, "oauth_signature_method", method);
	value_of(authorization, "oauth_token", access);
	value_of(authorization, "oauth_timestamp", time);
	value_of(authorization, "oauth_nonce", nonce);
	clock_rfc3339(clock_now(), now);
	if (strcmp(method, "HMAC-SHA1") != 0)
		return "signature_method_rejected";
	if (strcmp(access, stand_in_text(token, "access_token", "")) != 0)
		return "token_rejected";
	/* Both are in UTC and of the same form. */
	if (strcmp(now, stand_in_text(token, "access_token_expiry", "")) > 0)
		return "token_expired";
	if (llabs(strtoll(time, NULL, 10) - clock_now()) > SKEW)
		return "timestamp_refused";
	if (!is_signed(q, authorization, token))
		return "signature_invalid";
	return is_new(used, nonce, time) ? NULL : "nonce_used";
}
