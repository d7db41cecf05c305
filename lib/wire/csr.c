#include <gnutls/abstract.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"
#include "wire/csr.h"
#include "wire/in_der.h"
#include "wire/x509.h"

#define OID_EC                   "1.2.840.10045.2.1"
#define OID_P256                 "1.2.840.10045.3.1.7"
#define OID_P384                 "1.3.132.0.34"
#define OID_RSA                  "1.2.840.113549.1.1.1"
#define OID_EXTENSION_REQUEST    "1.2.840.113549.1.9.14"
#define OID_CHALLENGE            "1.2.840.113549.1.9.7"
#define OID_SAN                  "2.5.29.17"
#define OID_BASIC_CONSTRAINTS    "2.5.29.19"
#define OID_KEY_USAGE            "2.5.29.15"
#define OID_EXTENDED_KEY_USAGE   "2.5.29.37"
#define OID_SUBJECT_KEY_ID       "2.5.29.14"
#define OID_PERMANENT_IDENTIFIER "1.3.6.1.5.5.7.8.3"
#define OID_HARDWARE_MODULE      "1.3.6.1.5.5.7.8.4"

#define OID_TEXT       128
#define EXTENSIONS_MAX 32
#define RSA_BITS_MIN   2048
#define RSA_BITS_MAX   4096
#define KEY_CERT_SIGN  0x04
#define CRL_SIGN       0x02

/* The parts of a request, all inside its bytes. */
struct parts {
	struct blob info; /* what is signed */
	struct blob subject;
	struct blob spki;
	struct blob attributes; /* empty when there are none */
	struct blob algorithm;
	struct blob signature;
};

struct extensions {
	size_t n;
	struct blob seen[EXTENSIONS_MAX];
};

static const struct {
	const char *oid;
	bool rsa;
	gnutls_sign_algorithm_t sign;
} algorithms[] = {
	{ "1.2.840.10045.4.3.2", false, GNUTLS_SIGN_ECDSA_SHA256 },
	{ "1.2.840.10045.4.3.3", false, GNUTLS_SIGN_ECDSA_SHA384 },
	{ "1.2.840.10045.4.3.4", false, GNUTLS_SIGN_ECDSA_SHA512 },
	{ "1.2.840.113549.1.1.11", true, GNUTLS_SIGN_RSA_SHA256 },
	{ "1.2.840.113549.1.1.12", true, GNUTLS_SIGN_RSA_SHA384 },
	{ "1.2.840.113549.1.1.13", true, GNUTLS_SIGN_RSA_SHA512 },
	{ "1.2.840.113549.1.1.5", true, GNUTLS_SIGN_RSA_SHA1 },
};

static gnutls_datum_t
datum(struct blob in)
{
	gnutls_datum_t d = { NULL, (unsigned)in.n };

	/* GnuTLS only reads what it is given, but its type is not const. */
	memcpy(&d.data, &in.p, sizeof d.data);
	return d;
}

static int
split(struct blob der, struct parts *parts)
{
	struct in_der info, subject, spki;
	struct blob outer, rest, version, bits;
	int64_t number;

	if (!in_der_take(&der, IN_DER_SEQUENCE, &outer) ||
	    !in_der_next(&outer, &info) || info.tag != IN_DER_SEQUENCE ||
	    !in_der_take(&outer, IN_DER_SEQUENCE, &parts->algorithm) ||
	    !in_der_take(&outer, IN_DER_BIT_STRING, &bits) ||
	    !in_der_bit_string(bits, &parts->signature) || outer.n > 0)
		return fail(ERR_BAD_CSR, "not a certificate request");
	parts->info = info.whole;
	rest = info.value;
	if (!in_der_take(&rest, IN_DER_INTEGER, &version) ||
	    !in_der_uint(version, &number) || number != 0)
		return fail(ERR_BAD_CSR, "request's version is not 0");
	if (!in_der_next(&rest, &subject) || subject.tag != IN_DER_SEQUENCE ||
	    !in_der_next(&rest, &spki) || spki.tag != IN_DER_SEQUENCE)
		return fail(ERR_BAD_CSR, "request has no subject or key");
	parts->subject = subject.value;
	parts->spki = spki.whole;
	if (rest.n > 0 &&
	    !in_der_take(
		&rest, IN_DER_CONTEXT_CONSTRUCTED(0), &parts->attributes))
		return fail(ERR_BAD_CSR, "request's attributes");
	if (rest.n > 0)
		return fail(ERR_BAD_CSR, "request has more than its parts");
	return OK;
}

/* What stands after an algorithm's OID when it has no parameters. */
static bool
is_null(struct blob parameters)
{
	return blob_eq(parameters, blob_of("\x05\x00", 2));
}

/* Named curves and uncompressed points only, so that a key has one spelling. */
static int
check_ec(struct blob parameters, struct blob point)
{
	struct blob curve;
	size_t bytes = 0;

	if (!in_der_take(&parameters, IN_DER_OID, &curve) || parameters.n > 0)
		return fail(ERR_BAD_CSR, "request's curve has no name");
	if (in_der_oid_is(curve, OID_P256))
		bytes = 32;
	else if (in_der_oid_is(curve, OID_P384))
		bytes = 48;
	else
		return fail(ERR_BAD_CSR, "request's curve is not allowed");
	if (point.n != 1 + 2 * bytes || point.p[0] != 4)
		return fail(ERR_BAD_CSR, "request's point is not plain");
	return OK;
}

static size_t
bit_length(struct blob n)
{
	size_t bits;
	unsigned top;

	while (n.n > 0 && n.p[0] == 0) {
		n.p++;
		n.n--;
	}
	if (n.n == 0)
		return 0;
	bits = 8 * (n.n - 1);
	for (top = n.p[0]; top != 0; top >>= 1)
		bits++;
	return bits;
}

static int
check_rsa(struct blob key)
{
	struct blob numbers, n, e;
	int64_t exponent;
	size_t bits;

	if (!in_der_take(&key, IN_DER_SEQUENCE, &numbers) || key.n > 0 ||
	    !in_der_take(&numbers, IN_DER_INTEGER, &n) ||
	    !in_der_take(&numbers, IN_DER_INTEGER, &e) || numbers.n > 0 ||
	    n.n == 0 || (n.p[0] & 0x80) != 0)
		return fail(ERR_BAD_CSR, "request's RSA key cannot be read");
	if ((bits = bit_length(n)) < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return fail(ERR_BAD_CSR, "request's key is RSA-%zu", bits);
	if (!in_der_uint(e, &exponent) || exponent < 65537 || exponent % 2 == 0)
		return fail(ERR_BAD_CSR, "request's RSA exponent");
	return OK;
}

static int
check_key(struct blob spki, unsigned flags, bool *rsa)
{
	struct blob whole, algorithm, kind, bits, key;

	if (!in_der_take(&spki, IN_DER_SEQUENCE, &whole) ||
	    !in_der_take(&whole, IN_DER_SEQUENCE, &algorithm) ||
	    !in_der_take(&algorithm, IN_DER_OID, &kind) ||
	    !in_der_take(&whole, IN_DER_BIT_STRING, &bits) ||
	    !in_der_bit_string(bits, &key) || whole.n > 0)
		return fail(ERR_BAD_CSR, "request's key cannot be read");
	*rsa = in_der_oid_is(kind, OID_RSA);
	if (*rsa && !is_null(algorithm))
		return fail(
		    ERR_BAD_CSR, "request's RSA key has parameters or no NULL");
	if (*rsa && (flags & CSR_ALLOW_RSA) != 0)
		return check_rsa(key);
	if (*rsa || !in_der_oid_is(kind, OID_EC))
		return fail(ERR_BAD_CSR, "request's kind of key");
	return check_ec(algorithm, key);
}

static int
choose_algorithm(struct blob algorithm, bool rsa, unsigned flags,
    gnutls_sign_algorithm_t *out)
{
	struct blob oid;
	size_t i;

	/* RFC 5758 wants no parameters for ECDSA; a NULL is seen, too. */
	if (!in_der_take(&algorithm, IN_DER_OID, &oid) ||
	    (algorithm.n > 0 && !is_null(algorithm)))
		return fail(ERR_BAD_CSR, "request's signature algorithm");
	for (i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		if (algorithms[i].rsa == rsa &&
		    (algorithms[i].sign != GNUTLS_SIGN_RSA_SHA1 ||
			(flags & CSR_ALLOW_SHA1) != 0) &&
		    in_der_oid_is(oid, algorithms[i].oid)) {
			*out = algorithms[i].sign;
			return OK;
		}
	}
	return fail(
	    ERR_BAD_CSR, "request's signature algorithm is not allowed");
}

static int
check_signature(const struct parts *parts, unsigned flags)
{
	gnutls_datum_t data = datum(parts->info);
	gnutls_datum_t signature = datum(parts->signature);
	gnutls_sign_algorithm_t algorithm = GNUTLS_SIGN_UNKNOWN;
	gnutls_pubkey_t key = NULL;
	bool rsa = false;
	int r;

	if ((r = check_key(parts->spki, flags, &rsa)) != OK ||
	    (r = choose_algorithm(parts->algorithm, rsa, flags, &algorithm)) !=
		OK)
		return r;
	if (x509_pubkey(parts->spki, &key) != OK)
		return ERR_BAD_CSR;
	/* Whether SHA-1 may be used was decided by choose_algorithm(). */
	r = gnutls_pubkey_verify_data2(key, algorithm,
	    GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1, &data, &signature);
	gnutls_pubkey_deinit(key);
	if (r < 0)
		return fail(
		    ERR_BAD_CSR, "request's signature: %s", gnutls_strerror(r));
	return OK;
}

/* One character of `width` bytes in big-endian order. */
static bool
is_control(struct blob text, size_t at, size_t width)
{
	uint32_t c = 0;
	size_t i;

	for (i = 0; i < width; i++)
		c = c << 8 | text.p[at + i];
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* U+0080 to U+009F are C2 80 to C2 9F. */
static bool
utf8_control(struct blob text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] < 0x20 || text.p[i] == 0x7f ||
		    (text.p[i] == 0xc2 && text.p[i + 1] < 0xa0))
			return true;
	}
	return false;
}

/* A text of the type `tag` that a name may hold. */
static bool
text_ok(uint8_t tag, struct blob text)
{
	size_t at, width = 1;

	if (tag == IN_DER_UTF8)
		return utf8_valid(text) && !utf8_control(text);
	if (tag == IN_DER_BMP)
		width = 2;
	else if (tag == IN_DER_UNIVERSAL)
		width = 4;
	else if (tag != IN_DER_PRINTABLE && tag != IN_DER_NUMERIC &&
	    tag != IN_DER_IA5 && tag != IN_DER_T61)
		return false;
	if (text.n % width != 0)
		return false;
	for (at = 0; at < text.n; at += width) {
		if (is_control(text, at, width))
			return false;
	}
	return true;
}

/* A Name: RDNs of one or more type-and-value pairs. */
static int
check_name(struct blob name)
{
	struct blob rdn, pair, oid;
	struct in_der value;

	while (name.n > 0) {
		if (!in_der_take(&name, IN_DER_SET, &rdn) || rdn.n == 0)
			return fail(ERR_BAD_CSR, "request's name has no RDN");
		while (rdn.n > 0) {
			if (!in_der_take(&rdn, IN_DER_SEQUENCE, &pair) ||
			    !in_der_take(&pair, IN_DER_OID, &oid) ||
			    !in_der_next(&pair, &value) || pair.n > 0)
				return fail(
				    ERR_BAD_CSR, "request's name is cut");
			if (!text_ok(value.tag, value.value))
				return fail(ERR_BAD_CSR,
				    "request's name holds a strange text");
		}
	}
	return OK;
}

static int
take_permanent_identifier(struct blob value, struct csr *csr)
{
	struct blob id, text, assigner;
	char oid[OID_TEXT];

	if (csr->permanent_identifier != NULL)
		return fail(ERR_BAD_CSR, "two PermanentIdentifiers");
	if (!in_der_take(&value, IN_DER_SEQUENCE, &id) || value.n > 0 ||
	    !in_der_take(&id, IN_DER_UTF8, &text) || text.n == 0 ||
	    !text_ok(IN_DER_UTF8, text))
		return fail(ERR_BAD_CSR, "PermanentIdentifier has no value");
	if (id.n > 0 &&
	    (!in_der_take(&id, IN_DER_OID, &assigner) || id.n > 0 ||
		!in_der_oid_text(assigner, oid, sizeof oid) ||
		(csr->permanent_assigner = strdup(oid)) == NULL))
		return fail(ERR_BAD_CSR, "PermanentIdentifier's assigner");
	csr->permanent_identifier = strndup((const char *)text.p, text.n);
	return csr->permanent_identifier != NULL
	    ? OK
	    : fail(ERR_NOMEM, "no memory for an identifier");
}

/* OtherName (RFC 5280 section 4.2.1.6): a type and an explicit [0] value. */
static int
check_other_name(struct blob name, struct csr *csr)
{
	struct blob oid, value, rest;
	struct in_der item;

	if (!in_der_take(&name, IN_DER_OID, &oid) ||
	    !in_der_take(&name, IN_DER_CONTEXT_CONSTRUCTED(0), &value) ||
	    name.n > 0)
		return fail(ERR_BAD_CSR, "request's otherName is cut");
	if (in_der_oid_is(oid, OID_PERMANENT_IDENTIFIER))
		return take_permanent_identifier(value, csr);
	if (in_der_oid_is(oid, OID_HARDWARE_MODULE)) {
		csr->hardware_module = true;
		return OK;
	}
	rest = value;
	if (!in_der_next(&rest, &item) || rest.n > 0 ||
	    !text_ok(item.tag, item.value))
		return fail(ERR_BAD_CSR, "request's otherName is strange");
	return OK;
}

static int
check_alternative_name(const struct in_der *name, struct csr *csr)
{
	struct blob rest = name->value, inner;

	switch (name->tag) {
	case IN_DER_CONTEXT_CONSTRUCTED(0):
		return check_other_name(name->value, csr);
	case IN_DER_CONTEXT(1): /* rfc822Name, dNSName, URI */
	case IN_DER_CONTEXT(2):
	case IN_DER_CONTEXT(6):
		if (text_ok(IN_DER_IA5, name->value))
			return OK;
		break;
	case IN_DER_CONTEXT_CONSTRUCTED(4): /* directoryName */
		if (in_der_take(&rest, IN_DER_SEQUENCE, &inner) && rest.n == 0)
			return check_name(inner);
		break;
	case IN_DER_CONTEXT(7): /* iPAddress */
		if (name->value.n == 4 || name->value.n == 16)
			return OK;
		break;
	case IN_DER_CONTEXT(8): /* registeredID */
		return OK;
	}
	return fail(ERR_BAD_CSR, "request's alternative name is strange");
}

static int
check_alternative_names(struct blob value, struct csr *csr)
{
	struct in_der name;
	struct blob names;
	int r;

	if (!in_der_take(&value, IN_DER_SEQUENCE, &names) || value.n > 0)
		return fail(ERR_BAD_CSR, "request's alternative names");
	while (names.n > 0) {
		if (!in_der_next(&names, &name))
			return fail(ERR_BAD_CSR, "an alternative name is cut");
		if ((r = check_alternative_name(&name, csr)) != OK)
			return r;
	}
	return OK;
}

static int
check_basic_constraints(struct blob value)
{
	struct blob fields, flag;
	bool ca = false;

	if (!in_der_take(&value, IN_DER_SEQUENCE, &fields) || value.n > 0)
		return fail(ERR_BAD_CSR, "request's basic constraints");
	if (in_der_take(&fields, IN_DER_BOOLEAN, &flag) &&
	    !in_der_bool(flag, &ca))
		return fail(ERR_BAD_CSR, "request's basic constraints");
	if (ca || fields.n > 0)
		return fail(ERR_BAD_CSR, "request wants to be a CA");
	return OK;
}

static int
check_key_usage(struct blob value)
{
	struct blob bits;

	if (!in_der_take(&value, IN_DER_BIT_STRING, &bits) || value.n > 0 ||
	    bits.n < 1)
		return fail(ERR_BAD_CSR, "request's key usage");
	if (bits.n > 1 && (bits.p[1] & (KEY_CERT_SIGN | CRL_SIGN)) != 0)
		return fail(ERR_BAD_CSR, "request wants to sign certificates");
	return OK;
}

static int
check_extension(
    struct blob oid, bool critical, struct blob value, struct csr *csr)
{
	if (in_der_oid_is(oid, OID_SAN))
		return check_alternative_names(value, csr);
	if (in_der_oid_is(oid, OID_BASIC_CONSTRAINTS))
		return check_basic_constraints(value);
	if (in_der_oid_is(oid, OID_KEY_USAGE))
		return check_key_usage(value);
	if (critical && !in_der_oid_is(oid, OID_EXTENDED_KEY_USAGE) &&
	    !in_der_oid_is(oid, OID_SUBJECT_KEY_ID))
		return fail(ERR_BAD_CSR, "an unknown critical extension");
	return OK;
}

/* Takes the first extension off `rest`; none may come twice. */
static int
take_extension(struct blob *rest, struct extensions *seen, struct csr *csr)
{
	struct blob extension, oid, flag, value;
	bool critical = false;
	size_t i;

	if (!in_der_take(rest, IN_DER_SEQUENCE, &extension) ||
	    !in_der_take(&extension, IN_DER_OID, &oid) ||
	    (in_der_take(&extension, IN_DER_BOOLEAN, &flag) &&
		!in_der_bool(flag, &critical)) ||
	    !in_der_take(&extension, IN_DER_OCTET_STRING, &value) ||
	    extension.n > 0)
		return fail(ERR_BAD_CSR, "a requested extension is cut");
	for (i = 0; i < seen->n; i++) {
		if (blob_eq(seen->seen[i], oid))
			return fail(ERR_BAD_CSR, "an extension comes twice");
	}
	if (seen->n == EXTENSIONS_MAX)
		return fail(ERR_BAD_CSR, "too many extensions");
	seen->seen[seen->n++] = oid;
	return check_extension(oid, critical, value, csr);
}

static int
check_extensions(struct blob values, struct csr *csr)
{
	struct extensions seen = { .n = 0 };
	struct blob list;
	int r = OK;

	if (!in_der_take(&values, IN_DER_SEQUENCE, &list) || values.n > 0)
		return fail(ERR_BAD_CSR, "extensionRequest is not single");
	while (r == OK && list.n > 0)
		r = take_extension(&list, &seen, csr);
	return r;
}

/* RFC 2985 section 5.4.1: one value, a string. */
static int
take_challenge(struct blob values, struct csr *csr)
{
	struct in_der value;

	if (csr->has_challenge)
		return fail(ERR_BAD_CSR, "two challengePasswords");
	if (!in_der_next(&values, &value) || values.n > 0)
		return fail(ERR_BAD_CSR, "challengePassword is not single");
	if ((value.tag != IN_DER_PRINTABLE && value.tag != IN_DER_UTF8 &&
		value.tag != IN_DER_T61 && value.tag != IN_DER_IA5) ||
	    value.value.n > CSR_CHALLENGE_MAX)
		return fail(
		    ERR_BAD_CSR, "challengePassword is not a short text");
	csr->has_challenge = true;
	csr->challenge = value.value;
	return OK;
}

static int
check_attributes(struct blob rest, struct csr *csr)
{
	struct blob attribute, oid, values;
	bool found = false;
	int r = OK;

	while (rest.n > 0 && r == OK) {
		if (!in_der_take(&rest, IN_DER_SEQUENCE, &attribute) ||
		    !in_der_take(&attribute, IN_DER_OID, &oid) ||
		    !in_der_take(&attribute, IN_DER_SET, &values) ||
		    attribute.n > 0)
			return fail(ERR_BAD_CSR, "request's attribute is cut");
		if (in_der_oid_is(oid, OID_CHALLENGE)) {
			r = take_challenge(values, csr);
		} else if (in_der_oid_is(oid, OID_EXTENSION_REQUEST)) {
			if (found)
				return fail(
				    ERR_BAD_CSR, "two extensionRequests");
			found = true;
			r = check_extensions(values, csr);
		}
	}
	return r;
}

static int
parse(struct csr *csr, size_t n, struct blob spki, unsigned flags)
{
	struct parts parts = { .attributes = { NULL, 0 } };
	int r;

	if ((r = split(blob_of(csr->der, n), &parts)) != OK ||
	    (r = check_name(parts.subject)) != OK ||
	    (r = check_attributes(parts.attributes, csr)) != OK)
		return r;
	if (spki.n > 0 && !blob_eq(parts.spki, spki))
		return fail(ERR_BAD_CSR,
		    "the request's key is not the one that signed for it");
	if ((r = check_signature(&parts, flags)) != OK)
		return r;
	csr->spki = parts.spki;
	secret_sha256(csr->spki, csr->spki_sha256);
	return OK;
}

int
csr_parse(struct blob der, unsigned flags, struct csr **out)
{
	return csr_parse_for(der, blob_of(NULL, 0), flags, out);
}

int
csr_parse_for(
    struct blob der, struct blob spki, unsigned flags, struct csr **out)
{
	struct csr *csr;
	const char *fault;
	int r;

	*out = NULL;
	if (der.n > CSR_BYTES_MAX)
		return fail(ERR_BAD_CSR, "request of %zu bytes", der.n);
	if ((fault = in_der_fault(der, true)) != NULL)
		return fail(ERR_BAD_CSR, "request has %s", fault);
	if ((csr = calloc(1, sizeof *csr)) == NULL ||
	    (csr->der = malloc(der.n)) == NULL) {
		csr_free(csr);
		return fail(ERR_NOMEM, "no memory for a request");
	}
	memcpy(csr->der, der.p, der.n);
	csr->der_len = der.n;
	if ((r = parse(csr, der.n, spki, flags)) == OK)
		*out = csr;
	else
		csr_free(csr);
	return r;
}

void
csr_free(struct csr *csr)
{
	if (csr == NULL)
		return;
	free(csr->permanent_identifier);
	free(csr->permanent_assigner);
	secret_wipe(csr->der, csr->der_len);
	free(csr->der);
	free(csr);
}
