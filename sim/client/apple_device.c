#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sim/client/apple_device.h"
#include "sim/forge/disk.h"
#include "sim/forge/model.h"

/* The texts of device.plist. */
static const struct {
	const char *name;
	size_t offset, room;
	bool optional;
} texts[] = {
#define TEXT(name, field, optional)                                            \
	{                                                                      \
		name, offsetof(struct apple_device, field),                    \
		    sizeof((struct apple_device *)NULL)->field, optional       \
	}
	TEXT("SerialNumber", serial, false),
	TEXT("UDID", udid, false),
	TEXT("ProductName", product, false),
	TEXT("OSVersion", os_version, false),
	TEXT("BuildVersion", build, false),
	TEXT("IMEI", imei, true),
	TEXT("ProvisioningUDID", provisioning_udid, false),
	TEXT("PushMagic", push_magic, false),
#undef TEXT
};

#define TEXTS (sizeof texts / sizeof texts[0])

void
apple_device_init(struct apple_device *d)
{
	memset(d, 0, sizeof *d);
	buf_init(&d->software_certificate, SCRATCH_MAX);
	buf_init(&d->identity, SCRATCH_MAX);
	buf_init(&d->attestation, SCRATCH_MAX);
	buf_init(&d->profile_bytes, SCRATCH_MAX);
	payload_init(&d->profile);
}

void
apple_device_forget(struct apple_device *d)
{
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = NULL;
	buf_release(&d->identity);
	buf_release(&d->profile_bytes);
	payload_release(&d->profile);
}

void
apple_device_release(struct apple_device *d)
{
	apple_device_forget(d);
	EVP_PKEY_free(d->software_key);
	EVP_PKEY_free(d->account_key);
	buf_release(&d->software_certificate);
	buf_release(&d->attestation);
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
	int r;

	if (os_version == NULL)
		os_version = model_version(&p);
	if (build == NULL) {
		model_build(&p, os_version, guess, sizeof guess);
		build = guess;
	}
	if ((r = apple_device_set(d->serial, sizeof d->serial, serial)) != OK ||
	    (r = apple_device_set(d->product, sizeof d->product, product)) !=
		OK ||
	    (r = apple_device_set(
		 d->os_version, sizeof d->os_version, os_version)) != OK)
		return r;
	return apple_device_set(d->build, sizeof d->build, build);
}

static void
name(struct apple_device *d)
{
	struct model p = model_of(d->product);
	uint8_t r[12];

	keypair_random(r, sizeof r);
	snprintf(d->provisioning_udid, sizeof d->provisioning_udid,
	    "0000%02X%02X-%02X%02X%02X%02X%02X%02X%02X%02X", r[0], r[1], r[2],
	    r[3], r[4], r[5], r[6], r[7], r[8], r[9]);
	/* A Mac has two; other devices are known by this one alone. */
	if (d->udid[0] == '\0' && model_is_mac(&p))
		keypair_uuid(d->udid);
	else if (!model_is_mac(&p) && d->udid[0] != '\0')
		memcpy(d->provisioning_udid, d->udid, sizeof d->udid);
	else if (d->udid[0] == '\0')
		memcpy(d->udid, d->provisioning_udid, sizeof d->udid);
	if (p.has_imei)
		snprintf(d->imei, sizeof d->imei, "35%03d%03d%03d%03d0", r[1],
		    r[2], r[3], r[4]);
	keypair_uuid(d->push_magic);
	keypair_random(d->push_token, sizeof d->push_token);
}

int
apple_device_make(struct apple_device *d, struct apple *apple)
{
	int r = keypair_make("RSA-1024", &d->software_key);

	name(d);
	return r != OK ? r
		       : apple_device_certificate(
			     apple, d->software_key, &d->software_certificate);
}

int
apple_device_make_shared(
    struct apple_device *d, const struct apple_device *other)
{
	name(d);
	d->software_key = keypair_share(other->software_key);
	return buf_add_blob(
	    &d->software_certificate, buf_blob(&other->software_certificate));
}

/* Which keys there are depends on the age of the system and on its kind. */
struct apple_machine
apple_device_machine(const struct apple_device *d)
{
	struct model p = model_of(d->product);
	bool is_17 = model_since(&p, d->os_version, 17, 0);
	bool is_17_4 = model_since(&p, d->os_version, 17, 4);
	bool is_watch = p.system == MODEL_WATCHOS;

	return (struct apple_machine){
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
		.has_attributes = !model_is_mac(&p),
	};
}

static void
write_plist(const struct apple_device *d, struct buf *out)
{
	struct xml x;

	xml_start(&x, out);
	for (size_t i = 0; i < TEXTS; i++) {
		const char *text = (const char *)d + texts[i].offset;

		if (text[0] != '\0' || !texts[i].optional)
			xml_string(&x, texts[i].name, text);
	}
	xml_bool(&x, "IsManual", d->is_manual);
	xml_data(&x, "Token", blob_of(d->push_token, sizeof d->push_token));
	xml_data(&x, "SoftwareCertificate", buf_blob(&d->software_certificate));
	xml_data(&x, "Attestation", buf_blob(&d->attestation));
	xml_finish(&x);
}

int
apple_device_save(const char *dir, const struct apple_device *d)
{
	SCRATCH_BUF(text);
	int r;

	write_plist(d, &text);
	if ((r = buf_status(&text)) != OK || (r = disk_folder(dir)) != OK ||
	    (r = disk_write(dir, "device.plist", buf_blob(&text), 0600)) !=
		OK ||
	    (r = keypair_save(dir, "software.key", d->software_key)) != OK)
		return r;
	if (d->hardware_key != NULL)
		r = keypair_save(dir, "identity.key", d->hardware_key);
	if (r == OK && d->identity.n > 0)
		r = disk_write_pem(dir, "identity.pem", buf_blob(&d->identity));
	if (r == OK && d->profile_bytes.n > 0)
		r = disk_write(dir, "enroll.mobileconfig",
		    buf_blob(&d->profile_bytes), 0600);
	return r;
}

static int
read_plist(plist_t v, struct apple_device *d)
{
	struct blob token = xml_get_data(v, "Token");
	int r = OK;

	if (token.n == sizeof d->push_token)
		memcpy(d->push_token, token.p, token.n);
	buf_add_blob(
	    &d->software_certificate, xml_get_data(v, "SoftwareCertificate"));
	buf_add_blob(&d->attestation, xml_get_data(v, "Attestation"));
	d->is_manual = xml_get_bool(v, "IsManual");
	for (size_t i = 0; i < TEXTS && r == OK; i++) {
		const char *text = xml_get_text(v, texts[i].name);

		if (text != NULL)
			r = apple_device_set(
			    (char *)d + texts[i].offset, texts[i].room, text);
		else if (!texts[i].optional)
			r = fail(ERR_MALFORMED, "device.plist has no %s",
			    texts[i].name);
	}
	return r;
}

int
apple_device_load(const char *dir, struct apple_device *d)
{
	SCRATCH_BUF(text);
	plist_t v = NULL;
	int r;

	if ((r = disk_read(dir, "device.plist", &text)) == OK &&
	    (r = xml_parse(buf_blob(&text), &v)) == OK &&
	    (r = read_plist(v, d)) == OK)
		r = keypair_load(dir, "software.key", &d->software_key);
	plist_free(v);
	if (r != OK || !disk_has(dir, "identity.pem"))
		return r;
	if ((r = disk_read_pem(dir, "identity.pem", &d->identity)) != OK ||
	    (r = keypair_load(dir, "identity.key", &d->hardware_key)) != OK ||
	    (r = disk_read(dir, "enroll.mobileconfig", &d->profile_bytes)) !=
		OK)
		return r;
	return payload_parse(buf_blob(&d->profile_bytes), &d->profile);
}
