#include "wire/vendor_request.h"

#include <gnutls/abstract.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "wire/csr.h"
#include "wire/in_plist.h"
#include "wire/out_plist.h"
#include "wire/x509.h"

#define PEM_END "-----END CERTIFICATE-----"

/* Appends the bytes of base64 in which lines may break anywhere. */
static int
decode(struct blob text, struct buf *out)
{
	struct buf packed;
	size_t i;
	int r;

	buf_init(&packed, VENDOR_REQUEST_MAX);
	for (i = 0; i < text.n; i++)
		if (text.p[i] != ' ' && (text.p[i] < '\t' || text.p[i] > '\r'))
			buf_add_byte(&packed, text.p[i]);
	if ((r = buf_status(&packed)) == OK)
		r = enc_base64_decode(buf_blob(&packed), out);
	buf_release(&packed);
	return r;
}

/* Apple's text has base64 in a string; some vendors write it as data. */
static int
take_bytes(const struct in_plist_node *root, const char *key, struct buf *out)
{
	const char *text;
	struct blob data;
	int r;

	if (in_plist_data(root, key, &data) == OK)
		r = buf_add_blob(out, data);
	else if ((r = in_plist_string(root, key, &text)) == OK)
		r = decode(blob_str(text), out);
	if (r == OK && out->n > 0)
		return OK;
	return fail(ERR_MALFORMED, "the signed request has no usable %s", key);
}

static int
take_text(const struct in_plist_node *root, const char *key, struct buf *out)
{
	const char *text;
	struct blob data;

	if (in_plist_string(root, key, &text) == OK)
		return buf_add_str(out, text);
	if (in_plist_data(root, key, &data) == OK)
		return buf_add_blob(out, data);
	return fail(ERR_MALFORMED, "the signed request has no usable %s", key);
}

static int
read_plist(struct blob plist, struct vendor_request *out)
{
	const struct in_plist_node *root;
	struct in_plist *doc;
	int r;

	if ((r = in_plist_parse(plist, VENDOR_REQUEST_MAX, &doc)) != OK)
		return r;
	root = in_plist_root(doc);
	if ((r = take_bytes(root, "PushCertRequestCSR", &out->csr)) == OK &&
	    (r = take_bytes(root, "PushCertSignature", &out->signature)) == OK)
		r = take_text(root, "PushCertCertificateChain", &out->chain);
	in_plist_free(doc);
	return r;
}

int
vendor_request_read(struct blob text, struct vendor_request *out)
{
	struct buf plist;
	int r;

	buf_init(&out->csr, VENDOR_REQUEST_MAX);
	buf_init(&out->chain, VENDOR_REQUEST_MAX);
	buf_init(&out->signature, VENDOR_REQUEST_MAX);
	if (text.n > VENDOR_REQUEST_MAX)
		return fail(
		    ERR_TOO_LARGE, "a signed request of %zu bytes", text.n);
	if (text.n > 0 && text.p[0] == '<')
		return read_plist(text, out);
	buf_init(&plist, VENDOR_REQUEST_MAX);
	if (decode(text, &plist) != OK)
		r = fail(ERR_MALFORMED,
		    "this is not a signed request: neither base64 nor a "
		    "property "
		    "list");
	else
		r = read_plist(buf_blob(&plist), out);
	buf_release(&plist);
	return r;
}

void
vendor_request_release(struct vendor_request *request)
{
	buf_release(&request->csr);
	buf_release(&request->chain);
	buf_release(&request->signature);
}

/* ERR_NOT_FOUND after the last certificate. */
static int
next_certificate(struct blob *rest, gnutls_x509_crt_t *crt)
{
	const uint8_t *end;
	size_t n;
	int r;

	if (rest->n == 0 ||
	    (end = memmem(rest->p, rest->n, PEM_END, strlen(PEM_END))) == NULL)
		return ERR_NOT_FOUND;
	n = (size_t)(end - rest->p) + strlen(PEM_END);
	if ((r = x509_parse_pem(blob_of(rest->p, n), crt)) == OK)
		*rest = blob_of(rest->p + n, rest->n - n);
	return r;
}

static int
check_signature(const struct vendor_request *request, gnutls_x509_crt_t vendor)
{
	gnutls_datum_t csr = { request->csr.p, (unsigned)request->csr.n };
	gnutls_datum_t signature = { request->signature.p,
		(unsigned)request->signature.n };
	gnutls_pubkey_t key;
	int rc;

	if (gnutls_pubkey_init(&key) != 0)
		return fail(ERR_NOMEM, "no memory for a key");
	if ((rc = gnutls_pubkey_import_x509(key, vendor, 0)) == 0)
		rc = gnutls_pubkey_verify_data2(
		    key, GNUTLS_SIGN_RSA_SHA256, 0, &csr, &signature);
	gnutls_pubkey_deinit(key);
	return rc >= 0
	    ? OK
	    : fail(ERR_BAD_SIGNATURE,
		  "the signature over the request is not made by the first "
		  "certificate's key with SHA-256 and RSA: %s",
		  gnutls_strerror(rc));
}

static int
check_chain(gnutls_x509_crt_t *crts, size_t n, int64_t now)
{
	size_t i;
	int r;

	if (n < 2)
		return fail(ERR_MALFORMED,
		    "PushCertCertificateChain has %zu certificates; Apple "
		    "wants the vendor's, the intermediate's and the root's",
		    n);
	for (i = 0; i < n; i++) {
		if (x509_not_before(crts[i]) > now ||
		    x509_not_after(crts[i]) < now)
			return fail(ERR_MALFORMED,
			    "certificate %zu of PushCertCertificateChain is "
			    "not valid now",
			    i + 1);
		if (i + 1 < n &&
		    (r = x509_signed_by(crts[i], crts[i + 1], 0)) != OK)
			return r;
	}
	return OK;
}

int
vendor_request_check(
    const struct vendor_request *request, struct blob spki, int64_t now)
{
	gnutls_x509_crt_t crts[VENDOR_REQUEST_CHAIN_MAX];
	struct blob rest = buf_blob(&request->chain);
	struct csr *csr = NULL;
	size_t n = 0;
	int r;

	r = csr_parse_for(buf_blob(&request->csr), spki, CSR_ALLOW_RSA, &csr);
	csr_free(csr);
	while (r == OK && n < VENDOR_REQUEST_CHAIN_MAX) {
		if ((r = next_certificate(&rest, &crts[n])) == OK)
			n++;
	}
	if (r == ERR_NOT_FOUND)
		r = OK;
	if (r == OK && (r = check_chain(crts, n, now)) == OK)
		r = check_signature(request, crts[0]);
	while (n > 0)
		x509_free(crts[--n]);
	return r;
}

static void
put_base64(struct out_plist_node *to, const char *key, const struct buf *bytes)
{
	struct buf text;

	buf_init(&text, VENDOR_REQUEST_MAX);
	enc_base64(buf_blob(bytes), &text);
	out_plist_string(
	    to, key, buf_status(&text) == OK ? buf_str(&text) : NULL);
	buf_release(&text);
}

int
vendor_request_write(const struct vendor_request *request, struct buf *out)
{
	struct out_plist *doc = out_plist_new();
	struct out_plist_node *root = out_plist_root(doc);
	struct buf plist;
	int r;

	buf_init(&plist, VENDOR_REQUEST_MAX);
	put_base64(root, "PushCertRequestCSR", &request->csr);
	out_plist_string(
	    root, "PushCertCertificateChain", buf_str(&request->chain));
	put_base64(root, "PushCertSignature", &request->signature);
	if ((r = out_plist_write(doc, &plist)) == OK &&
	    (r = enc_base64(buf_blob(&plist), out)) == OK)
		r = buf_add_byte(out, '\n');
	buf_release(&plist);
	out_plist_free(doc);
	return r;
}
