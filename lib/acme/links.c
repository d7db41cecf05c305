#include "acme/links.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/enc.h"

#define ROOT "/acme/"

/* What stands before and behind the id. */
static const struct {
	const char *before;
	const char *behind;
} shapes[] = {
	[LINK_DIRECTORY] = { "directory", "" },
	[LINK_NEW_NONCE] = { "new-nonce", "" },
	[LINK_NEW_ACCOUNT] = { "new-account", "" },
	[LINK_NEW_ORDER] = { "new-order", "" },
	[LINK_REVOKE_CERT] = { "revoke-cert", "" },
	[LINK_KEY_CHANGE] = { "key-change", "" },
	[LINK_RENEWAL_INFO] = { "renewal-info", "" },
	[LINK_ACCOUNT] = { "account/", "" },
	[LINK_ORDERS] = { "account/", "/orders" },
	[LINK_ORDER] = { "order/", "" },
	[LINK_FINALIZE] = { "order/", "/finalize" },
	[LINK_AUTHORIZATION] = { "authz/", "" },
	[LINK_CHALLENGE] = { "challenge/", "" },
	[LINK_CERTIFICATE] = { "certificate/", "" },
};

void
links_write(char out[LINKS_TEXT], const char *server, const char *enrollment,
    enum link link, const char *id)
{
	int n;

	assert((id != NULL) == (link >= LINK_ACCOUNT));
	n = snprintf(out, LINKS_TEXT, "%s" ROOT "%s/%s%s%s", server, enrollment,
	    shapes[link].before, id != NULL ? id : "", shapes[link].behind);
	assert(n > 0 && n < LINKS_TEXT);
}

void
links_write_orders_page(char out[LINKS_TEXT], const char *server,
    const char *enrollment, const char *account, int offset)
{
	int n;

	n = snprintf(out, LINKS_TEXT, "%s" ROOT "%s/account/%s/orders/%d",
	    server, enrollment, account, offset);
	assert(n > 0 && n < LINKS_TEXT);
}

bool
links_read_account(const char *server, const char *enrollment, const char *kid,
    char id[DB_ID_TEXT])
{
	char same[LINKS_TEXT];
	const char *last;

	id[0] = '\0';
	last = strrchr(kid, '/');
	if (last == NULL || !enc_is_base64url(last + 1, DB_ID_TEXT - 1))
		return false;
	links_write(same, server, enrollment, LINK_ACCOUNT, last + 1);
	if (strcmp(same, kid) == 0)
		memcpy(id, last + 1, strlen(last + 1) + 1);
	return id[0] != '\0';
}

bool
links_read_enrollment(const char *path, char id[DB_ID_TEXT])
{
	const char *end;
	size_t n;

	id[0] = '\0';
	if (strncmp(path, ROOT, strlen(ROOT)) != 0)
		return false;
	path += strlen(ROOT);
	end = strchr(path, '/');
	if (end == NULL)
		return false;
	n = (size_t)(end - path);
	if (n >= DB_ID_TEXT)
		return false;
	memcpy(id, path, n);
	id[n] = '\0';
	if (!enc_is_base64url(id, DB_ID_TEXT - 1)) {
		id[0] = '\0';
		return false;
	}
	return true;
}
