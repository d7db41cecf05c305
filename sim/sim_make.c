#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_attest.h"
#include "sim/sim_cert.h"
#include "sim/sim_csr.h"
#include "sim/sim_der.h"
#include "sim/sim_file.h"
#include "sim/sim_jws.h"
#include "sim/sim_make.h"
#include "sim/sim_make_cert.h"
#include "sim/sim_make_sign.h"
#include "sim/sim_opt.h"

int
sim_make_argument(const char *arg, struct buf *out)
{
	if (arg[0] == '@')
		return sim_file_read(arg + 1, out);
	return buf_add_str(out, arg);
}

int
sim_make_output(const char *path, struct blob data)
{
	return sim_file_write(path != NULL ? path : "-", data, 0644);
}

int
sim_make_line(struct blob text)
{
	int rc = sim_file_write("-", text, 0);

	return rc == OK ? sim_file_write("-", blob_str("\n"), 0) : rc;
}

int
sim_make_knobs(const char *names, struct sim_knobs *knobs)
{
	memset(knobs, 0, sizeof *knobs);
	return names == NULL ? OK : sim_knob_set(knobs, names);
}

static int
sim_make_key(int argc, char **argv)
{
	const char *curve = "P-256";
	const struct sim_opt table[] = { { "curve", &curve, NULL, NULL,
	    false } };
	EVP_PKEY *key = NULL;
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	if (rc == OK && argc != 1)
		rc = fail(ERR_USAGE, "make key FILE [--curve P-256]");
	if (rc == OK)
		rc = sim_key_make(curve, &key);
	if (rc == OK)
		rc = sim_key_save(argv[0], key);
	EVP_PKEY_free(key);
	return rc;
}

static int
sim_make_of_key(
    int argc, char **argv, int (*write)(const EVP_PKEY *, struct buf *))
{
	const char *file = NULL;
	const struct sim_opt table[] = { { "key", &file, NULL, NULL, true } };
	EVP_PKEY *key = NULL;
	struct buf out;
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	buf_init(&out, 8192);
	if (rc == OK)
		rc = sim_key_load(file, &key);
	if (rc == OK)
		rc = write(key, &out);
	if (rc == OK)
		rc = sim_make_line(buf_blob(&out));
	EVP_PKEY_free(key);
	buf_release(&out);
	return rc;
}

static int
sim_make_jwk(int argc, char **argv)
{
	return sim_make_of_key(argc, argv, sim_jws_jwk);
}

static int
sim_make_thumbprint(int argc, char **argv)
{
	return sim_make_of_key(argc, argv, sim_jws_thumbprint);
}

static int
sim_make_jws(int argc, char **argv)
{
	const char *file = NULL, *head = NULL, *body = NULL, *secret = NULL;
	struct sim_jws jws = { 0 };
	const struct sim_opt table[] = {
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
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	buf_init(&protected_header, SIM_DER_MAX);
	buf_init(&payload, SIM_DER_MAX);
	buf_init(&mac, SIM_DER_MAX);
	buf_init(&out, (size_t)8 << 20);
	if (rc != OK ||
	    (file != NULL && (rc = sim_key_load(file, &jws.key)) != OK) ||
	    (rc = sim_make_argument(head, &protected_header)) != OK ||
	    (rc = sim_make_argument(body, &payload)) != OK ||
	    (secret != NULL && (rc = sim_make_argument(secret, &mac)) != OK))
		goto done;
	jws.secret = buf_blob(&mac);
	if (jws.alg == NULL && jws.key != NULL)
		jws.alg = sim_jws_algorithm(jws.key);
	if (jws.alg == NULL)
		rc = fail(ERR_USAGE, "--alg or --key is needed");
	if (rc == OK)
		rc = sim_jws_write(&jws, buf_blob(&protected_header),
		    buf_blob(&payload), &out);
	if (rc == OK)
		rc = sim_make_line(buf_blob(&out));
done:
	EVP_PKEY_free(jws.key);
	buf_release(&protected_header);
	buf_release(&payload);
	buf_release(&mac);
	buf_release(&out);
	return rc;
}

static int
sim_make_attestation(int argc, char **argv)
{
	const char *dir = NULL, *token = NULL, *file = NULL, *odd = NULL;
	struct sim_leaf leaf = {
		.udid = "00008122-0014392A0E51801C",
		.os_version = "15.1",
		.board = "J504AP",
	};
	const char *output = NULL;
	const struct sim_opt table[] = {
		{ "apple", &dir, NULL, NULL, true },
		{ "token", &token, NULL, NULL, true },
		{ "key", &file, NULL, NULL, true },
		{ "serial", &leaf.serial, NULL, NULL, true },
		{ "udid", &leaf.udid, NULL, NULL, false },
		{ "os-version", &leaf.os_version, NULL, NULL, false },
		{ "board", &leaf.board, NULL, NULL, false },
		{ "thumbprint", &leaf.thumbprint, NULL, NULL, false },
		{ "misbehave", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct sim_apple apple;
	struct sim_knobs knobs;
	struct buf object, text;
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	sim_apple_init(&apple);
	buf_init(&object, SIM_DER_MAX);
	buf_init(&text, 2 * SIM_DER_MAX);
	if (rc != OK || (rc = sim_make_knobs(odd, &knobs)) != OK ||
	    (rc = sim_apple_load(dir, &apple)) != OK ||
	    (rc = sim_key_load(file, &leaf.key)) != OK)
		goto done;
	leaf.token = blob_str(token);
	leaf.knobs = &knobs;
	rc = sim_attest_make(&apple, &leaf, &object);
	if (rc == OK && output != NULL) {
		rc = sim_make_output(output, buf_blob(&object));
	} else if (rc == OK) {
		enc_base64url(buf_blob(&object), &text);
		rc = sim_make_line(buf_blob(&text));
	}
done:
	EVP_PKEY_free(leaf.key);
	sim_apple_release(&apple);
	buf_release(&object);
	buf_release(&text);
	return rc;
}

/* Splits "a,b,c" in place; the list ends with NULL. */
static void
sim_make_split(char *text, const char *out[SIM_CSR_NAMES])
{
	char *save = NULL;
	size_t n = 0;

	for (char *one = text == NULL ? NULL : strtok_r(text, ",", &save);
	     one != NULL && n < SIM_CSR_NAMES - 1;
	     one = strtok_r(NULL, ",", &save))
		out[n++] = one;
}

enum {
	SIM_MAKE_DNS,
	SIM_MAKE_EMAIL,
	SIM_MAKE_URI,
	SIM_MAKE_PID,
	SIM_MAKE_EKU,
	SIM_MAKE_LISTS
};

static int
sim_make_csr_write(
    struct sim_csr *csr, const char *const lists[], const char *output)
{
	char *copy[SIM_MAKE_LISTS] = { NULL };
	const char **target[SIM_MAKE_LISTS] = { csr->dns, csr->email, csr->uri,
		csr->permanent_identifier, csr->ekus };
	struct buf der, text;
	int rc;

	buf_init(&der, SIM_DER_MAX);
	buf_init(&text, 2 * SIM_DER_MAX);
	for (size_t i = 0; i < SIM_MAKE_LISTS; i++) {
		if (lists[i] != NULL)
			copy[i] = strdup(lists[i]);
		sim_make_split(copy[i], target[i]);
	}
	rc = sim_csr_write(csr, &der);
	if (rc == OK && output != NULL) {
		rc = sim_make_output(output, buf_blob(&der));
	} else if (rc == OK) {
		enc_base64url(buf_blob(&der), &text);
		rc = sim_make_line(buf_blob(&text));
	}
	for (size_t i = 0; i < SIM_MAKE_LISTS; i++)
		free(copy[i]);
	buf_release(&der);
	buf_release(&text);
	return rc;
}

static int
sim_make_csr(int argc, char **argv)
{
	const char *file = NULL, *signer = NULL, *subject = NULL, *odd = NULL;
	const char *output = NULL, *lists[SIM_MAKE_LISTS] = { NULL };
	struct sim_csr csr = { 0 };
	long usage = 0;
	const struct sim_opt table[] = {
		{ "key", &file, NULL, NULL, true },
		{ "signer", &signer, NULL, NULL, false },
		{ "subject", &subject, NULL, NULL, false },
		{ "digest", &csr.digest, NULL, NULL, false },
		{ "dns", &lists[SIM_MAKE_DNS], NULL, NULL, false },
		{ "email", &lists[SIM_MAKE_EMAIL], NULL, NULL, false },
		{ "uri", &lists[SIM_MAKE_URI], NULL, NULL, false },
		{ "permanent-identifier", &lists[SIM_MAKE_PID], NULL, NULL,
		    false },
		{ "eku", &lists[SIM_MAKE_EKU], NULL, NULL, false },
		{ "usage", NULL, NULL, &usage, false },
		{ "no-extensions", NULL, &csr.no_extensions, NULL, false },
		{ "misbehave", &odd, NULL, NULL, false },
		{ "o", &output, NULL, NULL, false },
	};
	struct sim_knobs knobs;
	struct buf name;
	int rc = sim_opt_parse(&argc, argv, table, SIM_OPT_COUNT(table));

	buf_init(&name, SIM_DER_MAX);
	if (rc != OK || (rc = sim_make_knobs(odd, &knobs)) != OK ||
	    (rc = sim_key_load(file, &csr.key)) != OK ||
	    (signer != NULL &&
		(rc = sim_key_load(signer, &csr.signer)) != OK) ||
	    (subject != NULL &&
		(rc = sim_cert_name_text(subject, &name)) != OK))
		goto done;
	csr.subject = buf_blob(&name);
	csr.usage = (uint8_t)usage;
	csr.knobs = &knobs;
	rc = sim_make_csr_write(&csr, lists, output);
done:
	EVP_PKEY_free(csr.key);
	EVP_PKEY_free(csr.signer);
	buf_release(&name);
	return rc;
}

int
sim_make_run(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **);
	} table[] = {
		{ "key", sim_make_key },
		{ "jwk", sim_make_jwk },
		{ "thumbprint", sim_make_thumbprint },
		{ "jws", sim_make_jws },
		{ "attestation", sim_make_attestation },
		{ "csr", sim_make_csr },
		{ "machineinfo", sim_make_sign_machineinfo },
		{ "mdm-signature", sim_make_sign_mdm_signature },
		{ "pkimessage", sim_make_sign_pkimessage },
		{ "certificate", sim_make_cert_certificate },
		{ "tls", sim_make_cert_tls },
	};

	for (size_t i = 0; argc > 0 && i < SIM_OPT_COUNT(table); i++)
		if (strcmp(argv[0], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	return fail(ERR_USAGE, "make what? See attestmdm-sim make --help");
}
