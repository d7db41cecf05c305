#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/commands/verbs.h"
#include "sim/forge/attestation.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/jose.h"
#include "sim/forge/scep_message.h"
#include "sim/forge/cms_message.h"

/* Writes the bytes to a file; NULL is standard output. */
static int
write_output(const char *path, const struct buf *data)
{
	return disk_write(
	    NULL, path != NULL ? path : "-", buf_blob(data), 0644);
}

static int
write_line(const struct buf *text)
{
	int r = buf_status(text);

	if (r == OK)
		printf("%s\n", buf_str(text));
	return r;
}

static int
write_base64url(const struct buf *data)
{
	SCRATCH_BUF(text);

	enc_base64url(buf_blob(data), &text);
	return write_line(&text);
}

static int
run_key(int argc, char **argv)
{
	const char *curve = "P-256";
	const struct args table[] = { { "curve", .text = &curve } };
	SCRATCH_KEY(key);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r == OK && argc != 1)
		r = fail(ERR_USAGE, "make key FILE [--curve P-256]");
	if (r == OK)
		r = keypair_make(curve, &key);
	return r == OK ? keypair_save(NULL, argv[0], key) : r;
}

static int
run_jwk(int argc, char **argv)
{
	const char *file = "";
	const struct args table[] = {
		{ "key", .text = &file, .required = true },
	};
	SCRATCH_KEY(key);
	SCRATCH_BUF(out);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = keypair_load(NULL, file, &key)) != OK ||
	    (r = jose_jwk(key, &out)) != OK)
		return r;
	return write_line(&out);
}

static int
run_jws(int argc, char **argv)
{
	const char *file = NULL, *head = "", *payload = "", *secret = "";
	struct jose jws = { 0 };
	const struct args table[] = {
		{ "key", .text = &file },
		{ "protected", .text = &head, .required = true },
		{ "payload", .text = &payload },
		{ "alg", .text = &jws.alg },
		{ "secret", .text = &secret },
		{ "short", .flag = &jws.short_signature },
		{ "der-signature", .flag = &jws.der_signature },
		{ "corrupt", .flag = &jws.corrupt },
	};
	SCRATCH_KEY(key);
	SCRATCH_BUF(out);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK ||
	    (file != NULL && (r = keypair_load(NULL, file, &key)) != OK))
		return r;
	jws.key = key;
	jws.secret = blob_str(secret);
	if (jws.alg == NULL && key != NULL)
		jws.alg = jose_algorithm(key);
	if (jws.alg == NULL)
		return fail(ERR_USAGE, "--alg or --key is needed");
	r = jose_write(&jws, blob_str(head), blob_str(payload), &out);
	return r == OK ? write_line(&out) : r;
}

static int
run_attestation(int argc, char **argv)
{
	const char *dir = "", *token = "", *file = "";
	struct faults faults = { 0 };
	struct attestation a = {
		.serial = "",
		.udid = "00008122-0014392A0E51801C",
		.os_version = "15.1",
		.board = "J504AP",
		.thumbprint = "",
		.faults = &faults,
	};
	const struct args table[] = {
		{ "apple", .text = &dir, .required = true },
		{ "token", .text = &token, .required = true },
		{ "key", .text = &file, .required = true },
		{ "serial", .text = &a.serial, .required = true },
		{ "fault", .faults = &faults },
	};
	SCRATCH_APPLE(apple);
	SCRATCH_KEY(key);
	SCRATCH_BUF(object);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = apple_load(dir, &apple)) != OK ||
	    (r = keypair_load(NULL, file, &key)) != OK)
		return r;
	a.key = key;
	a.token = blob_str(token);
	r = attestation_make(&apple, &a, &object);
	return r == OK ? write_base64url(&object) : r;
}

static int
run_csr(int argc, char **argv)
{
	const char *file = "", *other = NULL, *subject = "";
	struct faults faults = { 0 };
	struct cert_request csr = { .faults = &faults };
	const struct args table[] = {
		{ "key", .text = &file, .required = true },
		{ "signer", .text = &other },
		{ "subject", .text = &subject, .required = true },
		{ "digest", .text = &csr.digest },
		{ "dns", .text = &csr.dns },
		{ "eku", .text = &csr.ekus[0] },
		{ "fault", .faults = &faults },
	};
	SCRATCH_KEY(key);
	SCRATCH_KEY(signer);
	SCRATCH_BUF(name);
	SCRATCH_BUF(der);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = keypair_load(NULL, file, &key)) != OK ||
	    (other != NULL && (r = keypair_load(NULL, other, &signer)) != OK) ||
	    (r = cert_name_text(subject, &name)) != OK)
		return r;
	csr.key = key;
	csr.signer = signer;
	csr.subject = buf_blob(&name);
	r = cert_request(&csr, &der);
	return r == OK ? write_base64url(&der) : r;
}

/* Signs with a device key of the moment, certified by the fake Apple. */
static int
run_machineinfo(int argc, char **argv)
{
	const char *dir = "", *output = NULL;
	struct apple_machine m = {
		.serial = "",
		.udid = "00000000-0000-4000-8000-000000000001",
		.product = "Mac15,3",
		.os_version = "15.1",
		.build = "24B83",
		.language = "en-US",
	};
	struct faults faults = { 0 };
	bool cannot_update = false;
	const struct args table[] = {
		{ "apple", .text = &dir, .required = true },
		{ "serial", .text = &m.serial, .required = true },
		{ "udid", .text = &m.udid },
		{ "product", .text = &m.product },
		{ "os-version", .text = &m.os_version },
		{ "build", .text = &m.build },
		{ "cannot-update", .flag = &cannot_update },
		{ "must-update", .flag = &m.must_update },
		{ "fault", .faults = &faults },
		{ "o", .text = &output },
	};
	SCRATCH_APPLE(apple);
	SCRATCH_KEY(key);
	SCRATCH_BUF(crt);
	SCRATCH_BUF(message);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	m.can_update = !cannot_update;
	if (r != OK || (r = apple_load(dir, &apple)) != OK ||
	    (r = keypair_make("RSA-1024", &key)) != OK ||
	    (r = apple_device_certificate(&apple, key, &crt)) != OK ||
	    (r = apple_machineinfo(
		 &m, &apple, key, buf_blob(&crt), &faults, &message)) != OK)
		return r;
	return write_output(output, &message);
}

static int
run_mdm_signature(int argc, char **argv)
{
	const char *file = "", *crt = "", *body = "";
	struct cms_message cms = { .digest = "sha256" };
	bool attached = false;
	const struct args table[] = {
		{ "key", .text = &file, .required = true },
		{ "cert", .text = &crt, .required = true },
		{ "body", .text = &body, .required = true },
		{ "digest", .text = &cms.digest },
		{ "attributes", .flag = &cms.attributes },
		{ "der", .flag = &cms.der },
		{ "attached", .flag = &attached },
		{ "no-certificates", .flag = &cms.no_certificates },
	};
	SCRATCH_KEY(key);
	SCRATCH_BUF(signer);
	SCRATCH_BUF(content);
	SCRATCH_BUF(message);
	SCRATCH_BUF(text);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = keypair_load(NULL, file, &key)) != OK ||
	    (r = disk_read_pem(NULL, crt, &signer)) != OK ||
	    (r = disk_read(NULL, body, &content)) != OK)
		return r;
	cms.key = key;
	cms.signer = buf_blob(&signer);
	cms.detached = !attached;
	if ((r = cms_message_sign(&cms, buf_blob(&content), &message)) != OK)
		return r;
	enc_base64(buf_blob(&message), &text);
	return write_line(&text);
}

static int
run_pkimessage(int argc, char **argv)
{
	const char *ca_file = "", *file = "", *crt = NULL, *output = NULL;
	const char *request_file = NULL, *envelope_file = NULL;
	struct faults faults = { 0 };
	struct scep_message m;
	const struct args table[] = {
		{ "ca", .text = &ca_file, .required = true },
		{ "key", .text = &file, .required = true },
		{ "cert", .text = &crt },
		{ "request", .text = &request_file },
		{ "envelope", .text = &envelope_file },
		{ "cipher", .text = &m.cipher },
		{ "digest", .text = &m.digest },
		{ "fault", .faults = &faults },
		{ "o", .text = &output },
	};
	SCRATCH_KEY(key);
	SCRATCH_BUF(ca);
	SCRATCH_BUF(request);
	SCRATCH_BUF(envelope);
	SCRATCH_BUF(message);
	int r;

	scep_message_init(&m);
	m.cipher = "AES-128-CBC";
	m.digest = "sha256";
	m.faults = &faults;
	r = args_parse(&argc, argv, table, ARGS_COUNT(table));
	if (r != OK || (r = disk_read_pem(NULL, ca_file, &ca)) != OK ||
	    (request_file != NULL &&
		(r = disk_read(NULL, request_file, &request)) != OK) ||
	    (envelope_file != NULL &&
		(r = disk_read(NULL, envelope_file, &envelope)) != OK) ||
	    (r = keypair_load(NULL, file, &key)) != OK)
		return r;
	m.key = key;
	m.ca = buf_blob(&ca);
	m.request = buf_blob(&request);
	m.envelope = buf_blob(&envelope);
	r = scep_message_prepare(&m);
	if (r == OK && crt != NULL) {
		buf_reset(&m.certificate);
		r = disk_read_pem(NULL, crt, &m.certificate);
	}
	if (r == OK)
		r = scep_message_write(&m, &message);
	if (r == OK)
		r = write_output(output, &message);
	scep_message_release(&m);
	return r;
}

static int
run_certificate(int argc, char **argv)
{
	const char *file = "", *subject = "", *output = NULL;
	long days = 365, age = 0;
	const struct args table[] = {
		{ "key", .text = &file, .required = true },
		{ "subject", .text = &subject, .required = true },
		{ "days", .number = &days },
		{ "age", .number = &age },
		{ "o", .text = &output },
	};
	SCRATCH_KEY(key);
	SCRATCH_BUF(der);
	SCRATCH_BUF(pem);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));
	int64_t from = clock_now() - 300 - age * CERT_DAY;

	if (r != OK || (r = keypair_load(NULL, file, &key)) != OK ||
	    (r = ca_certify(NULL,
		 &(struct ca_end){
		     .subject = subject,
		     .key = key,
		     .not_before = from,
		     .not_after = from + days * CERT_DAY,
		 },
		 &der)) != OK ||
	    (r = disk_pem(buf_blob(&der), &pem)) != OK)
		return r;
	return write_output(output, &pem);
}

/* A TLS certificate for a server, and the CA that signs it. */
static int
run_tls(int argc, char **argv)
{
	const char *dir = "", *host = "";
	long days = 397;
	const struct args table[] = {
		{ "dir", .text = &dir, .required = true },
		{ "name", .text = &host, .required = true },
		{ "days", .number = &days },
	};
	SCRATCH_CA(ca);
	SCRATCH_CA(server);
	int r = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (r != OK || (r = disk_folder(dir)) != OK ||
	    (r = ca_make_server(host, (int)days, &ca, &server)) != OK ||
	    (r = ca_save(dir, "tls", &server)) != OK)
		return r;
	return ca_save(dir, "tls-ca", &ca);
}

int
make_run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **);
	} table[] = {
		{ "key", run_key },
		{ "jwk", run_jwk },
		{ "jws", run_jws },
		{ "attestation", run_attestation },
		{ "csr", run_csr },
		{ "machineinfo", run_machineinfo },
		{ "mdm-signature", run_mdm_signature },
		{ "pkimessage", run_pkimessage },
		{ "certificate", run_certificate },
		{ "tls", run_tls },
	};

	for (size_t i = 0; argc > 0 && i < ARGS_COUNT(table); i++)
		if (strcmp(argv[0], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return fail(ERR_USAGE, "make what? See attestmdm-sim make --help");
}
