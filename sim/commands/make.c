#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/attestation.h"
#include "sim/forge/cert.h"
#include "sim/forge/certreq.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"
#include "sim/forge/jose.h"
#include "sim/commands/make.h"
#include "sim/commands/make_cert.h"
#include "sim/commands/make_sign.h"
#include "sim/client/args.h"

int
make_argument(const char *arg, struct buf *out)
{
	if (arg[0] == '@')
		return disk_read(arg + 1, out);
	return buf_add_str(out, arg);
}

int
make_output(const char *path, struct blob data)
{
	return disk_write(path != NULL ? path : "-", data, 0644);
}

int
make_line(struct blob text)
{
	int rc = disk_write("-", text, 0);

	return rc == OK ? disk_write("-", blob_str("\n"), 0) : rc;
}

int
make_faults(const char *names, struct faults *faults)
{
	memset(faults, 0, sizeof *faults);
	return names == NULL ? OK : fault_set(faults, names);
}

static int
make_key(int argc, char **argv)
{
	const char *curve = "P-256";
	const struct args table[] = { { "curve", &curve, NULL, NULL, false } };
	EVP_PKEY *key = NULL;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	if (rc == OK && argc != 1)
		rc = fail(ERR_USAGE, "make key FILE [--curve P-256]");
	if (rc == OK)
		rc = keypair_make(curve, &key);
	if (rc == OK)
		rc = keypair_save(argv[0], key);
	EVP_PKEY_free(key);
	return rc;
}

static int
make_of_key(int argc, char **argv, int (*write)(const EVP_PKEY *, struct buf *))
{
	const char *file = NULL;
	const struct args table[] = { { "key", &file, NULL, NULL, true } };
	EVP_PKEY *key = NULL;
	struct buf out;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	buf_init(&out, 8192);
	if (rc == OK)
		rc = keypair_load(file, &key);
	if (rc == OK)
		rc = write(key, &out);
	if (rc == OK)
		rc = make_line(buf_blob(&out));
	EVP_PKEY_free(key);
	buf_release(&out);
	return rc;
}

static int
make_jwk(int argc, char **argv)
{
	return make_of_key(argc, argv, jose_jwk);
}

static int
make_thumbprint(int argc, char **argv)
{
	return make_of_key(argc, argv, jose_thumbprint);
}

static int
make_jws(int argc, char **argv)
{
	const char *file = NULL, *head = NULL, *body = NULL, *secret = NULL;
	struct jose jws = { 0 };
	const struct args table[] = {
		{ "key", &file, NULL, NULL, false },
		{ "protected", &head, NULL, NULL, true },
		{ "payload", &body, NULL, NULL, true },
		{ "alg", &jws.alg, NULL, NULL, false },
		{ "secret", &secret, NULL, NULL, false },
		{ "short", NULL, &jws.short_signature, NULL, false },
		{ "der-signature", NULL, &jws.der_signature, NULL, false },
		{ "pad", NULL, &jws.pad, NULL, false },
		{ "corrupt", NULL, &jws.corrupt, NULL, false },
	};
	struct buf protected_header, payload, mac, out;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	buf_init(&protected_header, DER_MAX);
	buf_init(&payload, DER_MAX);
	buf_init(&mac, DER_MAX);
	buf_init(&out, (size_t)8 << 20);
	if (rc != OK ||
	    (file != NULL && (rc = keypair_load(file, &jws.key)) != OK) ||
	    (rc = make_argument(head, &protected_header)) != OK ||
	    (rc = make_argument(body, &payload)) != OK ||
	    (secret != NULL && (rc = make_argument(secret, &mac)) != OK))
		goto done;
	jws.secret = buf_blob(&mac);
	if (jws.alg == NULL && jws.key != NULL)
		jws.alg = jose_algorithm(jws.key);
	if (jws.alg == NULL)
		rc = fail(ERR_USAGE, "--alg or --key is needed");
	if (rc == OK)
		rc = jose_write(&jws, buf_blob(&protected_header),
		    buf_blob(&payload), &out);
	if (rc == OK)
		rc = make_line(buf_blob(&out));
done:
	EVP_PKEY_free(jws.key);
	buf_release(&protected_header);
	buf_release(&payload);
	buf_release(&mac);
	buf_release(&out);
	return rc;
}

static int
make_attestation(int argc, char **argv)
{
	const char *dir = NULL, *token = NULL, *file = NULL, *odd = NULL;
	struct leaf leaf = {
		.udid = "00008122-0014392A0E51801C",
		.os_version = "15.1",
		.board = "J504AP",
	};
	const char *output = NULL;
	const struct args table[] = {
		{ "apple", &dir, NULL, NULL, true },
		{ "token", &token, NULL, NULL, true },
		{ "key", &file, NULL, NULL, true },
		{ "serial", &leaf.serial, NULL, NULL, true },
		{ "udid", &leaf.udid, NULL, NULL, false },
		{ "os-version", &leaf.os_version, NULL, NULL, false },
		{ "board", &leaf.board, NULL, NULL, false },
		{ "thumbprint", &leaf.thumbprint, NULL, NULL, false },
		{ "fault", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct apple apple;
	struct faults faults;
	struct buf object, text;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	apple_init(&apple);
	buf_init(&object, DER_MAX);
	buf_init(&text, 2 * DER_MAX);
	if (rc != OK || (rc = make_faults(odd, &faults)) != OK ||
	    (rc = apple_load(dir, &apple)) != OK ||
	    (rc = keypair_load(file, &leaf.key)) != OK)
		goto done;
	leaf.token = blob_str(token);
	leaf.faults = &faults;
	rc = attestation_make(&apple, &leaf, &object);
	if (rc == OK && output != NULL) {
		rc = make_output(output, buf_blob(&object));
	} else if (rc == OK) {
		enc_base64url(buf_blob(&object), &text);
		rc = make_line(buf_blob(&text));
	}
done:
	EVP_PKEY_free(leaf.key);
	apple_release(&apple);
	buf_release(&object);
	buf_release(&text);
	return rc;
}

/* Splits "a,b,c" in place; the list ends with NULL. */
static void
make_split(char *text, const char *out[CERTREQ_NAMES])
{
	char *save = NULL;
	size_t n = 0;

	for (char *one = text == NULL ? NULL : strtok_r(text, ",", &save);
	     one != NULL && n < CERTREQ_NAMES - 1;
	     one = strtok_r(NULL, ",", &save))
		out[n++] = one;
}

enum { MAKE_DNS, MAKE_EMAIL, MAKE_URI, MAKE_PID, MAKE_EKU, MAKE_LISTS };

static int
make_csr_write(
    struct certreq *csr, const char *const lists[], const char *output)
{
	char *copy[MAKE_LISTS] = { NULL };
	const char **target[MAKE_LISTS] = { csr->dns, csr->email, csr->uri,
		csr->permanent_identifier, csr->ekus };
	struct buf der, text;
	int rc;

	buf_init(&der, DER_MAX);
	buf_init(&text, 2 * DER_MAX);
	for (size_t i = 0; i < MAKE_LISTS; i++) {
		if (lists[i] != NULL)
			copy[i] = strdup(lists[i]);
		make_split(copy[i], target[i]);
	}
	rc = certreq_write(csr, &der);
	if (rc == OK && output != NULL) {
		rc = make_output(output, buf_blob(&der));
	} else if (rc == OK) {
		enc_base64url(buf_blob(&der), &text);
		rc = make_line(buf_blob(&text));
	}
	for (size_t i = 0; i < MAKE_LISTS; i++)
		free(copy[i]);
	buf_release(&der);
	buf_release(&text);
	return rc;
}

static int
make_csr(int argc, char **argv)
{
	const char *file = NULL, *signer = NULL, *subject = NULL, *odd = NULL;
	const char *output = NULL, *lists[MAKE_LISTS] = { NULL };
	struct certreq csr = { 0 };
	long usage = 0;
	const struct args table[] = {
		{ "key", &file, NULL, NULL, true },
		{ "signer", &signer, NULL, NULL, false },
		{ "subject", &subject, NULL, NULL, false },
		{ "digest", &csr.digest, NULL, NULL, false },
		{ "dns", &lists[MAKE_DNS], NULL, NULL, false },
		{ "email", &lists[MAKE_EMAIL], NULL, NULL, false },
		{ "uri", &lists[MAKE_URI], NULL, NULL, false },
		{ "permanent-identifier", &lists[MAKE_PID], NULL, NULL, false },
		{ "eku", &lists[MAKE_EKU], NULL, NULL, false },
		{ "usage", NULL, NULL, &usage, false },
		{ "no-extensions", NULL, &csr.no_extensions, NULL, false },
		{ "fault", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct faults faults;
	struct buf name;
	int rc = args_parse(&argc, argv, table, ARGS_COUNT(table));

	buf_init(&name, DER_MAX);
	if (rc != OK || (rc = make_faults(odd, &faults)) != OK ||
	    (rc = keypair_load(file, &csr.key)) != OK ||
	    (signer != NULL &&
		(rc = keypair_load(signer, &csr.signer)) != OK) ||
	    (subject != NULL && (rc = cert_name_text(subject, &name)) != OK))
		goto done;
	csr.subject = buf_blob(&name);
	csr.usage = (uint8_t)usage;
	csr.faults = &faults;
	rc = make_csr_write(&csr, lists, output);
done:
	EVP_PKEY_free(csr.key);
	EVP_PKEY_free(csr.signer);
	buf_release(&name);
	return rc;
}

int
make_run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **);
	} table[] = {
		{ "key", make_key },
		{ "jwk", make_jwk },
		{ "thumbprint", make_thumbprint },
		{ "jws", make_jws },
		{ "attestation", make_attestation },
		{ "csr", make_csr },
		{ "machineinfo", make_sign_machineinfo },
		{ "mdm-signature", make_sign_mdm_signature },
		{ "pkimessage", make_sign_pkimessage },
		{ "certificate", make_cert_certificate },
		{ "tls", make_cert_tls },
	};

	for (size_t i = 0; argc > 0 && i < ARGS_COUNT(table); i++)
		if (strcmp(argv[0], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return fail(ERR_USAGE, "make what? See attestmdm-sim make --help");
}
