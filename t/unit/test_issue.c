/* lib/ca/authority.c, issue.c and crl.c: what is signed, to the byte. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/authority.h"
#include "ca/crl.h"
#include "ca/file.h"
#include "ca/issue.h"

#define SERIAL_OID "1.3.6.1.5.5.7.8.3"

static char folder[64];
static struct authority *ca;

static const char *
in_folder(const char *name)
{
	static char path[8][128];
	static unsigned turn;
	char *p = path[turn++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
}

static bool
shell(const char *command)
{
	return system(command) == 0;
}

static void
new_spki(enum key_kind kind, struct buf *out)
{
	struct key *key;

	buf_init(out, 1024);
	assert_int_equal(key_generate(kind, &key), OK);
	assert_int_equal(key_spki(key, out), OK);
	key_free(key);
}

static struct issue_request
request(const struct buf *spki)
{
	return (struct issue_request){
		.spki = buf_blob(spki),
		.common_name = "AbCdEfGhIjKlMnOpQrStUv",
		.organization = "Example Ltd",
		.permanent_identifier = "C02ABC123XYZ",
		.crl_url = "https://mdm.example.com/crl/acme.crl",
		.now = clock_now(),
		.days = 365,
	};
}

static gnutls_x509_crt_t
import(const struct certificate *c)
{
	gnutls_datum_t der = { (uint8_t *)(uintptr_t)c->der.p,
		(unsigned)c->der.n };
	gnutls_x509_crt_t crt;

	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	assert_int_equal(
	    gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER), 0);
	return crt;
}

static void
the_san_is_the_vector(void **state)
{
	struct buf san, hex;

	buf_init(&san, 128);
	buf_init(&hex, 256);
	assert_int_equal(issue_permanent_identifier("C02ABC123XYZ", &san), OK);
	assert_int_equal(enc_hex(buf_blob(&san), &hex), OK);
	assert_string_equal(buf_str(&hex),
	    "301ea01c06082b06010505070803a010300e0c0c"
	    "43303241424331323358595a");
	buf_release(&san);
	buf_release(&hex);
}

static void
the_san_is_what_gnutls_would_write(void **state)
{
	static const char *values[] = { "X", "C02ABC123XYZ",
		/* as long as a serial number may be */
		"012345678901234567890123456789012345678901234567890123456789"
		"0123" };
	unsigned type, critical;
	gnutls_x509_crt_t crt;
	struct issue_request req;
	struct certificate c;
	struct buf spki;
	char san[128], oid[64];
	size_t i, n;

	new_spki(KEY_P256, &spki);
	for (i = 0; i < 3; i++) {
		req = request(&spki);
		req.permanent_identifier = values[i];
		assert_int_equal(issue_certificate(ca, &req, &c), OK);
		crt = import(&c);
		n = sizeof san;
		assert_int_equal(gnutls_x509_crt_get_subject_alt_name2(
				     crt, 0, san, &n, &type, &critical),
		    GNUTLS_SAN_OTHERNAME);
		/* The content: SEQUENCE { UTF8String }. */
		assert_int_equal(n, strlen(values[i]) + 4);
		assert_memory_equal(san + 4, values[i], strlen(values[i]));
		n = sizeof oid;
		assert_true(gnutls_x509_crt_get_subject_alt_othername_oid(
				crt, 0, oid, &n) >= 0);
		assert_string_equal(oid, SERIAL_OID);
		gnutls_x509_crt_deinit(crt);
		certificates_release(&c);
	}
	buf_release(&spki);
}

/* The list of extensions is complete: nothing else is ever in there. */
static void
assert_extensions(gnutls_x509_crt_t crt, const char *expected)
{
	char oid[64], all[512] = "";
	unsigned critical, i;
	size_t n, at = 0;

	for (i = 0;; i++) {
		n = sizeof oid;
		if (gnutls_x509_crt_get_extension_info(
			crt, i, oid, &n, &critical) != 0)
			break;
		at += (size_t)snprintf(all + at, sizeof all - at, "%s%s ", oid,
		    critical ? "!" : "");
	}
	assert_string_equal(all, expected);
}

/* acme-228 */
static void
the_certificate_is_exactly_this(void **state)
{
	struct issue_request req;
	struct certificate c;
	struct buf spki;
	gnutls_x509_crt_t crt;
	unsigned critical, usage;
	uint8_t id[64];
	char text[256];
	size_t n;

	new_spki(KEY_P384, &spki);
	req = request(&spki);
	assert_int_equal(issue_certificate(ca, &req, &c), OK);
	crt = import(&c);
	assert_int_equal(gnutls_x509_crt_get_version(crt), 3);
	assert_extensions(crt,
	    "2.5.29.14 2.5.29.35 2.5.29.17 2.5.29.19! 2.5.29.15! 2.5.29.37 "
	    "2.5.29.31 ");
	n = sizeof text;
	assert_int_equal(gnutls_x509_crt_get_dn(crt, text, &n), 0);
	assert_string_equal(text, "O=Example Ltd,CN=AbCdEfGhIjKlMnOpQrStUv");
	assert_int_equal(
	    gnutls_x509_crt_get_key_usage(crt, &usage, &critical), 0);
	assert_int_equal(usage, GNUTLS_KEY_DIGITAL_SIGNATURE);
	n = sizeof text;
	assert_int_equal(
	    gnutls_x509_crt_get_key_purpose_oid(crt, 0, text, &n, &critical),
	    0);
	assert_string_equal(text, GNUTLS_KP_TLS_WWW_CLIENT);
	n = sizeof text;
	assert_int_equal(
	    gnutls_x509_crt_get_key_purpose_oid(crt, 1, text, &n, &critical),
	    GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
	n = sizeof id;
	assert_int_equal(
	    gnutls_x509_crt_get_authority_key_id(crt, id, &n, NULL), 0);
	assert_true(blob_eq(blob_of(id, n), authority_key_id(ca)));
	assert_memory_equal(c.issuer_key_id, id, n);
	assert_int_equal(c.not_before, req.now - 300);
	assert_int_equal(
	    gnutls_x509_crt_get_activation_time(crt), c.not_before);
	assert_int_equal(c.not_after, req.now + 365 * 86400);
	assert_int_equal(gnutls_x509_crt_get_expiration_time(crt), c.not_after);
	n = sizeof id;
	assert_int_equal(gnutls_x509_crt_get_serial(crt, id, &n), 0);
	assert_true(blob_eq(
	    blob_of(id, n), blob_of(c.serial_number, c.serial_number_len)));
	gnutls_x509_crt_deinit(crt);
	certificates_release(&c);
	buf_release(&spki);
}

/* acme-285 */
static void
privacy_mode_leaves_the_serial_number_out(void **state)
{
	struct issue_request req;
	struct certificate c;
	struct buf spki;
	gnutls_x509_crt_t crt;

	new_spki(KEY_P256, &spki);
	req = request(&spki);
	req.permanent_identifier = NULL;
	assert_int_equal(issue_certificate(ca, &req, &c), OK);
	crt = import(&c);
	assert_extensions(crt,
	    "2.5.29.14 2.5.29.35 2.5.29.19! 2.5.29.15! 2.5.29.37 2.5.29.31 ");
	gnutls_x509_crt_deinit(crt);
	certificates_release(&c);
	buf_release(&spki);
}

/* acme-254 */
static void
serial_numbers_are_random_and_positive(void **state)
{
	uint8_t seen[200][ISSUE_SERIAL_NUMBER];
	struct issue_request req;
	struct certificate c;
	struct buf spki;
	size_t i, k;

	new_spki(KEY_P256, &spki);
	req = request(&spki);
	for (i = 0; i < 200; i++) {
		assert_int_equal(issue_certificate(ca, &req, &c), OK);
		assert_int_equal(c.serial_number[0] & 0xc0, 0x40);
		for (k = 0; k < i; k++)
			assert_memory_not_equal(
			    seen[k] + 8, c.serial_number + 8, 8);
		memcpy(seen[i], c.serial_number, sizeof seen[i]);
		certificates_release(&c);
	}
	buf_release(&spki);
}

/* acme-253 */
static void
life_ends_with_the_authority(void **state)
{
	struct issue_request req;
	struct certificate c;
	struct buf spki;

	new_spki(KEY_P256, &spki);
	req = request(&spki);
	req.days = 20000;
	assert_int_equal(issue_certificate(ca, &req, &c), OK);
	assert_int_equal(c.not_after, authority_not_after(ca));
	certificates_release(&c);
	req.now = authority_not_after(ca) - 3600;
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_CONFIG);
	assert_null(c.der.p);
	req.now = authority_not_before(ca) - 3600;
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_CONFIG);
	buf_release(&spki);
}

static void
odd_requests_are_refused(void **state)
{
	struct issue_request req, good;
	struct certificate c;
	struct buf spki, odd;

	new_spki(KEY_P256, &spki);
	buf_init(&odd, 1024);
	good = req = request(&spki);
	req.common_name = "";
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_FIELD);
	req = good;
	req.organization = "A\nB";
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_FIELD);
	req = good;
	req.permanent_identifier =
	    "01234567890123456789012345678901234567890123456789012345678901234";
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_FIELD);
	req = good;
	req.crl_url = NULL;
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_FIELD);
	req = good;
	req.spki = blob_str("key");
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_BAD_PUBLIC_KEY);
	buf_add_blob(&odd, good.spki);
	buf_add_byte(&odd, 0);
	req.spki = buf_blob(&odd);
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_BAD_PUBLIC_KEY);
	odd.p[odd.n - 2] ^= 1;
	req.spki = blob_of(odd.p, odd.n - 1);
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_BAD_PUBLIC_KEY);
	buf_release(&odd);
	buf_release(&spki);
}

static void
other_kinds_of_key_get_no_certificate(void **state)
{
	static const struct {
		gnutls_pk_algorithm_t kind;
		unsigned bits;
	} rows[] = {
		{ GNUTLS_PK_RSA, 1024 },
		{ GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) },
		{ GNUTLS_PK_EDDSA_ED25519, 256 },
	};
	struct issue_request req;
	struct certificate c;
	struct buf spki;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		gnutls_privkey_t key;
		gnutls_pubkey_t public;
		gnutls_datum_t der;

		assert_int_equal(gnutls_privkey_init(&key), 0);
		assert_int_equal(
		    gnutls_privkey_generate(key, rows[i].kind, rows[i].bits, 0),
		    0);
		assert_int_equal(gnutls_pubkey_init(&public), 0);
		assert_int_equal(
		    gnutls_pubkey_import_privkey(public, key, 0, 0), 0);
		assert_int_equal(
		    gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der),
		    0);
		buf_init(&spki, 1024);
		buf_add(&spki, der.data, der.size);
		req = request(&spki);
		assert_int_equal(
		    issue_certificate(ca, &req, &c), ERR_BAD_PUBLIC_KEY);
		buf_release(&spki);
		gnutls_free(der.data);
		gnutls_pubkey_deinit(public);
		gnutls_privkey_deinit(key);
	}
}

static void
an_authority_without_key_signs_nothing(void **state)
{
	struct authority *half;
	struct issue_request req;
	struct certificate c;
	struct buf spki;

	new_spki(KEY_P256, &spki);
	req = request(&spki);
	assert_int_equal(
	    authority_load_certificate(in_folder("ca.pem"), &half), OK);
	assert_int_equal(issue_certificate(half, &req, &c), ERR_CRYPTO);
	assert_int_equal(
	    crl_build(half, NULL, 0, 1, clock_now(), &spki), ERR_CRYPTO);
	authority_free(half);
	buf_release(&spki);
}

static void
only_a_sound_authority_is_loaded(void **state)
{
	struct authority *other;
	struct issue_request req;
	struct certificate c;
	struct buf spki, chain;

	assert_int_equal(authority_create(in_folder("p.key"),
			     in_folder("p.pem"), "P", "O", KEY_P256, 1),
	    OK);
	assert_int_equal(
	    authority_load(in_folder("p.key"), in_folder("ca.pem"), &other),
	    ERR_CONFIG);
	assert_null(other);
	assert_int_equal(authority_create(in_folder("q.key"),
			     in_folder("p.pem"), "P", "O", KEY_P256, 1),
	    ERR_EXISTS);
	assert_int_not_equal(access(in_folder("q.key"), F_OK), 0);
	clock_set_offset(366 * 86400);
	assert_int_equal(
	    authority_load(in_folder("p.key"), in_folder("p.pem"), &other),
	    ERR_CONFIG);
	clock_set_offset(0);
	/* A leaf is not a CA. */
	new_spki(KEY_P256, &spki);
	req = request(&spki);
	assert_int_equal(issue_certificate(ca, &req, &c), OK);
	buf_init(&chain, 16384);
	assert_int_equal(issue_chain(ca, c.der, &chain), OK);
	assert_int_equal(
	    file_create(in_folder("leaf.pem"), buf_blob(&chain), 0644), OK);
	assert_int_equal(
	    authority_load_certificate(in_folder("leaf.pem"), &other),
	    ERR_CONFIG);
	buf_release(&chain);
	buf_release(&spki);
	certificates_release(&c);
}

static unsigned
usage_of(gnutls_x509_crt_t crt)
{
	unsigned usage = 0, critical = 0;

	assert_int_equal(
	    gnutls_x509_crt_get_key_usage(crt, &usage, &critical), 0);
	assert_int_not_equal(critical, 0);
	return usage;
}

/* The CA of SCEP: devices encrypt for it and it signs its answers. */
/* Adds one to a length of two bytes. */
static void
lengthen(struct buf *b, size_t at)
{
	if (++b->p[at + 1] == 0)
		b->p[at]++;
}

/*
 * mdm-79: a zero before the modulus makes another spelling of the same key,
 * which would pass for a new one.
 */
static void
a_key_has_one_spelling(void **state)
{
	static const size_t lengths[] = { 2, 21, 26, 30 };
	struct issue_request req;
	struct certificate c;
	struct buf spki, odd;
	size_t i;

	(void)state;
	new_spki(KEY_RSA_3072, &spki);
	buf_init(&odd, 1024);
	buf_add(&odd, spki.p, 32);
	buf_add_byte(&odd, 0);
	buf_add(&odd, spki.p + 32, spki.n - 32);
	for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		lengthen(&odd, lengths[i]);
	req = request(&odd);
	assert_int_equal(issue_certificate(ca, &req, &c), ERR_BAD_PUBLIC_KEY);
	assert_string_equal(log_reason(), "the key is not in its normal form");
	buf_release(&odd);
	buf_release(&spki);
}

/* A CA of openssl: its key of that kind, its certificate with that usage. */
static int
check_scep(const char *key, const char *usage)
{
	struct authority *other;
	char command[512];
	int r;

	snprintf(command, sizeof command,
	    "openssl req -x509 -newkey %s -nodes -keyout %s -out %s -days 2"
	    " -subj /CN=S -addext keyUsage=critical,%s 2>/dev/null",
	    key, in_folder("o.key"), in_folder("o.pem"), usage);
	assert_true(shell(command));
	assert_int_equal(
	    authority_load_certificate(in_folder("o.pem"), &other), OK);
	r = authority_check_scep(other);
	authority_free(other);
	return r;
}

/* RFC 8894 section 2.1.2: it signs answers, and requests are for its key. */
static void
only_some_authorities_serve_scep(void **state)
{
	static const char ec[] = "ec -pkeyopt ec_paramgen_curve:P-256";

	(void)state;
	assert_int_equal(check_scep("rsa:2048",
			     "keyCertSign,cRLSign,digitalSignature,"
			     "keyEncipherment"),
	    OK);
	assert_int_equal(
	    check_scep("rsa:2048", "keyCertSign,cRLSign"), ERR_CONFIG);
	assert_int_equal(
	    check_scep("rsa:2048", "keyCertSign,cRLSign,digitalSignature"),
	    ERR_CONFIG);
	assert_int_equal(
	    check_scep("rsa:2048", "keyCertSign,cRLSign,keyEncipherment"),
	    ERR_CONFIG);
	assert_int_equal(check_scep(ec,
			     "keyCertSign,cRLSign,digitalSignature,"
			     "keyEncipherment"),
	    ERR_CONFIG);
}

static void
an_rsa_authority_serves_scep(void **state)
{
	unsigned messages =
	    GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT;
	struct authority *scep;
	struct issue_request req;
	struct certificate c;
	struct buf spki, url;
	gnutls_x509_crt_t crt;

	assert_int_equal(authority_create(in_folder("s.key"),
			     in_folder("s.pem"), "S", "O", KEY_RSA_3072, 1),
	    OK);
	assert_int_equal(
	    authority_load(in_folder("s.key"), in_folder("s.pem"), &scep), OK);
	assert_string_equal(key_name(authority_key(scep)), "RSA 3072");
	assert_int_equal(authority_check_scep(scep), OK);
	assert_int_equal(usage_of(authority_certificate(scep)),
	    messages | GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	assert_int_equal(authority_check_scep(ca), ERR_CONFIG);
	buf_init(&url, 256);
	assert_int_equal(
	    issue_crl_url("https://mdm.example.com", "scep.crl", &url), OK);
	assert_string_equal(
	    buf_str(&url), "https://mdm.example.com/crl/scep.crl");
	new_spki(KEY_RSA_3072, &spki);
	req = request(&spki);
	req.permanent_identifier = NULL;
	assert_int_equal(issue_certificate(scep, &req, &c), OK);
	crt = import(&c);
	assert_int_equal(usage_of(crt), messages);
	assert_int_equal(gnutls_x509_crt_get_signature_algorithm(crt),
	    GNUTLS_SIGN_RSA_SHA256);
	gnutls_x509_crt_deinit(crt);
	certificates_release(&c);
	authority_free(scep);
	buf_release(&url);
	buf_release(&spki);
}

static void
openssl_agrees(void **state)
{
	struct crl_entry entry = { .revoked_at = 0 };
	struct issue_request req;
	struct certificate c;
	struct buf spki, chain, crl;
	char command[1024];

	if (!shell("command -v openssl >/dev/null 2>&1")) {
		print_message("# skipped: openssl is not here\n");
		return;
	}
	new_spki(KEY_P256, &spki);
	req = request(&spki);
	buf_init(&chain, 16384);
	buf_init(&crl, 16384);
	assert_int_equal(issue_certificate(ca, &req, &c), OK);
	assert_int_equal(issue_chain(ca, c.der, &chain), OK);
	assert_int_equal(
	    memcmp(chain.p, "-----BEGIN CERTIFICATE-----\n", 28), 0);
	assert_int_equal(chain.p[chain.n - 1], '\n');
	assert_null(strchr(buf_str(&chain), '\r'));
	assert_int_equal(
	    file_replace(in_folder("o.pem"), buf_blob(&chain), 0644), OK);
	assert_int_equal(crl_build(ca, NULL, 0, 1, clock_now(), &crl), OK);
	assert_int_equal(
	    file_replace(in_folder("empty.crl"), buf_blob(&crl), 0644), OK);
	buf_reset(&crl);
	entry.serial_number = blob_of(c.serial_number, c.serial_number_len);
	entry.revoked_at = clock_now();
	assert_int_equal(crl_build(ca, &entry, 1, 258, clock_now(), &crl), OK);
	assert_int_equal(
	    file_replace(in_folder("full.crl"), buf_blob(&crl), 0644), OK);
	snprintf(command, sizeof command,
	    "cd '%s' && for f in empty full; do openssl crl -inform DER -in "
	    "$f.crl -out $f.crl.pem -CAfile ca.pem 2>/dev/null; done; "
	    "openssl crl -inform DER -in full.crl -noout -crlnumber | grep -q "
	    "'0x0*102$' && openssl verify -x509_strict -purpose sslclient "
	    "-CAfile ca.pem -crl_check -CRLfile empty.crl.pem o.pem >/dev/null "
	    "&& ! openssl verify -purpose sslserver -CAfile ca.pem o.pem "
	    ">/dev/null 2>&1 && openssl verify -CAfile ca.pem -crl_check "
	    "-CRLfile full.crl.pem o.pem 2>&1 | grep -q 'certificate revoked'",
	    folder);
	assert_true(shell(command));
	buf_release(&crl);
	buf_release(&chain);
	buf_release(&spki);
	certificates_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_san_is_the_vector),
		cmocka_unit_test(the_san_is_what_gnutls_would_write),
		cmocka_unit_test(the_certificate_is_exactly_this),
		cmocka_unit_test(privacy_mode_leaves_the_serial_number_out),
		cmocka_unit_test(serial_numbers_are_random_and_positive),
		cmocka_unit_test(life_ends_with_the_authority),
		cmocka_unit_test(odd_requests_are_refused),
		cmocka_unit_test(other_kinds_of_key_get_no_certificate),
		cmocka_unit_test(an_authority_without_key_signs_nothing),
		cmocka_unit_test(only_a_sound_authority_is_loaded),
		cmocka_unit_test(a_key_has_one_spelling),
		cmocka_unit_test(an_rsa_authority_serves_scep),
		cmocka_unit_test(only_some_authorities_serve_scep),
		cmocka_unit_test(openssl_agrees),
	};
	char remove[128];
	int failed;

	snprintf(folder, sizeof folder, "%s", "/tmp/attestmdm-issue-XXXXXX");
	if (mkdtemp(folder) == NULL ||
	    authority_create(in_folder("ca.key"), in_folder("ca.pem"),
		"Example ACME CA", "Example Ltd", KEY_P384, 10) != OK ||
	    authority_load(in_folder("ca.key"), in_folder("ca.pem"), &ca) != OK)
		return 1;
	failed = unit_run("issue", tests);
	authority_free(ca);
	snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
	return shell(remove) ? failed : 1;
}
