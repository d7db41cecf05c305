#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/attestation.h"
#include "sim/forge/der.h"

/* Apple's own extensions. */
#define ARC "1.2.840.113635.100.8."

/* The extended key usage of leaves since 2026. */
#define ATTESTED_KEY "1.2.840.113635.100.4.24"

/* A serial number that is not the device's. */
#define ANOTHER "ZZNOTMINE999"

static void
add_posture(const struct attestation *a, struct buf *out)
{
	bool weak = fault_on(a->faults, FAULT_POSTURE_REDUCED);
	struct blob flag = blob_of(weak ? "\2\1\1" : "\2\1\0", 3);

	if (fault_on(a->faults, FAULT_POSTURE_MISSING))
		return;
	cert_extension(out, ARC "10.2", false, blob_str(a->os_version));
	cert_extension(out, ARC "10.3", false, blob_str(a->os_version));
	cert_extension(out, ARC "10.1", false, blob_str(a->os_version));
	cert_extension(out, ARC "9.4", false, blob_str(a->board));
	cert_extension(out, ARC "13.2", false,
	    blob_str(weak ? "Reduced Security" : "Full Security"));
	cert_extension(out, ARC "13.1", false, flag);
	cert_extension(out, ARC "13.3", false, flag);
}

static void
add_serial_number(const struct attestation *a, struct buf *out)
{
	const struct faults *f = a->faults;
	SCRATCH_BUF(v);

	if (fault_on(f, FAULT_SERIAL_MISSING))
		return;
	if (fault_on(f, FAULT_SERIAL_DER_WRAPPED))
		der_put(&v, DER_UTF8, blob_str(a->serial));
	else if (fault_on(f, FAULT_WRONG_SERIAL))
		buf_add_str(&v, ANOTHER);
	else
		buf_add_str(&v, a->serial);
	if (fault_on(f, FAULT_SERIAL_LOWERCASE))
		for (size_t i = 0; i < v.n; i++)
			v.p[i] = (uint8_t)tolower(v.p[i]);
	if (fault_on(f, FAULT_SERIAL_NUL))
		buf_add(&v, "\0X", 2);
	cert_extension(out, ARC "9.1", false, buf_blob(&v));
	if (fault_on(f, FAULT_SERIAL_TWICE))
		cert_extension(out, ARC "9.1", false, blob_str(ANOTHER));
	cert_extension(out, ARC "9.2", false, blob_str(a->udid));
}

/* SHA-256 of the token, or what somebody could take for it. */
static void
add_freshness(const struct attestation *a, struct buf *out)
{
	const struct faults *f = a->faults;
	bool critical = fault_on(f, FAULT_FRESHNESS_CRITICAL);
	uint8_t code[KEYPAIR_SHA256];
	struct blob raw = blob_of(code, sizeof code);
	SCRATCH_BUF(text);
	SCRATCH_BUF(v);

	if (fault_on(f, FAULT_FRESHNESS_MISSING))
		return;
	buf_add_blob(&text, a->token);
	if (fault_on(f, FAULT_FRESHNESS_KEY_AUTHORIZATION))
		buf_printf(&text, ".%s", a->thumbprint);
	keypair_sha256(buf_blob(&text), code);
	if (fault_on(f, FAULT_WRONG_FRESHNESS))
		keypair_random(code, sizeof code);
	if (fault_on(f, FAULT_FRESHNESS_SHORT))
		raw.n--;
	if (fault_on(f, FAULT_FRESHNESS_DER_WRAPPED))
		der_put(&v, DER_OCTETS, raw);
	else if (fault_on(f, FAULT_FRESHNESS_RAW_TOKEN))
		buf_add_blob(&v, a->token);
	else
		buf_add_blob(&v, raw);
	cert_extension(out, ARC "11.1", critical, buf_blob(&v));
	if (fault_on(f, FAULT_FRESHNESS_TWICE))
		cert_extension(out, ARC "11.1", critical, buf_blob(&v));
}

/* CN is the SHA-256 of the key's own point in hexadecimal. */
static int
write_subject(EVP_PKEY *key, struct buf *out)
{
	struct cert_rdn rdn[] = {
		{ "2.5.4.3", DER_UTF8, "" },
		{ "2.5.4.11", DER_UTF8, "AAA Certification" },
		{ "2.5.4.10", DER_UTF8, "Simulated Apple Inc." },
		{ "2.5.4.8", DER_UTF8, "California" },
	};
	uint8_t md[KEYPAIR_SHA256];
	SCRATCH_BUF(bytes);
	SCRATCH_BUF(hex);
	int r = EVP_PKEY_is_a(key, "EC") ? keypair_point(key, &bytes)
					 : keypair_spki(key, &bytes);

	if (r != OK)
		return r;
	keypair_sha256(buf_blob(&bytes), md);
	enc_hex(blob_of(md, sizeof md), &hex);
	rdn[0].value = buf_str(&hex);
	cert_name(out, rdn, sizeof rdn / sizeof rdn[0]);
	return buf_status(out);
}

static int
write_spki(const struct attestation *a, EVP_PKEY *key, struct buf *out)
{
	SCRATCH_KEY(copy);

	if (!fault_on(a->faults, FAULT_COMPRESSED_POINT))
		return keypair_spki(key, out);
	copy = EVP_PKEY_dup(key);
	if (copy == NULL ||
	    EVP_PKEY_set_utf8_string_param(copy,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") != 1)
		return fail(ERR_CRYPTO, "cannot compress the point");
	return keypair_spki(copy, out);
}

static void
write_extensions(const struct attestation *a, struct buf *out)
{
	static const char *const ekus[] = { ATTESTED_KEY, NULL };
	const struct faults *f = a->faults;

	if (fault_on(f, FAULT_LEAF_V1))
		return;
	cert_basic(out, fault_on(f, FAULT_LEAF_IS_CA), -1);
	cert_usage(out, 0xf0);
	if (!fault_on(f, FAULT_LEAF_2025))
		cert_ekus(out, false, ekus);
	add_posture(a, out);
	add_serial_number(a, out);
	add_freshness(a, out);
	if (fault_on(f, FAULT_UNKNOWN_CRITICAL_EXTENSION))
		cert_extension(
		    out, "1.3.6.1.4.1.99999.7", true, blob_of("\5\0", 2));
}

/* Issued now: 24 hours back, 90 days on; the serial is Unix milliseconds. */
int
attestation_leaf(
    const struct attestation *a, const struct ca *issuer, struct buf *der)
{
	const struct faults *f = a->faults;
	int64_t now = clock_now();
	struct timespec ts = { 0 };
	uint8_t serial[6];
	uint64_t ms;
	SCRATCH_KEY(key);
	SCRATCH_BUF(subject);
	SCRATCH_BUF(spki);
	SCRATCH_BUF(extensions);
	int r = OK;

	if (fault_on(f, FAULT_RSA_LEAF))
		r = keypair_make("RSA-2048", &key);
	else if (fault_on(f, FAULT_P521_LEAF))
		r = keypair_make("P-521", &key);
	else
		key = keypair_share(a->key);
	if (r != OK || (r = write_subject(key, &subject)) != OK ||
	    (r = write_spki(a, key, &spki)) != OK)
		return r;
	write_extensions(a, &extensions);
	clock_gettime(CLOCK_REALTIME, &ts);
	ms = (uint64_t)now * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	for (size_t i = 0; i < sizeof serial; i++)
		serial[i] = (uint8_t)(ms >> (8 * (5 - i)));
	if (fault_on(f, FAULT_EXPIRED_LEAF))
		now -= 100 * CERT_DAY;
	if (fault_on(f, FAULT_FUTURE_LEAF))
		now += 3 * CERT_DAY;
	r = cert_sign(
	    &(struct cert){
		.serial = blob_of(serial, sizeof serial),
		.issuer = buf_blob(&issuer->subject),
		.subject = buf_blob(&subject),
		.spki = buf_blob(&spki),
		.extensions = buf_blob(&extensions),
		.not_before = now - CERT_DAY,
		.not_after = now + 90 * CERT_DAY,
		.digest = fault_on(f, FAULT_SHA1_LEAF) ? "sha1" : "sha384",
		.is_v1 = fault_on(f, FAULT_LEAF_V1),
	    },
	    issuer->key, der);
	if (r == OK && fault_on(f, FAULT_LEAF_TAMPERED))
		der->p[der->n - 1] ^= 1;
	if (r == OK && fault_on(f, FAULT_LEAF_TRAILING))
		r = buf_add_byte(der, 0);
	return r;
}

/* A head whose argument has 0, 1, 2, 4 or 8 bytes of its own. */
static void
add_head(struct buf *out, unsigned int major, unsigned int info, uint64_t value,
    unsigned int bytes)
{
	buf_add_byte(out, (uint8_t)(major << 5 | info));
	while (bytes-- > 0)
		buf_add_byte(out, (uint8_t)(value >> (8 * bytes)));
}

void
attestation_head(struct buf *out, unsigned int major, uint64_t value)
{
	if (value < 24)
		add_head(out, major, (unsigned int)value, 0, 0);
	else if (value <= UINT8_MAX)
		add_head(out, major, 24, value, 1);
	else if (value <= UINT16_MAX)
		add_head(out, major, 25, value, 2);
	else if (value <= UINT32_MAX)
		add_head(out, major, 26, value, 4);
	else
		add_head(out, major, 27, value, 8);
}

void
attestation_text(struct buf *out, const char *s)
{
	attestation_head(out, ATTESTATION_TEXT, strlen(s));
	buf_add_str(out, s);
}

void
attestation_bytes(struct buf *out, struct blob b)
{
	attestation_head(out, ATTESTATION_BYTES, b.n);
	buf_add_blob(out, b);
}

#define CHAIN 5

/* The elements of x5c, borrowed. */
struct chain {
	struct blob x5c[CHAIN];
	size_t n;
};

static void
push(struct chain *c, struct blob der)
{
	if (c->n < CHAIN)
		c->x5c[c->n++] = der;
}

static void
write_x5c(const struct chain *c, const struct faults *f, struct buf *out)
{
	bool text = fault_on(f, FAULT_CBOR_TEXT_CERTIFICATE);
	bool indefinite = fault_on(f, FAULT_CBOR_INDEFINITE);

	if (fault_on(f, FAULT_CBOR_HUGE_ARRAY)) {
		attestation_head(out, ATTESTATION_ARRAY, UINT32_C(1) << 31);
		return;
	}
	if (fault_on(f, FAULT_CBOR_DEEP)) {
		attestation_head(out, ATTESTATION_ARRAY, 2);
		for (size_t i = 0; i < 3000; i++)
			attestation_head(out, ATTESTATION_ARRAY, 1);
		attestation_head(out, ATTESTATION_ARRAY, 0);
		return;
	}
	if (indefinite)
		add_head(out, ATTESTATION_ARRAY, 31, 0, 0);
	else if (fault_on(f, FAULT_CBOR_NONMINIMAL))
		add_head(out, ATTESTATION_ARRAY, 26, c->n, 4);
	else
		attestation_head(out, ATTESTATION_ARRAY, c->n);
	for (size_t i = 0; i < c->n; i++) {
		attestation_head(out,
		    i == 0 && text ? ATTESTATION_TEXT : ATTESTATION_BYTES,
		    c->x5c[i].n);
		buf_add_blob(out, c->x5c[i]);
	}
	if (indefinite)
		buf_add_byte(out, 0xff);
}

static const char *
format(const struct faults *f)
{
	if (fault_on(f, FAULT_FMT_PACKED))
		return "packed";
	if (fault_on(f, FAULT_FMT_NONE))
		return "none";
	return fault_on(f, FAULT_FMT_CASE) ? "Apple" : "apple";
}

static void
write_object(const struct chain *c, const struct faults *f, struct buf *out)
{
	bool twice = fault_on(f, FAULT_CBOR_DUPLICATE_KEY);
	bool extra = fault_on(f, FAULT_CBOR_EXTRA_KEY);
	bool statement = fault_on(f, FAULT_CBOR_STATEMENT_KEY);

	if (fault_on(f, FAULT_CBOR_TAG))
		attestation_head(out, ATTESTATION_TAG, 55799);
	attestation_head(out, ATTESTATION_MAP, twice || extra ? 3 : 2);
	for (int i = 0; i < (twice ? 2 : 1); i++) {
		attestation_text(out, "fmt");
		attestation_text(out, format(f));
	}
	attestation_text(out, "attStmt");
	attestation_head(out, ATTESTATION_MAP, statement ? 2 : 1);
	attestation_text(out, "x5c");
	write_x5c(c, f, out);
	if (statement) {
		attestation_text(out, "sig");
		attestation_bytes(out, blob_str("0123456789"));
	}
	if (extra) {
		attestation_text(out, "surplus");
		attestation_text(out, "value");
	}
	if (fault_on(f, FAULT_CBOR_TRAILING))
		buf_add_byte(out, 0);
	if (fault_on(f, FAULT_CBOR_TRUNCATED) && out->n > 0)
		out->n--;
}

void
attestation_failed(struct buf *out)
{
	write_object(&(struct chain){ .n = 0 }, NULL, out);
}

/*
 * Makes the certificate that signs the leaf when that is not the sub CA: an
 * odd sub CA, or a genuine leaf of another device.
 */
static int
make_odd_issuer(
    struct apple *apple, const struct attestation *a, struct ca *out)
{
	const struct faults *f = a->faults;
	struct ca_plan plan = {
		.kind = "P-384",
		.name = "/CN=Simulated Enterprise Attestation Sub CA 1"
			"/O=Simulated Apple Inc./C=US",
		.digest = "sha384",
		.not_before = clock_now() - 10 * CERT_DAY,
		.not_after = clock_now() + 10 * CERT_DAY,
		.path_len = 0,
		.issuer = &apple->attestation_root,
	};
	struct attestation other = *a;
	SCRATCH_BUF(der);
	int r;

	if (fault_on(f, FAULT_LEAF_SIGNED_BY_LEAF)) {
		if ((r = keypair_make("P-384", &out->key)) != OK)
			return r;
		other.key = out->key;
		other.faults = NULL;
		r = attestation_leaf(&other, &apple->attestation_sub, &der);
		return r == OK ? ca_set_der(out, buf_blob(&der)) : r;
	}
	if (fault_on(f, FAULT_INTERMEDIATE_WRONG_KEY))
		plan.issuer = NULL;
	if (fault_on(f, FAULT_EXPIRED_INTERMEDIATE))
		plan.not_after = clock_now() - CERT_DAY;
	if (fault_on(f, FAULT_INTERMEDIATE_NO_SIGNING))
		plan.path_len = CA_NO_SIGNING;
	return ca_make(&plan, out);
}

static void
arrange(const struct apple *apple, const struct ca *issuer,
    const struct faults *f, struct blob leaf, struct chain *c)
{
	struct blob root = buf_blob(&apple->attestation_root.der);
	struct blob sub = buf_blob(&issuer->der);

	if (fault_on(f, FAULT_ROOT_AS_LEAF)) {
		push(c, root);
		push(c, sub);
	} else if (fault_on(f, FAULT_INTERMEDIATE_AS_LEAF)) {
		push(c, sub);
		push(c, root);
	} else if (fault_on(f, FAULT_REVERSED_CHAIN)) {
		push(c, sub);
		push(c, leaf);
	} else {
		push(c, leaf);
		if (!fault_on(f, FAULT_MISSING_INTERMEDIATE))
			push(c, sub);
	}
	if (fault_on(f, FAULT_LEAF_SIGNED_BY_LEAF))
		push(c, buf_blob(&apple->attestation_sub.der));
	if (fault_on(f, FAULT_SELF_ROOT_IN_X5C))
		push(c, root);
	while (fault_on(f, FAULT_FIVE_CERTIFICATES) && c->n < CHAIN)
		push(c, sub);
}

int
attestation_make(
    struct apple *apple, const struct attestation *a, struct buf *out)
{
	const struct faults *f = a->faults;
	struct chain chain = { .n = 0 };
	SCRATCH_APPLE(foreign);
	SCRATCH_CA(odd);
	SCRATCH_BUF(der);
	struct ca *issuer;
	int r = OK;

	if (fault_on(f, FAULT_FOREIGN_ROOT) ||
	    fault_on(f, FAULT_SELF_ROOT_IN_X5C)) {
		r = apple_make_attestation(&foreign);
		apple = &foreign;
	}
	issuer = &apple->attestation_sub;
	if (r == OK &&
	    (fault_on(f, FAULT_INTERMEDIATE_WRONG_KEY) ||
		fault_on(f, FAULT_EXPIRED_INTERMEDIATE) ||
		fault_on(f, FAULT_INTERMEDIATE_NO_SIGNING) ||
		fault_on(f, FAULT_LEAF_SIGNED_BY_LEAF))) {
		r = make_odd_issuer(apple, a, &odd);
		issuer = &odd;
	}
	if (r != OK || (r = attestation_leaf(a, issuer, &der)) != OK)
		return r;
	arrange(apple, issuer, f, buf_blob(&der), &chain);
	write_object(&chain, f, out);
	return buf_status(out);
}
