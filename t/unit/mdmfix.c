#include "mdmfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/ade_devices.h"

const struct conf mdmfix_conf = {
	.url = (char[]){ "https://mdm.example.com" },
	.organization = (char[]){ "Tom & Jerry's <\"Ltd\">" },
	.topic = (char[]){ MDMFIX_TOPIC },
	.profile_identifier = (char[]){ "com.example.enrollment" },
	.enrollment_hours = 24,
	.days_before = 180,
	.signing_key = (char[]){ "" },
	.signing_certificate = (char[]){ "" },
	.server_ca = (char[]){ "" },
	.enrollment_url = (char[]){ CONF_ENROLLMENT_URL },
	.push_url = (char[]){ CONF_PUSH_URL },
	.apple_server_ca = (char[]){ "" },
	.premium = true,
};

void
mdmfix_cert_make(struct mdmfix_cert *c, const char *name, bool ca, bool rsa,
    const struct mdmfix_cert *issuer)
{
	static unsigned char number;
	unsigned char serial[2] = { 1, ++number };
	time_t now = (time_t)clock_now();
	gnutls_datum_t der;

	assert_int_equal(gnutls_x509_privkey_init(&c->key), 0);
	assert_int_equal(
	    gnutls_x509_privkey_generate(c->key,
		rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
		rsa ? 1024 : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
		0),
	    0);
	assert_int_equal(gnutls_x509_crt_init(&c->crt), 0);
	gnutls_x509_crt_set_version(c->crt, 3);
	gnutls_x509_crt_set_serial(c->crt, serial, sizeof serial);
	gnutls_x509_crt_set_activation_time(c->crt, now - 3600);
	gnutls_x509_crt_set_expiration_time(c->crt, now + 3600);
	gnutls_x509_crt_set_key(c->crt, c->key);
	gnutls_x509_crt_set_dn_by_oid(c->crt, GNUTLS_OID_X520_COMMON_NAME, 0,
	    name, (unsigned)strlen(name));
	gnutls_x509_crt_set_basic_constraints(c->crt, ca, -1);
	assert_int_equal(
	    gnutls_x509_crt_sign2(c->crt, issuer ? issuer->crt : c->crt,
		issuer ? issuer->key : c->key,
		rsa ? GNUTLS_DIG_SHA1 : GNUTLS_DIG_SHA256, 0),
	    0);
	assert_int_equal(
	    gnutls_x509_crt_export2(c->crt, GNUTLS_X509_FMT_DER, &der), 0);
	buf_init(&c->der, 8192);
	buf_add(&c->der, der.data, der.size);
	/* GnuTLS compares names only of certificates that were read. */
	gnutls_x509_crt_deinit(c->crt);
	assert_int_equal(gnutls_x509_crt_init(&c->crt), 0);
	assert_int_equal(
	    gnutls_x509_crt_import(c->crt, &der, GNUTLS_X509_FMT_DER), 0);
	gnutls_free(der.data);
}

void
mdmfix_cert_release(struct mdmfix_cert *c)
{
	gnutls_x509_privkey_deinit(c->key);
	gnutls_x509_crt_deinit(c->crt);
	buf_release(&c->der);
}

void
mdmfix_sign(const struct mdmfix_cert *c, struct blob content,
    gnutls_digest_algorithm_t digest, unsigned flags, struct buf *out)
{
	gnutls_datum_t data = { (unsigned char *)(uintptr_t)content.p,
		(unsigned)content.n };
	gnutls_datum_t der;
	gnutls_privkey_t key;
	gnutls_pkcs7_t pkcs7;

	assert_int_equal(gnutls_privkey_init(&key), 0);
	assert_int_equal(gnutls_privkey_import_x509(key, c->key, 0), 0);
	assert_int_equal(gnutls_pkcs7_init(&pkcs7), 0);
	assert_int_equal(gnutls_pkcs7_sign(pkcs7, c->crt, key, &data, NULL,
			     NULL, digest, flags | GNUTLS_PKCS7_INCLUDE_CERT),
	    0);
	assert_int_equal(
	    gnutls_pkcs7_export2(pkcs7, GNUTLS_X509_FMT_DER, &der), 0);
	buf_add(out, der.data, der.size);
	gnutls_free(der.data);
	gnutls_pkcs7_deinit(pkcs7);
	gnutls_privkey_deinit(key);
}

static void
order(struct db *db, struct mdmfix_device *d, const struct enrollment *e)
{
	struct account a;
	struct order o;

	storefix_account(db, e, 1, &a);
	storefix_order(db, &a, &o);
	WRITE(db, orders_challenge_valid(db, &o));
	WRITE(db, orders_finalize(db, &o, d->row.id));
	snprintf(d->row.order_id, sizeof d->row.order_id, "%s", o.id);
	accounts_release(&a);
}

static void
certify(struct db *db, struct mdmfix_device *d, const struct enrollment *e)
{
	struct certificate *row = &d->row;

	row->der = buf_blob(&d->cert.der);
	secret_sha256(row->der, row->sha256);
	secret_random(row->spki_sha256, sizeof row->spki_sha256);
	secret_random(row->serial_number, 16);
	row->serial_number_len = 16;
	row->issuer_key_id_len = 20;
	row->not_before = clock_now() - 600;
	row->not_after = clock_now() + 3600;
	snprintf(row->enrollment_id, sizeof row->enrollment_id, "%s", e->id);
	snprintf(row->serial, sizeof row->serial, "%s", e->device.serial);
	WRITE(db, certificates_insert(db, row));
	WRITE(db, enrollments_mark_issued(db, e->id));
}

void
mdmfix_device_make(struct db *db, const char *serial,
    enum enrollment_purpose purpose, bool attested, struct mdmfix_device *out)
{
	struct ade_device assigned = { .account = ADE_DEVICES_FILE };
	struct enrollment e;

	memset(out, 0, sizeof *out);
	snprintf(assigned.serial, sizeof assigned.serial, "%s", serial);
	WRITE(db, ade_devices_put(db, &assigned));
	storefix_enrollment(db, serial, &e);
	mdmfix_cert_make(&out->cert, serial, false, false, NULL);
	secret_id(out->row.id);
	out->row.purpose = purpose;
	out->row.hardware_attested = attested;
	order(db, out, &e);
	certify(db, out, &e);
}

void
mdmfix_device_release(struct mdmfix_device *d)
{
	mdmfix_cert_release(&d->cert);
}
