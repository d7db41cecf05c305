#include "acme/account_contact.h"

#include <strings.h>

#include "base/log.h"

#define SCHEME "mailto:"

/* One local part, one @, one domain; nothing that has a meaning in a URL. */
static bool
is_address(struct blob s)
{
	size_t i, at = 0, ats = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("?,;:<>()[]\\\"", s.p[i]) != NULL)
			return false;
		if (s.p[i] == '@') {
			at = i;
			ats++;
		}
	}
	return ats == 1 && at > 0 && at + 1 < s.n;
}

static int
check(struct blob url)
{
	const size_t n = strlen(SCHEME);
	const uint8_t *colon;

	if (url.n == 0 || url.n > CONTACT_BYTES_MAX)
		return fail(ERR_MALFORMED, "contact of %zu bytes", url.n);
	colon = memchr(url.p, ':', url.n);
	if (colon == NULL)
		return fail(ERR_CONTACT, "contact is no URL");
	if (url.n < n || strncasecmp((const char *)url.p, SCHEME, n) != 0)
		return fail(ERR_CONTACT_SCHEME, "contact is not a mailto URL");
	if (!is_address(blob_of(url.p + n, url.n - n)))
		return fail(ERR_CONTACT, "contact is not one mail address");
	return OK;
}

int
account_contact_read(const struct json *payload, struct buf *out)
{
	struct json *list;
	struct blob url;
	size_t i;
	int r;

	if (!in_json_has(payload, "contact"))
		return buf_add_str(out, "[]");
	if ((r = in_json_array(payload, "contact", &list)) != OK)
		return r;
	if (in_json_count(list) > CONTACT_MAX)
		return fail(ERR_MALFORMED, "%zu contacts", in_json_count(list));
	for (i = 0; i < in_json_count(list); i++)
		if ((r = in_json_at_string(list, i, &url)) != OK ||
		    (r = check(url)) != OK)
			return r;
	return in_json_write(list, out);
}
