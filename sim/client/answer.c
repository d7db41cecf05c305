#include <string.h>

#include "sim/client/answer.h"
#include "sim/client/apps.h"
#include "sim/forge/model.h"
#include "sim/forge/xml.h"

void
answer_status(
    const char *udid, const char *uuid, const char *status, struct buf *out)
{
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "CommandUUID", uuid);
	xml_string(&x, "Status", status);
	xml_string(&x, "UDID", udid);
	xml_finish(&x);
}

/* What every device tells. */
static void
answer_common(struct xml *x, const struct apple_device *d,
    const struct model *p, const char *query)
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
			xml_string(x, query, texts[i].value);
	if (strcmp(query, "DeviceName") == 0)
		xml_string(
		    x, query, model_is_mac(p) ? "Simulated Mac" : p->model);
	if (strcmp(query, "AwaitingConfiguration") == 0)
		xml_bool(x, query, false);
	if (strcmp(query, "IsSupervised") == 0)
		xml_bool(x, query, true);
	if (strcmp(query, "DeviceCapacity") == 0)
		xml_real(x, query, 494.38);
	if (strcmp(query, "AvailableDeviceCapacity") == 0)
		xml_real(x, query, 321.5);
}

/* What Macs tell besides. */
static void
answer_mac(struct xml *x, const struct model *p, const char *query)
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
			xml_bool(x, query, bools[i].value);
	if (strcmp(query, "HostName") == 0)
		xml_string(x, query, "simulated-mac.local");
	if (strcmp(query, "LocalHostName") == 0)
		xml_string(x, query, "simulated-mac");
}

static void
answer_query(struct xml *x, const struct apple_device *d, const char *query)
{
	struct model p = model_of(d->product);

	answer_common(x, d, &p, query);
	if (model_is_mac(&p))
		answer_mac(x, &p, query);
}

/* Unknown queries are left out, as devices do. */
static void
answer_information(
    struct xml *x, const struct apple_device *d, const struct value *command)
{
	const struct value *q = value_first(value_get(command, "Queries"));

	xml_open_dict(x, "QueryResponses");
	for (; q != NULL; q = q->next)
		if (q->type == VALUE_TEXT)
			answer_query(x, d, (const char *)q->bytes);
	xml_close_dict(x);
}

static void
answer_management(struct xml *x, const struct apple_device *d)
{
	xml_open_dict(x, "ManagementStatus");
	xml_bool(x, "EnrolledViaDEP", !d->is_manual);
	xml_bool(x, "IsUserEnrollment", false);
	xml_bool(x, "UserApprovedEnrollment", true);
	xml_close_dict(x);
}

static void
answer_mac_security(
    struct xml *x, const struct apple_device *d, const struct model *p)
{
	xml_bool(x, "AuthenticatedRootVolumeEnabled", true);
	xml_bool(x, "FDE_Enabled", true);
	xml_bool(x, "FDE_HasInstitutionalRecoveryKey", false);
	xml_bool(x, "FDE_HasPersonalRecoveryKey", true);
	answer_management(x, d);
	if (p->is_silicon || p->has_t2) {
		xml_open_dict(x, "SecureBoot");
		xml_string(x, "SecureBootLevel", "full");
		xml_close_dict(x);
	}
	xml_bool(x, "SystemIntegrityProtectionEnabled", true);
}

static void
answer_security(
    struct xml *x, const struct apple_device *d, const struct value *command)
{
	struct model p = model_of(d->product);

	xml_open_dict(x, "SecurityInfo");
	if (model_is_mac(&p)) {
		answer_mac_security(x, d, &p);
	} else {
		xml_int(x, "HardwareEncryptionCaps", 3);
		answer_management(x, d);
		xml_bool(x, "PasscodeCompliant", true);
		xml_bool(x, "PasscodeCompliantWithProfiles", true);
		xml_bool(x, "PasscodePresent", true);
	}
	xml_close_dict(x);
}

static void
answer_profiles(
    struct xml *x, const struct apple_device *d, const struct value *command)
{
	const struct value *p = d->profile.plist;

	xml_open_array(x, "ProfileList");
	xml_open_dict(x, NULL);
	xml_bool(x, "IsEncrypted", false);
	xml_string(
	    x, "PayloadDisplayName", value_text(p, "PayloadDisplayName"));
	xml_string(x, "PayloadIdentifier", value_text(p, "PayloadIdentifier"));
	xml_bool(x, "PayloadRemovalDisallowed", true);
	xml_string(x, "PayloadUUID", value_text(p, "PayloadUUID"));
	xml_int(x, "PayloadVersion", 1);
	xml_close_dict(x);
	xml_close_array(x);
}

static void
answer_certificates(
    struct xml *x, const struct apple_device *d, const struct value *command)
{
	xml_open_array(x, "CertificateList");
	xml_open_dict(x, NULL);
	xml_string(x, "CommonName", d->serial);
	xml_data(x, "Data", buf_blob(&d->identity));
	xml_bool(x, "IsIdentity", true);
	xml_close_dict(x);
	xml_close_array(x);
}

static void
answer_nothing(
    struct xml *x, const struct apple_device *d, const struct value *command)
{
}

static void
answer_error(struct xml *x, const char *domain, long code, const char *words)
{
	xml_open_array(x, "ErrorChain");
	xml_open_dict(x, NULL);
	xml_int(x, "ErrorCode", code);
	xml_string(x, "ErrorDomain", domain);
	xml_string(x, "LocalizedDescription", words);
	xml_close_dict(x);
	xml_close_array(x);
}

const char *
answer_installed(
    const char *udid, const char *uuid, bool installed, struct buf *out)
{
	const char *status = installed ? "Acknowledged" : "Error";
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "CommandUUID", uuid);
	if (!installed)
		answer_error(&x, "MCInstallationErrorDomain", 4001,
		    "The profile could not be installed.");
	xml_string(&x, "Status", status);
	xml_string(&x, "UDID", udid);
	xml_finish(&x);
	return status;
}

const char *
answer_write(const struct apple_device *d, const struct faults *faults,
    const char *uuid, const struct value *command, struct buf *out)
{
	static const struct {
		const char *type;
		void (*write)(struct xml *, const struct apple_device *,
		    const struct value *);
	} table[] = {
		{ "CertificateList", answer_certificates },
		{ "DeviceConfigured", answer_nothing },
		{ "DeviceInformation", answer_information },
		{ "ProfileList", answer_profiles },
		{ "SecurityInfo", answer_security },
	};
	const char *type = value_text(command, "RequestType");
	const char *status = "Error";
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "CommandUUID", uuid);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (type == NULL || strcmp(type, table[i].type) != 0)
			continue;
		table[i].write(&x, d, command);
		status = "Acknowledged";
	}
	if (type != NULL && strcmp(type, "InstalledApplicationList") == 0) {
		apps_write(&x, faults);
		status = "Acknowledged";
	}
	if (strcmp(status, "Error") == 0)
		answer_error(&x, "MCMDMErrorDomain", 12021,
		    "The request type is not known here.");
	xml_string(&x, "Status", status);
	xml_string(&x, "UDID", d->udid);
	xml_finish(&x);
	return status;
}
