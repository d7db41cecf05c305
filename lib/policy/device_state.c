#include "policy/device_state.h"

#include "base/err.h"
#include "base/log.h"
#include "policy/product.h"
#include "store/ade_devices.h"
#include "store/settings.h"

static int
load_assignment(struct db *db, const char *serial, struct device_state *s)
{
	struct ade_device device;
	int r = ade_devices_load(db, serial, &device);

	if (r == OK) {
		s->assignment =
		    device.removed_at == 0 ? DEVICE_ASSIGNED : DEVICE_REMOVED;
		s->known_silicon = product_names_silicon(device.model) ||
		    product_names_silicon(device.description);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

int
device_state_load(struct db *db, const struct conf *conf, const char *serial,
    struct device_state *out)
{
	int r;

	*out = (struct device_state){ .assignment = DEVICE_NEVER_ASSIGNED };
	if ((r = settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION,
		 &out->require_attestation)) != OK ||
	    (r = settings_get_bool(db, conf, SETTINGS_BUSINESS_ONLY,
		 &out->business_only)) != OK ||
	    (r = load_assignment(db, serial, out)) != OK)
		return r;
	r = hosts_load_by_serial(db, serial, &out->host);
	if (r == ERR_NOT_FOUND)
		out->host = (struct host){ .state = HOST_UNENROLLED };
	return r == ERR_NOT_FOUND ? OK : r;
}

int
device_state_check_source(
    const struct device_state *s, const struct enrollment *e)
{
	bool assigned = s->assignment == DEVICE_ASSIGNED;

	if (s->business_only && e->source == ENROLLMENT_LINK)
		return fail(ERR_ENROLL_BUSINESS,
		    "only Apple Business enrollments are allowed, and this is "
		    "one by hand");
	if (s->business_only && !assigned)
		return fail(ERR_ENROLL_BUSINESS,
		    "only Apple Business enrollments are allowed, and the "
		    "serial number is not assigned");
	if (!assigned && e->source == ENROLLMENT_ADE)
		return fail(ERR_ENROLL_UNASSIGNED,
		    "Apple Business took this serial number away");
	return OK;
}

int
device_state_check_method(
    const struct device_state *s, const struct enrollment *e, bool attested)
{
	const char *why = NULL;

	if (attested || !s->require_attestation)
		return OK;
	if (e->purpose == ENROLLMENT_RENEW)
		why = s->host.hardware_attested ? "the host is attested" : NULL;
	else if (s->host.ever_attested_at != 0)
		why = "the serial number attested before";
	else if (s->known_silicon && e->source == ENROLLMENT_ADE)
		why = "Apple Business says it is Apple silicon";
	if (why != NULL)
		return fail(
		    ERR_ENROLL_DOWNGRADE, "%s, and SCEP attests nothing", why);
	if (s->business_only)
		return fail(ERR_ENROLL_METHOD,
		    "only attested devices are allowed, and SCEP attests none");
	return OK;
}
