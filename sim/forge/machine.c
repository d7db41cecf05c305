#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/forge/machine.h"
#include "sim/forge/xml.h"

static void
machine_plist(
    const struct machine *m, const struct faults *faults, struct buf *out)
{
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "IMEI", m->imei);
	xml_string(&x, "LANGUAGE", m->language);
	xml_string(&x, "MEID", m->meid);
	if (m->can_update)
		xml_bool(&x, "MDM_CAN_REQUEST_SOFTWARE_UPDATE", true);
	xml_string(&x, "OS_VERSION", m->os_version);
	xml_string(&x, "PAIRING_TOKEN", m->pairing_token);
	xml_string(&x, "PRODUCT", m->product);
	if (!fault_on(faults, FAULT_MACHINEINFO_NO_SERIAL))
		xml_string(&x, "SERIAL", m->serial);
	xml_string(&x, "SOFTWARE_UPDATE_DEVICE_ID", m->update_device_id);
	xml_string(&x, "UDID", m->udid);
	xml_string(&x, "VERSION", m->build);
	xml_finish(&x);
}

/* Changes the last letter of the build inside the signed message. */
static void
machine_tamper(struct buf *message)
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
machine_wrap(const struct signed_data *as_usual, EVP_PKEY *device,
    struct blob plist, const struct faults *faults, struct buf *out)
{
	struct signed_data cms = *as_usual;
	struct buf own;
	int rc = OK;

	if (fault_on(faults, FAULT_MACHINEINFO_UNSIGNED))
		return buf_add_blob(out, plist);
	buf_init(&own, DER_MAX);
	if (fault_on(faults, FAULT_MACHINEINFO_SELF_SIGNED)) {
		rc = cert_self_signed(
		    &(struct cert_rdn){ "2.5.4.3", DER_IA5, "self-made" },
		    blob_of(NULL, 0), "sha1", device, &own);
		cms.signer = buf_blob(&own);
		cms.others_count = 0;
	}
	if (rc == OK)
		rc = signed_data_sign(&cms, plist, out);
	if (rc == OK && fault_on(faults, FAULT_MACHINEINFO_TAMPERED))
		machine_tamper(out);
	buf_release(&own);
	return rc;
}

int
machine_sign(const struct machine *m, struct apple *apple, EVP_PKEY *device,
    struct blob certificate, const struct faults *faults, struct buf *out)
{
	struct signed_data cms = {
		.key = device,
		.signer = certificate,
		.others = { buf_blob(&apple->device_ca.der),
		    buf_blob(&apple->device_authority.der),
		    buf_blob(&apple->device_root.der) },
		.others_count = 3,
		.digest = "sha1",
		.attributes = m->has_attributes ||
		    fault_on(faults, FAULT_MACHINEINFO_ATTRIBUTES),
		.no_certificates =
		    fault_on(faults, FAULT_MACHINEINFO_NO_CERTIFICATES),
	};
	struct buf plist;
	int rc;

	buf_init(&plist, DER_MAX);
	machine_plist(m, faults, &plist);
	rc = buf_status(&plist);
	if (rc == OK)
		rc = machine_wrap(&cms, device, buf_blob(&plist), faults, out);
	buf_release(&plist);
	return rc;
}
