#include "mdm/device_information.h"

#include <string.h>

#include "base/err.h"
#include "store/hosts.h"

/* True when the answer says something else than `known`, which it replaces. */
static bool
learn_text(const struct in_plist_node *answers, const char *key, size_t room,
    const char **known)
{
	const char *s;

	if (in_plist_string(answers, key, &s) != OK || s[0] == '\0' ||
	    strlen(s) >= room || strcmp(s, *known) == 0)
		return false;
	*known = s;
	return true;
}

int
device_information_learn(struct contact *c)
{
	const struct host *host = &c->identity.host;
	struct host_vitals v = { "", "", "", "", "", "", "" };
	const struct in_plist_node *answers;
	bool name, version, build;

	if (in_plist_dict(c->message.root, "QueryResponses", &answers) != OK)
		return OK;
	name = learn_text(
	    answers, "DeviceName", sizeof(host->device_name), &v.device_name);
	version = learn_text(
	    answers, "OSVersion", sizeof(host->os_version), &v.os_version);
	build = learn_text(answers, "BuildVersion", sizeof(host->build_version),
	    &v.build_version);
	if (!name && !version && !build)
		return OK;
	return hosts_update_vitals(c->db, host->id, &v);
}
