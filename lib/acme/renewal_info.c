#include "acme/renewal_info.h"

#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "wire/out_json.h"

#define WINDOW_MAX 172800
#define HOUR       3600

static int
decode(struct blob text, uint8_t *out, size_t max, size_t *n)
{
	struct buf b;
	int r;

	buf_init(&b, max);
	r = text.n == 0 ? ERR_MALFORMED : enc_base64url_decode(text, &b);
	if (r == OK) {
		memcpy(out, b.p, b.n);
		*n = b.n;
	} else {
		r = fail(refusal_code(r, ERR_MALFORMED),
		    "not an id of a certificate");
	}
	buf_release(&b);
	return r;
}

int
renewal_info_parse(const char *text, struct renewal_id *out)
{
	const char *dot;
	int r;

	*out = (struct renewal_id){ .key_id_len = 0 };
	dot = strchr(text, '.');
	if (dot == NULL)
		return fail(ERR_MALFORMED, "an id without a dot");
	if ((r = decode(blob_of(text, (size_t)(dot - text)), out->key_id,
		 sizeof out->key_id, &out->key_id_len)) != OK ||
	    (r = decode(blob_str(dot + 1), out->number, sizeof out->number,
		 &out->number_len)) != OK)
		*out = (struct renewal_id){ .key_id_len = 0 };
	return r;
}

int
renewal_info_id(const struct certificate *c, struct buf *out)
{
	enc_base64url(blob_of(c->issuer_key_id, c->issuer_key_id_len), out);
	buf_add_byte(out, '.');
	return enc_base64url(
	    blob_of(c->serial_number, c->serial_number_len), out);
}

int
renewal_info_find(struct db *db, const char *text, struct certificate *out)
{
	struct renewal_id id;
	int r;

	*out = (struct certificate){ .id = "" };
	if ((r = renewal_info_parse(text, &id)) != OK)
		return r;
	return certificates_load_by_issuer(db,
	    blob_of(id.key_id, id.key_id_len),
	    blob_of(id.number, id.number_len), out);
}

struct renewal_window
renewal_info_window(const struct certificate *c, int64_t now)
{
	struct renewal_window w;

	if (c->state == CERTIFICATE_REVOKED)
		return (struct renewal_window){ now - HOUR, now };
	w.start = c->not_after - c->lifetime / 3;
	w.end = w.start + WINDOW_MAX;
	if (w.end > c->not_after)
		w.end = c->not_after;
	return w;
}

int
renewal_info_write(struct renewal_window window, struct buf *out)
{
	char text[CLOCK_TEXT];
	struct out_json j;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	out_json_open_object(&j, "suggestedWindow");
	clock_rfc3339(window.start, text);
	out_json_string(&j, "start", text);
	clock_rfc3339(window.end, text);
	out_json_string(&j, "end", text);
	out_json_close_object(&j);
	out_json_close_object(&j);
	return out_json_end(&j);
}
