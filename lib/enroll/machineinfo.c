#include "enroll/machineinfo.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/refusal.h"
#include "wire/cms.h"
#include "wire/in_plist.h"
#include "wire/x509.h"

#define DIGITS  "0123456789"
#define HEXES   DIGITS "abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* The signer is one of the device CA's and no CA: else it may be anybody. */
static int
check_signer(
    struct blob der, gnutls_x509_crt_t device_ca, uint8_t sha256[SECRET_SHA256])
{
	gnutls_x509_crt_t signer = NULL;
	struct buf spki;
	int r;

	if ((r = x509_parse(der, &signer)) != OK)
		return r;
	if (x509_is_ca(signer))
		r = fail(ERR_ENROLL_SIGNATURE,
		    "the device information is signed by a CA certificate");
	else
		r = x509_signed_by(signer, device_ca, X509_ALLOW_SHA1);
	buf_init(&spki, X509_DER_MAX);
	if (r == OK && (r = x509_spki(signer, &spki)) == OK)
		secret_sha256(buf_blob(&spki), sha256);
	buf_release(&spki);
	x509_free(signer);
	return r;
}

/*
 * Nobody vouches for the serial number of an unsigned claim, so that no row is
 * filed under it; but it is what an administrator searches for.
 */
static int
refuse_claim(int code, struct blob content)
{
	const char *serial = NULL;
	struct in_plist *doc = NULL;
	char why[300];
	int r;

	snprintf(why, sizeof why, "%s", log_reason());
	if (in_plist_parse(content, MACHINEINFO_BYTES_MAX, &doc) != OK ||
	    in_plist_string(in_plist_root(doc), "SERIAL", &serial) != OK)
		serial = "";
	r = fail(code, "%s; it says its SERIAL is \"%.64s\"", why, serial);
	in_plist_free(doc);
	return r;
}

int
machineinfo_verify(struct blob cms, gnutls_x509_crt_t device_ca,
    uint8_t signer_sha256[SECRET_SHA256], struct buf *out)
{
	struct cms_signed *signature = NULL;
	struct blob der;
	int r;

	if (cms.n > MACHINEINFO_BYTES_MAX)
		return fail(
		    ERR_TOO_LARGE, "device information of %zu bytes", cms.n);
	if ((r = cms_signed_parse(cms, &signature)) != OK) {
		r = refusal_code(r, ERR_ENROLL_MACHINEINFO);
		goto done;
	}
	if (!signature->has_content) {
		r = fail(ERR_ENROLL_MACHINEINFO,
		    "the signed device information has no content");
		goto done;
	}
	if ((r = cms_signed_signer(signature, &der)) != OK ||
	    (r = check_signer(der, device_ca, signer_sha256)) != OK ||
	    (r = cms_signed_verify(signature, signature->content,
		 CMS_ALLOW_SHA1 | CMS_ALLOW_RSA1024)) != OK)
		r = refuse_claim(
		    refusal_code(r, ERR_ENROLL_SIGNATURE), signature->content);
	else
		r = buf_add_blob(out, signature->content);
done:
	cms_signed_free(signature);
	return r;
}

/* True, and copied, when 1..outlen-1 characters are all from `set`. */
static bool
take(const struct in_plist_node *root, const char *key, const char *set,
    char *out, size_t outlen)
{
	const char *s;

	out[0] = '\0';
	if (in_plist_string(root, key, &s) != OK)
		return false;
	if (s[0] == '\0' || strlen(s) >= outlen || s[strspn(s, set)] != '\0') {
		log_line(LOG_NOTICE,
		    "device information: %s of %zu bytes is not usable", key,
		    strlen(s));
		return false;
	}
	snprintf(out, outlen, "%s", s);
	return true;
}

static int
read_fields(const struct in_plist_node *root, struct machineinfo *out)
{
	struct machineinfo m = { .device.serial = "" };

	if (!take(root, "SERIAL", LETTERS DIGITS "-", m.device.serial,
		sizeof m.device.serial))
		return fail(ERR_ENROLL_MACHINEINFO,
		    "the device information has no usable SERIAL");
	if (!take(root, "UDID", HEXES "-", m.device.udid, sizeof m.device.udid))
		return fail(ERR_ENROLL_MACHINEINFO,
		    "the device information of %s has no usable UDID",
		    m.device.serial);
	take(root, "PRODUCT", LETTERS DIGITS ",", m.device.product,
	    sizeof m.device.product);
	take(root, "OS_VERSION", DIGITS ".", m.device.os_version,
	    sizeof m.device.os_version);
	take(root, "VERSION", LETTERS DIGITS, m.device.build_version,
	    sizeof m.device.build_version);
	if (in_plist_bool(
		root, "MDM_CAN_REQUEST_SOFTWARE_UPDATE", &m.can_update) != OK)
		m.can_update = false;
	if (in_plist_bool(root, "MANDATORY_SOFTWARE_UPDATE_REQUIRED",
		&m.must_update) != OK)
		m.must_update = false;
	*out = m;
	return OK;
}

int
machineinfo_parse(struct blob plist, struct machineinfo *out)
{
	struct in_plist *doc = NULL;
	int r;

	*out = (struct machineinfo){ .device.serial = "" };
	if ((r = in_plist_parse(plist, MACHINEINFO_BYTES_MAX, &doc)) != OK)
		return refusal_code(r, ERR_ENROLL_MACHINEINFO);
	r = read_fields(in_plist_root(doc), out);
	in_plist_free(doc);
	return r;
}

int
machineinfo_read(
    struct blob cms, gnutls_x509_crt_t device_ca, struct machineinfo *out)
{
	uint8_t signer[SECRET_SHA256];
	struct buf content;
	int r;

	*out = (struct machineinfo){ .device.serial = "" };
	buf_init(&content, MACHINEINFO_BYTES_MAX);
	r = machineinfo_verify(cms, device_ca, signer, &content);
	if (r == OK)
		r = machineinfo_parse(buf_blob(&content), out);
	if (r == OK)
		memcpy(out->signer_sha256, signer, sizeof signer);
	buf_release(&content);
	return r;
}
