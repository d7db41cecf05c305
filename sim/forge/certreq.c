#include <string.h>

#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/certreq.h"
#include "sim/forge/der.h"

#define CERTREQ_CHALLENGE_PASSWORD   "1.2.840.113549.1.9.7"
#define CERTREQ_CLIENT_AUTH          "1.3.6.1.5.5.7.3.2"
#define CERTREQ_PERMANENT_IDENTIFIER "1.3.6.1.5.5.7.8.3"
#define CERTREQ_EXTENSION_REQUEST    "1.2.840.113549.1.9.14"

/* otherName with a PermanentIdentifier (RFC 4043 section 2). */
static void
certreq_permanent(const char *value, struct buf *out)
{
	size_t other = der_open(out, DER_CONTEXT_CONS), wrap, seq;

	der_put_oid(out, CERTREQ_PERMANENT_IDENTIFIER);
	wrap = der_open(out, DER_CONTEXT_CONS);
	seq = der_open(out, DER_SEQUENCE);
	der_put(out, DER_UTF8, blob_str(value));
	der_close(out, seq);
	der_close(out, wrap);
	der_close(out, other);
}

static void
certreq_names(const char *const *list, uint8_t tag, struct buf *out)
{
	for (size_t i = 0; i < CERTREQ_NAMES && list[i] != NULL; i++)
		der_put(out, tag, blob_str(list[i]));
}

static void
certreq_san(const struct certreq *csr, struct buf *out)
{
	const char *const *pid = csr->permanent_identifier;
	struct buf names;
	size_t mark;

	buf_init(&names, DER_MAX);
	mark = der_open(&names, DER_SEQUENCE);
	certreq_names(csr->email, DER_CONTEXT + 1, &names);
	certreq_names(csr->dns, DER_CONTEXT + 2, &names);
	certreq_names(csr->uri, DER_CONTEXT + 6, &names);
	for (size_t i = 0; i < CERTREQ_NAMES && pid[i] != NULL; i++)
		certreq_permanent(pid[i], &names);
	if (fault_on(csr->faults, FAULT_CSR_FOREIGN_PERMANENT_IDENTIFIER))
		certreq_permanent("ZZNOTMINE999", &names);
	if (names.n > mark) {
		der_close(&names, mark);
		cert_extension(out, "2.5.29.17", false, buf_blob(&names));
	}
	buf_release(&names);
}

static void
certreq_ekus(const struct certreq *csr, struct buf *out)
{
	struct buf v;
	size_t mark;

	buf_init(&v, 4096);
	mark = der_open(&v, DER_SEQUENCE);
	if (csr->ekus[0] == NULL)
		der_put_oid(&v, CERTREQ_CLIENT_AUTH);
	for (size_t i = 0; i < CERTREQ_NAMES && csr->ekus[i] != NULL; i++)
		der_put_oid(&v, csr->ekus[i]);
	der_close(&v, mark);
	cert_extension(out, "2.5.29.37", false, buf_blob(&v));
	buf_release(&v);
}

static void
certreq_request(const struct certreq *csr, struct buf *out)
{
	size_t attr = der_open(out, DER_SEQUENCE), set, seq;

	der_put_oid(out, CERTREQ_EXTENSION_REQUEST);
	set = der_open(out, DER_SET);
	seq = der_open(out, DER_SEQUENCE);
	if (fault_on(csr->faults, FAULT_CSR_CA_TRUE))
		cert_basic(out, true, -1);
	certreq_san(csr, out);
	certreq_ekus(csr, out);
	cert_usage(out, csr->usage != 0 ? csr->usage : 0xa0);
	der_close(out, seq);
	der_close(out, set);
	der_close(out, attr);
}

static void
certreq_password(const char *challenge, struct buf *out)
{
	size_t attr = der_open(out, DER_SEQUENCE), set;

	der_put_oid(out, CERTREQ_CHALLENGE_PASSWORD);
	set = der_open(out, DER_SET);
	der_put(out, cert_string(challenge), blob_str(challenge));
	der_close(out, set);
	der_close(out, attr);
}

static int
certreq_info(const struct certreq *csr, struct buf *out)
{
	bool odd = fault_on(csr->faults, FAULT_CSR_VERSION);
	size_t info = der_open(out, DER_SEQUENCE), attributes;
	int rc;

	der_put_int(out, odd ? 1 : 0);
	if (csr->subject.n > 0)
		buf_add_blob(out, csr->subject);
	else
		cert_name(out, NULL, 0);
	rc = keypair_spki(csr->key, out);
	if (rc != OK)
		return rc;
	attributes = der_open(out, DER_CONTEXT_CONS);
	if (csr->challenge != NULL)
		certreq_password(csr->challenge, out);
	if (csr->challenge != NULL && csr->challenge_twice)
		certreq_password(csr->challenge, out);
	if (!csr->no_extensions)
		certreq_request(csr, out);
	if (fault_on(csr->faults, FAULT_CSR_TWO_REQUESTS))
		certreq_request(csr, out);
	der_close(out, attributes);
	der_close(out, info);
	return buf_status(out);
}

int
certreq_write(const struct certreq *csr, struct buf *out)
{
	EVP_PKEY *signer = csr->signer != NULL ? csr->signer : csr->key;
	const char *digest = csr->digest != NULL ? csr->digest : "sha256";
	struct buf info, sig;
	size_t mark;
	int rc;

	if (fault_on(csr->faults, FAULT_CSR_SHA1))
		digest = "sha1";
	buf_init(&info, DER_MAX);
	buf_init(&sig, 4096);
	rc = certreq_info(csr, &info);
	if (rc == OK)
		rc = keypair_sign(signer, digest, buf_blob(&info), &sig);
	if (rc == OK) {
		if (fault_on(csr->faults, FAULT_CSR_BAD_SIGNATURE))
			sig.p[sig.n - 1] ^= 1;
		mark = der_open(out, DER_SEQUENCE);
		buf_add_blob(out, buf_blob(&info));
		keypair_algorithm(signer, digest, out);
		der_put_bits(out, buf_blob(&sig));
		der_close(out, mark);
		if (fault_on(csr->faults, FAULT_CSR_TRAILING))
			buf_add_byte(out, 0);
		rc = buf_status(out);
	}
	buf_release(&info);
	buf_release(&sig);
	return rc;
}
