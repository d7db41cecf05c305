#include "base/log.h"
#include "sim/sim_cms.h"
#include "sim/sim_der.h"
#include "sim/sim_machine.h"
#include "sim/sim_xml.h"

static void
sim_machine_plist(
    const struct sim_machine *m, const struct sim_knobs *knobs, struct buf *out)
{
	struct sim_xml x;

	sim_xml_start(&x, out);
	sim_xml_string(&x, "IMEI", m->imei);
	sim_xml_string(&x, "LANGUAGE", m->language);
	sim_xml_string(&x, "MEID", m->meid);
	if (m->can_update)
		sim_xml_bool(&x, "MDM_CAN_REQUEST_SOFTWARE_UPDATE", true);
	sim_xml_string(&x, "OS_VERSION", m->os_version);
	sim_xml_string(&x, "PAIRING_TOKEN", m->pairing_token);
	sim_xml_string(&x, "PRODUCT", m->product);
	if (!sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_NO_SERIAL))
		sim_xml_string(&x, "SERIAL", m->serial);
	sim_xml_string(&x, "SOFTWARE_UPDATE_DEVICE_ID", m->update_device_id);
	sim_xml_string(&x, "UDID", m->udid);
	sim_xml_string(&x, "VERSION", m->build);
	sim_xml_finish(&x);
}

/* Changes the last letter of the build inside the signed message. */
static void
sim_machine_tamper(struct buf *message)
{
	static const char needle[] = "</string>";
	size_t n = sizeof needle - 1;

	for (size_t i = 1; i + n <= message->n; i++) {
		if (memcmp(message->p + i, needle, n) == 0) {
			message->p[i - 1] ^= 1;
			return;
		}
	}
}

static int
sim_machine_wrap(const struct sim_cms *as_usual, EVP_PKEY *device,
    struct blob plist, const struct sim_knobs *knobs, struct buf *out)
{
	struct sim_cms cms = *as_usual;
	struct buf own;
	int rc = OK;

	if (sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_UNSIGNED))
		return buf_add_blob(out, plist);
	buf_init(&own, SIM_DER_MAX);
	if (sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_SELF_SIGNED)) {
		rc = sim_cert_self_signed(&(struct sim_cert_rdn){ "2.5.4.3",
					      SIM_DER_IA5, "self-made" },
		    blob_of(NULL, 0), "sha1", device, &own);
		cms.signer = buf_blob(&own);
		cms.others_count = 0;
	}
	if (rc == OK)
		rc = sim_cms_sign(&cms, plist, out);
	if (rc == OK && sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_TAMPERED))
		sim_machine_tamper(out);
	buf_release(&own);
	return rc;
}

int
sim_machine_sign(const struct sim_machine *m, struct sim_apple *apple,
    EVP_PKEY *device, struct blob certificate, const struct sim_knobs *knobs,
    struct buf *out)
{
	struct sim_cms cms = {
		.key = device,
		.signer = certificate,
		.others = { buf_blob(&apple->device_ca.der),
		    buf_blob(&apple->device_authority.der),
		    buf_blob(&apple->device_root.der) },
		.others_count = 3,
		.digest = "sha1",
		.attributes = m->has_attributes ||
		    sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_ATTRIBUTES),
		.no_certificates =
		    sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_NO_CERTIFICATES),
	};
	struct buf plist;
	int rc;

	buf_init(&plist, SIM_DER_MAX);
	sim_machine_plist(m, knobs, &plist);
	rc = buf_status(&plist);
	if (rc == OK)
		rc = sim_machine_wrap(
		    &cms, device, buf_blob(&plist), knobs, out);
	buf_release(&plist);
	return rc;
}
