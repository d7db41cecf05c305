#include "policy/device_state.h"

#include "base/err.h"
#include "policy/product.h"
#include "store/ade_devices.h"

/*
 * Any row may name the chip, whichever account it is of, and one that is
 * removed as well: the chip stays in the device.
 */
static int
load_assignment(struct db *db, const char *serial, struct device_state *out)
{
	struct ade_device_list list;
	const struct ade_device *d;
	int r = ade_devices_of_serial(db, serial, &list);

	if (r == OK && list.n > 0)
		out->assignment = list.rows[0].removed_at == 0 ? DEVICE_ASSIGNED
							       : DEVICE_REMOVED;
	for (d = list.rows; r == OK && d < list.rows + list.n; d++)
		out->known_silicon = out->known_silicon ||
		    product_names_silicon(d->model) ||
		    product_names_silicon(d->description);
	ade_devices_list_release(&list);
	return r;
}

int
device_state_load(struct db *db, const struct conf *conf, const char *serial,
    struct device_state *out)
{
	int r;

	*out = (struct device_state){ .assignment = DEVICE_NEVER_ASSIGNED };
	if ((r = settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION,
		 &out->require_attestation)) != OK ||
	    (r = settings_get_bool(
		 db, conf, SETTINGS_BUSINESS_ONLY, &out->business_only)) != OK)
		return r;
	if ((r = load_assignment(db, serial, out)) == OK)
		r = hosts_load_by_serial(db, serial, &out->host);
	if (r == ERR_NOT_FOUND)
		out->host = (struct host){ .state = HOST_UNENROLLED };
	return r == ERR_NOT_FOUND ? OK : r;
}
