#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/der.h"
#include "sim/forge/leaf.h"

#define LEAF_ARC "1.2.840.113635.100.8."

static void
leaf_text(struct buf *out, const char *oid, const char *text)
{
	cert_extension(out, oid, false, blob_str(text));
}

static void
leaf_posture(const struct leaf *leaf, struct buf *out)
{
	bool weak = fault_on(leaf->faults, FAULT_POSTURE_REDUCED);
	struct blob on = blob_of("\2\1\0", 3), off = blob_of("\2\1\1", 3);

	if (fault_on(leaf->faults, FAULT_POSTURE_MISSING))
		return;
	leaf_text(out, LEAF_ARC "10.2", leaf->os_version);
	leaf_text(out, LEAF_ARC "10.3", leaf->os_version);
	leaf_text(out, LEAF_ARC "10.1", leaf->os_version);
	leaf_text(out, LEAF_ARC "9.4", leaf->board);
	leaf_text(
	    out, LEAF_ARC "13.2", weak ? "Reduced Security" : "Full Security");
	cert_extension(out, LEAF_ARC "13.1", false, weak ? off : on);
	cert_extension(out, LEAF_ARC "13.3", false, weak ? off : on);
}

static void
leaf_serial_number(const struct leaf *leaf, struct buf *out)
{
	const struct faults *k = leaf->faults;
	const char *oid = LEAF_ARC "9.1";
	struct buf v;

	if (fault_on(k, FAULT_SERIAL_MISSING))
		return;
	buf_init(&v, 4096);
	if (fault_on(k, FAULT_SERIAL_DER_WRAPPED))
		der_put(&v, DER_UTF8, blob_str(leaf->serial));
	else if (fault_on(k, FAULT_WRONG_SERIAL))
		buf_add_str(&v, "ZZNOTMINE999");
	else
		buf_add_str(&v, leaf->serial);
	if (fault_on(k, FAULT_SERIAL_LOWERCASE))
		for (size_t i = 0; i < v.n; i++)
			v.p[i] = (uint8_t)tolower(v.p[i]);
	if (fault_on(k, FAULT_SERIAL_NUL))
		buf_add(&v, "\0X", 2);
	cert_extension(out, oid, false, buf_blob(&v));
	if (fault_on(k, FAULT_SERIAL_TWICE))
		cert_extension(out, oid, false, blob_str("ZZNOTMINE999"));
	buf_release(&v);
}

static void
leaf_code(const struct leaf *leaf, uint8_t out[KEYPAIR_SHA256])
{
	const struct faults *k = leaf->faults;
	struct buf text;

	if (fault_on(k, FAULT_WRONG_FRESHNESS)) {
		keypair_random(out, KEYPAIR_SHA256);
		return;
	}
	buf_init(&text, 4096);
	buf_add_blob(&text, leaf->token);
	if (fault_on(k, FAULT_FRESHNESS_KEY_AUTHORIZATION))
		buf_printf(&text, ".%s",
		    leaf->thumbprint != NULL ? leaf->thumbprint : "");
	keypair_sha256(buf_blob(&text), out);
	buf_release(&text);
}

static void
leaf_freshness(const struct leaf *leaf, struct buf *out)
{
	const struct faults *k = leaf->faults;
	bool critical = fault_on(k, FAULT_FRESHNESS_CRITICAL);
	const char *oid = LEAF_ARC "11.1";
	uint8_t code[KEYPAIR_SHA256];
	struct blob raw = blob_of(code, sizeof code);
	struct buf v;

	if (fault_on(k, FAULT_FRESHNESS_MISSING))
		return;
	leaf_code(leaf, code);
	if (fault_on(k, FAULT_FRESHNESS_SHORT))
		raw.n--;
	buf_init(&v, 4096);
	if (fault_on(k, FAULT_FRESHNESS_DER_WRAPPED))
		der_put(&v, DER_OCTETS, raw);
	else if (fault_on(k, FAULT_FRESHNESS_RAW_TOKEN))
		buf_add_blob(&v, leaf->token);
	else
		buf_add_blob(&v, raw);
	cert_extension(out, oid, critical, buf_blob(&v));
	if (fault_on(k, FAULT_FRESHNESS_TWICE))
		cert_extension(out, oid, critical, buf_blob(&v));
	buf_release(&v);
}

static void
leaf_extensions(const struct leaf *leaf, struct buf *out)
{
	const struct faults *k = leaf->faults;

	if (fault_on(k, FAULT_LEAF_V1))
		return;
	cert_basic(out, fault_on(k, FAULT_LEAF_IS_CA), -1);
	cert_usage(out, 0xf0);
	leaf_posture(leaf, out);
	leaf_serial_number(leaf, out);
	if (!fault_on(k, FAULT_SERIAL_MISSING))
		leaf_text(out, LEAF_ARC "9.2", leaf->udid);
	leaf_freshness(leaf, out);
	if (fault_on(k, FAULT_UNKNOWN_CRITICAL_EXTENSION))
		cert_extension(
		    out, "1.3.6.1.4.1.99999.7", true, blob_of("\5\0", 2));
}

/* CN is the SHA-256 of the key's own point in hexadecimal. */
static int
leaf_subject(EVP_PKEY *key, struct buf *out)
{
	struct cert_rdn rdn[] = {
		{ "2.5.4.3", DER_UTF8, "" },
		{ "2.5.4.11", DER_UTF8, "AAA Certification" },
		{ "2.5.4.10", DER_UTF8, "Simulated Apple Inc." },
		{ "2.5.4.8", DER_UTF8, "California" },
	};
	uint8_t md[KEYPAIR_SHA256];
	struct buf bytes, hex;
	int rc;

	buf_init(&bytes, 8192);
	buf_init(&hex, 256);
	rc = EVP_PKEY_is_a(key, "EC") ? keypair_point(key, &bytes)
				      : keypair_spki(key, &bytes);
	if (rc == OK) {
		keypair_sha256(buf_blob(&bytes), md);
		enc_hex(blob_of(md, sizeof md), &hex);
		rdn[0].value = buf_str(&hex);
		cert_name(out, rdn, sizeof rdn / sizeof rdn[0]);
		rc = buf_status(out);
	}
	buf_release(&bytes);
	buf_release(&hex);
	return rc;
}

static int
leaf_key(const struct leaf *leaf, EVP_PKEY **out)
{
	if (fault_on(leaf->faults, FAULT_RSA_LEAF))
		return keypair_make("RSA-2048", out);
	if (fault_on(leaf->faults, FAULT_P521_LEAF))
		return keypair_make("P-521", out);
	if (EVP_PKEY_up_ref(leaf->key) != 1)
		return fail(ERR_CRYPTO, "no key");
	*out = leaf->key;
	return OK;
}

static int
leaf_spki(const struct leaf *leaf, EVP_PKEY *key, struct buf *out)
{
	EVP_PKEY *copy;
	int rc;

	if (!fault_on(leaf->faults, FAULT_COMPRESSED_POINT))
		return keypair_spki(key, out);
	copy = EVP_PKEY_dup(key);
	if (copy == NULL ||
	    EVP_PKEY_set_utf8_string_param(copy,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") != 1)
		rc = fail(ERR_CRYPTO, "cannot compress the point");
	else
		rc = keypair_spki(copy, out);
	EVP_PKEY_free(copy);
	return rc;
}

/* Issued now: 24 hours back, 90 days on; the serial is Unix milliseconds. */
static int
leaf_sign(const struct leaf *leaf, const struct ca *issuer, struct blob subject,
    struct blob spki, struct buf *der)
{
	const struct faults *k = leaf->faults;
	int64_t now = clock_now();
	struct timespec ts = { 0 };
	uint8_t serial[6];
	uint64_t ms;
	struct buf extensions;
	int rc;

	clock_gettime(CLOCK_REALTIME, &ts);
	ms = (uint64_t)now * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	for (size_t i = 0; i < sizeof serial; i++)
		serial[i] = (uint8_t)(ms >> (8 * (5 - i)));
	if (fault_on(k, FAULT_EXPIRED_LEAF))
		now -= 100 * (int64_t)CERT_DAY;
	if (fault_on(k, FAULT_FUTURE_LEAF))
		now += 3 * (int64_t)CERT_DAY;
	buf_init(&extensions, DER_MAX);
	leaf_extensions(leaf, &extensions);
	rc = cert_sign_version(
	    &(struct cert){
		.serial = blob_of(serial, sizeof serial),
		.issuer = buf_blob(&issuer->subject),
		.subject = subject,
		.spki = spki,
		.extensions = buf_blob(&extensions),
		.not_before = now - CERT_DAY,
		.not_after = now + 90 * (int64_t)CERT_DAY,
		.digest = fault_on(k, FAULT_SHA1_LEAF) ? "sha1" : "sha384",
	    },
	    fault_on(k, FAULT_LEAF_V1) ? 0 : 2, issuer->key, der);
	buf_release(&extensions);
	return rc;
}

int
leaf_make(const struct leaf *leaf, const struct ca *issuer, struct buf *der)
{
	EVP_PKEY *key = NULL;
	struct buf subject, spki;
	int rc;

	buf_init(&subject, DER_MAX);
	buf_init(&spki, DER_MAX);
	rc = leaf_key(leaf, &key);
	if (rc == OK)
		rc = leaf_subject(key, &subject);
	if (rc == OK)
		rc = leaf_spki(leaf, key, &spki);
	if (rc == OK)
		rc = leaf_sign(
		    leaf, issuer, buf_blob(&subject), buf_blob(&spki), der);
	if (rc == OK && fault_on(leaf->faults, FAULT_LEAF_TAMPERED))
		der->p[der->n - 1] ^= 1;
	if (rc == OK && fault_on(leaf->faults, FAULT_LEAF_TRAILING))
		rc = buf_add_byte(der, 0);
	EVP_PKEY_free(key);
	buf_release(&subject);
	buf_release(&spki);
	return rc;
}
