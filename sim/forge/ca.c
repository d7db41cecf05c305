#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/ca.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"

#define CLIENT_AUTH "1.3.6.1.5.5.7.3.2"
#define SERVER_AUTH "1.3.6.1.5.5.7.3.1"

void
ca_release(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	ca->key = NULL;
	buf_release(&ca->der);
	buf_release(&ca->subject);
}

int
ca_set_der(struct ca *ca, struct blob der)
{
	const unsigned char *p = der.p;
	X509 *crt = d2i_X509(NULL, &p, (long)der.n);
	unsigned char *name = NULL;
	int n;

	if (crt == NULL)
		return fail(ERR_MALFORMED, "no certificate");
	n = i2d_X509_NAME(X509_get_subject_name(crt), &name);
	buf_reset(&ca->der);
	buf_reset(&ca->subject);
	buf_add_blob(&ca->der, der);
	if (n > 0)
		buf_add(&ca->subject, name, (size_t)n);
	OPENSSL_free(name);
	X509_free(crt);
	return n > 0 ? buf_status(&ca->subject)
		     : fail(ERR_CRYPTO, "no subject");
}

int
ca_make(const struct ca_plan *plan, struct ca *out)
{
	SCRATCH_BUF(name);
	SCRATCH_BUF(extensions);
	SCRATCH_BUF(der);
	EVP_PKEY *signer;
	int r = keypair_make(plan->kind, &out->key);

	if (r != OK)
		return r;
	signer = plan->issuer != NULL ? plan->issuer->key : out->key;
	cert_basic(&extensions, true, plan->path_len);
	cert_usage(&extensions, plan->path_len == CA_NO_SIGNING ? 0x80 : 0x06);
	if ((r = cert_name_text(plan->name, &name)) != OK ||
	    (r = cert_key_ids(&extensions, out->key, signer)) != OK ||
	    (r = cert_sign(
		 &(struct cert){
		     .issuer = plan->issuer != NULL
			 ? buf_blob(&plan->issuer->subject)
			 : blob_of(NULL, 0),
		     .subject = buf_blob(&name),
		     .key = out->key,
		     .extensions = buf_blob(&extensions),
		     .not_before = plan->not_before,
		     .not_after = plan->not_after,
		     .digest = plan->digest,
		 },
		 signer, &der)) != OK)
		return r;
	return ca_set_der(out, buf_blob(&der));
}

int
ca_load(const char *dir, const char *name, struct ca *out)
{
	char file[128];
	SCRATCH_BUF(der);
	int r;

	snprintf(file, sizeof file, "%s.pem", name);
	if ((r = disk_read_pem(dir, file, &der)) != OK ||
	    (r = ca_set_der(out, buf_blob(&der))) != OK)
		return r;
	snprintf(file, sizeof file, "%s.key", name);
	return disk_has(dir, file) ? keypair_load(dir, file, &out->key) : OK;
}

int
ca_save(const char *dir, const char *name, const struct ca *ca)
{
	char file[128];
	int r;

	snprintf(file, sizeof file, "%s.pem", name);
	r = disk_write_pem(dir, file, buf_blob(&ca->der));
	snprintf(file, sizeof file, "%s.key", name);
	return r == OK && ca->key != NULL ? keypair_save(dir, file, ca->key)
					  : r;
}

/* Appends SubjectAltName; 127.0.0.1 is also called localhost. */
static void
add_host(const char *host, struct buf *out)
{
	uint8_t address[16];
	SCRATCH_BUF(names);
	size_t mark = der_open(&names, DER_SEQUENCE);

	if (inet_pton(AF_INET, host, address) == 1)
		der_put(&names, DER_CONTEXT + 7, blob_of(address, 4));
	else if (inet_pton(AF_INET6, host, address) == 1)
		der_put(&names, DER_CONTEXT + 7, blob_of(address, 16));
	else
		der_put(&names, DER_CONTEXT + 2, blob_str(host));
	if (strcmp(host, "127.0.0.1") == 0)
		der_put(&names, DER_CONTEXT + 2, blob_str("localhost"));
	der_close(&names, mark);
	cert_extension(out, "2.5.29.17", false, buf_blob(&names));
}

int
ca_certify(const struct ca *issuer, const struct ca_end *end, struct buf *out)
{
	const char *const ekus[] = {
		end->host != NULL ? SERVER_AUTH : CLIENT_AUTH, NULL
	};
	EVP_PKEY *signer = issuer != NULL ? issuer->key : end->key;
	SCRATCH_BUF(name);
	SCRATCH_BUF(extensions);
	int r = cert_name_text(end->subject, &name);

	cert_basic(&extensions, false, -1);
	cert_usage(&extensions, 0x80);
	cert_ekus(&extensions, false, ekus);
	if (end->host != NULL)
		add_host(end->host, &extensions);
	if (r != OK || (r = cert_key_ids(&extensions, end->key, signer)) != OK)
		return r;
	return cert_sign(
	    &(struct cert){
		.issuer = issuer != NULL ? buf_blob(&issuer->subject)
					 : blob_of(NULL, 0),
		.subject = buf_blob(&name),
		.key = end->key,
		.extensions = buf_blob(&extensions),
		.not_before = end->not_before,
		.not_after = end->not_after,
	    },
	    signer, out);
}

int
ca_make_server(const char *host, int days, struct ca *ca, struct ca *server)
{
	int64_t from = clock_now() - 300;
	SCRATCH_BUF(subject);
	SCRATCH_BUF(der);
	int r = ca_make(
	    &(struct ca_plan){
		.kind = "P-256",
		.name = "/CN=attestmdm test TLS CA",
		.digest = "sha256",
		.not_before = from,
		.not_after = from + 3650 * CERT_DAY,
		.path_len = 0,
	    },
	    ca);

	buf_printf(&subject, "/CN=%s", host);
	if (r != OK || (r = keypair_make("P-256", &server->key)) != OK ||
	    (r = ca_certify(ca,
		 &(struct ca_end){
		     .subject = buf_str(&subject),
		     .host = host,
		     .key = server->key,
		     .not_before = from,
		     .not_after = from + days * CERT_DAY,
		 },
		 &der)) != OK)
		return r;
	return ca_set_der(server, buf_blob(&der));
}
