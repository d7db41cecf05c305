#include <string.h>

#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/certreq.h"
#include "sim/forge/der.h"
#include "sim/forge/scratch.h"

#define CHALLENGE_PASSWORD   "1.2.840.113549.1.9.7"
#define CLIENT_AUTH          "1.3.6.1.5.5.7.3.2"
#define PERMANENT_IDENTIFIER "1.3.6.1.5.5.7.8.3"
#define EXTENSION_REQUEST    "1.2.840.113549.1.9.14"

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
add_san(const struct certreq *csr, struct buf *out)
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
put_request(const struct certreq *csr, struct buf *out)
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
write_info(const struct certreq *csr, struct buf *out)
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
certreq_write(const struct certreq *csr, struct buf *out)
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
