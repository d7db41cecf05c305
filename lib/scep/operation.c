#include "scep/operation.h"

#include "base/err.h"
#include "base/log.h"
#include "scep/certrep.h"
#include "wire/x509.h"

#define CAPABILITIES                                                           \
	"AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-512"

int
operation_capabilities(const struct scep *scep, struct buf *out)
{
	buf_add_str(out, CAPABILITIES);
	if (scep->context.conf->older_clients)
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

int
operation_pki(struct scep *scep, struct blob message, struct buf *out)
{
	struct context *c = &scep->context;
	bool older = c->conf->older_clients;
	enum enveloped_cipher cipher;
	struct buf certificate;
	struct pkimessage m;
	int r;

	if ((r = pkimessage_parse(message, &m)) != OK) {
		pkimessage_release(&m);
		return context_refuse(c, r);
	}
	buf_init(&certificate, X509_DER_MAX);
	if ((r = pkimessage_verify(&m, older)) == OK &&
	    (r = check_type(&m, c->conf)) == OK &&
	    (r = pkcsreq_serve(scep, &m, &cipher, &certificate)) == OK) {
		r = certrep_success(
		    scep->ca, &m, buf_blob(&certificate), cipher, older, out);
		/* The log has the certificate, but not that it was not sent. */
		c->logged = false;
	}
	if (r != OK)
		context_refuse(c, r);
	/* A fault of ours is not answered in kind. */
	if (r != OK && err_http_status(r) < 500)
		r = certrep_failure(scep->ca, &m, r, older, out);
	buf_release(&certificate);
	pkimessage_release(&m);
	return r;
}
