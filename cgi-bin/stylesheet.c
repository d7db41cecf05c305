#include "stylesheet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"

#define TEXT_MAX  (128u << 10)
#define TAG_BYTES 8

int
stylesheet_load(const struct conf *conf, struct stylesheet *out)
{
	char path[4096], chunk[4096];
	uint8_t digest[SECRET_SHA256];
	struct buf tag;
	bool broken;
	size_t n;
	FILE *f;

	buf_init(&out->text, TEXT_MAX);
	snprintf(path, sizeof path, "%s/style.css", conf->templates);
	if ((f = fopen(path, "re")) == NULL)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(&out->text, chunk, n);
	broken = ferror(f) != 0;
	fclose(f);
	if (broken || buf_status(&out->text) != OK)
		return fail(ERR_IO, "%s cannot be read", path);
	secret_sha256(buf_blob(&out->text), digest);
	buf_init(&tag, sizeof out->version - 1);
	if (enc_hex(blob_of(digest, TAG_BYTES), &tag) == OK)
		memcpy(out->version, buf_str(&tag), tag.n + 1);
	buf_release(&tag);
	return OK;
}

void
stylesheet_release(struct stylesheet *s)
{
	buf_release(&s->text);
}

static int
send_for_a_week(struct resp *resp, const char *type, struct blob body)
{
	int r = resp_set(resp, "Cache-Control", "private, max-age=604800");

	return r == OK ? resp_body(resp, 200, type, body) : r;
}

int
stylesheet_send(const struct stylesheet *s, struct resp *resp)
{
	return send_for_a_week(
	    resp, "text/css; charset=utf-8", buf_blob(&s->text));
}

int
stylesheet_send_icon(struct resp *resp)
{
	static const char icon[] =
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\">"
	    "<path fill=\"#0b6b5d\" d=\"M12 2 4 5v6.2c0 5 3.3 9.2 8 10.8"
	    " 4.7-1.6 8-5.8 8-10.8V5z\"/>"
	    "<path fill=\"none\" stroke=\"#fff\" stroke-width=\"2.4\""
	    " stroke-linecap=\"round\" stroke-linejoin=\"round\""
	    " d=\"m8 12 3 3 5.2-6\"/></svg>\n";

	return send_for_a_week(resp, "image/svg+xml", blob_str(icon));
}
