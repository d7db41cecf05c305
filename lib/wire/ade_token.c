#include "wire/ade_token.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "wire/enveloped.h"
#include "wire/in_json.h"
#include "wire/out_json.h"
#include "wire/rfc3339.h"

#define BEGIN "-----BEGIN MESSAGE-----"
#define END   "-----END MESSAGE-----"

/* An object of texts. */
#define DEPTH 4

static int
refuse(const char *why)
{
	return fail(ERR_ADE_TOKEN, "the server token: %s", why);
}

/* The next line without its end; false when there is none. */
static bool
take_line(struct blob *in, struct blob *line)
{
	const uint8_t *lf;
	size_t n;

	if (in->n == 0)
		return false;
	lf = memchr(in->p, '\n', in->n);
	n = lf == NULL ? in->n : (size_t)(lf - in->p);
	*line = blob_of(in->p, n);
	if (n > 0 && in->p[n - 1] == '\r')
		line->n--;
	n += lf != NULL;
	*in = blob_of(in->p + n, in->n - n);
	return true;
}

static struct blob
trim(struct blob in)
{
	while (in.n > 0 && (in.p[0] == ' ' || in.p[0] == '\t'))
		in = blob_of(in.p + 1, in.n - 1);
	while (in.n > 0 && (in.p[in.n - 1] == ' ' || in.p[in.n - 1] == '\t'))
		in.n--;
	return in;
}

/*
 * Skips the header of a MIME entity (RFC 2045), up to the empty line. Of its
 * fields, whose lines may be folded and in any order, only the encoding
 * matters.
 */
static int
skip_header(struct blob *in)
{
	static const char name[] = "Content-Transfer-Encoding:";
	struct blob line, value;
	bool folded, ours = false;

	while (take_line(in, &line)) {
		if (line.n == 0)
			return OK;
		folded = line.p[0] == ' ' || line.p[0] == '\t';
		if (!folded && memchr(line.p, ':', line.n) == NULL)
			return refuse("a line of its header has no name");
		value = line;
		if (!folded) {
			ours = line.n >= sizeof name - 1 &&
			    strncasecmp((const char *)line.p, name,
				sizeof name - 1) == 0;
			if (ours)
				value = blob_of(line.p + sizeof name - 1,
				    line.n - (sizeof name - 1));
		}
		value = trim(value);
		if (ours && value.n != 0 &&
		    (value.n != 6 ||
			strncasecmp((const char *)value.p, "base64", 6) != 0))
			return refuse("its encoding is not base64");
	}
	return refuse("nothing follows its header");
}

static int
decode_body(struct blob body, struct buf *out)
{
	struct buf text;
	int r = OK;

	buf_init(&text, ADE_TOKEN_FILE_MAX);
	for (size_t i = 0; i < body.n && r == OK; i++) {
		if (strchr(" \t\r\n", body.p[i]) == NULL || body.p[i] == 0)
			r = buf_add_byte(&text, body.p[i]);
	}
	if (r == OK && (r = enc_base64_decode(buf_blob(&text), out)) != OK)
		r = refuse("its content is not base64");
	buf_release(&text);
	return r;
}

/* What stands between the two marks. */
static int
read_message(struct blob text, struct ade_token *out)
{
	const uint8_t *begin, *end;
	size_t n;

	begin = memmem(text.p, text.n, BEGIN, strlen(BEGIN));
	if (begin == NULL)
		return refuse("no message begins in it");
	begin += strlen(BEGIN);
	n = text.n - (size_t)(begin - text.p);
	end = memmem(begin, n, END, strlen(END));
	if (end == NULL)
		return refuse("the message in it does not end");
	return ade_token_read(blob_of(begin, (size_t)(end - begin)), out);
}

int
ade_token_open(struct blob file, gnutls_privkey_t key,
    gnutls_x509_crt_t recipient, struct ade_token *out)
{
	enum enveloped_cipher cipher;
	struct buf der, text;
	int r;

	*out = (struct ade_token){ .expires_at = 0 };
	if (file.n > ADE_TOKEN_FILE_MAX)
		return fail(
		    ERR_TOO_LARGE, "a server token of %zu bytes", file.n);
	buf_init(&der, ADE_TOKEN_FILE_MAX);
	buf_init(&text, ADE_TOKEN_FILE_MAX);
	if ((r = skip_header(&file)) == OK &&
	    (r = decode_body(file, &der)) == OK &&
	    (r = enveloped_open(buf_blob(&der), key, recipient,
		 ENVELOPED_ALLOW_3DES, &cipher, &text)) == OK)
		r = read_message(buf_blob(&text), out);
	buf_wipe(&text);
	buf_release(&der);
	/* the codes of envelopes are those of SCEP, their usual source */
	return r == ERR_SCEP_MESSAGE || r == ERR_SCEP_ALGORITHM ? ERR_ADE_TOKEN
								: r;
}

static int
take_text(const struct json *o, const char *name, char out[ADE_TOKEN_TEXT])
{
	struct blob v;

	if (in_json_string(o, name, &v) != OK)
		return ERR_ADE_TOKEN;
	if (v.n == 0 || v.n >= ADE_TOKEN_TEXT)
		return refuse("a value is empty or too long");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '!' || v.p[i] > '~')
			return refuse("a value holds a blank or a character "
				      "that is not ASCII");
	}
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
	return OK;
}

static int
take_all(const struct json *o, struct ade_token *out)
{
	struct blob expiry;
	int r;

	if ((r = take_text(o, "consumer_key", out->consumer_key)) != OK ||
	    (r = take_text(o, "consumer_secret", out->consumer_secret)) != OK ||
	    (r = take_text(o, "access_token", out->access_token)) != OK ||
	    (r = take_text(o, "access_secret", out->access_secret)) != OK)
		return r;
	if (in_json_string(o, "access_token_expiry", &expiry) != OK)
		return ERR_ADE_TOKEN;
	if (rfc3339_read(expiry, &out->expires_at) != OK)
		return refuse("its expiry is not a time");
	return OK;
}

int
ade_token_read(struct blob json, struct ade_token *out)
{
	struct json *doc = NULL;
	int r;

	*out = (struct ade_token){ .expires_at = 0 };
	if ((r = in_json_parse_object(json, DEPTH, &doc)) == OK)
		r = take_all(doc, out);
	in_json_free(doc);
	if (r != OK)
		secret_wipe(out, sizeof *out);
	return r == ERR_MALFORMED ? ERR_ADE_TOKEN : r;
}

int
ade_token_write(const struct ade_token *token, struct buf *out)
{
	char expiry[CLOCK_TEXT];
	struct out_json w;

	clock_rfc3339(token->expires_at, expiry);
	out_json_init(&w, out);
	out_json_open_object(&w, NULL);
	out_json_string(&w, "consumer_key", token->consumer_key);
	out_json_string(&w, "consumer_secret", token->consumer_secret);
	out_json_string(&w, "access_token", token->access_token);
	out_json_string(&w, "access_secret", token->access_secret);
	out_json_string(&w, "access_token_expiry", expiry);
	out_json_close_object(&w);
	return out_json_end(&w);
}
