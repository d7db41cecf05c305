#include "acme/directory.h"

#include "acme/links.h"
#include "wire/out_json.h"

int
directory_write(const char *server, const char *enrollment, struct buf *out)
{
	static const struct {
		const char *name;
		enum link link;
	} members[] = {
		{ "newNonce", LINK_NEW_NONCE },
		{ "newAccount", LINK_NEW_ACCOUNT },
		{ "newOrder", LINK_NEW_ORDER },
		{ "revokeCert", LINK_REVOKE_CERT },
		{ "keyChange", LINK_KEY_CHANGE },
		{ "renewalInfo", LINK_RENEWAL_INFO },
	};
	char url[LINKS_TEXT];
	struct out_json j;
	size_t i;

	out_json_init(&j, out);
	out_json_open_object(&j, NULL);
	for (i = 0; i < sizeof members / sizeof members[0]; i++) {
		links_write(url, server, enrollment, members[i].link, NULL);
		out_json_string(&j, members[i].name, url);
	}
	out_json_open_object(&j, "meta");
	out_json_bool(&j, "externalAccountRequired", false);
	out_json_close_object(&j);
	out_json_close_object(&j);
	return out_json_end(&j);
}
