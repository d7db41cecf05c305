#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/sim_apple.h"
#include "sim/sim_der.h"
#include "sim/sim_file.h"
#include "sim/sim_uuid.h"

void
sim_apple_init(struct sim_apple *a)
{
	sim_ca_init(&a->attestation_root);
	sim_ca_init(&a->attestation_sub);
	sim_ca_init(&a->device_root);
	sim_ca_init(&a->device_authority);
	sim_ca_init(&a->device_ca);
}

void
sim_apple_release(struct sim_apple *a)
{
	sim_ca_release(&a->attestation_root);
	sim_ca_release(&a->attestation_sub);
	sim_ca_release(&a->device_root);
	sim_ca_release(&a->device_authority);
	sim_ca_release(&a->device_ca);
}

int
sim_apple_make_attestation(struct sim_apple *a)
{
	int64_t start = clock_now() - 1000 * (int64_t)SIM_CERT_DAY;
	int rc = sim_ca_make(
	    &(struct sim_ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Root CA"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 9000 * (int64_t)SIM_CERT_DAY,
		.path_len = -1,
	    },
	    &a->attestation_root);

	if (rc != OK)
		return rc;
	return sim_ca_make(
	    &(struct sim_ca_plan){
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = start,
		.not_after = start + 3650 * (int64_t)SIM_CERT_DAY,
		.path_len = 0,
		.issuer = &a->attestation_root,
	    },
	    &a->attestation_sub);
}

/* Dates as in Apple's chain: devices still use it, years after its end. */
#define SIM_APPLE_2006_04_25 1145926800
#define SIM_APPLE_2007_04_12 1176395400
#define SIM_APPLE_2007_04_16 1176764086
#define SIM_APPLE_2014_04_16 1397688886
#define SIM_APPLE_2022_04_12 1649770200
#define SIM_APPLE_2035_02_09 2054627600

static int
sim_apple_make_device(struct sim_apple *a)
{
	const struct sim_ca_plan plan[] = {
		{ "RSA-2048",
		    "/C=US/O=Simulated Apple Inc./CN=Simulated Root CA", "sha1",
		    SIM_APPLE_2006_04_25, SIM_APPLE_2035_02_09, -1, NULL },
		{ "RSA-2048",
		    "/C=US/O=Simulated Apple Inc."
		    "/CN=Simulated iPhone Certification Authority",
		    "sha1", SIM_APPLE_2007_04_12, SIM_APPLE_2022_04_12, -1,
		    &a->device_root },
		{ "RSA-1024",
		    "/C=US/O=Simulated Apple Inc./OU=Simulated iPhone"
		    "/CN=Simulated iPhone Device CA",
		    "sha1", SIM_APPLE_2007_04_16, SIM_APPLE_2014_04_16, -1,
		    &a->device_authority },
	};
	int rc = sim_ca_make(&plan[0], &a->device_root);

	if (rc == OK)
		rc = sim_ca_make(&plan[1], &a->device_authority);
	if (rc == OK)
		rc = sim_ca_make(&plan[2], &a->device_ca);
	return rc;
}

int
sim_apple_make(struct sim_apple *a)
{
	int rc = sim_apple_make_attestation(a);

	return rc == OK ? sim_apple_make_device(a) : rc;
}

int
sim_apple_save(const char *dir, const struct sim_apple *a)
{
	int rc = sim_file_folder(dir);

	if (rc == OK)
		rc = sim_ca_save(dir, "attestation-root", &a->attestation_root);
	if (rc == OK)
		rc = sim_ca_save(dir, "attestation-sub", &a->attestation_sub);
	if (rc == OK)
		rc = sim_ca_save(dir, "device-root", &a->device_root);
	if (rc == OK)
		rc = sim_ca_save(dir, "device-authority", &a->device_authority);
	if (rc == OK)
		rc = sim_ca_save(dir, "device-ca", &a->device_ca);
	return rc;
}

int
sim_apple_load(const char *dir, struct sim_apple *a)
{
	int rc = sim_ca_load(dir, "attestation-root", &a->attestation_root);

	if (rc == OK)
		rc = sim_ca_load(dir, "attestation-sub", &a->attestation_sub);
	if (rc == OK)
		rc = sim_ca_load_public(dir, "device-root", &a->device_root);
	if (rc == OK)
		rc = sim_ca_load_public(
		    dir, "device-authority", &a->device_authority);
	if (rc == OK)
		rc = sim_ca_load(dir, "device-ca", &a->device_ca);
	return rc;
}

static int
sim_apple_device_extensions(
    struct sim_apple *a, EVP_PKEY *device, struct buf *out)
{
	struct buf purposes;
	size_t mark;
	int rc = sim_cert_key_ids(out, device, a->device_ca.key);

	if (rc != OK)
		return rc;
	buf_init(&purposes, 128);
	sim_cert_basic(out, false, -1);
	sim_cert_usage(out, 0xa0);
	mark = sim_der_open(&purposes, SIM_DER_SEQUENCE);
	sim_der_put_oid(&purposes, "1.3.6.1.5.5.7.3.1");
	sim_der_put_oid(&purposes, "1.3.6.1.5.5.7.3.2");
	sim_der_close(&purposes, mark);
	sim_cert_extension(out, "2.5.29.37", true, buf_blob(&purposes));
	sim_cert_extension(
	    out, "1.2.840.113635.100.6.10.4", false, blob_of("\5\0", 2));
	buf_release(&purposes);
	return buf_status(out);
}

int
sim_apple_device_certificate(
    struct sim_apple *a, EVP_PKEY *device, struct buf *der)
{
	char guid[SIM_UUID_TEXT];
	struct sim_cert_rdn cn = { "2.5.4.3", SIM_DER_IA5, guid };
	struct buf subject, spki, extensions;
	uint8_t serial[9];
	int rc;

	buf_init(&subject, SIM_DER_MAX);
	buf_init(&spki, SIM_DER_MAX);
	buf_init(&extensions, SIM_DER_MAX);
	sim_uuid_make(guid);
	sim_key_random(serial, sizeof serial);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	sim_cert_name(&subject, &cn, 1);
	if ((rc = sim_key_spki(device, &spki)) == OK &&
	    (rc = sim_apple_device_extensions(a, device, &extensions)) == OK)
		rc = sim_cert_sign(
		    &(struct sim_cert){
			.serial = blob_of(serial, sizeof serial),
			.issuer = buf_blob(&a->device_ca.subject),
			.subject = buf_blob(&subject),
			.spki = buf_blob(&spki),
			.extensions = buf_blob(&extensions),
			.not_before = clock_now() - 300,
			.not_after = clock_now() + 365 * (int64_t)SIM_CERT_DAY,
			.digest = "sha1",
		    },
		    a->device_ca.key, der);
	buf_release(&subject);
	buf_release(&spki);
	buf_release(&extensions);
	return rc;
}
