#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_der.h"
#include "sim/sim_leaf.h"

#define SIM_LEAF_ARC "1.2.840.113635.100.8."

static void
sim_leaf_text(struct buf *out, const char *oid, const char *text)
{
	sim_cert_extension(out, oid, false, blob_str(text));
}

static void
sim_leaf_posture(const struct sim_leaf *leaf, struct buf *out)
{
	bool weak = sim_knob_on(leaf->knobs, SIM_KNOB_POSTURE_REDUCED);
	struct blob on = blob_of("\2\1\0", 3), off = blob_of("\2\1\1", 3);

	if (sim_knob_on(leaf->knobs, SIM_KNOB_POSTURE_MISSING))
		return;
	sim_leaf_text(out, SIM_LEAF_ARC "10.2", leaf->os_version);
	sim_leaf_text(out, SIM_LEAF_ARC "10.3", leaf->os_version);
	sim_leaf_text(out, SIM_LEAF_ARC "10.1", leaf->os_version);
	sim_leaf_text(out, SIM_LEAF_ARC "9.4", leaf->board);
	sim_leaf_text(out, SIM_LEAF_ARC "13.2",
	    weak ? "Reduced Security" : "Full Security");
	sim_cert_extension(out, SIM_LEAF_ARC "13.1", false, weak ? off : on);
	sim_cert_extension(out, SIM_LEAF_ARC "13.3", false, weak ? off : on);
}

static void
sim_leaf_serial_number(const struct sim_leaf *leaf, struct buf *out)
{
	const struct sim_knobs *k = leaf->knobs;
	const char *oid = SIM_LEAF_ARC "9.1";
	struct buf v;

	if (sim_knob_on(k, SIM_KNOB_SERIAL_MISSING))
		return;
	buf_init(&v, 4096);
	if (sim_knob_on(k, SIM_KNOB_SERIAL_DER_WRAPPED))
		sim_der_put(&v, SIM_DER_UTF8, blob_str(leaf->serial));
	else if (sim_knob_on(k, SIM_KNOB_WRONG_SERIAL))
		buf_add_str(&v, "ZZNOTMINE999");
	else
		buf_add_str(&v, leaf->serial);
	if (sim_knob_on(k, SIM_KNOB_SERIAL_LOWERCASE))
		for (size_t i = 0; i < v.n; i++)
			v.p[i] = (uint8_t)tolower(v.p[i]);
	if (sim_knob_on(k, SIM_KNOB_SERIAL_NUL))
		buf_add(&v, "\0X", 2);
	sim_cert_extension(out, oid, false, buf_blob(&v));
	if (sim_knob_on(k, SIM_KNOB_SERIAL_TWICE))
		sim_cert_extension(out, oid, false, blob_str("ZZNOTMINE999"));
	buf_release(&v);
}

static void
sim_leaf_code(const struct sim_leaf *leaf, uint8_t out[SIM_KEY_SHA256])
{
	const struct sim_knobs *k = leaf->knobs;
	struct buf text;

	if (sim_knob_on(k, SIM_KNOB_WRONG_FRESHNESS)) {
		sim_key_random(out, SIM_KEY_SHA256);
		return;
	}
	buf_init(&text, 4096);
	buf_add_blob(&text, leaf->token);
	if (sim_knob_on(k, SIM_KNOB_FRESHNESS_KEY_AUTHORIZATION))
		buf_printf(&text, ".%s",
		    leaf->thumbprint != NULL ? leaf->thumbprint : "");
	sim_key_sha256(buf_blob(&text), out);
	buf_release(&text);
}

static void
sim_leaf_freshness(const struct sim_leaf *leaf, struct buf *out)
{
	const struct sim_knobs *k = leaf->knobs;
	bool critical = sim_knob_on(k, SIM_KNOB_FRESHNESS_CRITICAL);
	const char *oid = SIM_LEAF_ARC "11.1";
	uint8_t code[SIM_KEY_SHA256];
	struct blob raw = blob_of(code, sizeof code);
	struct buf v;

	if (sim_knob_on(k, SIM_KNOB_FRESHNESS_MISSING))
		return;
	sim_leaf_code(leaf, code);
	if (sim_knob_on(k, SIM_KNOB_FRESHNESS_SHORT))
		raw.n--;
	buf_init(&v, 4096);
	if (sim_knob_on(k, SIM_KNOB_FRESHNESS_DER_WRAPPED))
		sim_der_put(&v, SIM_DER_OCTETS, raw);
	else if (sim_knob_on(k, SIM_KNOB_FRESHNESS_RAW_TOKEN))
		buf_add_blob(&v, leaf->token);
	else
		buf_add_blob(&v, raw);
	sim_cert_extension(out, oid, critical, buf_blob(&v));
	if (sim_knob_on(k, SIM_KNOB_FRESHNESS_TWICE))
		sim_cert_extension(out, oid, critical, buf_blob(&v));
	buf_release(&v);
}

static void
sim_leaf_extensions(const struct sim_leaf *leaf, struct buf *out)
{
	const struct sim_knobs *k = leaf->knobs;

	if (sim_knob_on(k, SIM_KNOB_LEAF_V1))
		return;
	sim_cert_basic(out, sim_knob_on(k, SIM_KNOB_LEAF_IS_CA), -1);
	sim_cert_usage(out, 0xf0);
	sim_leaf_posture(leaf, out);
	sim_leaf_serial_number(leaf, out);
	if (!sim_knob_on(k, SIM_KNOB_SERIAL_MISSING))
		sim_leaf_text(out, SIM_LEAF_ARC "9.2", leaf->udid);
	sim_leaf_freshness(leaf, out);
	if (sim_knob_on(k, SIM_KNOB_UNKNOWN_CRITICAL_EXTENSION))
		sim_cert_extension(
		    out, "1.3.6.1.4.1.99999.7", true, blob_of("\5\0", 2));
}

/* CN is the SHA-256 of the key's own point in hexadecimal. */
static int
sim_leaf_subject(EVP_PKEY *key, struct buf *out)
{
	struct sim_cert_rdn rdn[] = {
		{ "2.5.4.3", SIM_DER_UTF8, "" },
		{ "2.5.4.11", SIM_DER_UTF8, "AAA Certification" },
		{ "2.5.4.10", SIM_DER_UTF8, "Simulated Apple Inc." },
		{ "2.5.4.8", SIM_DER_UTF8, "California" },
	};
	uint8_t md[SIM_KEY_SHA256];
	struct buf bytes, hex;
	int rc;

	buf_init(&bytes, 8192);
	buf_init(&hex, 256);
	rc = EVP_PKEY_is_a(key, "EC") ? sim_key_point(key, &bytes)
				      : sim_key_spki(key, &bytes);
	if (rc == OK) {
		sim_key_sha256(buf_blob(&bytes), md);
		enc_hex(blob_of(md, sizeof md), &hex);
		rdn[0].value = buf_str(&hex);
		sim_cert_name(out, rdn, sizeof rdn / sizeof rdn[0]);
		rc = buf_status(out);
	}
	buf_release(&bytes);
	buf_release(&hex);
	return rc;
}

static int
sim_leaf_key(const struct sim_leaf *leaf, EVP_PKEY **out)
{
	if (sim_knob_on(leaf->knobs, SIM_KNOB_RSA_LEAF))
		return sim_key_make("RSA-2048", out);
	if (sim_knob_on(leaf->knobs, SIM_KNOB_P521_LEAF))
		return sim_key_make("P-521", out);
	if (EVP_PKEY_up_ref(leaf->key) != 1)
		return fail(ERR_CRYPTO, "no key");
	*out = leaf->key;
	return OK;
}

static int
sim_leaf_spki(const struct sim_leaf *leaf, EVP_PKEY *key, struct buf *out)
{
	EVP_PKEY *copy;
	int rc;

	if (!sim_knob_on(leaf->knobs, SIM_KNOB_COMPRESSED_POINT))
		return sim_key_spki(key, out);
	copy = EVP_PKEY_dup(key);
	if (copy == NULL ||
	    EVP_PKEY_set_utf8_string_param(copy,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed") != 1)
		rc = fail(ERR_CRYPTO, "cannot compress the point");
	else
		rc = sim_key_spki(copy, out);
	EVP_PKEY_free(copy);
	return rc;
}

/* Issued now: 24 hours back, 90 days on; the serial is Unix milliseconds. */
static int
sim_leaf_sign(const struct sim_leaf *leaf, const struct sim_ca *issuer,
    struct blob subject, struct blob spki, struct buf *der)
{
	const struct sim_knobs *k = leaf->knobs;
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
	if (sim_knob_on(k, SIM_KNOB_EXPIRED_LEAF))
		now -= 100 * (int64_t)SIM_CERT_DAY;
	if (sim_knob_on(k, SIM_KNOB_FUTURE_LEAF))
		now += 3 * (int64_t)SIM_CERT_DAY;
	buf_init(&extensions, SIM_DER_MAX);
	sim_leaf_extensions(leaf, &extensions);
	rc = sim_cert_sign_version(
	    &(struct sim_cert){
		.serial = blob_of(serial, sizeof serial),
		.issuer = buf_blob(&issuer->subject),
		.subject = subject,
		.spki = spki,
		.extensions = buf_blob(&extensions),
		.not_before = now - SIM_CERT_DAY,
		.not_after = now + 90 * (int64_t)SIM_CERT_DAY,
		.digest =
		    sim_knob_on(k, SIM_KNOB_SHA1_LEAF) ? "sha1" : "sha384",
	    },
	    sim_knob_on(k, SIM_KNOB_LEAF_V1) ? 0 : 2, issuer->key, der);
	buf_release(&extensions);
	return rc;
}

int
sim_leaf_make(
    const struct sim_leaf *leaf, const struct sim_ca *issuer, struct buf *der)
{
	EVP_PKEY *key = NULL;
	struct buf subject, spki;
	int rc;

	buf_init(&subject, SIM_DER_MAX);
	buf_init(&spki, SIM_DER_MAX);
	rc = sim_leaf_key(leaf, &key);
	if (rc == OK)
		rc = sim_leaf_subject(key, &subject);
	if (rc == OK)
		rc = sim_leaf_spki(leaf, key, &spki);
	if (rc == OK)
		rc = sim_leaf_sign(
		    leaf, issuer, buf_blob(&subject), buf_blob(&spki), der);
	if (rc == OK && sim_knob_on(leaf->knobs, SIM_KNOB_LEAF_TAMPERED))
		der->p[der->n - 1] ^= 1;
	if (rc == OK && sim_knob_on(leaf->knobs, SIM_KNOB_LEAF_TRAILING))
		rc = buf_add_byte(der, 0);
	EVP_PKEY_free(key);
	buf_release(&subject);
	buf_release(&spki);
	return rc;
}
