#include "mdm/device_information.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mdm/attested_udid.h"
#include "store/hosts.h"

/* What the answer says when that is something else than `known`, else "". */
static const char *
learn_text(const struct in_plist_node *answers, const char *key, size_t room,
    const char *known)
{
	const char *s;

	if (in_plist_string(answers, key, &s) != OK || strlen(s) >= room ||
	    strcmp(s, known) == 0)
		return "";
	return s;
}

/* What a Mac reports is compared with what Apple attested of it. */
static int
learn_provisioning_udid(
    struct mdm_request *c, const struct in_plist_node *answers)
{
	struct host *host = &c->identity.host;
	const char *udid = learn_text(answers, "ProvisioningUDID",
	    sizeof(host->provisioning_udid), host->provisioning_udid);
	int r;

	if (udid[0] == '\0')
		return OK;
	r = hosts_note_provisioning_udid(c->db, host->id, udid);
	if (r != OK)
		return r;
	snprintf(host->provisioning_udid, sizeof(host->provisioning_udid), "%s",
	    udid);
	return attested_udid_check(c);
}

int
device_information_learn(struct mdm_request *c)
{
	const struct host *host = &c->identity.host;
	struct host_vitals v = {
		.model = "", .model_name = "", .product_name = "", .topic = ""
	};
	const struct in_plist_node *answers;
	int r;

	if (in_plist_dict(c->message.root, "QueryResponses", &answers) != OK)
		return OK;
	/* The database keeps the beginning of a long one. */
	v.device_name =
	    learn_text(answers, "DeviceName", SIZE_MAX, host->device_name);
	v.os_version = learn_text(answers, "OSVersion",
	    sizeof(host->device.os_version), host->device.os_version);
	v.build_version = learn_text(answers, "BuildVersion",
	    sizeof(host->device.build_version), host->device.build_version);
	if (v.device_name[0] == '\0' && v.os_version[0] == '\0' &&
	    v.build_version[0] == '\0')
		return learn_provisioning_udid(c, answers);
	if ((r = hosts_update_vitals(c->db, host->id, &v)) != OK)
		return r;
	return learn_provisioning_udid(c, answers);
}
