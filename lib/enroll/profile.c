#include "enroll/profile.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ca/generation.h"
#include "ca/key.h"
#include "wire/cms.h"
#include "wire/out_plist.h"
#include "wire/x509.h"

#define ALL_RIGHTS 8191

/* Apple's default would be 1024. */
#define SCEP_KEY_BITS 2048
/* Signing and encryption: the request's reply is encrypted for the key. */
#define SCEP_KEY_USAGE 5

struct writer {
	const struct conf *conf;
	const struct profile_files *files;
	const struct new_enrollment *new;
	struct out_plist_node *payloads;
};

void
profile_uuid(
    const char *identifier, const char *name, char out[SECRET_UUID_TEXT])
{
	uint8_t h[SECRET_SHA256];
	char text[4096];

	snprintf(text, sizeof text, "%s\n%s", identifier, name);
	secret_sha256(blob_str(text), h);
	h[6] = (uint8_t)((h[6] & 0x0f) | 0x80);
	h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
	snprintf(out, SECRET_UUID_TEXT,
	    "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-"
	    "%02X%02X%02X%02X%02X%02X",
	    h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9], h[10],
	    h[11], h[12], h[13], h[14], h[15]);
}

static void __attribute__((format(printf, 3, 4)))
add_text(struct out_plist_node *to, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* A value cut short would be a wrong one: make the document fail. */
	out_plist_string(to, key, (size_t)n < sizeof text ? text : NULL);
}

/* The keys that every payload has; `name` is the last part of its identifier */
static struct out_plist_node *
add_payload(struct writer *w, const char *type, const char *name,
    const char *display_name)
{
	struct out_plist_node *to = out_plist_dict(w->payloads, NULL);
	char uuid[SECRET_UUID_TEXT];

	profile_uuid(w->new->enrollment.profile_identifier, name, uuid);
	out_plist_string(to, "PayloadType", type);
	out_plist_int(to, "PayloadVersion", 1);
	add_text(to, "PayloadIdentifier", "%s.%s",
	    w->new->enrollment.profile_identifier, name);
	out_plist_string(to, "PayloadUUID", uuid);
	out_plist_string(to, "PayloadDisplayName", display_name);
	return to;
}

static void
add_mdm(struct writer *w)
{
	struct out_plist_node *to, *capabilities;
	char identity[SECRET_UUID_TEXT];

	to = add_payload(w, "com.apple.mdm", "mdm", "Device management");
	profile_uuid(
	    w->new->enrollment.profile_identifier, "identity", identity);
	out_plist_string(to, "IdentityCertificateUUID", identity);
	out_plist_string(to, "Topic", w->new->enrollment.topic);
	add_text(to, "ServerURL", "%s%s", w->new->enrollment.server_url,
	    PROFILE_SERVER_PATH);
	add_text(to, "CheckInURL", "%s%s", w->new->enrollment.server_url,
	    PROFILE_CHECKIN_PATH);
	out_plist_bool(to, "SignMessage", true);
	out_plist_bool(to, "CheckOutWhenRemoved", true);
	out_plist_int(to, "AccessRights", ALL_RIGHTS);
	capabilities = out_plist_array(to, "ServerCapabilities");
	out_plist_string(capabilities, NULL, "com.apple.mdm.bootstraptoken");
}

/* An X.500 name of one CN, as both kinds of identity payload want it. */
static void
add_subject(struct out_plist_node *to, const char *common_name)
{
	struct out_plist_node *pair;

	pair = out_plist_array(
	    out_plist_array(out_plist_array(to, "Subject"), NULL), NULL);
	out_plist_string(pair, NULL, "CN");
	out_plist_string(pair, NULL, common_name);
}

static void
add_acme(struct writer *w)
{
	struct out_plist_node *to;

	to = add_payload(
	    w, "com.apple.security.acme", "identity", "Device identity");
	add_text(to, "DirectoryURL", "%s/acme/%s/directory", w->conf->url,
	    w->new->enrollment.id);
	out_plist_string(
	    to, "ClientIdentifier", w->new->enrollment.device.serial);
	out_plist_string(to, "KeyType", "ECSECPrimeRandom");
	out_plist_int(to, "KeySize", 384);
	out_plist_bool(to, "HardwareBound", true);
	out_plist_bool(to, "Attest", true);
	add_subject(to, w->new->enrollment.device.serial);
}

/*
 * The URL has no query: a device appends its own. It names the generation of
 * the CA, so that the profile works on when the CA is renewed.
 */
static void
add_scep(struct writer *w)
{
	struct out_plist_node *to;

	to = out_plist_dict(add_payload(w, "com.apple.security.scep",
				"identity", "Device identity"),
	    "PayloadContent");
	if (w->files->scep_generation > 1)
		add_text(to, "URL", "%s%s/%d", w->conf->url, PROFILE_SCEP_PATH,
		    w->files->scep_generation);
	else
		add_text(to, "URL", "%s%s", w->conf->url, PROFILE_SCEP_PATH);
	out_plist_string(to, "Challenge", w->new->challenge);
	out_plist_string(to, "Key Type", "RSA");
	out_plist_int(to, "Keysize", SCEP_KEY_BITS);
	out_plist_int(to, "Key Usage", SCEP_KEY_USAGE);
	out_plist_bool(to, "KeyIsExtractable", false);
	out_plist_data(to, "CAFingerprint",
	    blob_of(w->files->scep_ca_sha256, SECRET_SHA256));
	add_subject(to, w->new->enrollment.id);
}

static int
add_server_ca(struct writer *w, size_t i)
{
	struct out_plist_node *to;
	struct buf der;
	char name[32];
	int r;

	buf_init(&der, X509_DER_MAX);
	if ((r = x509_der(w->files->server_cas[i], &der)) != OK)
		goto done;
	snprintf(name, sizeof name, "server-ca.%zu", i + 1);
	to = add_payload(w, "com.apple.security.root", name,
	    "Certificate authority of the server");
	add_text(to, "PayloadCertificateFileName", "%s.cer", name);
	out_plist_data(to, "PayloadContent", buf_blob(&der));
done:
	buf_release(&der);
	return r;
}

static void
add_top(struct writer *w, struct out_plist_node *root)
{
	char uuid[SECRET_UUID_TEXT];

	profile_uuid(w->new->enrollment.profile_identifier, "", uuid);
	out_plist_string(root, "PayloadType", "Configuration");
	out_plist_int(root, "PayloadVersion", 1);
	out_plist_string(
	    root, "PayloadIdentifier", w->new->enrollment.profile_identifier);
	out_plist_string(root, "PayloadUUID", uuid);
	add_text(
	    root, "PayloadDisplayName", "%s enrollment", w->conf->organization);
	out_plist_string(root, "PayloadOrganization", w->conf->organization);
	out_plist_string(root, "PayloadScope", "System");
	w->payloads = out_plist_array(root, "PayloadContent");
}

int
profile_write_plist(const struct conf *conf, const struct profile_files *files,
    const struct new_enrollment *new, struct buf *out)
{
	struct writer w = { conf, files, new, NULL };
	struct out_plist *doc = out_plist_new();
	size_t i;
	int r = OK;

	add_top(&w, out_plist_root(doc));
	for (i = 0; i < files->n_server_cas && r == OK; i++)
		r = add_server_ca(&w, i);
	if (new->enrollment.method == ENROLLMENT_ACME)
		add_acme(&w);
	else
		add_scep(&w);
	add_mdm(&w);
	if (r == OK)
		r = out_plist_write(doc, out);
	out_plist_free(doc);
	return r;
}

int
profile_write(const struct conf *conf, const struct profile_files *files,
    const struct new_enrollment *new, struct buf *out)
{
	struct buf plist;
	int r;

	if (files->key == NULL)
		return profile_write_plist(conf, files, new, out);
	buf_init(&plist, PROFILE_BYTES_MAX);
	if ((r = profile_write_plist(conf, files, new, &plist)) == OK)
		r = cms_sign(buf_blob(&plist), key_handle(files->key),
		    files->chain, files->n_chain, out);
	buf_wipe(&plist);
	return r;
}

/* The CAFingerprint: devices then believe GetCACert (RFC 8894 section 4.2). */
static int
load_scep_ca(const struct conf *conf, struct profile_files *out)
{
	struct generation current;
	gnutls_x509_crt_t crt = NULL;
	size_t n;
	int r;

	generation_current(conf, GENERATION_SCEP, &current);
	out->scep_generation = current.number;
	if ((r = x509_load(current.certificate, 1, &crt, &n)) == OK)
		r = x509_sha256(crt, out->scep_ca_sha256);
	x509_free(crt);
	return r;
}

int
profile_files_load_unsigned(const struct conf *conf, struct profile_files *out)
{
	int r;

	memset(out, 0, sizeof *out);
	r = load_scep_ca(conf, out);
	if (r == OK && conf->server_ca[0] != '\0')
		r = x509_load(conf->server_ca, PROFILE_SERVER_CAS,
		    out->server_cas, &out->n_server_cas);
	return r;
}

int
profile_files_load(const struct conf *conf, struct profile_files *out)
{
	int r = profile_files_load_unsigned(conf, out);

	if (r != OK)
		return r;
	if (conf->signing_key[0] == '\0')
		return OK;
	if ((r = x509_load(conf->signing_certificate, PROFILE_CHAIN_CERTS,
		 out->chain, &out->n_chain)) != OK)
		return r;
	return key_load(conf->signing_key, &out->key);
}

void
profile_files_release(struct profile_files *files)
{
	size_t i;

	for (i = 0; i < files->n_server_cas; i++)
		x509_free(files->server_cas[i]);
	for (i = 0; i < files->n_chain; i++)
		x509_free(files->chain[i]);
	key_free(files->key);
	memset(files, 0, sizeof *files);
}
