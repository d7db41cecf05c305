#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/client/apple_device.h"
#include "sim/forge/disk.h"
#include "sim/forge/plist.h"
#include "sim/forge/model.h"
#include "sim/forge/uuid.h"
#include "sim/forge/xml.h"

void
apple_device_init(struct apple_device *d)
{
	memset(d, 0, sizeof *d);
	buf_init(&d->software_certificate, DER_MAX);
	buf_init(&d->identity, DER_MAX);
	buf_init(&d->attestation, DER_MAX);
	buf_init(&d->profile_bytes, (size_t)16 << 20);
	payload_init(&d->profile);
}

void
apple_device_release(struct apple_device *d)
{
	EVP_PKEY_free(d->software_key);
	EVP_PKEY_free(d->account_key);
	EVP_PKEY_free(d->hardware_key);
	buf_release(&d->software_certificate);
	buf_release(&d->identity);
	buf_release(&d->attestation);
	buf_release(&d->profile_bytes);
	payload_release(&d->profile);
	apple_device_init(d);
}

int
apple_device_set(char *field, size_t room, const char *text)
{
	int n = snprintf(field, room, "%s", text);

	if (n < 0 || (size_t)n >= room)
		return fail(ERR_USAGE, "too long: %s", text);
	return OK;
}

int
apple_device_describe(struct apple_device *d, const char *serial,
    const char *product, const char *os_version, const char *build)
{
	struct model p = model_of(product);
	char guess[sizeof d->build];
	int rc;

	if (os_version == NULL)
		os_version = model_version(&p);
	if (build == NULL) {
		model_build(&p, os_version, guess, sizeof guess);
		build = guess;
	}
	if ((rc = apple_device_set(d->serial, sizeof d->serial, serial)) !=
		OK ||
	    (rc = apple_device_set(d->product, sizeof d->product, product)) !=
		OK ||
	    (rc = apple_device_set(
		 d->os_version, sizeof d->os_version, os_version)) != OK)
		return rc;
	return apple_device_set(d->build, sizeof d->build, build);
}

static void
apple_device_name(struct apple_device *d)
{
	struct model p = model_of(d->product);
	uint8_t r[12];

	keypair_random(r, sizeof r);
	snprintf(d->provisioning_udid, sizeof d->provisioning_udid,
	    "0000%02X%02X-%02X%02X%02X%02X%02X%02X%02X%02X", r[0], r[1], r[2],
	    r[3], r[4], r[5], r[6], r[7], r[8], r[9]);
	/* A Mac has two; other devices are known by this one alone. */
	if (d->udid[0] == '\0' && model_is_mac(&p))
		uuid_make(d->udid);
	else if (!model_is_mac(&p) && d->udid[0] != '\0')
		snprintf(d->provisioning_udid, sizeof d->provisioning_udid,
		    "%s", d->udid);
	else if (d->udid[0] == '\0')
		snprintf(d->udid, sizeof d->udid, "%s", d->provisioning_udid);
	if (p.has_imei)
		snprintf(d->imei, sizeof d->imei, "35%03d%03d%03d%03d0", r[1],
		    r[2], r[3], r[4]);
	uuid_make(d->push_magic);
	keypair_random(d->push_token, sizeof d->push_token);
}

int
apple_device_make(struct apple_device *d, struct apple *apple)
{
	int rc;

	apple_device_name(d);
	rc = keypair_make("RSA-1024", &d->software_key);
	if (rc == OK)
		rc = apple_device_certificate(
		    apple, d->software_key, &d->software_certificate);
	return rc;
}

int
apple_device_make_shared(
    struct apple_device *d, const struct apple_device *other)
{
	apple_device_name(d);
	if (EVP_PKEY_up_ref(other->software_key) != 1)
		return fail(ERR_CRYPTO, "no key");
	d->software_key = other->software_key;
	return buf_add_blob(
	    &d->software_certificate, buf_blob(&other->software_certificate));
}

/* Which keys there are depends on the age of the system and on its kind. */
struct machine
apple_device_machine(const struct apple_device *d)
{
	struct model p = model_of(d->product);
	bool is_17 = model_since(&p, d->os_version, 17, 0);
	bool is_17_4 = model_since(&p, d->os_version, 17, 4);
	bool is_mac = model_is_mac(&p);
	bool is_watch = p.system == MODEL_WATCHOS;

	return (struct machine){
		.serial = d->serial,
		.udid = d->udid,
		.product = d->product,
		.os_version = is_17 ? d->os_version : NULL,
		.build = d->build,
		.language = "en-US",
		.imei = d->imei[0] != '\0' ? d->imei : NULL,
		.meid = p.has_imei ? "" : NULL,
		.pairing_token = is_watch ? d->push_magic : NULL,
		.update_device_id = is_17_4 ? p.board : NULL,
		.can_update = is_17,
		.has_attributes = !is_mac,
	};
}

static void
apple_device_write(const struct apple_device *d, struct buf *out)
{
	struct xml x;

	xml_start(&x, out);
	xml_string(&x, "SerialNumber", d->serial);
	xml_string(&x, "UDID", d->udid);
	xml_string(&x, "ProductName", d->product);
	xml_string(&x, "OSVersion", d->os_version);
	xml_string(&x, "BuildVersion", d->build);
	if (d->imei[0] != '\0')
		xml_string(&x, "IMEI", d->imei);
	xml_bool(&x, "IsManual", d->is_manual);
	xml_string(&x, "ProvisioningUDID", d->provisioning_udid);
	xml_string(&x, "PushMagic", d->push_magic);
	xml_data(&x, "Token", blob_of(d->push_token, 32));
	xml_data(&x, "SoftwareCertificate", buf_blob(&d->software_certificate));
	xml_data(&x, "Attestation", buf_blob(&d->attestation));
	xml_finish(&x);
}

static int
apple_device_save_keys(const char *dir, const struct apple_device *d)
{
	char path[DISK_PATH];
	int rc = disk_path(dir, "software.key", path);

	if (rc == OK)
		rc = keypair_save(path, d->software_key);
	if (rc != OK || d->hardware_key == NULL)
		return rc;
	rc = disk_path(dir, "identity.key", path);
	return rc == OK ? keypair_save(path, d->hardware_key) : rc;
}

int
apple_device_save(const char *dir, const struct apple_device *d)
{
	char path[DISK_PATH];
	struct buf text;
	int rc;

	buf_init(&text, (size_t)16 << 20);
	apple_device_write(d, &text);
	if ((rc = buf_status(&text)) != OK || (rc = disk_folder(dir)) != OK ||
	    (rc = disk_path(dir, "device.plist", path)) != OK ||
	    (rc = disk_write(path, buf_blob(&text), 0600)) != OK ||
	    (rc = apple_device_save_keys(dir, d)) != OK)
		goto done;
	if (d->identity.n > 0) {
		buf_reset(&text);
		disk_pem(buf_blob(&d->identity), "CERTIFICATE", &text);
		rc = disk_path(dir, "identity.pem", path);
		if (rc == OK)
			rc = disk_write(path, buf_blob(&text), 0644);
	}
	if (rc == OK && d->profile_bytes.n > 0 &&
	    (rc = disk_path(dir, "enroll.mobileconfig", path)) == OK)
		rc = disk_write(path, buf_blob(&d->profile_bytes), 0600);
done:
	buf_release(&text);
	return rc;
}

static int
apple_device_take(
    const struct value *v, const char *name, char *field, size_t room)
{
	const char *text = value_text(v, name);

	if (text == NULL)
		return fail(ERR_MALFORMED, "device.plist has no %s", name);
	return apple_device_set(field, room, text);
}

static int
apple_device_read(const struct value *v, struct apple_device *d)
{
	struct blob token = value_data(v, "Token");
	const char *imei = value_text(v, "IMEI");
	int rc;

	if (token.n == sizeof d->push_token)
		memcpy(d->push_token, token.p, token.n);
	buf_add_blob(
	    &d->software_certificate, value_data(v, "SoftwareCertificate"));
	buf_add_blob(&d->attestation, value_data(v, "Attestation"));
	d->is_manual = value_bool(v, "IsManual", false);
	if (imei != NULL)
		snprintf(d->imei, sizeof d->imei, "%s", imei);
	if ((rc = apple_device_take(
		 v, "SerialNumber", d->serial, sizeof d->serial)) != OK ||
	    (rc = apple_device_take(v, "UDID", d->udid, sizeof d->udid)) !=
		OK ||
	    (rc = apple_device_take(
		 v, "ProductName", d->product, sizeof d->product)) != OK ||
	    (rc = apple_device_take(
		 v, "OSVersion", d->os_version, sizeof d->os_version)) != OK ||
	    (rc = apple_device_take(
		 v, "BuildVersion", d->build, sizeof d->build)) != OK ||
	    (rc = apple_device_take(v, "ProvisioningUDID", d->provisioning_udid,
		 sizeof d->provisioning_udid)) != OK)
		return rc;
	return apple_device_take(
	    v, "PushMagic", d->push_magic, sizeof d->push_magic);
}

static int
apple_device_load_identity(const char *dir, struct apple_device *d)
{
	char path[DISK_PATH];
	int rc = disk_path(dir, "identity.pem", path);

	if (rc != OK || access(path, R_OK) != 0)
		return rc;
	if ((rc = disk_read_pem(path, "CERTIFICATE", &d->identity)) != OK ||
	    (rc = disk_path(dir, "identity.key", path)) != OK ||
	    (rc = keypair_load(path, &d->hardware_key)) != OK ||
	    (rc = disk_path(dir, "enroll.mobileconfig", path)) != OK ||
	    (rc = disk_read(path, &d->profile_bytes)) != OK)
		return rc;
	return payload_parse(buf_blob(&d->profile_bytes), &d->profile);
}

int
apple_device_load(const char *dir, struct apple_device *d)
{
	char path[DISK_PATH];
	struct value *v = NULL;
	struct buf text;
	int rc;

	buf_init(&text, (size_t)16 << 20);
	if ((rc = disk_path(dir, "device.plist", path)) == OK &&
	    (rc = disk_read(path, &text)) == OK &&
	    (rc = plist_parse(buf_blob(&text), &v)) == OK &&
	    (rc = apple_device_read(v, d)) == OK &&
	    (rc = disk_path(dir, "software.key", path)) == OK &&
	    (rc = keypair_load(path, &d->software_key)) == OK)
		rc = apple_device_load_identity(dir, d);
	value_free(v);
	buf_release(&text);
	return rc;
}
