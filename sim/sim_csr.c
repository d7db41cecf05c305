#include <string.h>

#include "base/log.h"
#include "sim/sim_cert.h"
#include "sim/sim_csr.h"
#include "sim/sim_der.h"

#define SIM_CSR_CHALLENGE_PASSWORD   "1.2.840.113549.1.9.7"
#define SIM_CSR_CLIENT_AUTH          "1.3.6.1.5.5.7.3.2"
#define SIM_CSR_PERMANENT_IDENTIFIER "1.3.6.1.5.5.7.8.3"
#define SIM_CSR_EXTENSION_REQUEST    "1.2.840.113549.1.9.14"

/* otherName with a PermanentIdentifier (RFC 4043 section 2). */
static void
sim_csr_permanent(const char *value, struct buf *out)
{
	size_t other = sim_der_open(out, SIM_DER_CONTEXT_CONS), wrap, seq;

	sim_der_put_oid(out, SIM_CSR_PERMANENT_IDENTIFIER);
	wrap = sim_der_open(out, SIM_DER_CONTEXT_CONS);
	seq = sim_der_open(out, SIM_DER_SEQUENCE);
	sim_der_put(out, SIM_DER_UTF8, blob_str(value));
	sim_der_close(out, seq);
	sim_der_close(out, wrap);
	sim_der_close(out, other);
}

static void
sim_csr_names(const char *const *list, uint8_t tag, struct buf *out)
{
	for (size_t i = 0; i < SIM_CSR_NAMES && list[i] != NULL; i++)
		sim_der_put(out, tag, blob_str(list[i]));
}

static void
sim_csr_san(const struct sim_csr *csr, struct buf *out)
{
	const char *const *pid = csr->permanent_identifier;
	struct buf names;
	size_t mark;

	buf_init(&names, SIM_DER_MAX);
	mark = sim_der_open(&names, SIM_DER_SEQUENCE);
	sim_csr_names(csr->email, SIM_DER_CONTEXT + 1, &names);
	sim_csr_names(csr->dns, SIM_DER_CONTEXT + 2, &names);
	sim_csr_names(csr->uri, SIM_DER_CONTEXT + 6, &names);
	for (size_t i = 0; i < SIM_CSR_NAMES && pid[i] != NULL; i++)
		sim_csr_permanent(pid[i], &names);
	if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_FOREIGN_PERMANENT_IDENTIFIER))
		sim_csr_permanent("ZZNOTMINE999", &names);
	if (names.n > mark) {
		sim_der_close(&names, mark);
		sim_cert_extension(out, "2.5.29.17", false, buf_blob(&names));
	}
	buf_release(&names);
}

static void
sim_csr_ekus(const struct sim_csr *csr, struct buf *out)
{
	struct buf v;
	size_t mark;

	buf_init(&v, 4096);
	mark = sim_der_open(&v, SIM_DER_SEQUENCE);
	if (csr->ekus[0] == NULL)
		sim_der_put_oid(&v, SIM_CSR_CLIENT_AUTH);
	for (size_t i = 0; i < SIM_CSR_NAMES && csr->ekus[i] != NULL; i++)
		sim_der_put_oid(&v, csr->ekus[i]);
	sim_der_close(&v, mark);
	sim_cert_extension(out, "2.5.29.37", false, buf_blob(&v));
	buf_release(&v);
}

static void
sim_csr_request(const struct sim_csr *csr, struct buf *out)
{
	size_t attr = sim_der_open(out, SIM_DER_SEQUENCE), set, seq;

	sim_der_put_oid(out, SIM_CSR_EXTENSION_REQUEST);
	set = sim_der_open(out, SIM_DER_SET);
	seq = sim_der_open(out, SIM_DER_SEQUENCE);
	if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_CA_TRUE))
		sim_cert_basic(out, true, -1);
	sim_csr_san(csr, out);
	sim_csr_ekus(csr, out);
	sim_cert_usage(out, csr->usage != 0 ? csr->usage : 0xa0);
	sim_der_close(out, seq);
	sim_der_close(out, set);
	sim_der_close(out, attr);
}

static void
sim_csr_password(const char *challenge, struct buf *out)
{
	size_t attr = sim_der_open(out, SIM_DER_SEQUENCE), set;

	sim_der_put_oid(out, SIM_CSR_CHALLENGE_PASSWORD);
	set = sim_der_open(out, SIM_DER_SET);
	sim_der_put(out, sim_cert_string(challenge), blob_str(challenge));
	sim_der_close(out, set);
	sim_der_close(out, attr);
}

static int
sim_csr_info(const struct sim_csr *csr, struct buf *out)
{
	bool odd = sim_knob_on(csr->knobs, SIM_KNOB_CSR_VERSION);
	size_t info = sim_der_open(out, SIM_DER_SEQUENCE), attributes;
	int rc;

	sim_der_put_int(out, odd ? 1 : 0);
	if (csr->subject.n > 0)
		buf_add_blob(out, csr->subject);
	else
		sim_cert_name(out, NULL, 0);
	rc = sim_key_spki(csr->key, out);
	if (rc != OK)
		return rc;
	attributes = sim_der_open(out, SIM_DER_CONTEXT_CONS);
	if (csr->challenge != NULL)
		sim_csr_password(csr->challenge, out);
	if (csr->challenge != NULL && csr->challenge_twice)
		sim_csr_password(csr->challenge, out);
	if (!csr->no_extensions)
		sim_csr_request(csr, out);
	if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_TWO_REQUESTS))
		sim_csr_request(csr, out);
	sim_der_close(out, attributes);
	sim_der_close(out, info);
	return buf_status(out);
}

int
sim_csr_write(const struct sim_csr *csr, struct buf *out)
{
	EVP_PKEY *signer = csr->signer != NULL ? csr->signer : csr->key;
	const char *digest = csr->digest != NULL ? csr->digest : "sha256";
	struct buf info, sig;
	size_t mark;
	int rc;

	if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_SHA1))
		digest = "sha1";
	buf_init(&info, SIM_DER_MAX);
	buf_init(&sig, 4096);
	rc = sim_csr_info(csr, &info);
	if (rc == OK)
		rc = sim_key_sign(signer, digest, buf_blob(&info), &sig);
	if (rc == OK) {
		if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_BAD_SIGNATURE))
			sig.p[sig.n - 1] ^= 1;
		mark = sim_der_open(out, SIM_DER_SEQUENCE);
		buf_add_blob(out, buf_blob(&info));
		sim_key_algorithm(signer, digest, out);
		sim_der_put_bits(out, buf_blob(&sig));
		sim_der_close(out, mark);
		if (sim_knob_on(csr->knobs, SIM_KNOB_CSR_TRAILING))
			buf_add_byte(out, 0);
		rc = buf_status(out);
	}
	buf_release(&info);
	buf_release(&sig);
	return rc;
}
