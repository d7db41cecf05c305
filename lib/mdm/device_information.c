#include "mdm/device_information.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mdm/attested_udid.h"
#include "store/hosts.h"

/* What the answer says when that fits and is not `known` yet, else "". */
static const char *
news(const struct in_plist_node *answers, const char *key, size_t room,
    const char *known)
{
	const char *s;

	if (in_plist_string(answers, key, &s) != OK || strlen(s) >= room ||
	    strcmp(s, known) == 0)
		return "";
	return s;
}

int
device_information_learn(struct mdm_request *req)
{
	struct host *host = &req->identity.host;
	struct device *d = &host->device;
	struct host_vitals v = { 0 };
	const struct in_plist_node *answers;
	const char *os, *build, *udid;
	int r = OK;

	if (in_plist_dict(req->message.root, "QueryResponses", &answers) != OK)
		return OK;
	os = news(answers, "OSVersion", sizeof d->os_version, d->os_version);
	build = news(
	    answers, "BuildVersion", sizeof d->build_version, d->build_version);
	snprintf(v.device.os_version, sizeof d->os_version, "%s", os);
	snprintf(v.device.build_version, sizeof d->build_version, "%s", build);
	/* The database keeps the beginning of a long one. */
	v.device_name =
	    news(answers, "DeviceName", SIZE_MAX, host->device_name);
	if (v.device_name[0] != '\0' || os[0] != '\0' || build[0] != '\0')
		r = hosts_update_vitals(req->context.db, host->id, &v);
	/* What a Mac reports is compared with what Apple attested of it. */
	udid = news(answers, "ProvisioningUDID", sizeof host->provisioning_udid,
	    host->provisioning_udid);
	if (r != OK || udid[0] == '\0')
		return r;
	if ((r = hosts_note_provisioning_udid(
		 req->context.db, host->id, udid)) != OK)
		return r;
	snprintf(host->provisioning_udid, sizeof host->provisioning_udid, "%s",
	    udid);
	return attested_udid_check(req);
}
