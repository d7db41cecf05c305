#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_cms.h"
#include "sim/sim_der.h"
#include "sim/sim_file.h"
#include "sim/sim_machine.h"
#include "sim/sim_make.h"
#include "sim/sim_make_sign.h"
#include "sim/sim_opt.h"
#include "sim/sim_pkimessage.h"

/* Signs with a device key of the moment, certified by the fake Apple. */
static int
sim_make_sign_write(const char *dir, const struct sim_machine *m,
    const struct sim_knobs *knobs, const char *output)
{
	struct sim_apple apple;
	EVP_PKEY *key = NULL;
	struct buf crt, message;
	int rc;

	sim_apple_init(&apple);
	buf_init(&crt, SIM_DER_MAX);
	buf_init(&message, 2 * SIM_DER_MAX);
	rc = sim_knob_on(knobs, SIM_KNOB_MACHINEINFO_FOREIGN_CA)
	    ? sim_apple_make(&apple)
	    : sim_apple_load(dir, &apple);
	if (rc == OK)
		rc = sim_key_make("RSA-1024", &key);
	if (rc == OK)
		rc = sim_apple_device_certificate(&apple, key, &crt);
	if (rc == OK)
		rc = sim_machine_sign(
		    m, &apple, key, buf_blob(&crt), knobs, &message);
	if (rc == OK)
		rc = sim_make_output(output, buf_blob(&message));
	EVP_PKEY_free(key);
	sim_apple_release(&apple);
	buf_release(&crt);
	buf_release(&message);
	return rc;
}

int
sim_make_sign_machineinfo(int argc, char **argv)
{
	const char *dir = NULL, *odd = NULL, *output = NULL;
	struct sim_machine m = {
		.udid = "00000000-0000-4000-8000-000000000001",
		.product = "Mac15,3",
		.os_version = "15.1",
		.build = "24B83",
		.language = "en-US",
	};
	bool cannot_update = false;
	const struct sim_opt table[] = {
		{ "apple", &dir, NULL, NULL, true },
		{ "serial", &m.serial, NULL, NULL, true },
		{ "udid", &m.udid, NULL, NULL, false },
		{ "product", &m.product, NULL, NULL, false },
		{ "os-version", &m.os_version, NULL, NULL, false },
		{ "build", &m.build, NULL, NULL, false },
		{ "cannot-update", NULL, &cannot_update, NULL, false },
		{ "misbehave", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct sim_knobs knobs;
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	if (rc == OK)
		rc = sim_make_knobs(odd, &knobs);
	m.can_update = !cannot_update;
	return rc == OK ? sim_make_sign_write(dir, &m, &knobs, output) : rc;
}

static int
sim_make_sign_detached(struct sim_cms *cms, const char *crt, const char *body)
{
	struct buf signer, content, message, text;
	int rc;

	buf_init(&signer, SIM_DER_MAX);
	buf_init(&content, (size_t)16 << 20);
	buf_init(&message, SIM_DER_MAX);
	buf_init(&text, 2 * SIM_DER_MAX);
	if ((rc = sim_file_read_pem(crt, "CERTIFICATE", &signer)) == OK)
		rc = sim_file_read(body, &content);
	cms->signer = buf_blob(&signer);
	if (rc == OK)
		rc = sim_cms_sign(cms, buf_blob(&content), &message);
	if (rc == OK)
		rc = enc_base64(buf_blob(&message), &text);
	if (rc == OK)
		rc = sim_make_line(buf_blob(&text));
	buf_release(&signer);
	buf_release(&content);
	buf_release(&message);
	buf_release(&text);
	return rc;
}

int
sim_make_sign_mdm_signature(int argc, char **argv)
{
	const char *file = NULL, *crt = NULL, *body = NULL;
	struct sim_cms cms = { .digest = "sha256" };
	bool attached = false;
	const struct sim_opt table[] = {
		{ "key", &file, NULL, NULL, true },
		{ "cert", &crt, NULL, NULL, true },
		{ "body", &body, NULL, NULL, true },
		{ "digest", &cms.digest, NULL, NULL, false },
		{ "attributes", NULL, &cms.attributes, NULL, false },
		{ "der", NULL, &cms.der, NULL, false },
		{ "attached", NULL, &attached, NULL, false },
		{ "no-certificates", NULL, &cms.no_certificates, NULL, false },
	};
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	cms.detached = !attached;
	if (rc == OK)
		rc = sim_key_load(file, &cms.key);
	if (rc == OK)
		rc = sim_make_sign_detached(&cms, crt, body);
	EVP_PKEY_free(cms.key);
	return rc;
}

/* What stands in for the parts that the client would make. */
struct sim_make_sign_files {
	const char *ca, *key, *cert, *request, *envelope;
};

static int
sim_make_sign_scep(const struct sim_make_sign_files *f,
    struct sim_pkimessage *m, const char *output)
{
	struct buf ca, request, envelope, message;
	int rc;

	buf_init(&ca, SIM_DER_MAX);
	buf_init(&request, SIM_DER_MAX);
	buf_init(&envelope, SIM_DER_MAX);
	buf_init(&message, SIM_DER_MAX);
	if ((rc = sim_file_read_pem(f->ca, "CERTIFICATE", &ca)) != OK ||
	    (f->request != NULL &&
		(rc = sim_file_read(f->request, &request)) != OK) ||
	    (f->envelope != NULL &&
		(rc = sim_file_read(f->envelope, &envelope)) != OK) ||
	    (rc = sim_key_load(f->key, &m->key)) != OK ||
	    (rc = sim_pkimessage_prepare(m)) != OK)
		goto done;
	m->ca = buf_blob(&ca);
	m->request = buf_blob(&request);
	m->envelope = buf_blob(&envelope);
	if (f->cert != NULL) {
		buf_reset(&m->certificate);
		rc = sim_file_read_pem(f->cert, "CERTIFICATE", &m->certificate);
	}
	if (rc == OK)
		rc = sim_pkimessage_write(m, &message);
	if (rc == OK)
		rc = sim_make_output(output, buf_blob(&message));
done:
	EVP_PKEY_free(m->key);
	buf_release(&ca);
	buf_release(&request);
	buf_release(&envelope);
	buf_release(&message);
	return rc;
}

int
sim_make_sign_pkimessage(int argc, char **argv)
{
	const char *odd = NULL, *output = NULL;
	struct sim_make_sign_files f = { NULL, NULL, NULL, NULL, NULL };
	struct sim_profile profile = { 0 };
	struct sim_pkimessage m;
	struct sim_knobs knobs;
	const struct sim_opt table[] = {
		{ "ca", &f.ca, NULL, NULL, true },
		{ "key", &f.key, NULL, NULL, true },
		{ "cert", &f.cert, NULL, NULL, false },
		{ "request", &f.request, NULL, NULL, false },
		{ "envelope", &f.envelope, NULL, NULL, false },
		{ "cipher", &m.cipher, NULL, NULL, false },
		{ "digest", &m.digest, NULL, NULL, false },
		{ "misbehave", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	int rc;

	sim_pkimessage_init(&m);
	m.cipher = "AES-128-CBC";
	m.digest = "sha256";
	m.profile = &profile;
	m.knobs = &knobs;
	rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));
	if (rc == OK)
		rc = sim_make_knobs(odd, &knobs);
	if (rc == OK)
		rc = sim_make_sign_scep(&f, &m, output);
	sim_pkimessage_release(&m);
	return rc;
}
