#include "policy/device_state.h"

#include <string.h>

#include "base/err.h"

void
device_state_learn_kind(struct device_state *s, enum product_kind kind)
{
	if (s->known_kind != PRODUCT_KIND_MAC && kind != PRODUCT_KIND_UNKNOWN)
		s->known_kind = kind;
}

/*
 * Any record may name the chip, whichever account it is of, and one that is
 * removed as well: the chip stays in the device. What kind it is Apple's word for
 * the family tells, or else model and description.
 */
void
device_state_learn_record(struct device_state *s, const struct ade_device *d)
{
	enum product_kind family = product_kind_of(d->device_family);

	if (d->removed_at == 0)
		s->assignment = DEVICE_ASSIGNED;
	else if (s->assignment == DEVICE_NEVER_ASSIGNED)
		s->assignment = DEVICE_REMOVED;
	s->known_silicon = s->known_silicon || product_names_silicon(d->model) ||
	    product_names_silicon(d->description);
	device_state_learn_kind(s, family);
	if (family == PRODUCT_KIND_UNKNOWN) {
		device_state_learn_kind(s, product_kind_of(d->model));
		device_state_learn_kind(s, product_kind_of(d->description));
	}
}

static int
load_assignment(struct db *db, const char *serial, struct device_state *out)
{
	struct ade_device_list list;
	const struct ade_device *d;
	int r = ade_devices_of_serial(db, serial, &list);

	for (d = list.rows; r == OK && d < list.rows + list.n; d++)
		device_state_learn_record(out, d);
	ade_devices_list_release(&list);
	return r;
}

int
device_state_load_settings(
    struct db *db, const struct conf *conf, struct device_state *out)
{
	char devices[SETTINGS_VALUE_TEXT];
	int r;

	if ((r = settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION,
		 &out->require_attestation)) != OK ||
	    (r = settings_get_text(
		 db, conf, SETTINGS_ATTESTATION_DEVICES, devices)) != OK ||
	    (r = settings_get_bool(
		 db, conf, SETTINGS_BUSINESS_ONLY, &out->business_only)) !=
		OK ||
	    (r = settings_get_bool(
		 db, conf, SETTINGS_SIGN_IN, &out->sign_in)) != OK)
		return r;
	/* what is no such word asks for more, not for less */
	out->macs_only = strcmp(devices, SETTINGS_DEVICES_MACS) == 0;
	return OK;
}

int
device_state_load(struct db *db, const struct conf *conf, const char *serial,
    struct device_state *out)
{
	int r;

	*out = (struct device_state){ .assignment = DEVICE_NEVER_ASSIGNED };
	if ((r = device_state_load_settings(db, conf, out)) != OK)
		return r;
	if ((r = load_assignment(db, serial, out)) == OK)
		r = hosts_load_by_serial(db, serial, &out->host);
	if (r == OK)
		device_state_learn_kind(out, product_kind_of(out->host.attested_product));
	else if (r == ERR_NOT_FOUND)
		out->host = (struct host){ .state = HOST_UNENROLLED };
	return r == ERR_NOT_FOUND ? OK : r;
}
