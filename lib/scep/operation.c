#include "scep/operation.h"

#include "base/err.h"
#include "base/log.h"
#include "scep/certrep.h"
#include "wire/x509.h"

#define CAPABILITIES                                                           \
	"AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-512"

int
operation_open(const struct conf *conf, struct scep *out)
{
	int r;

	*out = (struct scep){ .conf = conf };
	if ((r = authority_load(conf->scep_ca_key, conf->scep_ca_certificate,
		 &out->ca)) != OK ||
	    (r = authority_check_scep(out->ca)) != OK)
		return r;
	return db_open(conf->database, DB_DURABLE, &out->db);
}

void
operation_close(struct scep *scep)
{
	db_close(scep->db);
	authority_free(scep->ca);
}

int
operation_capabilities(const struct scep *scep, struct buf *out)
{
	buf_add_str(out, CAPABILITIES);
	if (scep->conf->older_clients)
		buf_add_str(out, "\nDES3\nSHA-1");
	return buf_status(out);
}

int
operation_certificate(const struct scep *scep, struct buf *out)
{
	return x509_der(authority_certificate(scep->ca), out);
}

/* Polling and the rest are not offered: every request is answered at once. */
static int
check_type(const struct pkimessage *m, const struct conf *conf)
{
	if (m->type == PKIMESSAGE_PKCS_REQ ||
	    (m->type == PKIMESSAGE_RENEWAL_REQ && conf->renewal_requests))
		return OK;
	return fail(
	    ERR_SCEP_REQUEST, "messages of type %d are not served", m->type);
}

/* Is this code a refusal that the client is told of in a CertRep? */
static bool
is_refusal(int code)
{
	return err_http_status(code) < 500;
}

static int
answer(struct scep *scep, const struct pkimessage *m,
    const char *remote_address, struct buf *out)
{
	bool older = scep->conf->older_clients;
	enum enveloped_cipher cipher;
	struct buf certificate;
	int r;

	buf_init(&certificate, X509_DER_MAX);
	if ((r = pkimessage_verify(m, older)) != OK ||
	    (r = check_type(m, scep->conf)) != OK)
		pkcsreq_refuse(scep, r, remote_address);
	else
		r = pkcsreq_serve(
		    scep, m, remote_address, &cipher, &certificate);
	if (r == OK) {
		r = certrep_success(
		    scep->ca, m, buf_blob(&certificate), cipher, older, out);
		if (r != OK)
			pkcsreq_refuse(scep, r, remote_address);
	} else if (is_refusal(r))
		r = certrep_failure(scep->ca, m, r, older, out);
	buf_release(&certificate);
	return r;
}

int
operation_pki(struct scep *scep, struct blob message,
    const char *remote_address, struct buf *out)
{
	struct pkimessage m;
	int r = pkimessage_parse(message, &m);

	if (r == OK)
		r = answer(scep, &m, remote_address, out);
	else
		pkcsreq_refuse(scep, r, remote_address);
	pkimessage_release(&m);
	return r;
}
