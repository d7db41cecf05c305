#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/der.h"
#include "sim/forge/keypair.h"

#define CHALLENGE_PASSWORD   "1.2.840.113549.1.9.7"
#define CLIENT_AUTH          "1.3.6.1.5.5.7.3.2"
#define PERMANENT_IDENTIFIER "1.3.6.1.5.5.7.8.3"
#define EXTENSION_REQUEST    "1.2.840.113549.1.9.14"

static const struct {
	const char *name;
	const char *oid;
} types[] = {
	{ "CN", "2.5.4.3" },
	{ "C", "2.5.4.6" },
	{ "L", "2.5.4.7" },
	{ "ST", "2.5.4.8" },
	{ "O", "2.5.4.10" },
	{ "OU", "2.5.4.11" },
	{ "serialNumber", "2.5.4.5" },
	{ "UID", "0.9.2342.19200300.100.1.1" },
	{ "emailAddress", "1.2.840.113549.1.9.1" },
};

static const char *
type_oid(const char *name)
{
	size_t n = sizeof types / sizeof types[0];

	for (size_t i = 0; i < n; i++)
		if (strcmp(name, types[i].name) == 0)
			return types[i].oid;
	return name[0] >= '0' && name[0] <= '9' ? name : NULL;
}

static void
put_rdn(struct buf *out, const struct cert_rdn *rdn)
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
		put_rdn(out, &rdn[i]);
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
name_parts(const char *text, bool printable, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);
	char *copy = strdup(text), *save = NULL;
	int r = copy == NULL ? ERR_NOMEM : OK;

	for (char *part = r == OK ? strtok_r(copy, "/", &save) : NULL;
	     part != NULL; part = strtok_r(NULL, "/", &save)) {
		char *eq = strchr(part, '=');
		struct cert_rdn rdn = { .tag = DER_UTF8 };

		if (eq != NULL) {
			*eq = '\0';
			rdn.oid = type_oid(part);
			rdn.value = eq + 1;
			if (printable)
				rdn.tag = cert_string(rdn.value);
		}
		if (rdn.oid == NULL) {
			r = fail(ERR_USAGE, "not a subject: %s", text);
			break;
		}
		put_rdn(out, &rdn);
	}
	der_close(out, mark);
	free(copy);
	return r != OK ? r : buf_status(out);
}

int
cert_name_text(const char *text, struct buf *out)
{
	return name_parts(text, false, out);
}

int
cert_name_printable(const char *text, struct buf *out)
{
	return name_parts(text, true, out);
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
	SCRATCH_BUF(v);
	size_t mark = der_open(&v, DER_SEQUENCE);

	if (ca)
		der_put_true(&v);
	if (ca && path_len >= 0)
		der_put_int(&v, (uint64_t)path_len);
	der_close(&v, mark);
	cert_extension(out, "2.5.29.19", true, buf_blob(&v));
}

void
cert_usage(struct buf *out, uint8_t bits)
{
	uint8_t value[4] = { DER_BITS, 2, 0, bits };

	while (value[2] < 7 && (bits & (1u << value[2])) == 0)
		value[2]++;
	cert_extension(out, "2.5.29.15", true, blob_of(value, 4));
}

void
cert_ekus(struct buf *out, bool critical, const char *const *oids)
{
	SCRATCH_BUF(v);
	size_t mark = der_open(&v, DER_SEQUENCE);

	for (; *oids != NULL; oids++)
		der_put_oid(&v, *oids);
	der_close(&v, mark);
	cert_extension(out, "2.5.29.37", critical, buf_blob(&v));
}

static int
put_key_id(const EVP_PKEY *key, uint8_t tag, struct buf *out)
{
	SCRATCH_BUF(spki);
	SCRATCH_BUF(id);
	int r = keypair_spki(key, &spki);

	if (r != OK || (r = keypair_digest("sha1", buf_blob(&spki), &id)) != OK)
		return r;
	der_put(out, tag, buf_blob(&id));
	return buf_status(out);
}

int
cert_key_ids(struct buf *out, const EVP_PKEY *subject, const EVP_PKEY *issuer)
{
	SCRATCH_BUF(own);
	SCRATCH_BUF(authority);
	size_t mark = der_open(&authority, DER_SEQUENCE);
	int r;

	if ((r = put_key_id(subject, DER_OCTETS, &own)) != OK ||
	    (r = put_key_id(issuer, DER_CONTEXT, &authority)) != OK)
		return r;
	der_close(&authority, mark);
	cert_extension(out, "2.5.29.14", false, buf_blob(&own));
	cert_extension(out, "2.5.29.35", false, buf_blob(&authority));
	return buf_status(out);
}

int
cert_wrap(
    struct blob tbs, EVP_PKEY *signer, const char *digest, struct buf *out)
{
	SCRATCH_BUF(sig);
	size_t mark;
	int r = keypair_sign(signer, digest, tbs, &sig);

	if (r != OK)
		return r;
	mark = der_open(out, DER_SEQUENCE);
	buf_add_blob(out, tbs);
	keypair_algorithm(signer, digest, out);
	der_put_bits(out, buf_blob(&sig));
	der_close(out, mark);
	return buf_status(out);
}

int
cert_sign(const struct cert *c, EVP_PKEY *signer, struct buf *out)
{
	const char *digest = c->digest != NULL ? c->digest : "sha256";
	int64_t from = c->not_before, until = c->not_after;
	uint8_t random[16];
	SCRATCH_BUF(tbs);
	size_t seq = der_open(&tbs, DER_SEQUENCE), mark;
	int r = OK;

	if (signer == NULL)
		signer = c->key;
	if (!c->is_v1) {
		mark = der_open(&tbs, DER_CONTEXT_CONS);
		der_put_int(&tbs, 2);
		der_close(&tbs, mark);
	}
	keypair_random(random, sizeof random);
	random[0] = (random[0] & 0x7f) | 0x40;
	der_put_unsigned(
	    &tbs, c->serial.n > 0 ? c->serial : blob_of(random, sizeof random));
	keypair_algorithm(signer, digest, &tbs);
	buf_add_blob(&tbs, c->issuer.n > 0 ? c->issuer : c->subject);
	mark = der_open(&tbs, DER_SEQUENCE);
	der_put_time(&tbs, from != 0 ? from : clock_now() - 300);
	der_put_time(&tbs, until != 0 ? until : clock_now() + CERT_DAY);
	der_close(&tbs, mark);
	buf_add_blob(&tbs, c->subject);
	r = c->spki.n > 0 ? buf_add_blob(&tbs, c->spki)
			  : keypair_spki(c->key, &tbs);
	if (c->extensions.n > 0) {
		mark = der_open(&tbs, DER_CONTEXT_CONS + 3);
		der_put(&tbs, DER_SEQUENCE, c->extensions);
		der_close(&tbs, mark);
	}
	der_close(&tbs, seq);
	return r == OK ? cert_wrap(buf_blob(&tbs), signer, digest, out) : r;
}

/* otherName with a PermanentIdentifier (RFC 4043 section 2). */
static void
put_permanent(const char *value, struct buf *out)
{
	size_t other = der_open(out, DER_CONTEXT_CONS), wrap, seq;

	der_put_oid(out, PERMANENT_IDENTIFIER);
	wrap = der_open(out, DER_CONTEXT_CONS);
	seq = der_open(out, DER_SEQUENCE);
	der_put(out, DER_UTF8, blob_str(value));
	der_close(out, seq);
	der_close(out, wrap);
	der_close(out, other);
}

static void
add_san(const struct cert_request *csr, struct buf *out)
{
	SCRATCH_BUF(names);
	size_t mark = der_open(&names, DER_SEQUENCE);

	if (csr->dns != NULL)
		der_put(&names, DER_CONTEXT + 2, blob_str(csr->dns));
	if (fault_on(csr->faults, FAULT_CSR_FOREIGN_PERMANENT_IDENTIFIER))
		put_permanent("ZZNOTMINE999", &names);
	if (names.n > mark) {
		der_close(&names, mark);
		cert_extension(out, "2.5.29.17", false, buf_blob(&names));
	}
}

static void
put_request(const struct cert_request *csr, struct buf *out)
{
	static const char *const usual[] = { CLIENT_AUTH, NULL };
	size_t attr = der_open(out, DER_SEQUENCE), set, seq;

	der_put_oid(out, EXTENSION_REQUEST);
	set = der_open(out, DER_SET);
	seq = der_open(out, DER_SEQUENCE);
	if (fault_on(csr->faults, FAULT_CSR_CA_TRUE))
		cert_basic(out, true, -1);
	add_san(csr, out);
	cert_ekus(out, false, csr->ekus[0] != NULL ? csr->ekus : usual);
	cert_usage(out, csr->usage != 0 ? csr->usage : 0xa0);
	der_close(out, seq);
	der_close(out, set);
	der_close(out, attr);
}

static void
put_password(const char *challenge, struct buf *out)
{
	size_t attr = der_open(out, DER_SEQUENCE), set;

	der_put_oid(out, CHALLENGE_PASSWORD);
	set = der_open(out, DER_SET);
	der_put(out, cert_string(challenge), blob_str(challenge));
	der_close(out, set);
	der_close(out, attr);
}

static int
write_info(const struct cert_request *csr, struct buf *out)
{
	bool odd = fault_on(csr->faults, FAULT_CSR_VERSION);
	size_t info = der_open(out, DER_SEQUENCE), attributes;
	int r;

	der_put_int(out, odd ? 1 : 0);
	if (csr->subject.n > 0)
		buf_add_blob(out, csr->subject);
	else
		cert_name(out, NULL, 0);
	r = keypair_spki(csr->key, out);
	if (r != OK)
		return r;
	attributes = der_open(out, DER_CONTEXT_CONS);
	if (csr->challenge != NULL)
		put_password(csr->challenge, out);
	if (csr->challenge != NULL && csr->challenge_twice)
		put_password(csr->challenge, out);
	put_request(csr, out);
	if (fault_on(csr->faults, FAULT_CSR_TWO_REQUESTS))
		put_request(csr, out);
	der_close(out, attributes);
	der_close(out, info);
	return buf_status(out);
}

int
cert_request(const struct cert_request *csr, struct buf *out)
{
	EVP_PKEY *signer = csr->signer != NULL ? csr->signer : csr->key;
	const char *digest = csr->digest != NULL ? csr->digest : "sha256";
	SCRATCH_BUF(info);
	int r = write_info(csr, &info);

	if (fault_on(csr->faults, FAULT_CSR_SHA1))
		digest = "sha1";
	if (r != OK ||
	    (r = cert_wrap(buf_blob(&info), signer, digest, out)) != OK)
		return r;
	if (fault_on(csr->faults, FAULT_CSR_BAD_SIGNATURE))
		out->p[out->n - 1] ^= 1;
	if (fault_on(csr->faults, FAULT_CSR_TRAILING))
		buf_add_byte(out, 0);
	return buf_status(out);
}
