#include "wire/attchain.h"

#include <assert.h>

#include "base/log.h"
#include "wire/x509.h"

#define ATTCHAIN_OID_TEXT 128

/* Of critical extensions only these two are understood here. */
#define ATTCHAIN_BASIC_CONSTRAINTS "2.5.29.19"
#define ATTCHAIN_KEY_USAGE         "2.5.29.15"

#define ATTCHAIN_NAME_CONSTRAINTS "2.5.29.30"

/* The certificates below the root, whose bytes are `root`. */
static int
parse_below(const struct attobj *object, struct blob root, struct attchain *out)
{
	size_t n = object->n;
	int r;

	if (n > 0 && blob_eq(object->x5c[n - 1], root))
		n--;
	/* Apple's root never signs a device's leaf itself. */
	if (n < 2)
		return fail(ERR_ATT_CHAIN, "x5c has no intermediate");
	for (; out->n < n; out->n++) {
		if (blob_eq(object->x5c[out->n], root))
			return fail(ERR_ATT_CHAIN, "the root is not the last");
		r = x509_parse(object->x5c[out->n], &out->crts[out->n]);
		if (r != OK)
			return r == ERR_NOMEM ? r : ERR_ATT_CHAIN;
	}
	return OK;
}

int
attchain_parse(
    const struct attobj *object, gnutls_x509_crt_t root, struct attchain *out)
{
	struct buf own;
	int r;

	*out = (struct attchain){ .n = 0 };
	buf_init(&own, X509_DER_MAX);
	if ((r = x509_der(root, &own)) == OK)
		r = parse_below(object, buf_blob(&own), out);
	buf_release(&own);
	out->crts[out->n++] = root;
	return r;
}

void
attchain_release(struct attchain *chain)
{
	size_t i;

	/* The root comes last and is not the chain's own. */
	for (i = 0; i + 1 < chain->n; i++)
		x509_free(chain->crts[i]);
	chain->n = 0;
}

static bool
curve_allowed(gnutls_x509_crt_t crt)
{
	gnutls_ecc_curve_t curve;
	gnutls_datum_t x, y;

	if (gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, &x, &y) < 0)
		return false;
	gnutls_free(x.data);
	gnutls_free(y.data);
	return curve == GNUTLS_ECC_CURVE_SECP256R1 ||
	    curve == GNUTLS_ECC_CURVE_SECP384R1;
}

static bool
digest_allowed(gnutls_x509_crt_t crt)
{
	switch (gnutls_x509_crt_get_signature_algorithm(crt)) {
	case GNUTLS_SIGN_ECDSA_SHA256:
	case GNUTLS_SIGN_ECDSA_SHA384:
	case GNUTLS_SIGN_ECDSA_SHA512:
		return true;
	default:
		return false;
	}
}

/*
 * Name constraints are refused even when they are not critical, for GnuTLS
 * does not hold directory names against them.
 */
static int
check_extensions(gnutls_x509_crt_t crt)
{
	char oid[ATTCHAIN_OID_TEXT];
	unsigned critical, i;
	size_t len;
	int e;

	for (i = 0;; i++) {
		len = sizeof oid;
		e = gnutls_x509_crt_get_extension_info(
		    crt, i, oid, &len, &critical);
		if (e == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return OK;
		if (e < 0)
			return fail(ERR_ATT_CHAIN,
			    "an extension cannot be read: %s",
			    gnutls_strerror(e));
		if (strcmp(oid, ATTCHAIN_NAME_CONSTRAINTS) == 0)
			return fail(ERR_ATT_CHAIN, "name constraints");
		if (critical && strcmp(oid, ATTCHAIN_BASIC_CONSTRAINTS) != 0 &&
		    strcmp(oid, ATTCHAIN_KEY_USAGE) != 0)
			return fail(ERR_ATT_CHAIN,
			    "critical extension %s is unknown", oid);
	}
}

static int
check_time(gnutls_x509_crt_t crt, int64_t now)
{
	int64_t from = x509_not_before(crt), until = x509_not_after(crt);

	if (from < 0 || until < 0 || now < from || now > until)
		return fail(ERR_ATT_TIME,
		    "certificate is valid from %lld to %lld, now is %lld",
		    (long long)from, (long long)until, (long long)now);
	return OK;
}

/* `below` is the number of CA certificates between this one and the leaf. */
static int
check_ca(gnutls_x509_crt_t crt, unsigned below)
{
	unsigned ca = 0, usage = 0;
	int path = -1;

	if (gnutls_x509_crt_get_basic_constraints(crt, NULL, &ca, &path) < 0 ||
	    ca == 0)
		return fail(ERR_ATT_CHAIN, "the issuer is no CA");
	if (!curve_allowed(crt))
		return fail(ERR_ATT_CHAIN,
		    "the issuer's key is on neither P-256 nor P-384");
	if (path >= 0 && (unsigned)path < below)
		return fail(ERR_ATT_CHAIN, "the path is too long for a CA");
	if (gnutls_x509_crt_get_key_usage(crt, &usage, NULL) < 0 ||
	    (usage & GNUTLS_KEY_KEY_CERT_SIGN) == 0)
		return fail(
		    ERR_ATT_CHAIN, "the issuer may not sign certificates");
	return OK;
}

static int
check_leaf(gnutls_x509_crt_t crt)
{
	unsigned ca = 0;
	int e;

	if (gnutls_x509_crt_get_version(crt) != 3)
		return fail(ERR_ATT_CHAIN, "the leaf is not of version 3");
	e = gnutls_x509_crt_get_basic_constraints(crt, NULL, &ca, NULL);
	if (ca != 0 || (e < 0 && e != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE))
		return fail(ERR_ATT_CHAIN, "the leaf is a CA");
	if (!curve_allowed(crt))
		return fail(ERR_ATT_KEY,
		    "the attested key is on neither P-256 nor P-384");
	return OK;
}

/* What every certificate must be, the root included. */
static int
check_one(gnutls_x509_crt_t crt)
{
	if (!digest_allowed(crt))
		return fail(ERR_ATT_CHAIN, "a signature algorithm is refused");
	return check_extensions(crt);
}

static int
check_issued(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
	unsigned status = 0;
	int e;

	e = gnutls_x509_crt_verify(crt, &issuer, 1,
	    GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_SAME,
	    &status);
	if (e < 0 || status != 0)
		return fail(ERR_ATT_CHAIN,
		    "a certificate is not issued by the next (%d, 0x%x)", e,
		    status);
	return OK;
}

int
attchain_check(const struct attchain *chain, int64_t now)
{
	size_t i;
	int r;

	assert(chain->n >= 3);
	if ((r = check_leaf(chain->crts[0])) != OK)
		return r;
	for (i = 0; i < chain->n; i++) {
		if ((r = check_one(chain->crts[i])) != OK)
			return r;
		if (i > 0 &&
		    (r = check_ca(chain->crts[i], (unsigned)(i - 1))) != OK)
			return r;
	}
	for (i = 0; i + 1 < chain->n; i++) {
		r = check_issued(chain->crts[i], chain->crts[i + 1]);
		if (r != OK)
			return r;
	}
	for (i = 0; i < chain->n; i++) {
		if ((r = check_time(chain->crts[i], now)) != OK)
			return r;
	}
	return OK;
}

int
attchain_check_root(gnutls_x509_crt_t root)
{
	if (check_one(root) != OK || check_ca(root, 0) != OK)
		return ERR_CONFIG;
	if (x509_signed_by(root, root, 0) != OK)
		return fail(ERR_CONFIG, "the root is not self-signed");
	return OK;
}
