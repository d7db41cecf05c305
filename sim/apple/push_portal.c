#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/apple/push_portal.h"
#include "sim/forge/ca.h"
#include "sim/forge/disk.h"
#include "sim/forge/xml.h"

#define TOPIC_MAX 256

static X509_REQ *
read_request(struct blob bytes)
{
	const unsigned char *p = bytes.p;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)bytes.n);
	BIO *bio;

	if (req != NULL)
		return req;
	if ((bio = BIO_new_mem_buf(bytes.p, (int)bytes.n)) != NULL)
		req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	return req;
}

/* Appends the request in DER once it is one that Apple takes. */
static int
check_request(struct blob bytes, EVP_PKEY **key, struct buf *der)
{
	X509_REQ *req = read_request(bytes);
	EVP_PKEY *own = req == NULL ? NULL : X509_REQ_get_pubkey(req);
	unsigned char *out = NULL;
	int n = 0;
	bool good = own != NULL && EVP_PKEY_is_a(own, "RSA") &&
	    EVP_PKEY_get_bits(own) >= 2048 && X509_REQ_verify(req, own) == 1 &&
	    (n = i2d_X509_REQ(req, &out)) > 0;

	if (good)
		buf_add(der, out, (size_t)n);
	OPENSSL_free(out);
	X509_REQ_free(req);
	if (good && key != NULL)
		*key = own;
	else
		EVP_PKEY_free(own);
	return good ? buf_status(der)
		    : fail(ERR_MALFORMED, "not a request for an RSA key");
}

int
push_portal_open(const char *dir)
{
	int64_t from = clock_now() - 30 * CERT_DAY;
	SCRATCH_CA(ca);
	SCRATCH_CA(vendor);
	SCRATCH_BUF(der);
	int r = disk_folder(dir);

	if (r != OK || disk_has(dir, PUSH_PORTAL_CA))
		return r;
	if ((r = ca_make(
		 &(struct ca_plan){
		     .kind = "RSA-2048",
		     .name = "/CN=Simulated Apple Application Integration CA"
			     "/O=Simulated Apple Inc./C=US",
		     .digest = "sha256",
		     .not_before = from,
		     .not_after = from + 5000 * CERT_DAY,
		     .path_len = 0,
		 },
		 &ca)) != OK ||
	    (r = keypair_make("RSA-2048", &vendor.key)) != OK ||
	    (r = ca_certify(&ca,
		 &(struct ca_end){
		     .subject = "/CN=MDM Vendor: Simulated Vendor",
		     .key = vendor.key,
		     .not_before = from,
		     .not_after = from + 5000 * CERT_DAY,
		 },
		 &der)) != OK ||
	    (r = ca_set_der(&vendor, buf_blob(&der))) != OK ||
	    (r = ca_save(dir, "vendor", &vendor)) != OK)
		return r;
	return ca_save(dir, "push-ca", &ca);
}

int
push_portal_sign(const char *dir, struct blob request, struct buf *out)
{
	struct xml x;
	SCRATCH_CA(ca);
	SCRATCH_CA(vendor);
	SCRATCH_BUF(csr);
	SCRATCH_BUF(text);
	SCRATCH_BUF(chain);
	SCRATCH_BUF(signature);
	SCRATCH_BUF(plist);
	int r;

	if ((r = push_portal_open(dir)) != OK ||
	    (r = ca_load(dir, "push-ca", &ca)) != OK ||
	    (r = ca_load(dir, "vendor", &vendor)) != OK ||
	    (r = check_request(request, NULL, &csr)) != OK ||
	    (r = keypair_sign(
		 vendor.key, "sha256", buf_blob(&csr), &signature)) != OK ||
	    (r = disk_pem(buf_blob(&vendor.der), &chain)) != OK ||
	    (r = disk_pem(buf_blob(&ca.der), &chain)) != OK)
		return r;
	xml_start(&x, &plist);
	xml_string(&x, "PushCertCertificateChain", buf_str(&chain));
	enc_base64(buf_blob(&csr), &text);
	xml_string(&x, "PushCertRequestCSR", buf_str(&text));
	buf_reset(&text);
	enc_base64(buf_blob(&signature), &text);
	xml_string(&x, "PushCertSignature", buf_str(&text));
	xml_finish(&x);
	return enc_base64(buf_blob(&plist), out);
}

/* Appends the bytes of base64 that may be cut into lines. */
static int
decode(struct blob text, struct buf *out)
{
	SCRATCH_BUF(clean);

	for (size_t i = 0; i < text.n; i++)
		if (!isspace(text.p[i]))
			buf_add_byte(&clean, text.p[i]);
	return enc_base64_decode(buf_blob(&clean), out) == OK
	    ? OK
	    : fail(ERR_MALFORMED, "no base64");
}

static int
decode_member(plist_t plist, const char *name, struct buf *out)
{
	const char *text = xml_get_text(plist, name);

	return text == NULL ? fail(ERR_MALFORMED, "%s is missing", name)
			    : decode(blob_str(text), out);
}

/* The vendor must be one that the CA certified; its key signed the request. */
static int
check_vendor(
    plist_t plist, const struct ca *ca, struct blob csr, struct blob signature)
{
	const char *chain = xml_get_text(plist, "PushCertCertificateChain");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	BIO *bio = chain == NULL ? NULL : BIO_new_mem_buf(chain, -1);
	X509 *vendor =
	    bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	bool good = vendor != NULL && X509_verify(vendor, ca->key) == 1 &&
	    EVP_DigestVerifyInit_ex(ctx, NULL, "sha256", NULL, NULL,
		X509_get0_pubkey(vendor), NULL) == 1 &&
	    EVP_DigestVerify(ctx, signature.p, signature.n, csr.p, csr.n) == 1;

	EVP_MD_CTX_free(ctx);
	X509_free(vendor);
	BIO_free(bio);
	return good ? OK
		    : fail(ERR_BAD_SIGNATURE, "the vendor did not sign this");
}

/* Appends the request in DER that a signed request holds. */
static int
open_signed(struct blob bytes, const struct ca *ca, struct buf *csr)
{
	plist_t plist = NULL;
	SCRATCH_BUF(text);
	SCRATCH_BUF(signature);
	int r;

	if ((r = decode(bytes, &text)) == OK &&
	    (r = xml_parse(buf_blob(&text), &plist)) == OK &&
	    (r = decode_member(plist, "PushCertRequestCSR", csr)) == OK &&
	    (r = decode_member(plist, "PushCertSignature", &signature)) == OK)
		r = check_vendor(
		    plist, ca, buf_blob(csr), buf_blob(&signature));
	plist_free(plist);
	return r;
}

static int
choose_topic(const struct push_portal_options *options, char out[TOPIC_MAX])
{
	char uuid[KEYPAIR_UUID];
	const unsigned char *p;
	X509 *crt;
	SCRATCH_BUF(der);
	int n, r;

	if (options->renew == NULL) {
		keypair_uuid(uuid);
		for (char *c = uuid; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		snprintf(out, TOPIC_MAX, "%s%s",
		    options->topic != NULL ? options->topic
					   : "com.apple.mgmt.External.",
		    options->topic != NULL ? "" : uuid);
		return OK;
	}
	if ((r = disk_read_pem(NULL, options->renew, &der)) != OK)
		return r;
	p = der.p;
	crt = d2i_X509(NULL, &p, (long)der.n);
	n = crt == NULL ? -1
			: X509_NAME_get_text_by_NID(X509_get_subject_name(crt),
			      NID_userId, out, TOPIC_MAX);
	X509_free(crt);
	return n > 0 ? OK : fail(ERR_MALFORMED, "%s: no topic", options->renew);
}

int
push_portal_issue(const char *dir, struct blob signed_request,
    const struct push_portal_options *options, struct buf *pem)
{
	int64_t from = clock_now() - 300 - options->age * CERT_DAY;
	char topic[TOPIC_MAX];
	SCRATCH_CA(ca);
	SCRATCH_KEY(key);
	SCRATCH_BUF(csr);
	SCRATCH_BUF(checked);
	SCRATCH_BUF(subject);
	SCRATCH_BUF(der);
	int r;

	if ((r = ca_load(dir, "push-ca", &ca)) != OK ||
	    (r = open_signed(signed_request, &ca, &csr)) != OK ||
	    (r = check_request(buf_blob(&csr), &key, &checked)) != OK ||
	    (r = choose_topic(options, topic)) != OK)
		return r;
	buf_printf(&subject, "/UID=%s/CN=APSP:%s/C=US", topic,
	    topic + (strlen(topic) > 36 ? strlen(topic) - 36 : 0));
	if ((r = ca_certify(&ca,
		 &(struct ca_end){
		     .subject = buf_str(&subject),
		     .key = key,
		     .not_before = from,
		     .not_after = from + options->days * CERT_DAY,
		 },
		 &der)) != OK)
		return r;
	return disk_pem(buf_blob(&der), pem);
}
