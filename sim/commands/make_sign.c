#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/machine.h"
#include "sim/commands/make.h"
#include "sim/commands/make_sign.h"
#include "sim/client/args.h"
#include "sim/forge/scep_message.h"

/* Signs with a device key of the moment, certified by the fake Apple. */
static int
make_sign_write(const char *dir, const struct machine *m,
    const struct faults *faults, const char *output)
{
	struct apple apple;
	EVP_PKEY *key = NULL;
	struct buf crt, message;
	int rc;

	apple_init(&apple);
	buf_init(&crt, DER_MAX);
	buf_init(&message, 2 * DER_MAX);
	rc = fault_on(faults, FAULT_MACHINEINFO_FOREIGN_CA)
	    ? apple_make(&apple)
	    : apple_load(dir, &apple);
	if (rc == OK)
		rc = keypair_make("RSA-1024", &key);
	if (rc == OK)
		rc = apple_device_certificate(&apple, key, &crt);
	if (rc == OK)
		rc = machine_sign(
		    m, &apple, key, buf_blob(&crt), faults, &message);
	if (rc == OK)
		rc = make_output(output, buf_blob(&message));
	EVP_PKEY_free(key);
	apple_release(&apple);
	buf_release(&crt);
	buf_release(&message);
	return rc;
}

int
make_sign_machineinfo(int argc, char **argv)
{
	const char *dir = NULL, *odd = NULL, *output = NULL;
	struct machine m = {
		.udid = "00000000-0000-4000-8000-000000000001",
		.product = "Mac15,3",
		.os_version = "15.1",
		.build = "24B83",
		.language = "en-US",
	};
	bool cannot_update = false;
	const struct args table[] = {
		{ "apple", &dir, NULL, NULL, true },
		{ "serial", &m.serial, NULL, NULL, true },
		{ "udid", &m.udid, NULL, NULL, false },
		{ "product", &m.product, NULL, NULL, false },
		{ "os-version", &m.os_version, NULL, NULL, false },
		{ "build", &m.build, NULL, NULL, false },
		{ "cannot-update", NULL, &cannot_update, NULL, false },
		{ "fault", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct faults faults;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (rc == OK)
		rc = make_faults(odd, &faults);
	m.can_update = !cannot_update;
	return rc == OK ? make_sign_write(dir, &m, &faults, output) : rc;
}

static int
make_sign_detached(struct signed_data *cms, const char *crt, const char *body)
{
	struct buf signer, content, message, text;
	int rc;

	buf_init(&signer, DER_MAX);
	buf_init(&content, (size_t)16 << 20);
	buf_init(&message, DER_MAX);
	buf_init(&text, 2 * DER_MAX);
	if ((rc = disk_read_pem(crt, "CERTIFICATE", &signer)) == OK)
		rc = disk_read(body, &content);
	cms->signer = buf_blob(&signer);
	if (rc == OK)
		rc = signed_data_sign(cms, buf_blob(&content), &message);
	if (rc == OK)
		rc = enc_base64(buf_blob(&message), &text);
	if (rc == OK)
		rc = make_line(buf_blob(&text));
	buf_release(&signer);
	buf_release(&content);
	buf_release(&message);
	buf_release(&text);
	return rc;
}

int
make_sign_mdm_signature(int argc, char **argv)
{
	const char *file = NULL, *crt = NULL, *body = NULL;
	struct signed_data cms = { .digest = "sha256" };
	bool attached = false;
	const struct args table[] = {
		{ "key", &file, NULL, NULL, true },
		{ "cert", &crt, NULL, NULL, true },
		{ "body", &body, NULL, NULL, true },
		{ "digest", &cms.digest, NULL, NULL, false },
		{ "attributes", NULL, &cms.attributes, NULL, false },
		{ "der", NULL, &cms.der, NULL, false },
		{ "attached", NULL, &attached, NULL, false },
		{ "no-certificates", NULL, &cms.no_certificates, NULL, false },
	};
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	cms.detached = !attached;
	if (rc == OK)
		rc = keypair_load(file, &cms.key);
	if (rc == OK)
		rc = make_sign_detached(&cms, crt, body);
	EVP_PKEY_free(cms.key);
	return rc;
}

/* What stands in for the parts that the client would make. */
struct make_sign_files {
	const char *ca, *key, *cert, *request, *envelope;
};

static int
make_sign_scep(
    const struct make_sign_files *f, struct scep_message *m, const char *output)
{
	struct buf ca, request, envelope, message;
	int rc;

	buf_init(&ca, DER_MAX);
	buf_init(&request, DER_MAX);
	buf_init(&envelope, DER_MAX);
	buf_init(&message, DER_MAX);
	if ((rc = disk_read_pem(f->ca, "CERTIFICATE", &ca)) != OK ||
	    (f->request != NULL &&
		(rc = disk_read(f->request, &request)) != OK) ||
	    (f->envelope != NULL &&
		(rc = disk_read(f->envelope, &envelope)) != OK) ||
	    (rc = keypair_load(f->key, &m->key)) != OK ||
	    (rc = scep_message_prepare(m)) != OK)
		goto done;
	m->ca = buf_blob(&ca);
	m->request = buf_blob(&request);
	m->envelope = buf_blob(&envelope);
	if (f->cert != NULL) {
		buf_reset(&m->certificate);
		rc = disk_read_pem(f->cert, "CERTIFICATE", &m->certificate);
	}
	if (rc == OK)
		rc = scep_message_write(m, &message);
	if (rc == OK)
		rc = make_output(output, buf_blob(&message));
done:
	EVP_PKEY_free(m->key);
	buf_release(&ca);
	buf_release(&request);
	buf_release(&envelope);
	buf_release(&message);
	return rc;
}

int
make_sign_pkimessage(int argc, char **argv)
{
	const char *odd = NULL, *output = NULL;
	struct make_sign_files f = { NULL, NULL, NULL, NULL, NULL };
	struct payload profile = { 0 };
	struct scep_message m;
	struct faults faults;
	const struct args table[] = {
		{ "ca", &f.ca, NULL, NULL, true },
		{ "key", &f.key, NULL, NULL, true },
		{ "cert", &f.cert, NULL, NULL, false },
		{ "request", &f.request, NULL, NULL, false },
		{ "envelope", &f.envelope, NULL, NULL, false },
		{ "cipher", &m.cipher, NULL, NULL, false },
		{ "digest", &m.digest, NULL, NULL, false },
		{ "fault", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	int rc;

	scep_message_init(&m);
	m.cipher = "AES-128-CBC";
	m.digest = "sha256";
	m.profile = &profile;
	m.faults = &faults;
	rc = args_parse(&argc, argv, table, ARGS_COUNT(table));
	if (rc == OK)
		rc = make_faults(odd, &faults);
	if (rc == OK)
		rc = make_sign_scep(&f, &m, output);
	scep_message_release(&m);
	return rc;
}
