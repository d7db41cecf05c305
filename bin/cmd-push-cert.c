#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_push.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/owners.h"
#include "bin/view.h"
#include "ca/file.h"
#include "ca/push_identity.h"
#include "wire/vendor_request.h"
#include "wire/x509.h"

#define PORTAL "https://identity.apple.com/pushcert"
#define DAY    86400

/* The key of the request under way; a request that is repeated keeps it. */
static int
request_key(struct cli *cli, struct key **out)
{
	char path[PUSH_IDENTITY_PATH];
	struct owners owners;
	int r;

	*out = NULL;
	push_identity_request_path(&cli->conf, path);
	if (access(path, F_OK) == 0)
		return key_load(path, out);
	if ((r = owners_find(cli->conf.database, &owners)) != OK ||
	    (r = key_generate(KEY_RSA_2048, out)) != OK)
		return r;
	if ((r = key_save(*out, path)) == OK)
		r = owners_give(&owners, path, OWNER_WORKER, 0600);
	if (r != OK) {
		key_free(*out);
		*out = NULL;
	}
	return r;
}

/* With the vendor's key and certificates, which a few sites have themselves. */
static int
sign(struct cli *cli, struct vendor_request *request)
{
	struct key *vendor = NULL;
	int r;

	if ((r = key_load(cli_option(cli, "vendor-key"), &vendor)) == OK)
		r = push_identity_sign(
		    vendor, buf_blob(&request->csr), &request->signature);
	if (r == OK)
		r = file_read(cli_option(cli, "vendor-chain"), &request->chain);
	key_free(vendor);
	return r;
}

static int
write_request_pem(struct blob csr, struct buf *out)
{
	gnutls_datum_t der = { NULL, (unsigned)csr.n }, pem;
	int r;

	memcpy(&der.data, &csr.p, sizeof der.data);
	if (gnutls_pem_base64_encode2("NEW CERTIFICATE REQUEST", &der, &pem) !=
	    0)
		return fail(ERR_NOMEM, "no memory for a request");
	r = buf_add(out, pem.data, pem.size);
	gnutls_free(pem.data);
	return r;
}

static int
write_file(const char *path, const struct buf *text)
{
	if (strcmp(path, "-") == 0) {
		cli_print(buf_str(text));
		return OK;
	}
	return file_replace(path, buf_blob(text), 0644);
}

static int
check_signed(const struct vendor_request *request, const struct key *key)
{
	struct buf spki;
	int r;

	buf_init(&spki, X509_DER_MAX);
	if ((r = key_spki(key, &spki)) == OK)
		r = vendor_request_check(request, buf_blob(&spki), clock_now());
	buf_release(&spki);
	return r == ERR_BAD_SIGNATURE || r == ERR_BAD_CSR ? ERR_FIELD : r;
}

static int
make_request(
    struct cli *cli, const struct key *key, bool signs, struct buf *out)
{
	struct vendor_request request;
	int r;

	buf_init(&request.csr, VENDOR_REQUEST_MAX);
	buf_init(&request.chain, VENDOR_REQUEST_MAX);
	buf_init(&request.signature, VENDOR_REQUEST_MAX);
	r = push_identity_request(key, cli->conf.organization, &request.csr);
	if (r == OK && !signs)
		r = write_request_pem(buf_blob(&request.csr), out);
	else if (r == OK && (r = sign(cli, &request)) == OK &&
	    (r = check_signed(&request, key)) == OK)
		r = vendor_request_write(&request, out);
	vendor_request_release(&request);
	return r;
}

static int
push_cert_request(struct cli *cli)
{
	const char *file = cli->arguments[0];
	bool signs = cli_option(cli, "vendor-key") != NULL;
	struct key *key = NULL;
	struct buf text;
	int r;

	if (signs != (cli_option(cli, "vendor-chain") != NULL))
		return fail(
		    ERR_USAGE, "--vendor-key and --vendor-chain go together");
	buf_init(&text, 2 * VENDOR_REQUEST_MAX);
	if ((r = request_key(cli, &key)) == OK &&
	    (r = make_request(cli, key, signs, &text)) == OK)
		r = write_file(file, &text);
	buf_release(&text);
	key_free(key);
	if (r != OK)
		return r;
	out_json_string(&cli->out, "file", file);
	out_json_bool(&cli->out, "signed", signs);
	if (strcmp(file, "-") != 0)
		cli_say(cli,
		    signs ? "%s is signed: upload it at " PORTAL
			    ", under Renew "
			    "if you have a certificate there."
			  : "%s is to be signed by an MDM vendor; "
			    "attestmdm-push-cert(8) says who does that.",
		    file);
	return r;
}

static int
push_cert_sign_import(struct cli *cli)
{
	const char *file = cli->arguments[1];
	struct vendor_request request = { .csr = { .max = 0 } };
	char path[PUSH_IDENTITY_PATH];
	struct key *key = NULL;
	struct buf text;
	int r;

	push_identity_request_path(&cli->conf, path);
	if (access(path, F_OK) != 0)
		return fail(ERR_NOT_FOUND,
		    "no request is under way: attestmdm push-cert request FILE "
		    "makes one");
	buf_init(&text, 2 * VENDOR_REQUEST_MAX);
	if ((r = key_load(path, &key)) == OK &&
	    (r = file_read_input(cli->arguments[0], &text)) == OK &&
	    (r = vendor_request_read(buf_blob(&text), &request)) == OK &&
	    (r = check_signed(&request, key)) == OK) {
		buf_reset(&text);
		if ((r = vendor_request_write(&request, &text)) == OK)
			r = write_file(file, &text);
	}
	vendor_request_release(&request);
	buf_release(&text);
	key_free(key);
	if (r != OK)
		return r;
	out_json_string(&cli->out, "file", file);
	if (strcmp(file, "-") != 0)
		cli_say(cli,
		    "The signature is right. Upload %s at " PORTAL ", under "
		    "Renew if you have a certificate there.",
		    file);
	return OK;
}

/*
 * The key of the certificate: one that was named, that of the request under
 * way, or the one in use, whose certificate was renewed without a new key.
 */
static int
find_key(struct cli *cli, gnutls_x509_crt_t crt, struct key **out)
{
	char request[PUSH_IDENTITY_PATH], present[PUSH_IDENTITY_PATH];
	const char *named = cli_option(cli, "key");
	const char *const paths[] = { named == NULL ? request : named,
		present };
	size_t i, n = named == NULL ? 2 : 1;
	bool matches = false;
	int r = OK;

	*out = NULL;
	push_identity_request_path(&cli->conf, request);
	push_identity_path(&cli->conf, present);
	for (i = 0; r == OK && !matches && i < n; i++) {
		if (named == NULL && access(paths[i], F_OK) != 0)
			continue;
		key_free(*out);
		if ((r = key_load(paths[i], out)) == OK)
			r = push_identity_matches(crt, *out, &matches);
	}
	if (r == OK && !matches)
		r = fail(ERR_FIELD,
		    named == NULL
			? "it is not for the key of our request, nor for the "
			  "one in use: --key names the file of another"
			: "it is not for this key");
	if (r != OK) {
		key_free(*out);
		*out = NULL;
	}
	return r;
}

/* Beside it first, so that the worker can read it as soon as it is there. */
static int
replace(const struct owners *owners, const char *path, struct blob pem)
{
	char beside[PUSH_IDENTITY_PATH + 8];
	int r;

	snprintf(beside, sizeof beside, "%s.new", path);
	if (unlink(beside) != 0 && errno != ENOENT)
		return fail(
		    ERR_IO, "cannot remove %s: %s", beside, strerror(errno));
	if ((r = file_create(beside, pem, 0600)) == OK &&
	    (r = owners_give(owners, beside, OWNER_WORKER, 0600)) == OK &&
	    rename(beside, path) != 0)
		r = fail(
		    ERR_IO, "cannot replace %s: %s", path, strerror(errno));
	if (r != OK)
		unlink(beside);
	return r;
}

static int
place(struct cli *cli, gnutls_x509_crt_t crt, const struct key *key)
{
	char path[PUSH_IDENTITY_PATH];
	struct owners owners;
	struct buf pem;
	int r;

	push_identity_path(&cli->conf, path);
	buf_init(&pem, PUSH_IDENTITY_FILE_MAX);
	if ((r = owners_find(cli->conf.database, &owners)) == OK &&
	    (r = push_identity_write(crt, key, &pem)) == OK)
		r = replace(&owners, path, buf_blob(&pem));
	buf_wipe(&pem);
	return r;
}

/* File first, then row: repeated, whatever cut it short. */
static int
import(struct cli *cli, gnutls_x509_crt_t crt, struct push_certificate *row)
{
	bool force = cli_flag(cli, "force");
	char path[PUSH_IDENTITY_PATH];
	struct key *key = NULL;
	int r;

	if ((r = push_identity_read(crt, row)) != OK ||
	    (r = find_key(cli, crt, &key)) != OK)
		return r;
	if ((r = admin_push_check(&cli->admin, row, force)) == OK &&
	    (r = place(cli, crt, key)) == OK)
		r = admin_push_import(&cli->admin, row, force);
	key_free(key);
	push_identity_request_path(&cli->conf, path);
	if (r == OK && unlink(path) != 0 && errno != ENOENT)
		r = fail(ERR_IO, "cannot remove %s: %s", path, strerror(errno));
	return r;
}

static int
push_cert_import(struct cli *cli)
{
	struct push_certificate row;
	gnutls_x509_crt_t crt = NULL;
	char end[CLOCK_TEXT];
	struct buf file;
	int r;

	buf_init(&file, PUSH_IDENTITY_FILE_MAX);
	if ((r = file_read_input(cli->arguments[0], &file)) == OK &&
	    (r = push_identity_parse(buf_blob(&file), &crt)) == OK)
		r = import(cli, crt, &row);
	x509_free(crt);
	buf_wipe(&file);
	if (r == ERR_UNCONFIRMED)
		return fail(r, "%s (--force imports it)", log_reason());
	if (r != OK)
		return r;
	clock_people(row.not_after, end);
	out_json_string(&cli->out, "topic", row.topic);
	out_json_int(&cli->out, "not_after", row.not_after);
	cli_say(cli, "Pushes are sent as %s until %s.", row.topic, end);
	if (cli->conf.topic[0] != '\0' &&
	    strcmp(cli->conf.topic, row.topic) != 0)
		cli_say(cli,
		    "[mdm] topic in %s is another one and not used any more: "
		    "remove it.",
		    cli->conf_path);
	return OK;
}

static const struct view_column columns[] = {
	{ "topic", "Topic", VIEW_TEXT },
	{ "not_before", "Valid from", VIEW_TIME },
	{ "not_after", "Valid until", VIEW_TIME },
	{ "days_left", "Days left", VIEW_INT },
	{ "sha256", "SHA-256", VIEW_TEXT },
	{ "imported_at", "Imported", VIEW_TIME },
	{ "imported_by", "By", VIEW_TEXT },
	{ "stopped_at", "Pushes stopped", VIEW_TIME },
	{ "stop_reason", "Because", VIEW_TEXT },
	{ "retry_at", "Tried again", VIEW_TIME },
	{ "other_hosts", "Hosts with another topic", VIEW_INT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
push_cert_show(struct cli *cli)
{
	struct push_certificate row;
	int64_t others = 0;
	struct view *v;
	int r = push_certificate_load(cli->db, &row);

	if (r == ERR_NOT_FOUND)
		return fail(r,
		    "no push certificate was imported; attestmdm-push-cert(8) "
		    "says how to get one");
	if (r != OK ||
	    (r = push_certificate_count_others(cli->db, row.topic, &others)) !=
		OK)
		return r;
	v = view_new(columns);
	view_text(v, row.topic);
	view_time(v, row.not_before);
	view_time(v, row.not_after);
	view_int(v, (row.not_after - clock_now()) / DAY);
	view_hex(v, blob_of(row.sha256, sizeof row.sha256));
	view_time(v, row.imported_at);
	view_text(v, row.imported_by);
	view_time(v, row.stopped_at);
	view_text(v, row.stop_reason);
	view_time(v, row.retry_at);
	view_int(v, others);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static const struct cli_option request_options[] = {
	{ "vendor-key", "FILE", "signs the request with an MDM vendor's key",
	    false },
	{ "vendor-chain", "FILE",
	    "PEM: the vendor's certificate, Apple's intermediate and root",
	    false },
	{ NULL, NULL, NULL, false },
};

static const struct cli_option import_options[] = {
	{ "key", "FILE", "its key, when the request was made elsewhere",
	    false },
	{ "force", NULL, "although hosts are enrolled with another topic",
	    false },
	{ NULL, NULL, NULL, false },
};

static const struct cli_verb verbs[] = {
	{ .name = "request",
	    .arguments = "FILE",
	    .help = "makes a key and writes the request for its certificate",
	    .options = request_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_CONF,
	    .run = push_cert_request },
	{ .name = "sign-import",
	    .arguments = "SIGNED FILE",
	    .help = "checks what the vendor signed and writes what to upload",
	    .least = 2,
	    .most = 2,
	    .needs = CLI_CONF,
	    .run = push_cert_sign_import },
	{ .name = "import",
	    .arguments = "FILE",
	    .help = "takes the certificate that Apple made",
	    .options = import_options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = push_cert_import },
	{ .name = "show",
	    .help = "topic, end, and whether pushes are sent",
	    .needs = CLI_READ,
	    .run = push_cert_show },
	{ .run = NULL },
};

const struct cli_noun cmd_push_cert = {
	"push-cert",
	"The certificate that pushes are sent with",
	verbs,
};
