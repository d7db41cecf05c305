#include <string.h>

#include "base/clock.h"
#include "sim/forge/apple.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/cms_message.h"
#include "sim/forge/xml.h"

/* The CAs and the names of their files. */
static const struct {
	const char *name;
	size_t offset;
} files[] = {
	{ "attestation-root", offsetof(struct apple, attestation_root) },
	{ "attestation-sub", offsetof(struct apple, attestation_sub) },
	{ "device-root", offsetof(struct apple, device_root) },
	{ "device-authority", offsetof(struct apple, device_authority) },
	{ "device-ca", offsetof(struct apple, device_ca) },
};

#define FILES (sizeof files / sizeof files[0])

void
apple_init(struct apple *a)
{
	*a = (struct apple)APPLE_EMPTY;
}

void
apple_release(struct apple *a)
{
	ca_release(&a->attestation_root);
	ca_release(&a->attestation_sub);
	ca_release(&a->device_root);
	ca_release(&a->device_authority);
	ca_release(&a->device_ca);
}

int
apple_make_attestation(struct apple *a)
{
	int64_t start = clock_now() - 1000 * CERT_DAY;
	int r = ca_make(
	    &(struct ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Root CA"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 9000 * CERT_DAY,
		.path_len = -1,
	    },
	    &a->attestation_root);

	if (r != OK)
		return r;
	return ca_make(
	    &(struct ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 3650 * CERT_DAY,
		.path_len = 0,
		.issuer = &a->attestation_root,
	    },
	    &a->attestation_sub);
}

/* Dates as in Apple's chain: devices still use it, years after its end. */
#define APPLE_2006_04_25 1145926800
#define APPLE_2007_04_12 1176395400
#define APPLE_2007_04_16 1176764086
#define APPLE_2014_04_16 1397688886
#define APPLE_2022_04_12 1649770200
#define APPLE_2035_02_09 2054627600

static int
make_device(struct apple *a)
{
	const struct ca_plan plan[] = {
		{ "RSA-2048",
		    "/C=US/O=Simulated Apple Inc./CN=Simulated Root CA", "sha1",
		    APPLE_2006_04_25, APPLE_2035_02_09, -1, NULL },
		{ "RSA-2048",
		    "/C=US/O=Simulated Apple Inc."
		    "/CN=Simulated iPhone Certification Authority",
		    "sha1", APPLE_2007_04_12, APPLE_2022_04_12, -1,
		    &a->device_root },
		{ "RSA-1024",
		    "/C=US/O=Simulated Apple Inc./OU=Simulated iPhone"
		    "/CN=Simulated iPhone Device CA",
		    "sha1", APPLE_2007_04_16, APPLE_2014_04_16, -1,
		    &a->device_authority },
	};
	int r = ca_make(&plan[0], &a->device_root);

	if (r == OK)
		r = ca_make(&plan[1], &a->device_authority);
	if (r == OK)
		r = ca_make(&plan[2], &a->device_ca);
	return r;
}

int
apple_make(struct apple *a)
{
	int r = apple_make_attestation(a);

	return r == OK ? make_device(a) : r;
}

int
apple_save(const char *dir, const struct apple *a)
{
	int r = disk_folder(dir);

	for (size_t i = 0; i < FILES && r == OK; i++)
		r = ca_save(dir, files[i].name,
		    (const struct ca *)((const char *)a + files[i].offset));
	return r;
}

int
apple_load(const char *dir, struct apple *a)
{
	int r = OK;

	for (size_t i = 0; i < FILES && r == OK; i++)
		r = ca_load(dir, files[i].name,
		    (struct ca *)((char *)a + files[i].offset));
	return r;
}

int
apple_device_certificate(struct apple *a, EVP_PKEY *device, struct buf *der)
{
	static const char *const ekus[] = { "1.3.6.1.5.5.7.3.1",
		"1.3.6.1.5.5.7.3.2", NULL };
	char guid[KEYPAIR_UUID];
	struct cert_rdn cn = { "2.5.4.3", DER_IA5, guid };
	SCRATCH_BUF(subject);
	SCRATCH_BUF(extensions);
	int r = cert_key_ids(&extensions, device, a->device_ca.key);

	if (r != OK)
		return r;
	keypair_uuid(guid);
	cert_name(&subject, &cn, 1);
	cert_basic(&extensions, false, -1);
	cert_usage(&extensions, 0xa0);
	cert_ekus(&extensions, true, ekus);
	cert_extension(&extensions, "1.2.840.113635.100.6.10.4", false,
	    blob_of("\5\0", 2));
	return cert_sign(
	    &(struct cert){
		.issuer = buf_blob(&a->device_ca.subject),
		.subject = buf_blob(&subject),
		.key = device,
		.extensions = buf_blob(&extensions),
		.not_after = clock_now() + 365 * CERT_DAY,
		.digest = "sha1",
	    },
	    a->device_ca.key, der);
}

static void
write_machine(
    const struct apple_machine *m, const struct faults *faults, struct buf *out)
{
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "IMEI", m->imei);
	xml_string(&x, "LANGUAGE", m->language);
	if (m->must_update)
		xml_bool(&x, "MANDATORY_SOFTWARE_UPDATE_REQUIRED", true);
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

int
apple_machineinfo(const struct apple_machine *m, struct apple *apple,
    EVP_PKEY *device, struct blob certificate, const struct faults *faults,
    struct buf *out)
{
	static const char end[] = "</string>";
	struct cert_rdn cn = { "2.5.4.3", DER_IA5, "self-made" };
	struct cms_message message = {
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
	SCRATCH_BUF(plist);
	SCRATCH_BUF(name);
	SCRATCH_BUF(own);
	uint8_t *at;
	int r;

	write_machine(m, faults, &plist);
	if (fault_on(faults, FAULT_MACHINEINFO_UNSIGNED))
		return buf_add_blob(out, buf_blob(&plist));
	if (fault_on(faults, FAULT_MACHINEINFO_SELF_SIGNED)) {
		cert_name(&name, &cn, 1);
		r = cert_sign(
		    &(struct cert){
			.subject = buf_blob(&name),
			.key = device,
			.digest = "sha1",
		    },
		    NULL, &own);
		if (r != OK)
			return r;
		message.signer = buf_blob(&own);
		message.others_count = 0;
	}
	r = cms_message_sign(&message, buf_blob(&plist), out);
	/* The last letter of a value inside the signed message. */
	if (r == OK && fault_on(faults, FAULT_MACHINEINFO_TAMPERED) &&
	    (at = memmem(out->p, out->n, end, sizeof end - 1)) != NULL)
		at[-1] ^= 1;
	return r;
}
