#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/der.h"

static const struct {
	const char *name;
	const char *oid;
} cert_types[] = {
	{ "CN", "2.5.4.3" },
	{ "C", "2.5.4.6" },
	{ "L", "2.5.4.7" },
	{ "ST", "2.5.4.8" },
	{ "O", "2.5.4.10" },
	{ "OU", "2.5.4.11" },
	{ "serialNumber", "2.5.4.5" },
	{ "emailAddress", "1.2.840.113549.1.9.1" },
};

static const char *
cert_type(const char *name)
{
	size_t n = sizeof cert_types / sizeof cert_types[0];

	for (size_t i = 0; i < n; i++)
		if (strcmp(name, cert_types[i].name) == 0)
			return cert_types[i].oid;
	return name[0] >= '0' && name[0] <= '9' ? name : NULL;
}

static void
cert_rdn(struct buf *out, const struct cert_rdn *rdn)
{
	size_t set = der_open(out, DER_SET);
	size_t seq = der_open(out, DER_SEQUENCE);

	der_put_oid(out, rdn->oid);
	der_put(out, rdn->tag, blob_str(rdn->value));
	der_close(out, seq);
	der_close(out, set);
}

void
cert_name(struct buf *out, const struct cert_rdn *rdn, size_t n)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	for (size_t i = 0; i < n; i++)
		cert_rdn(out, &rdn[i]);
	der_close(out, mark);
}

uint8_t
cert_string(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789 '()+,-./:=?";

	return text[strspn(text, allowed)] == '\0' ? DER_PRINTABLE : DER_UTF8;
}

static int
cert_name_parts(const char *text, bool printable, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);
	char *copy = strdup(text), *save = NULL;
	int rc = copy == NULL ? ERR_NOMEM : OK;

	for (char *part = rc == OK ? strtok_r(copy, "/", &save) : NULL;
	     part != NULL; part = strtok_r(NULL, "/", &save)) {
		char *eq = strchr(part, '=');
		struct cert_rdn rdn = { .tag = DER_UTF8 };

		if (eq != NULL) {
			*eq = '\0';
			rdn.oid = cert_type(part);
			rdn.value = eq + 1;
			if (printable)
				rdn.tag = cert_string(rdn.value);
		}
		if (rdn.oid == NULL) {
			rc = fail(ERR_USAGE, "not a subject: %s", text);
			break;
		}
		cert_rdn(out, &rdn);
	}
	der_close(out, mark);
	free(copy);
	return rc != OK ? rc : buf_status(out);
}

int
cert_name_text(const char *text, struct buf *out)
{
	return cert_name_parts(text, false, out);
}

int
cert_name_printable(const char *text, struct buf *out)
{
	return cert_name_parts(text, true, out);
}

void
cert_extension(
    struct buf *out, const char *oid, bool critical, struct blob value)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	der_put_oid(out, oid);
	if (critical)
		der_put_true(out);
	der_put(out, DER_OCTETS, value);
	der_close(out, mark);
}

void
cert_basic(struct buf *out, bool ca, int path_len)
{
	struct buf v;
	size_t mark;

	buf_init(&v, 64);
	mark = der_open(&v, DER_SEQUENCE);
	if (ca)
		der_put_true(&v);
	if (ca && path_len >= 0)
		der_put_int(&v, (uint64_t)path_len);
	der_close(&v, mark);
	cert_extension(out, "2.5.29.19", true, buf_blob(&v));
	buf_release(&v);
}

void
cert_usage(struct buf *out, uint8_t bits)
{
	uint8_t value[4] = { DER_BITS, 2, 0, bits };

	while (value[2] < 7 && (bits & (1u << value[2])) == 0)
		value[2]++;
	cert_extension(out, "2.5.29.15", true, blob_of(value, 4));
}

static int
cert_key_id(const EVP_PKEY *key, struct buf *out)
{
	struct buf spki;
	int rc;

	buf_init(&spki, DER_MAX);
	rc = keypair_spki(key, &spki);
	if (rc == OK)
		rc = keypair_digest("sha1", buf_blob(&spki), out);
	buf_release(&spki);
	return rc;
}

int
cert_key_ids(struct buf *out, const EVP_PKEY *subject, const EVP_PKEY *issuer)
{
	struct buf id, v;
	size_t mark;
	int rc;

	buf_init(&id, 64);
	buf_init(&v, 128);
	rc = cert_key_id(subject, &id);
	if (rc != OK)
		goto done;
	der_put(&v, DER_OCTETS, buf_blob(&id));
	cert_extension(out, "2.5.29.14", false, buf_blob(&v));
	buf_reset(&id);
	buf_reset(&v);
	rc = cert_key_id(issuer, &id);
	if (rc != OK)
		goto done;
	mark = der_open(&v, DER_SEQUENCE);
	der_put(&v, DER_CONTEXT, buf_blob(&id));
	der_close(&v, mark);
	cert_extension(out, "2.5.29.35", false, buf_blob(&v));
	rc = buf_status(out);
done:
	buf_release(&id);
	buf_release(&v);
	return rc;
}

static void
cert_tbs(
    const struct cert *c, int version, const EVP_PKEY *signer, struct buf *out)
{
	size_t tbs = der_open(out, DER_SEQUENCE), mark;

	if (version > 0) {
		mark = der_open(out, DER_CONTEXT_CONS);
		der_put_int(out, (uint64_t)version);
		der_close(out, mark);
	}
	der_put_unsigned(out, c->serial);
	keypair_algorithm(signer, c->digest, out);
	buf_add_blob(out, c->issuer);
	mark = der_open(out, DER_SEQUENCE);
	der_put_time(out, c->not_before);
	der_put_time(out, c->not_after);
	der_close(out, mark);
	buf_add_blob(out, c->subject);
	buf_add_blob(out, c->spki);
	if (c->extensions.n > 0) {
		mark = der_open(out, DER_CONTEXT_CONS + 3);
		der_put(out, DER_SEQUENCE, c->extensions);
		der_close(out, mark);
	}
	der_close(out, tbs);
}

int
cert_sign_version(
    const struct cert *c, int version, EVP_PKEY *signer, struct buf *out)
{
	struct buf tbs, sig;
	size_t mark;
	int rc;

	buf_init(&tbs, DER_MAX);
	buf_init(&sig, DER_MAX);
	cert_tbs(c, version, signer, &tbs);
	rc = buf_status(&tbs);
	if (rc == OK)
		rc = keypair_sign(signer, c->digest, buf_blob(&tbs), &sig);
	if (rc == OK) {
		mark = der_open(out, DER_SEQUENCE);
		buf_add_blob(out, buf_blob(&tbs));
		keypair_algorithm(signer, c->digest, out);
		der_put_bits(out, buf_blob(&sig));
		der_close(out, mark);
		rc = buf_status(out);
	}
	buf_release(&tbs);
	buf_release(&sig);
	return rc;
}

int
cert_sign(const struct cert *c, EVP_PKEY *signer, struct buf *out)
{
	return cert_sign_version(c, 2, signer, out);
}

int
cert_self_signed(const struct cert_rdn *cn, struct blob extensions,
    const char *digest, EVP_PKEY *key, struct buf *out)
{
	struct buf name, spki;
	int rc;

	buf_init(&name, DER_MAX);
	buf_init(&spki, DER_MAX);
	cert_name(&name, cn, 1);
	rc = keypair_spki(key, &spki);
	if (rc == OK)
		rc = cert_sign(
		    &(struct cert){
			.serial = blob_of("\1", 1),
			.issuer = buf_blob(&name),
			.subject = buf_blob(&name),
			.spki = buf_blob(&spki),
			.extensions = extensions,
			.not_before = clock_now() - 300,
			.not_after = clock_now() + CERT_DAY,
			.digest = digest,
		    },
		    key, out);
	buf_release(&name);
	buf_release(&spki);
	return rc;
}
