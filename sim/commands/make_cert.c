#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/ca.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/commands/make.h"
#include "sim/commands/make_cert.h"
#include "sim/client/args.h"

struct make_cert_plan {
	const char *subject;
	const char *purpose; /* dotted OID of the extended key usage */
	const char *host;    /* dNSName or iPAddress; NULL: no SAN */
	long days;
	long age; /* days since it became valid */
};

static void
make_cert_host(const char *host, struct buf *out)
{
	struct buf names;
	size_t mark;
	uint8_t address[16];

	buf_init(&names, 1024);
	mark = der_open(&names, DER_SEQUENCE);
	if (inet_pton(AF_INET, host, address) == 1)
		der_put(&names, DER_CONTEXT + 7, blob_of(address, 4));
	else if (inet_pton(AF_INET6, host, address) == 1)
		der_put(&names, DER_CONTEXT + 7, blob_of(address, 16));
	else
		der_put(&names, DER_CONTEXT + 2, blob_str(host));
	der_close(&names, mark);
	cert_extension(out, "2.5.29.17", false, buf_blob(&names));
	buf_release(&names);
}

static int
make_cert_extensions(const struct make_cert_plan *plan, const EVP_PKEY *key,
    const EVP_PKEY *signer, struct buf *out)
{
	struct buf purposes;
	size_t mark;

	buf_init(&purposes, 256);
	cert_basic(out, false, -1);
	cert_usage(out, 0x80);
	mark = der_open(&purposes, DER_SEQUENCE);
	der_put_oid(&purposes, plan->purpose);
	der_close(&purposes, mark);
	cert_extension(out, "2.5.29.37", false, buf_blob(&purposes));
	buf_release(&purposes);
	if (plan->host != NULL)
		make_cert_host(plan->host, out);
	return cert_key_ids(out, key, signer);
}

/* Appends the certificate in DER; issuer NULL makes it self-signed. */
static int
make_cert_der(const struct make_cert_plan *plan, EVP_PKEY *key,
    const struct ca *issuer, struct buf *der)
{
	EVP_PKEY *signer = issuer != NULL ? issuer->key : key;
	int64_t from = clock_now() - 300 - plan->age * (int64_t)CERT_DAY;
	struct buf name, spki, extensions;
	uint8_t serial[16];
	int rc;

	buf_init(&name, DER_MAX);
	buf_init(&spki, DER_MAX);
	buf_init(&extensions, DER_MAX);
	keypair_random(serial, sizeof serial);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	if ((rc = cert_name_text(plan->subject, &name)) == OK &&
	    (rc = keypair_spki(key, &spki)) == OK &&
	    (rc = make_cert_extensions(plan, key, signer, &extensions)) == OK)
		rc = cert_sign(
		    &(struct cert){
			.serial = blob_of(serial, sizeof serial),
			.issuer =
			    buf_blob(issuer != NULL ? &issuer->subject : &name),
			.subject = buf_blob(&name),
			.spki = buf_blob(&spki),
			.extensions = buf_blob(&extensions),
			.not_before = from,
			.not_after = from + plan->days * (int64_t)CERT_DAY,
			.digest = "sha256",
		    },
		    signer, der);
	buf_release(&name);
	buf_release(&spki);
	buf_release(&extensions);
	return rc;
}

static int
make_cert_load_issuer(const char *crt, const char *key, struct ca *ca)
{
	struct buf der;
	int rc;

	buf_init(&der, DER_MAX);
	rc = disk_read_pem(crt, "CERTIFICATE", &der);
	if (rc == OK)
		rc = ca_set_der(ca, buf_blob(&der));
	if (rc == OK)
		rc = keypair_load(key, &ca->key);
	buf_release(&der);
	return rc;
}

int
make_cert_certificate(int argc, char **argv)
{
	struct make_cert_plan plan = {
		.purpose = "1.3.6.1.5.5.7.3.2",
		.days = 365,
	};
	const char *file = NULL, *ca_crt = NULL, *ca_key = NULL, *out = NULL;
	const struct args table[] = {
		{ "key", &file, NULL, NULL, true },
		{ "subject", &plan.subject, NULL, NULL, true },
		{ "purpose", &plan.purpose, NULL, NULL, false },
		{ "host", &plan.host, NULL, NULL, false },
		{ "days", NULL, NULL, &plan.days, false },
		{ "age", NULL, NULL, &plan.age, false },
		{ "ca-cert", &ca_crt, NULL, NULL, false },
		{ "ca-key", &ca_key, NULL, NULL, false },
		{ "o", &out, NULL, NULL, false },
	};
	EVP_PKEY *key = NULL;
	struct ca issuer;
	struct buf der, pem;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	ca_init(&issuer);
	buf_init(&der, DER_MAX);
	buf_init(&pem, 2 * DER_MAX);
	if (rc == OK && (ca_crt == NULL) != (ca_key == NULL))
		rc = fail(ERR_USAGE, "--ca-cert and --ca-key go together");
	if (rc != OK || (rc = keypair_load(file, &key)) != OK ||
	    (ca_crt != NULL &&
		(rc = make_cert_load_issuer(ca_crt, ca_key, &issuer)) != OK) ||
	    (rc = make_cert_der(
		 &plan, key, ca_crt != NULL ? &issuer : NULL, &der)) != OK)
		goto done;
	rc = disk_pem(buf_blob(&der), "CERTIFICATE", &pem);
	if (rc == OK)
		rc = make_output(out, buf_blob(&pem));
done:
	EVP_PKEY_free(key);
	ca_release(&issuer);
	buf_release(&der);
	buf_release(&pem);
	return rc;
}

static int
make_cert_save_tls(const char *dir, const char *host, const struct ca *ca)
{
	struct make_cert_plan plan = {
		.purpose = "1.3.6.1.5.5.7.3.1",
		.host = host,
		.days = 397,
	};
	struct ca server;
	struct buf subject, der;
	int rc;

	ca_init(&server);
	buf_init(&subject, 1024);
	buf_init(&der, DER_MAX);
	buf_printf(&subject, "/CN=%s", host);
	plan.subject = buf_str(&subject);
	if ((rc = keypair_make("P-256", &server.key)) == OK &&
	    (rc = make_cert_der(&plan, server.key, ca, &der)) == OK &&
	    (rc = ca_set_der(&server, buf_blob(&der))) == OK)
		rc = ca_save(dir, "tls", &server);
	ca_release(&server);
	buf_release(&subject);
	buf_release(&der);
	return rc;
}

int
make_cert_tls(int argc, char **argv)
{
	const char *dir = NULL, *host = NULL;
	const struct args table[] = {
		{ "dir", &dir, NULL, NULL, true },
		{ "name", &host, NULL, NULL, true },
	};
	struct ca ca;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	ca_init(&ca);
	if (rc == OK)
		rc = disk_folder(dir);
	if (rc == OK)
		rc = ca_make(
		    &(struct ca_plan){
			.kind = "P-256",
			.name = "/CN=attestmdm test TLS CA",
			.digest = "sha256",
			.not_before = clock_now() - 300,
			.not_after = clock_now() + 3650 * (int64_t)CERT_DAY,
			.path_len = 0,
		    },
		    &ca);
	if (rc == OK)
		rc = make_cert_save_tls(dir, host, &ca);
	if (rc == OK)
		rc = ca_save(dir, "tls-ca", &ca);
	ca_release(&ca);
	return rc;
}
