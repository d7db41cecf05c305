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
	snprintf(path, sizeof(path), "%s/style.css", conf->templates);
	if ((f = fopen(path, "re")) == NULL)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&out->text, chunk, n);
	broken = ferror(f) != 0;
	fclose(f);
	if (broken || buf_status(&out->text) != OK)
		return fail(ERR_IO, "%s cannot be read", path);
	secret_sha256(buf_blob(&out->text), digest);
	buf_init(&tag, sizeof(out->version) - 1);
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

int
stylesheet_send(const struct stylesheet *s, struct resp *resp)
{
	int r = resp_set(resp, "Cache-Control", "private, max-age=604800");

	if (r != OK)
		return r;
	return resp_body(
	    resp, 200, "text/css; charset=utf-8", buf_blob(&s->text));
}
