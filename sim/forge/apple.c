#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/apple.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/uuid.h"

void
apple_init(struct apple *a)
{
	ca_init(&a->attestation_root);
	ca_init(&a->attestation_sub);
	ca_init(&a->device_root);
	ca_init(&a->device_authority);
	ca_init(&a->device_ca);
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
	int64_t start = clock_now() - 1000 * (int64_t)CERT_DAY;
	int rc = ca_make(
	    &(struct ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Root CA"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 9000 * (int64_t)CERT_DAY,
		.path_len = -1,
	    },
	    &a->attestation_root);

	if (rc != OK)
		return rc;
	return ca_make(
	    &(struct ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 3650 * (int64_t)CERT_DAY,
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
apple_make_device(struct apple *a)
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
	int rc = ca_make(&plan[0], &a->device_root);

	if (rc == OK)
		rc = ca_make(&plan[1], &a->device_authority);
	if (rc == OK)
		rc = ca_make(&plan[2], &a->device_ca);
	return rc;
}

int
apple_make(struct apple *a)
{
	int rc = apple_make_attestation(a);

	return rc == OK ? apple_make_device(a) : rc;
}

int
apple_save(const char *dir, const struct apple *a)
{
	int rc = disk_folder(dir);

	if (rc == OK)
		rc = ca_save(dir, "attestation-root", &a->attestation_root);
	if (rc == OK)
		rc = ca_save(dir, "attestation-sub", &a->attestation_sub);
	if (rc == OK)
		rc = ca_save(dir, "device-root", &a->device_root);
	if (rc == OK)
		rc = ca_save(dir, "device-authority", &a->device_authority);
	if (rc == OK)
		rc = ca_save(dir, "device-ca", &a->device_ca);
	return rc;
}

int
apple_load(const char *dir, struct apple *a)
{
	int rc = ca_load(dir, "attestation-root", &a->attestation_root);

	if (rc == OK)
		rc = ca_load(dir, "attestation-sub", &a->attestation_sub);
	if (rc == OK)
		rc = ca_load_public(dir, "device-root", &a->device_root);
	if (rc == OK)
		rc = ca_load_public(
		    dir, "device-authority", &a->device_authority);
	if (rc == OK)
		rc = ca_load(dir, "device-ca", &a->device_ca);
	return rc;
}

static int
apple_device_extensions(struct apple *a, EVP_PKEY *device, struct buf *out)
{
	struct buf purposes;
	size_t mark;
	int rc = cert_key_ids(out, device, a->device_ca.key);

	if (rc != OK)
		return rc;
	buf_init(&purposes, 128);
	cert_basic(out, false, -1);
	cert_usage(out, 0xa0);
	mark = der_open(&purposes, DER_SEQUENCE);
	der_put_oid(&purposes, "1.3.6.1.5.5.7.3.1");
	der_put_oid(&purposes, "1.3.6.1.5.5.7.3.2");
	der_close(&purposes, mark);
	cert_extension(out, "2.5.29.37", true, buf_blob(&purposes));
	cert_extension(
	    out, "1.2.840.113635.100.6.10.4", false, blob_of("\5\0", 2));
	buf_release(&purposes);
	return buf_status(out);
}

int
apple_device_certificate(struct apple *a, EVP_PKEY *device, struct buf *der)
{
	char guid[UUID_TEXT];
	struct cert_rdn cn = { "2.5.4.3", DER_IA5, guid };
	struct buf subject, spki, extensions;
	uint8_t serial[9];
	int rc;

	buf_init(&subject, DER_MAX);
	buf_init(&spki, DER_MAX);
	buf_init(&extensions, DER_MAX);
	uuid_make(guid);
	keypair_random(serial, sizeof serial);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	cert_name(&subject, &cn, 1);
	if ((rc = keypair_spki(device, &spki)) == OK &&
	    (rc = apple_device_extensions(a, device, &extensions)) == OK)
		rc = cert_sign(
		    &(struct cert){
			.serial = blob_of(serial, sizeof serial),
			.issuer = buf_blob(&a->device_ca.subject),
			.subject = buf_blob(&subject),
			.spki = buf_blob(&spki),
			.extensions = buf_blob(&extensions),
			.not_before = clock_now() - 300,
			.not_after = clock_now() + 365 * (int64_t)CERT_DAY,
			.digest = "sha1",
		    },
		    a->device_ca.key, der);
	buf_release(&subject);
	buf_release(&spki);
	buf_release(&extensions);
	return rc;
}
