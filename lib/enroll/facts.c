#include "enroll/facts.h"

#include "base/err.h"
#include "enroll/product.h"
#include "store/ade_devices.h"
#include "store/settings.h"

static int
load_assignment(struct db *db, const char *serial, struct facts *f)
{
	struct ade_device device;
	int r = ade_devices_load(db, serial, &device);

	f->assignment = DECISION_NEVER_ASSIGNED;
	if (r == OK) {
		f->assignment = device.removed_at == 0 ? DECISION_ASSIGNED
						       : DECISION_REMOVED;
		f->known_silicon = product_names_silicon(device.model) ||
		    product_names_silicon(device.description);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
load_host(struct db *db, const char *serial, struct host *out)
{
	int r = hosts_load_by_serial(db, serial, out);

	if (r != ERR_NOT_FOUND)
		return r;
	*out = (struct host){ .state = HOST_UNENROLLED };
	return OK;
}

int
facts_load(struct db *db, const struct conf *conf, const char *serial,
    struct facts *out)
{
	int r;

	*out = (struct facts){ .assignment = DECISION_NEVER_ASSIGNED };
	if ((r = settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION,
		 &out->require_attestation)) != OK ||
	    (r = settings_get_bool(db, conf, SETTINGS_BUSINESS_ONLY,
		 &out->business_only)) != OK ||
	    (r = load_assignment(db, serial, out)) != OK)
		return r;
	return load_host(db, serial, &out->host);
}

void
facts_input(const struct facts *f, struct decision_input *in)
{
	*in = (struct decision_input){
		.require_attestation = f->require_attestation,
		.business_only = f->business_only,
		.minimum_os_version = "",
		.udid = "",
		.product = "",
		.os_version = "",
		.build_version = "",
		.assignment = f->assignment,
		.known_silicon = f->known_silicon,
		.host_enrolled = f->host.state == HOST_ENROLLED ||
		    f->host.state == HOST_PENDING,
		.host_blocked = f->host.state == HOST_BLOCKED,
		.host_udid = f->host.udid,
		.host_attested = f->host.hardware_attested,
		.ever_attested = f->host.ever_attested_at != 0,
	};
}
