#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/server_token.h"
#include "sim/forge/cert.h"
#include "sim/forge/disk.h"
#include "sim/forge/envelope.h"
#include "sim/forge/scratch.h"

#define YEAR 365
#define LINE 76

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
seal(json_object *token, const struct server_token_wish *wish, struct buf *out)
{
	SCRATCH_BUF(crt);
	SCRATCH_BUF(text);
	SCRATCH_BUF(message);
	int r = disk_read_pem(NULL, wish->certificate, &crt);

	buf_printf(&message,
	    "Content-Type: text/plain;charset=UTF-8\n"
	    "Content-Transfer-Encoding: 7bit\n\n"
	    "-----BEGIN MESSAGE-----\n%s\n-----END MESSAGE-----\n",
	    json_object_to_json_string_ext(token, JSON_C_TO_STRING_PLAIN));
	add_lines(&text, buf_str(&message), wish->crlf);
	return r == OK
	    ? envelope_seal(buf_blob(&crt), wish->cipher, buf_blob(&text), out)
	    : r;
}

int
server_token_export(const char *dir, const char *account,
    const struct server_token_wish *wish, struct buf *out)
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
	if ((token = load(dir, file, wish->days)) == NULL)
		return fail(ERR_IO, "%s: no token", file);
	if (wish->renew) {
		put_access(token, wish->days);
		r = save(dir, file, token);
	}
	if (r == OK)
		r = seal(token, wish, &message);
	json_object_put(token);
	if (r != OK)
		return r;
	enc_base64(buf_blob(&message), &base64);
	add_lines(out, head, wish->crlf);
	for (size_t i = 0; i < base64.n; i += LINE) {
		size_t left = base64.n - i;

		buf_add(out, base64.p + i, left < LINE ? left : LINE);
		add_lines(out, "\n", wish->crlf);
	}
	return buf_status(out);
}
