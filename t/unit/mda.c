#include "unit/mda.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "sim/forge/attestation.h"
#include "sim/forge/der.h"
#include "wire/in_der.h"

#define MDA_KEYS 16
#define MDA_MAX  65536
#define MDA_DAY  86400

static void
must(int e)
{
	assert(e >= 0);
}

static gnutls_x509_privkey_t mda_keys[GNUTLS_ECC_CURVE_MAX + 1][MDA_KEYS];

void
mda_keys_free(void)
{
	size_t i, j;

	for (i = 0; i <= GNUTLS_ECC_CURVE_MAX; i++) {
		for (j = 0; j < MDA_KEYS; j++) {
			if (mda_keys[i][j] != NULL)
				gnutls_x509_privkey_deinit(mda_keys[i][j]);
			mda_keys[i][j] = NULL;
		}
	}
}

gnutls_x509_privkey_t
mda_key(gnutls_ecc_curve_t curve, int which)
{
	gnutls_x509_privkey_t *key = &mda_keys[curve][which];

	if (*key == NULL) {
		must(gnutls_x509_privkey_init(key));
		must(gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
		    (unsigned)GNUTLS_CURVE_TO_BITS(curve), 0));
	}
	return *key;
}

static void
mda_begin(struct mda_cert *c, const char *dn, gnutls_x509_privkey_t key)
{
	static uint8_t serial[6] = { 1, 0x98, 8, 0x4c, 0x7e, 1 };
	const char *bad;

	memset(c, 0, sizeof *c);
	buf_init(&c->der, MDA_MAX);
	c->key = key;
	serial[5]++;
	must(gnutls_x509_crt_init(&c->crt));
	must(gnutls_x509_crt_set_version(c->crt, 3));
	must(gnutls_x509_crt_set_serial(c->crt, serial, sizeof serial));
	must(gnutls_x509_crt_set_dn(c->crt, dn, &bad));
	must(gnutls_x509_crt_set_key(c->crt, key));
	must(gnutls_x509_crt_set_activation_time(
	    c->crt, (time_t)(MDA_NOW - MDA_DAY)));
	must(gnutls_x509_crt_set_expiration_time(
	    c->crt, (time_t)(MDA_NOW + 90L * MDA_DAY)));
}

/* The certificate is read again, for a fresh one has no signed part yet. */
static void
mda_end(struct mda_cert *c, const struct mda_cert *issuer,
    gnutls_digest_algorithm_t digest)
{
	gnutls_datum_t der;

	must(
	    gnutls_x509_crt_sign2(c->crt, issuer != NULL ? issuer->crt : c->crt,
		issuer != NULL ? issuer->key : c->key, digest, 0));
	must(gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der));
	buf_add(&c->der, der.data, der.size);
	gnutls_free(der.data);
}

void
mda_ca(struct mda_cert *c, const char *dn, int which,
    const struct mda_cert *issuer, mda_tweak *tweak)
{
	mda_begin(c, dn, mda_key(GNUTLS_ECC_CURVE_SECP384R1, which));
	must(gnutls_x509_crt_set_basic_constraints(c->crt, 1, -1));
	must(gnutls_x509_crt_set_key_usage(
	    c->crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
	if (tweak != NULL)
		tweak(c->crt);
	mda_end(c, issuer, GNUTLS_DIG_SHA384);
}

void
mda_extension(
    gnutls_x509_crt_t crt, const char *oid, const void *p, size_t n, int crit)
{
	must(
	    gnutls_x509_crt_set_extension_by_oid(crt, oid, p, n, crit ? 1 : 0));
}

static void
mda_text(gnutls_x509_crt_t crt, const char *oid, const char *s)
{
	mda_extension(crt, oid, s, strlen(s), 0);
}

static void
mda_properties(gnutls_x509_crt_t crt)
{
	uint8_t digest[SECRET_SHA256];

	mda_text(crt, MDA_ARC "9.1", "C02TEST12345");
	mda_text(crt, MDA_ARC "9.2", "00008112-000A1B2C3D4E5F60");
	mda_text(crt, MDA_ARC "9.4", "J514sAP");
	mda_text(crt, MDA_ARC "10.1", "15.5");
	mda_text(crt, MDA_ARC "10.2", "2622.1");
	mda_text(crt, MDA_ARC "10.3", "11881.121.1");
	secret_sha256(blob_str(MDA_TOKEN), digest);
	mda_extension(crt, MDA_ARC "11.1", digest, sizeof digest, 0);
	mda_extension(crt, MDA_ARC "13.1", "\x02\x01\x00", 3, 0);
	mda_text(crt, MDA_ARC "13.2", "Full Security");
	mda_extension(crt, MDA_ARC "13.3", "\x02\x01\x00", 3, 0);
}

void
mda_leaf(struct mda_cert *c, gnutls_x509_privkey_t key,
    const struct mda_cert *issuer, mda_tweak *tweak,
    gnutls_digest_algorithm_t digest)
{
	mda_begin(c, "CN=leaf,OU=AAA Certification,O=Test", key);
	must(gnutls_x509_crt_set_basic_constraints(c->crt, 0, -1));
	must(gnutls_x509_crt_set_key_usage(
	    c->crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_NON_REPUDIATION));
	mda_properties(c->crt);
	if (tweak != NULL)
		tweak(c->crt);
	mda_end(c, issuer, digest);
}

static void
mda_sign(struct blob tbs, struct blob alg, const struct mda_cert *issuer,
    struct buf *out)
{
	gnutls_datum_t data = { (uint8_t *)(uintptr_t)tbs.p, (unsigned)tbs.n };
	gnutls_privkey_t key;
	gnutls_datum_t sig;
	struct buf bits, inner;

	buf_init(&bits, MDA_MAX);
	buf_init(&inner, MDA_MAX);
	must(gnutls_privkey_init(&key));
	must(gnutls_privkey_import_x509(key, issuer->key, 0));
	must(gnutls_privkey_sign_data2(
	    key, GNUTLS_SIGN_ECDSA_SHA384, 0, &data, &sig));
	buf_add_byte(&bits, 0);
	buf_add(&bits, sig.data, sig.size);
	buf_add_blob(&inner, tbs);
	buf_add_blob(&inner, alg);
	der_put(&inner, 0x03, buf_blob(&bits));
	der_put(out, 0x30, buf_blob(&inner));
	gnutls_free(sig.data);
	gnutls_privkey_deinit(key);
	buf_release(&bits);
	buf_release(&inner);
}

void
mda_patch(struct mda_cert *c, const struct mda_cert *issuer, const char *from,
    const char *to, size_t n)
{
	struct blob rest = buf_blob(&c->der), body;
	struct in_der tbs, alg;
	struct buf out;
	uint8_t *at;

	assert((at = memmem(c->der.p, c->der.n, from, n)) != NULL);
	assert(memmem(at + n, (size_t)(c->der.p + c->der.n - at) - n, from,
		   n) == NULL);
	memcpy(at, to, n);
	assert(in_der_take(&rest, 0x30, &body));
	assert(in_der_next(&body, &tbs) && in_der_next(&body, &alg));
	buf_init(&out, MDA_MAX);
	mda_sign(tbs.whole, alg.whole, issuer, &out);
	buf_release(&c->der);
	c->der = out;
}

void
mda_release(struct mda_cert *c)
{
	if (c->crt != NULL)
		gnutls_x509_crt_deinit(c->crt);
	buf_release(&c->der);
	c->crt = NULL;
}

void
mda_object(struct buf *out, const struct blob *x5c, size_t n)
{
	size_t i;

	attestation_head(out, ATTESTATION_MAP, 2);
	attestation_text(out, "fmt");
	attestation_text(out, "apple");
	attestation_text(out, "attStmt");
	attestation_head(out, ATTESTATION_MAP, 1);
	attestation_text(out, "x5c");
	attestation_head(out, ATTESTATION_ARRAY, n);
	for (i = 0; i < n; i++)
		attestation_bytes(out, x5c[i]);
}
