#include <string.h>

#include "sim/sim_answer.h"
#include "sim/sim_apps.h"
#include "sim/sim_product.h"
#include "sim/sim_xml.h"

void
sim_answer_status(
    const char *udid, const char *uuid, const char *status, struct buf *out)
{
	struct sim_xml x;

	sim_xml_start(&x, out);
	sim_xml_string(&x, "CommandUUID", uuid);
	sim_xml_string(&x, "Status", status);
	sim_xml_string(&x, "UDID", udid);
	sim_xml_finish(&x);
}

/* What every device tells. */
static void
sim_answer_common(struct sim_xml *x, const struct sim_device *d,
    const struct sim_product *p, const char *query)
{
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{ "BuildVersion", d->build },
		{ "IMEI", d->imei[0] != '\0' ? d->imei : NULL },
		{ "Model", "Z1AF000" },
		{ "ModelName", p->model },
		{ "OSVersion", d->os_version },
		{ "ProductName", d->product },
		{ "ProvisioningUDID", d->provisioning_udid },
		{ "SerialNumber", d->serial },
		{ "SoftwareUpdateDeviceID", p->board },
		{ "UDID", d->udid },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(query, texts[i].name) == 0)
			sim_xml_string(x, query, texts[i].value);
	if (strcmp(query, "DeviceName") == 0)
		sim_xml_string(x, query,
		    sim_product_is_mac(p) ? "Simulated Mac" : p->model);
	if (strcmp(query, "AwaitingConfiguration") == 0)
		sim_xml_bool(x, query, false);
	if (strcmp(query, "IsSupervised") == 0)
		sim_xml_bool(x, query, true);
	if (strcmp(query, "DeviceCapacity") == 0)
		sim_xml_real(x, query, 494.38);
	if (strcmp(query, "AvailableDeviceCapacity") == 0)
		sim_xml_real(x, query, 321.5);
}

/* What Macs tell besides. */
static void
sim_answer_mac(
    struct sim_xml *x, const struct sim_product *p, const char *query)
{
	const struct {
		const char *name;
		bool value;
	} bools[] = {
		{ "IsActivationLockSupported", p->attests || p->has_t2 },
		{ "IsAppleSilicon", p->is_silicon },
		{ "SupportsiOSAppInstalls", p->is_silicon },
	};

	for (size_t i = 0; i < sizeof bools / sizeof bools[0]; i++)
		if (strcmp(query, bools[i].name) == 0)
			sim_xml_bool(x, query, bools[i].value);
	if (strcmp(query, "HostName") == 0)
		sim_xml_string(x, query, "simulated-mac.local");
	if (strcmp(query, "LocalHostName") == 0)
		sim_xml_string(x, query, "simulated-mac");
}

static void
sim_answer_query(
    struct sim_xml *x, const struct sim_device *d, const char *query)
{
	struct sim_product p = sim_product_of(d->product);

	sim_answer_common(x, d, &p, query);
	if (sim_product_is_mac(&p))
		sim_answer_mac(x, &p, query);
}

/* Unknown queries are left out, as devices do. */
static void
sim_answer_information(struct sim_xml *x, const struct sim_device *d,
    const struct sim_value *command)
{
	const struct sim_value *q =
	    sim_value_first(sim_value_get(command, "Queries"));

	sim_xml_open_dict(x, "QueryResponses");
	for (; q != NULL; q = q->next)
		if (q->type == SIM_VALUE_TEXT)
			sim_answer_query(x, d, (const char *)q->bytes);
	sim_xml_close_dict(x);
}

static void
sim_answer_management(struct sim_xml *x, const struct sim_device *d)
{
	sim_xml_open_dict(x, "ManagementStatus");
	sim_xml_bool(x, "EnrolledViaDEP", !d->is_manual);
	sim_xml_bool(x, "IsUserEnrollment", false);
	sim_xml_bool(x, "UserApprovedEnrollment", true);
	sim_xml_close_dict(x);
}

static void
sim_answer_mac_security(
    struct sim_xml *x, const struct sim_device *d, const struct sim_product *p)
{
	sim_xml_bool(x, "AuthenticatedRootVolumeEnabled", true);
	sim_xml_bool(x, "FDE_Enabled", true);
	sim_xml_bool(x, "FDE_HasInstitutionalRecoveryKey", false);
	sim_xml_bool(x, "FDE_HasPersonalRecoveryKey", true);
	sim_answer_management(x, d);
	if (p->is_silicon || p->has_t2) {
		sim_xml_open_dict(x, "SecureBoot");
		sim_xml_string(x, "SecureBootLevel", "full");
		sim_xml_close_dict(x);
	}
	sim_xml_bool(x, "SystemIntegrityProtectionEnabled", true);
}

static void
sim_answer_security(struct sim_xml *x, const struct sim_device *d,
    const struct sim_value *command)
{
	struct sim_product p = sim_product_of(d->product);

	sim_xml_open_dict(x, "SecurityInfo");
	if (sim_product_is_mac(&p)) {
		sim_answer_mac_security(x, d, &p);
	} else {
		sim_xml_int(x, "HardwareEncryptionCaps", 3);
		sim_answer_management(x, d);
		sim_xml_bool(x, "PasscodeCompliant", true);
		sim_xml_bool(x, "PasscodeCompliantWithProfiles", true);
		sim_xml_bool(x, "PasscodePresent", true);
	}
	sim_xml_close_dict(x);
}

static void
sim_answer_profiles(struct sim_xml *x, const struct sim_device *d,
    const struct sim_value *command)
{
	const struct sim_value *p = d->profile.plist;

	sim_xml_open_array(x, "ProfileList");
	sim_xml_open_dict(x, NULL);
	sim_xml_bool(x, "IsEncrypted", false);
	sim_xml_string(
	    x, "PayloadDisplayName", sim_value_text(p, "PayloadDisplayName"));
	sim_xml_string(
	    x, "PayloadIdentifier", sim_value_text(p, "PayloadIdentifier"));
	sim_xml_bool(x, "PayloadRemovalDisallowed", true);
	sim_xml_string(x, "PayloadUUID", sim_value_text(p, "PayloadUUID"));
	sim_xml_int(x, "PayloadVersion", 1);
	sim_xml_close_dict(x);
	sim_xml_close_array(x);
}

static void
sim_answer_certificates(struct sim_xml *x, const struct sim_device *d,
    const struct sim_value *command)
{
	sim_xml_open_array(x, "CertificateList");
	sim_xml_open_dict(x, NULL);
	sim_xml_string(x, "CommonName", d->serial);
	sim_xml_data(x, "Data", buf_blob(&d->identity));
	sim_xml_bool(x, "IsIdentity", true);
	sim_xml_close_dict(x);
	sim_xml_close_array(x);
}

static void
sim_answer_nothing(struct sim_xml *x, const struct sim_device *d,
    const struct sim_value *command)
{
}

static void
sim_answer_error(
    struct sim_xml *x, const char *domain, long code, const char *words)
{
	sim_xml_open_array(x, "ErrorChain");
	sim_xml_open_dict(x, NULL);
	sim_xml_int(x, "ErrorCode", code);
	sim_xml_string(x, "ErrorDomain", domain);
	sim_xml_string(x, "LocalizedDescription", words);
	sim_xml_close_dict(x);
	sim_xml_close_array(x);
}

const char *
sim_answer_installed(
    const char *udid, const char *uuid, bool installed, struct buf *out)
{
	const char *status = installed ? "Acknowledged" : "Error";
	struct sim_xml x;

	sim_xml_start(&x, out);
	sim_xml_string(&x, "CommandUUID", uuid);
	if (!installed)
		sim_answer_error(&x, "MCInstallationErrorDomain", 4001,
		    "The profile could not be installed.");
	sim_xml_string(&x, "Status", status);
	sim_xml_string(&x, "UDID", udid);
	sim_xml_finish(&x);
	return status;
}

const char *
sim_answer_write(const struct sim_device *d, const struct sim_knobs *knobs,
    const char *uuid, const struct sim_value *command, struct buf *out)
{
	static const struct {
		const char *type;
		void (*write)(struct sim_xml *, const struct sim_device *,
		    const struct sim_value *);
	} table[] = {
		{ "CertificateList", sim_answer_certificates },
		{ "DeviceConfigured", sim_answer_nothing },
		{ "DeviceInformation", sim_answer_information },
		{ "ProfileList", sim_answer_profiles },
		{ "SecurityInfo", sim_answer_security },
	};
	const char *type = sim_value_text(command, "RequestType");
	const char *status = "Error";
	struct sim_xml x;

	sim_xml_start(&x, out);
	sim_xml_string(&x, "CommandUUID", uuid);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (type == NULL || strcmp(type, table[i].type) != 0)
			continue;
		table[i].write(&x, d, command);
		status = "Acknowledged";
	}
	if (type != NULL && strcmp(type, "InstalledApplicationList") == 0) {
		sim_apps_write(&x, knobs);
		status = "Acknowledged";
	}
	if (strcmp(status, "Error") == 0)
		sim_answer_error(&x, "MCMDMErrorDomain", 12021,
		    "The request type is not known here.");
	sim_xml_string(&x, "Status", status);
	sim_xml_string(&x, "UDID", d->udid);
	sim_xml_finish(&x);
	return status;
}
