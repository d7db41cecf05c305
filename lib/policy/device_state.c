#include "policy/device_state.h"

#include "base/err.h"
#include "policy/product.h"
#include "store/ade_devices.h"

int
device_state_load(struct db *db, const struct conf *conf, const char *serial,
    struct device_state *out)
{
	struct ade_device device;
	int r;

	*out = (struct device_state){ .assignment = DEVICE_NEVER_ASSIGNED };
	if ((r = settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION,
		 &out->require_attestation)) != OK ||
	    (r = settings_get_bool(
		 db, conf, SETTINGS_BUSINESS_ONLY, &out->business_only)) != OK)
		return r;
	if ((r = ade_devices_load(db, serial, &device)) == OK) {
		out->assignment =
		    device.removed_at == 0 ? DEVICE_ASSIGNED : DEVICE_REMOVED;
		out->known_silicon = product_names_silicon(device.model) ||
		    product_names_silicon(device.description);
	}
	if (r == OK || r == ERR_NOT_FOUND)
		r = hosts_load_by_serial(db, serial, &out->host);
	if (r == ERR_NOT_FOUND)
		out->host = (struct host){ .state = HOST_UNENROLLED };
	return r == ERR_NOT_FOUND ? OK : r;
}
