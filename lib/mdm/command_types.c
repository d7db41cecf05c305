#include "mdm/command_types.h"

#include <string.h>

#define REMOVES_PROFILE                                                        \
	"removes a profile and all that it set up; without the enrollment "    \
	"profile the device is not managed any more"
#define LOSES_WORK "ends what users are doing; they lose what is not saved"

static const struct command_type entries[] = {
	{ "AccountConfiguration", NULL, { NULL } },
	{ "ActivationLockBypassCode", NULL, { NULL } },
	{ "ActiveNSExtensions", NULL, { NULL } },
	{ "ApplyRedemptionCode", NULL, { "Identifier", "RedemptionCode" } },
	{ "AvailableOSUpdates", NULL, { NULL } },
	{ "CertificateList", NULL, { NULL } },
	{ "ClearActivationLockBypassCode", NULL, { NULL } },
	{ "ClearPasscode", "removes the passcode", { "UnlockToken" } },
	{ "ClearRestrictionsPassword", NULL, { NULL } },
	{ "ContentCachingInformation", NULL, { NULL } },
	{ "DeclarativeManagement", NULL, { NULL } },
	{ "DeleteUser", "deletes a user and all of the user's data", { NULL } },
	{ "DeviceConfigured", NULL, { NULL } },
	{ "DeviceInformation", NULL, { "Queries" } },
	{ "DeviceLocation", NULL, { NULL } },
	{ "DeviceLock", "locks the device at once; a Mac then asks for the PIN",
	    { NULL } },
	{ "DisableLostMode", NULL, { NULL } },
	{ "DisableRemoteDesktop", NULL, { NULL } },
	{ "EnableLostMode", "locks the device until lost mode is disabled",
	    { NULL } },
	{ "EnableRemoteDesktop", NULL, { NULL } },
	{ "EraseDevice", "erases all data on the device", { NULL } },
	{ "InstallApplication", NULL, { NULL } },
	{ "InstallEnterpriseApplication", NULL, { NULL } },
	{ "InstallMedia", NULL, { "MediaType" } },
	{ "InstallProfile", NULL, { "Payload" } },
	{ "InstallProvisioningProfile", NULL, { "ProvisioningProfile" } },
	{ "InstalledApplicationList", NULL, { NULL } },
	{ "InviteToProgram", NULL, { "InvitationURL", "ProgramID" } },
	{ "LOMDeviceRequest", NULL, { "RequestList" } },
	{ "LOMSetupRequest", NULL, { NULL } },
	{ "LogOutUser", LOSES_WORK, { NULL } },
	{ "ManagedApplicationAttributes", NULL, { "Identifiers" } },
	{ "ManagedApplicationConfiguration", NULL, { "Identifiers" } },
	{ "ManagedApplicationFeedback", NULL, { "Identifiers" } },
	{ "ManagedApplicationList", NULL, { NULL } },
	{ "ManagedMediaList", NULL, { NULL } },
	{ "NSExtensionMappings", NULL, { NULL } },
	{ "OSUpdateStatus", NULL, { NULL } },
	{ "PlayLostModeSound", NULL, { NULL } },
	{ "ProfileList", NULL, { NULL } },
	{ "ProvisioningProfileList", NULL, { NULL } },
	{ "RefreshCellularPlans", NULL, { "eSIMServerURL" } },
	{ "RemoveApplication", "removes an application and its data",
	    { "Identifier" } },
	{ "RemoveMedia", NULL, { "MediaType" } },
	{ "RemoveProfile", REMOVES_PROFILE, { "Identifier" } },
	{ "RemoveProvisioningProfile", NULL, { "UUID" } },
	{ "RequestMirroring", NULL, { NULL } },
	{ "RequestUnlockToken", NULL, { NULL } },
	{ "RestartDevice", LOSES_WORK, { NULL } },
	{ "Restrictions", NULL, { NULL } },
	{ "RotateFileVaultKey", NULL, { "FileVaultUnlock", "KeyType" } },
	{ "ScheduleOSUpdate", NULL, { "Updates" } },
	{ "ScheduleOSUpdateScan", NULL, { NULL } },
	{ "SecurityInfo", NULL, { NULL } },
	{ "SetAutoAdminPassword", "replaces an administrator's password",
	    { "GUID", "passwordHash" } },
	{ "SetFirmwarePassword",
	    "sets a password without which a Mac may be of no use",
	    { "NewPassword" } },
	{ "SetRecoveryLock",
	    "sets a password without which a Mac cannot be recovered",
	    { "NewPassword" } },
	{ "Settings", NULL, { "Settings" } },
	{ "ShutDownDevice", LOSES_WORK, { NULL } },
	{ "StopMirroring", NULL, { NULL } },
	{ "UnlockUserAccount", NULL, { "UserName" } },
	{ "UserConfigured", NULL, { NULL } },
	{ "UserList", NULL, { NULL } },
	{ "ValidateApplications", NULL, { NULL } },
	{ "VerifyFirmwarePassword", NULL, { "Password" } },
	{ "VerifyRecoveryLock", NULL, { "Password" } },
};

const struct command_type *
command_types_all(size_t *n)
{
	*n = sizeof entries / sizeof entries[0];
	return entries;
}

const struct command_type *
command_types_find(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof entries / sizeof entries[0]; i++)
		if (strcmp(entries[i].type, type) == 0)
			return &entries[i];
	return NULL;
}

const char *
command_types_missing(
    const struct command_type *e, const struct in_plist_node *command)
{
	size_t i;

	for (i = 0; i < COMMAND_TYPES_KEYS && e->required[i] != NULL; i++)
		if (in_plist_get(command, e->required[i]) == NULL)
			return e->required[i];
	return NULL;
}
