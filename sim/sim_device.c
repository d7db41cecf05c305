#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/sim_der.h"
#include "sim/sim_device.h"
#include "sim/sim_file.h"
#include "sim/sim_plist.h"
#include "sim/sim_product.h"
#include "sim/sim_uuid.h"
#include "sim/sim_xml.h"

void
sim_device_init(struct sim_device *d)
{
	memset(d, 0, sizeof *d);
	buf_init(&d->software_certificate, SIM_DER_MAX);
	buf_init(&d->identity, SIM_DER_MAX);
	buf_init(&d->attestation, SIM_DER_MAX);
	buf_init(&d->profile_bytes, (size_t)16 << 20);
	sim_profile_init(&d->profile);
}

void
sim_device_release(struct sim_device *d)
{
	EVP_PKEY_free(d->software_key);
	EVP_PKEY_free(d->account_key);
	EVP_PKEY_free(d->hardware_key);
	buf_release(&d->software_certificate);
	buf_release(&d->identity);
	buf_release(&d->attestation);
	buf_release(&d->profile_bytes);
	sim_profile_release(&d->profile);
	sim_device_init(d);
}

int
sim_device_set(char *field, size_t room, const char *text)
{
	int n = snprintf(field, room, "%s", text);

	if (n < 0 || (size_t)n >= room)
		return fail(ERR_USAGE, "too long: %s", text);
	return OK;
}

int
sim_device_describe(struct sim_device *d, const char *serial,
    const char *product, const char *os_version, const char *build)
{
	struct sim_product p = sim_product_of(product);
	char guess[sizeof d->build];
	int rc;

	if (os_version == NULL)
		os_version = sim_product_version(&p);
	if (build == NULL) {
		sim_product_build(&p, os_version, guess, sizeof guess);
		build = guess;
	}
	if ((rc = sim_device_set(d->serial, sizeof d->serial, serial)) != OK ||
	    (rc = sim_device_set(d->product, sizeof d->product, product)) !=
		OK ||
	    (rc = sim_device_set(
		 d->os_version, sizeof d->os_version, os_version)) != OK)
		return rc;
	return sim_device_set(d->build, sizeof d->build, build);
}

static void
sim_device_name(struct sim_device *d)
{
	struct sim_product p = sim_product_of(d->product);
	uint8_t r[12];

	sim_key_random(r, sizeof r);
	snprintf(d->provisioning_udid, sizeof d->provisioning_udid,
	    "0000%02X%02X-%02X%02X%02X%02X%02X%02X%02X%02X", r[0], r[1], r[2],
	    r[3], r[4], r[5], r[6], r[7], r[8], r[9]);
	/* A Mac has two; other devices are known by this one alone. */
	if (d->udid[0] == '\0' && sim_product_is_mac(&p))
		sim_uuid_make(d->udid);
	else if (!sim_product_is_mac(&p) && d->udid[0] != '\0')
		snprintf(d->provisioning_udid, sizeof d->provisioning_udid,
		    "%s", d->udid);
	else if (d->udid[0] == '\0')
		snprintf(d->udid, sizeof d->udid, "%s", d->provisioning_udid);
	if (p.has_imei)
		snprintf(d->imei, sizeof d->imei, "35%03d%03d%03d%03d0", r[1],
		    r[2], r[3], r[4]);
	sim_uuid_make(d->push_magic);
	sim_key_random(d->push_token, sizeof d->push_token);
}

int
sim_device_make(struct sim_device *d, struct sim_apple *apple)
{
	int rc;

	sim_device_name(d);
	rc = sim_key_make("RSA-1024", &d->software_key);
	if (rc == OK)
		rc = sim_apple_device_certificate(
		    apple, d->software_key, &d->software_certificate);
	return rc;
}

int
sim_device_make_shared(struct sim_device *d, const struct sim_device *other)
{
	sim_device_name(d);
	if (EVP_PKEY_up_ref(other->software_key) != 1)
		return fail(ERR_CRYPTO, "no key");
	d->software_key = other->software_key;
	return buf_add_blob(
	    &d->software_certificate, buf_blob(&other->software_certificate));
}

/* Which keys there are depends on the age of the system and on its kind. */
struct sim_machine
sim_device_machine(const struct sim_device *d)
{
	struct sim_product p = sim_product_of(d->product);
	bool is_17 = sim_product_since(&p, d->os_version, 17, 0);
	bool is_17_4 = sim_product_since(&p, d->os_version, 17, 4);
	bool is_mac = sim_product_is_mac(&p);
	bool is_watch = p.system == SIM_PRODUCT_WATCHOS;

	return (struct sim_machine){
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
sim_device_write(const struct sim_device *d, struct buf *out)
{
	struct sim_xml x;

	sim_xml_start(&x, out);
	sim_xml_string(&x, "SerialNumber", d->serial);
	sim_xml_string(&x, "UDID", d->udid);
	sim_xml_string(&x, "ProductName", d->product);
	sim_xml_string(&x, "OSVersion", d->os_version);
	sim_xml_string(&x, "BuildVersion", d->build);
	if (d->imei[0] != '\0')
		sim_xml_string(&x, "IMEI", d->imei);
	sim_xml_bool(&x, "IsManual", d->is_manual);
	sim_xml_string(&x, "ProvisioningUDID", d->provisioning_udid);
	sim_xml_string(&x, "PushMagic", d->push_magic);
	sim_xml_data(&x, "Token", blob_of(d->push_token, 32));
	sim_xml_data(
	    &x, "SoftwareCertificate", buf_blob(&d->software_certificate));
	sim_xml_data(&x, "Attestation", buf_blob(&d->attestation));
	sim_xml_finish(&x);
}

static int
sim_device_save_keys(const char *dir, const struct sim_device *d)
{
	char path[SIM_FILE_PATH];
	int rc = sim_file_path(dir, "software.key", path);

	if (rc == OK)
		rc = sim_key_save(path, d->software_key);
	if (rc != OK || d->hardware_key == NULL)
		return rc;
	rc = sim_file_path(dir, "identity.key", path);
	return rc == OK ? sim_key_save(path, d->hardware_key) : rc;
}

int
sim_device_save(const char *dir, const struct sim_device *d)
{
	char path[SIM_FILE_PATH];
	struct buf text;
	int rc;

	buf_init(&text, (size_t)16 << 20);
	sim_device_write(d, &text);
	if ((rc = buf_status(&text)) != OK ||
	    (rc = sim_file_folder(dir)) != OK ||
	    (rc = sim_file_path(dir, "device.plist", path)) != OK ||
	    (rc = sim_file_write(path, buf_blob(&text), 0600)) != OK ||
	    (rc = sim_device_save_keys(dir, d)) != OK)
		goto done;
	if (d->identity.n > 0) {
		buf_reset(&text);
		sim_file_pem(buf_blob(&d->identity), "CERTIFICATE", &text);
		rc = sim_file_path(dir, "identity.pem", path);
		if (rc == OK)
			rc = sim_file_write(path, buf_blob(&text), 0644);
	}
	if (rc == OK && d->profile_bytes.n > 0 &&
	    (rc = sim_file_path(dir, "enroll.mobileconfig", path)) == OK)
		rc = sim_file_write(path, buf_blob(&d->profile_bytes), 0600);
done:
	buf_release(&text);
	return rc;
}

static int
sim_device_take(
    const struct sim_value *v, const char *name, char *field, size_t room)
{
	const char *text = sim_value_text(v, name);

	if (text == NULL)
		return fail(ERR_MALFORMED, "device.plist has no %s", name);
	return sim_device_set(field, room, text);
}

static int
sim_device_read(const struct sim_value *v, struct sim_device *d)
{
	struct blob token = sim_value_data(v, "Token");
	const char *imei = sim_value_text(v, "IMEI");
	int rc;

	if (token.n == sizeof d->push_token)
		memcpy(d->push_token, token.p, token.n);
	buf_add_blob(
	    &d->software_certificate, sim_value_data(v, "SoftwareCertificate"));
	buf_add_blob(&d->attestation, sim_value_data(v, "Attestation"));
	d->is_manual = sim_value_bool(v, "IsManual", false);
	if (imei != NULL)
		snprintf(d->imei, sizeof d->imei, "%s", imei);
	if ((rc = sim_device_take(
		 v, "SerialNumber", d->serial, sizeof d->serial)) != OK ||
	    (rc = sim_device_take(v, "UDID", d->udid, sizeof d->udid)) != OK ||
	    (rc = sim_device_take(
		 v, "ProductName", d->product, sizeof d->product)) != OK ||
	    (rc = sim_device_take(
		 v, "OSVersion", d->os_version, sizeof d->os_version)) != OK ||
	    (rc = sim_device_take(
		 v, "BuildVersion", d->build, sizeof d->build)) != OK ||
	    (rc = sim_device_take(v, "ProvisioningUDID", d->provisioning_udid,
		 sizeof d->provisioning_udid)) != OK)
		return rc;
	return sim_device_take(
	    v, "PushMagic", d->push_magic, sizeof d->push_magic);
}

static int
sim_device_load_identity(const char *dir, struct sim_device *d)
{
	char path[SIM_FILE_PATH];
	int rc = sim_file_path(dir, "identity.pem", path);

	if (rc != OK || access(path, R_OK) != 0)
		return rc;
	if ((rc = sim_file_read_pem(path, "CERTIFICATE", &d->identity)) != OK ||
	    (rc = sim_file_path(dir, "identity.key", path)) != OK ||
	    (rc = sim_key_load(path, &d->hardware_key)) != OK ||
	    (rc = sim_file_path(dir, "enroll.mobileconfig", path)) != OK ||
	    (rc = sim_file_read(path, &d->profile_bytes)) != OK)
		return rc;
	return sim_profile_parse(buf_blob(&d->profile_bytes), &d->profile);
}

int
sim_device_load(const char *dir, struct sim_device *d)
{
	char path[SIM_FILE_PATH];
	struct sim_value *v = NULL;
	struct buf text;
	int rc;

	buf_init(&text, (size_t)16 << 20);
	if ((rc = sim_file_path(dir, "device.plist", path)) == OK &&
	    (rc = sim_file_read(path, &text)) == OK &&
	    (rc = sim_plist_parse(buf_blob(&text), &v)) == OK &&
	    (rc = sim_device_read(v, d)) == OK &&
	    (rc = sim_file_path(dir, "software.key", path)) == OK &&
	    (rc = sim_key_load(path, &d->software_key)) == OK)
		rc = sim_device_load_identity(dir, d);
	sim_value_free(v);
	buf_release(&text);
	return rc;
}
