#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/server_token.h"
#include "sim/apple/stand_in.h"
#include "sim/forge/cert.h"
#include "sim/forge/disk.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/keypair.h"

#define YEAR 365
#define LINE 76
#define SKEW 300 /* seconds that clocks may differ */

/* PREFIX_ and 128 digits, as Apple's simulator has them. */
static void
put_secret(json_object *o, const char *name, const char *prefix)
{
	uint8_t bytes[64];
	SCRATCH_BUF(text);

	keypair_random(bytes, sizeof bytes);
	buf_add_str(&text, prefix);
	enc_hex(blob_of(bytes, sizeof bytes), &text);
	json_object_object_add(o, name, json_object_new_string(buf_str(&text)));
}

static void
put_access(json_object *o, int64_t days)
{
	char expiry[CLOCK_TEXT];

	clock_rfc3339(clock_now() + days * CERT_DAY, expiry);
	put_secret(o, "access_token", "AT_");
	put_secret(o, "access_secret", "AS_");
	json_object_object_add(
	    o, "access_token_expiry", json_object_new_string(expiry));
}

static int
save(const char *dir, const char *file, json_object *o)
{
	const char *text =
	    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

	return disk_write(dir, file, blob_str(text), 0600);
}

static json_object *
load(const char *dir, const char *file, int64_t days)
{
	json_object *o = NULL;
	SCRATCH_BUF(text);

	if (disk_folder(dir) != OK)
		return NULL;
	if (disk_has(dir, file)) {
		if (disk_read(dir, file, &text) == OK)
			o = json_tokener_parse(buf_str(&text));
		return o;
	}
	o = json_object_new_object();
	put_secret(o, "consumer_key", "CK_");
	put_secret(o, "consumer_secret", "CS_");
	put_access(o, days);
	if (save(dir, file, o) == OK)
		return o;
	json_object_put(o);
	return NULL;
}

json_object *
server_token_load(const char *dir, const char *account)
{
	char file[128];

	snprintf(file, sizeof file, "%s.token.json", account);
	return load(dir, file, YEAR);
}

/* Appends text with the line ends that are wanted. */
static void
add_lines(struct buf *out, const char *text, bool crlf)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n' && crlf)
			buf_add_byte(out, '\r');
		buf_add_byte(out, (uint8_t)*text);
	}
}

static int
seal(json_object *token, const struct server_token_options *options,
    struct buf *out)
{
	SCRATCH_BUF(crt);
	SCRATCH_BUF(text);
	SCRATCH_BUF(message);
	int r = disk_read_pem(NULL, options->certificate, &crt);

	buf_printf(&message,
	    "Content-Type: text/plain;charset=UTF-8\n"
	    "Content-Transfer-Encoding: 7bit\n\n"
	    "-----BEGIN MESSAGE-----\n%s\n-----END MESSAGE-----\n",
	    json_object_to_json_string_ext(token, JSON_C_TO_STRING_PLAIN));
	add_lines(&text, buf_str(&message), options->crlf);
	return r == OK ? cms_message_seal(buf_blob(&crt), options->cipher,
			     buf_blob(&text), out)
		       : r;
}

int
server_token_export(const char *dir, const char *account,
    const struct server_token_options *options, struct buf *out)
{
	static const char head[] =
	    "Content-Type: application/pkcs7-mime; name=\"smime.p7m\";"
	    " smime-type=enveloped-data\n"
	    "Content-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\n"
	    "Content-Description: S/MIME Encrypted Message\n\n";
	json_object *token;
	char file[128];
	SCRATCH_BUF(message);
	SCRATCH_BUF(base64);
	int r = OK;

	snprintf(file, sizeof file, "%s.token.json", account);
	if ((token = load(dir, file, options->days)) == NULL)
		return fail(ERR_IO, "%s: no token", file);
	if (options->renew) {
		put_access(token, options->days);
		r = save(dir, file, token);
	}
	if (r == OK)
		r = seal(token, options, &message);
	json_object_put(token);
	if (r != OK)
		return r;
	enc_base64(buf_blob(&message), &base64);
	add_lines(out, head, options->crlf);
	for (size_t i = 0; i < base64.n; i += LINE) {
		size_t left = base64.n - i;

		buf_add(out, base64.p + i, left < LINE ? left : LINE);
		add_lines(out, "\n", options->crlf);
	}
	return buf_status(out);
}

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
value_of(const char *header, const char *name, char out[SERVER_TOKEN_TEXT])
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
			snprintf(out, SERVER_TOKEN_TEXT, "%s", buf_str(&text));
		return;
	}
}

bool
server_token_consumer(const char *authorization, char out[SERVER_TOKEN_TEXT])
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
	char value[SERVER_TOKEN_TEXT], host[256] = "";
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
	char signature[SERVER_TOKEN_TEXT];
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
	char key[2 * SERVER_TOKEN_TEXT];

	snprintf(key, sizeof key, "%s %s", timestamp, nonce);
	if (nonce[0] == '\0' || json_object_object_get(used, key) != NULL)
		return false;
	json_object_object_add(used, key, json_object_new_boolean(true));
	return true;
}

const char *
server_token_check(const struct http_server_request *q,
    const char *authorization, json_object *token, json_object *used)
{
	char method[SERVER_TOKEN_TEXT], access[SERVER_TOKEN_TEXT];
	char time[SERVER_TOKEN_TEXT], nonce[SERVER_TOKEN_TEXT];
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
