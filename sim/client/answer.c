#include <string.h>

#include "sim/client/answer.h"
#include "sim/forge/model.h"

/* Applications, of three values each, for 120,000 values. */
#define MANY  40000
#define LARGE ((size_t)22 << 20)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
begin(struct xml *x, const char *uuid, struct buf *out)
{
	xml_start(x, out);
	xml_string(x, "CommandUUID", uuid);
}

static void
end(struct xml *x, const char *status, const char *udid)
{
	xml_string(x, "Status", status);
	xml_string(x, "UDID", udid);
	xml_finish(x);
}

void
answer_status(
    const char *udid, const char *uuid, const char *status, struct buf *out)
{
	struct xml x;

	begin(&x, uuid, out);
	end(&x, status, udid);
}

/* Unknown queries are left out, as devices do. */
static void
write_query(struct xml *x, const struct apple_device *d, const struct model *m,
    const char *query)
{
	bool is_mac = model_is_mac(m);
	const struct {
		const char *name;
		const char *value;
	} texts[] = {
		{ "BuildVersion", d->build },
		{ "DeviceName", is_mac ? "Simulated Mac" : m->model },
		{ "HostName", is_mac ? "simulated-mac.local" : NULL },
		{ "IMEI", d->imei[0] != '\0' ? d->imei : NULL },
		{ "LocalHostName", is_mac ? "simulated-mac" : NULL },
		{ "Model", "Z1AF000" },
		{ "ModelName", m->model },
		{ "OSVersion", d->os_version },
		{ "ProductName", d->product },
		{ "ProvisioningUDID", d->provisioning_udid },
		{ "SerialNumber", d->serial },
		{ "SoftwareUpdateDeviceID",
		    model_since(m, d->os_version, 27, 0) ? NULL : m->board },
		{ "UDID", d->udid },
	};
	const struct {
		const char *name;
		bool value;
		bool mac_only;
	} bools[] = {
		{ "AwaitingConfiguration", false, false },
		{ "IsActivationLockSupported", m->attests || m->has_t2, true },
		{ "IsAppleSilicon", m->is_silicon, true },
		{ "IsSupervised", true, false },
		{ "SupportsiOSAppInstalls", m->is_silicon, true },
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcmp(query, texts[i].name) == 0)
			xml_string(x, query, texts[i].value);
	for (size_t i = 0; i < COUNT(bools); i++)
		if (strcmp(query, bools[i].name) == 0 &&
		    (is_mac || !bools[i].mac_only))
			xml_bool(x, query, bools[i].value);
	if (strcmp(query, "DeviceCapacity") == 0)
		xml_real(x, query, 494.38);
	if (strcmp(query, "AvailableDeviceCapacity") == 0)
		xml_real(x, query, 321.5);
}

static void
write_information(struct xml *x, const struct apple_device *d, plist_t command)
{
	plist_t queries = xml_get(command, "Queries"), q;
	struct model m = model_of(d->product);

	xml_open(x, "QueryResponses", "dict");
	for (uint32_t i = 0; (q = xml_item(queries, i)) != NULL; i++)
		if (xml_get_text(q, NULL) != NULL)
			write_query(x, d, &m, xml_get_text(q, NULL));
	xml_close(x, "dict");
}

static void
write_security(struct xml *x, const struct apple_device *d, plist_t command)
{
	struct model m = model_of(d->product);
	bool is_mac = model_is_mac(&m);

	(void)command;
	xml_open(x, "SecurityInfo", "dict");
	if (is_mac) {
		xml_bool(x, "AuthenticatedRootVolumeEnabled", true);
		xml_bool(x, "FDE_Enabled", true);
		xml_bool(x, "FDE_HasInstitutionalRecoveryKey", false);
		xml_bool(x, "FDE_HasPersonalRecoveryKey", true);
	} else {
		xml_int(x, "HardwareEncryptionCaps", 3);
	}
	xml_open(x, "ManagementStatus", "dict");
	xml_bool(x, "EnrolledViaDEP", !d->is_manual);
	xml_bool(x, "IsUserEnrollment", false);
	xml_bool(x, "UserApprovedEnrollment", true);
	xml_close(x, "dict");
	if (is_mac && (m.is_silicon || m.has_t2)) {
		xml_open(x, "SecureBoot", "dict");
		xml_string(x, "SecureBootLevel", "full");
		xml_close(x, "dict");
	}
	if (is_mac) {
		xml_bool(x, "SystemIntegrityProtectionEnabled", true);
	} else {
		xml_bool(x, "PasscodeCompliant", true);
		xml_bool(x, "PasscodeCompliantWithProfiles", true);
		xml_bool(x, "PasscodePresent", true);
	}
	xml_close(x, "dict");
}

static void
write_profiles(struct xml *x, const struct apple_device *d, plist_t command)
{
	static const char *const copied[] = { "PayloadDisplayName",
		"PayloadIdentifier", "PayloadUUID" };
	plist_t p = d->profile.plist;

	(void)command;
	xml_open(x, "ProfileList", "array");
	xml_open(x, NULL, "dict");
	xml_bool(x, "IsEncrypted", false);
	xml_bool(x, "PayloadRemovalDisallowed", true);
	for (size_t i = 0; i < COUNT(copied); i++)
		xml_string(x, copied[i], xml_get_text(p, copied[i]));
	xml_int(x, "PayloadVersion", 1);
	xml_close(x, "dict");
	xml_close(x, "array");
}

static void
write_certificates(struct xml *x, const struct apple_device *d, plist_t command)
{
	(void)command;
	xml_open(x, "CertificateList", "array");
	xml_open(x, NULL, "dict");
	xml_string(x, "CommonName", d->serial);
	xml_data(x, "Data", buf_blob(&d->identity));
	xml_bool(x, "IsIdentity", true);
	xml_close(x, "dict");
	xml_close(x, "array");
}

static void
write_nothing(struct xml *x, const struct apple_device *d, plist_t command)
{
	(void)x;
	(void)d;
	(void)command;
}

static void
write_application(struct xml *x, const char *name, const char *identifier)
{
	xml_open(x, NULL, "dict");
	xml_string(x, "Identifier", identifier);
	xml_string(x, "Name", name);
	xml_close(x, "dict");
}

static void
write_applications(struct xml *x, const struct faults *faults)
{
	xml_open(x, "InstalledApplicationList", "array");
	write_application(x, "Safari", "com.apple.Safari");
	write_application(x, "Terminal", "com.apple.Terminal");
	/* As Core Foundation writes a control character, and no number. */
	if (fault_on(faults, FAULT_RESULT_CONTROL))
		buf_add_str(x->out,
		    "<dict><key>Name</key>"
		    "<string>Odd\x01\x1f\x7f</string></dict>\n");
	if (fault_on(faults, FAULT_RESULT_NAN))
		buf_add_str(x->out,
		    "<dict><key>DynamicSize</key><real>nan</real></dict>\n");
	if (fault_on(faults, FAULT_RESULT_DAMAGED))
		buf_add_str(x->out, "<dict><key>Name</key></dict>\n");
	if (fault_on(faults, FAULT_RESULT_MANY))
		for (size_t i = 0; i < MANY; i++)
			write_application(x, "App", "com.example.app");
	if (fault_on(faults, FAULT_RESULT_LARGE)) {
		buf_add_str(x->out, "<string>");
		for (size_t i = 0; i < LARGE; i += 16)
			buf_add_str(x->out, "sixteen letters ");
		buf_add_str(x->out, "</string>\n");
	}
	xml_close(x, "array");
}

static void
write_error(struct xml *x, const char *domain, long code, const char *words)
{
	xml_open(x, "ErrorChain", "array");
	xml_open(x, NULL, "dict");
	xml_int(x, "ErrorCode", code);
	xml_string(x, "ErrorDomain", domain);
	xml_string(x, "LocalizedDescription", words);
	xml_close(x, "dict");
	xml_close(x, "array");
}

const char *
answer_installed(
    const char *udid, const char *uuid, bool installed, struct buf *out)
{
	const char *status = installed ? "Acknowledged" : "Error";
	struct xml x;

	begin(&x, uuid, out);
	if (!installed)
		write_error(&x, "MCInstallationErrorDomain", 4001,
		    "The profile could not be installed.");
	end(&x, status, udid);
	return status;
}

const char *
answer_write(const struct apple_device *d, const struct faults *faults,
    const char *uuid, plist_t command, struct buf *out)
{
	static const struct {
		const char *type;
		void (*write)(
		    struct xml *, const struct apple_device *, plist_t);
	} table[] = {
		{ "CertificateList", write_certificates },
		{ "DeviceConfigured", write_nothing },
		{ "DeviceInformation", write_information },
		{ "ProfileList", write_profiles },
		{ "SecurityInfo", write_security },
	};
	const char *type = xml_get_text(command, "RequestType");
	const char *status = "Error";
	struct xml x;

	begin(&x, uuid, out);
	for (size_t i = 0; i < COUNT(table); i++) {
		if (strcmp(type, table[i].type) != 0)
			continue;
		table[i].write(&x, d, command);
		status = "Acknowledged";
	}
	if (strcmp(type, "InstalledApplicationList") == 0) {
		write_applications(&x, faults);
		status = "Acknowledged";
	}
	if (strcmp(status, "Error") == 0)
		write_error(&x, "MCMDMErrorDomain", 12021,
		    "The request type is not known here.");
	end(&x, status, d->udid);
	return status;
}
