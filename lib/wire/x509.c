#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "wire/in_der.h"
#include "wire/x509.h"

#define PEM_BEGIN      "-----BEGIN CERTIFICATE-----"
#define PEM_END        "-----END CERTIFICATE-----"
#define PEM_LINE       64
#define FILE_BYTES_MAX (1u << 20)

static gnutls_datum_t
datum(struct blob in)
{
	gnutls_datum_t d = { NULL, (unsigned)in.n };

	/* GnuTLS only reads what it is given, but its type is not const. */
	memcpy(&d.data, &in.p, sizeof d.data);
	return d;
}

int
x509_parse(struct blob der, gnutls_x509_crt_t *crt)
{
	gnutls_datum_t d = datum(der);
	const char *fault;
	int r;

	*crt = NULL;
	if (der.n > X509_DER_MAX)
		return fail(ERR_MALFORMED, "certificate of %zu bytes", der.n);
	if ((fault = in_der_fault(der, true)) != NULL)
		return fail(ERR_MALFORMED, "certificate has %s", fault);
	if (gnutls_x509_crt_init(crt) < 0)
		return fail(ERR_NOMEM, "no memory for a certificate");
	if ((r = gnutls_x509_crt_import(*crt, &d, GNUTLS_X509_FMT_DER)) < 0) {
		x509_free(*crt);
		*crt = NULL;
		return fail(
		    r == GNUTLS_E_MEMORY_ERROR ? ERR_NOMEM : ERR_MALFORMED,
		    "certificate cannot be read: %s", gnutls_strerror(r));
	}
	return OK;
}

void
x509_free(gnutls_x509_crt_t crt)
{
	if (crt != NULL)
		gnutls_x509_crt_deinit(crt);
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
only_space(struct blob in)
{
	while (in.n > 0 && is_space(in.p[in.n - 1]))
		in.n--;
	return in.n == 0;
}

/* Appends the bytes of a base64 body, whose lines may break anywhere. */
static int
decode_body(struct blob body, struct buf *der)
{
	struct buf text;
	size_t i;
	int r;

	buf_init(&text, 2 * X509_DER_MAX);
	for (i = 0; i < body.n; i++) {
		if (!is_space(body.p[i]))
			buf_add_byte(&text, body.p[i]);
	}
	if ((r = buf_status(&text)) == OK)
		r = enc_base64_decode(buf_blob(&text), der);
	buf_release(&text);
	return r;
}

/*
 * Takes the first block off `rest` and appends its DER; `before` is the text
 * in front of it. ERR_MALFORMED, unlogged, when there is no whole and sound
 * block.
 */
static int
next_block(struct blob *rest, struct blob *before, struct buf *der)
{
	const uint8_t *end, *p;
	size_t left;
	int r;

	if ((p = memmem(rest->p, rest->n, PEM_BEGIN, strlen(PEM_BEGIN))) ==
	    NULL)
		return ERR_MALFORMED;
	*before = blob_of(rest->p, (size_t)(p - rest->p));
	p += strlen(PEM_BEGIN);
	left = rest->n - (size_t)(p - rest->p);
	if ((end = memmem(p, left, PEM_END, strlen(PEM_END))) == NULL)
		return ERR_MALFORMED;
	r = decode_body(blob_of(p, (size_t)(end - p)), der);
	if (r == ERR_NOMEM)
		return fail(r, "no memory for a certificate");
	if (r != OK)
		return ERR_MALFORMED;
	p = end + strlen(PEM_END);
	*rest = blob_of(p, rest->n - (size_t)(p - rest->p));
	return OK;
}

int
x509_parse_pem(struct blob pem, gnutls_x509_crt_t *crt)
{
	struct blob rest = pem, before = { NULL, 0 };
	struct buf der;
	int r;

	*crt = NULL;
	buf_init(&der, X509_DER_MAX);
	r = pem.n == 0 ? ERR_MALFORMED : next_block(&rest, &before, &der);
	if (r == ERR_MALFORMED)
		r = fail(r, "no sound PEM certificate");
	else if (r == OK && (!only_space(before) || !only_space(rest)))
		r = fail(ERR_MALFORMED, "text around a PEM certificate");
	else if (r == OK)
		r = x509_parse(buf_blob(&der), crt);
	buf_release(&der);
	return r;
}

/* All certificates of a text, in order. On failure none is left. */
static int
parse_all(struct blob rest, const char *path, size_t max,
    gnutls_x509_crt_t *crts, size_t *n)
{
	struct blob before;
	struct buf der;
	int r = OK;

	buf_init(&der, X509_DER_MAX);
	while (memmem(rest.p, rest.n, PEM_BEGIN, strlen(PEM_BEGIN)) != NULL) {
		buf_reset(&der);
		if (*n == max)
			r = fail(ERR_TOO_LARGE, "%s: over %zu certificates",
			    path, max);
		else if ((r = next_block(&rest, &before, &der)) ==
		    ERR_MALFORMED)
			r = fail(r, "%s: a block is not sound", path);
		else if (r == OK)
			r = x509_parse(buf_blob(&der), &crts[*n]);
		if (r != OK)
			break;
		++*n;
	}
	buf_release(&der);
	if (r == OK && *n == 0)
		r = fail(ERR_MALFORMED, "%s: no certificate", path);
	while (r != OK && *n > 0)
		x509_free(crts[--*n]);
	return r;
}

int
x509_load(const char *path, size_t max, gnutls_x509_crt_t *crts, size_t *n)
{
	uint8_t *text = NULL;
	size_t got = 0;
	FILE *f;
	int r;

	*n = 0;
	if ((f = fopen(path, "rbe")) == NULL)
		return fail(ERR_IO, "%s: %m", path);
	if ((text = malloc(FILE_BYTES_MAX)) == NULL)
		r = fail(ERR_NOMEM, "no memory to read %s", path);
	else if ((got = fread(text, 1, FILE_BYTES_MAX, f)) == FILE_BYTES_MAX)
		r = fail(ERR_TOO_LARGE, "%s is too large", path);
	else if (ferror(f))
		r = fail(ERR_IO, "%s: %m", path);
	else
		r = parse_all(blob_of(text, got), path, max, crts, n);
	free(text);
	fclose(f);
	return r;
}

int
x509_der(gnutls_x509_crt_t crt, struct buf *out)
{
	gnutls_datum_t d = { NULL, 0 };
	int r;

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &d) < 0)
		return fail(ERR_CRYPTO, "certificate cannot be written");
	r = buf_add(out, d.data, d.size);
	gnutls_free(d.data);
	return r;
}

int
x509_spki(gnutls_x509_crt_t crt, struct buf *out)
{
	gnutls_pubkey_t key = NULL;
	gnutls_datum_t d = { NULL, 0 };
	int r;

	if (gnutls_pubkey_init(&key) < 0)
		return fail(ERR_NOMEM, "no memory for a public key");
	if (gnutls_pubkey_import_x509(key, crt, 0) < 0 ||
	    gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &d) < 0)
		r = fail(ERR_BAD_PUBLIC_KEY, "certificate's key is unusable");
	else
		r = buf_add(out, d.data, d.size);
	gnutls_free(d.data);
	gnutls_pubkey_deinit(key);
	return r;
}

int
x509_write_pem(struct blob der, struct buf *out)
{
	struct buf text;
	struct blob b;
	size_t at, n;

	buf_init(&text, 2 * X509_DER_MAX);
	enc_base64(der, &text);
	if (buf_status(&text) != OK) {
		buf_release(&text);
		return fail(ERR_TOO_LARGE, "certificate too large for PEM");
	}
	b = buf_blob(&text);
	buf_add_str(out, PEM_BEGIN "\n");
	for (at = 0; at < b.n; at += n) {
		n = b.n - at < PEM_LINE ? b.n - at : PEM_LINE;
		buf_add(out, b.p + at, n);
		buf_add_byte(out, '\n');
	}
	buf_release(&text);
	return buf_add_str(out, PEM_END "\n");
}

int
x509_sha256(gnutls_x509_crt_t crt, uint8_t out[SECRET_SHA256])
{
	struct buf der;
	int r;

	buf_init(&der, X509_DER_MAX);
	if ((r = x509_der(crt, &der)) == OK)
		secret_sha256(buf_blob(&der), out);
	buf_release(&der);
	return r;
}

int
x509_key_id(gnutls_x509_crt_t crt, struct buf *out)
{
	uint8_t id[64];
	size_t n = sizeof id;
	int r;

	r = gnutls_x509_crt_get_subject_key_id(crt, id, &n, NULL);
	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return ERR_NOT_FOUND;
	if (r < 0)
		return fail(ERR_MALFORMED, "key identifier cannot be read");
	return buf_add(out, id, n);
}

int64_t
x509_not_before(gnutls_x509_crt_t crt)
{
	return (int64_t)gnutls_x509_crt_get_activation_time(crt);
}

int64_t
x509_not_after(gnutls_x509_crt_t crt)
{
	return (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

bool
x509_is_ca(gnutls_x509_crt_t crt)
{
	int r = gnutls_x509_crt_get_ca_status(crt, NULL);

	/* Unreadable constraints are taken for a CA's: refuse, not trust. */
	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return gnutls_x509_crt_get_version(crt) == 1;
	return r != 0;
}

int
x509_signed_by(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer, unsigned flags)
{
	unsigned how = GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
	    GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS;
	unsigned status = 0;
	int r;

	if ((flags & X509_ALLOW_SHA1) != 0)
		how |= GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1;
	if (gnutls_x509_crt_check_issuer(crt, issuer) != 1)
		return fail(
		    ERR_BAD_SIGNATURE, "certificate names another issuer");
	r = gnutls_x509_crt_verify(crt, &issuer, 1, how, &status);
	if (r < 0 || status != 0)
		return fail(ERR_BAD_SIGNATURE,
		    "certificate is not signed by its issuer (%d, %#x)", r,
		    status);
	return OK;
}

int
x509_pubkey(struct blob spki, gnutls_pubkey_t *key)
{
	gnutls_datum_t d = datum(spki);
	const char *fault;
	int r;

	*key = NULL;
	if (spki.n > X509_DER_MAX)
		return fail(ERR_BAD_PUBLIC_KEY, "key of %zu bytes", spki.n);
	if ((fault = in_der_fault(spki, true)) != NULL)
		return fail(ERR_BAD_PUBLIC_KEY, "public key has %s", fault);
	if (gnutls_pubkey_init(key) < 0)
		return fail(ERR_NOMEM, "no memory for a public key");
	/* Import alone accepts points that are not on the curve. */
	if ((r = gnutls_pubkey_import(*key, &d, GNUTLS_X509_FMT_DER)) == 0 &&
	    (r = gnutls_pubkey_verify_params(*key)) == 0)
		return OK;
	gnutls_pubkey_deinit(*key);
	*key = NULL;
	return fail(ERR_BAD_PUBLIC_KEY, "public key: %s", gnutls_strerror(r));
}
