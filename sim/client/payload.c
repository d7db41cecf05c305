#include <string.h>

#include "base/log.h"
#include "sim/forge/cert.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/forge/plist.h"
#include "sim/client/payload.h"

void
payload_init(struct payload *p)
{
	memset(p, 0, sizeof *p);
	buf_init(&p->subject, DER_MAX);
}

void
payload_release(struct payload *p)
{
	value_free(p->plist);
	buf_release(&p->subject);
	payload_init(p);
}

/* The payload whose member `name` is that text. */
static const struct value *
payload_payload(const struct value *plist, const char *name, const char *text)
{
	const struct value *v = value_first(value_get(plist, "PayloadContent"));

	for (; v != NULL; v = v->next) {
		const char *t = value_text(v, name);

		if (t != NULL && text != NULL && strcmp(t, text) == 0)
			return v;
	}
	return NULL;
}

/* One RDN, [[type, value], …], as /type=value of cert_name_text. */
static void
payload_rdn(const struct value *rdn, struct buf *text)
{
	const struct value *pair = value_first(rdn);

	for (; pair != NULL; pair = pair->next) {
		const struct value *type = value_first(pair);
		const struct value *value = type == NULL ? NULL : type->next;

		if (value == NULL || type->bytes == NULL ||
		    value->bytes == NULL)
			continue;
		buf_printf(text, "/%s=%s", (const char *)type->bytes,
		    (const char *)value->bytes);
	}
}

/* The ACME client writes every value as UTF8String. */
static int
payload_subject(const struct value *payload, bool is_scep, struct buf *out)
{
	const struct value *rdn = value_first(value_get(payload, "Subject"));
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	for (; rdn != NULL; rdn = rdn->next)
		payload_rdn(rdn, &text);
	rc = is_scep ? cert_name_printable(buf_str(&text), out)
		     : cert_name_text(buf_str(&text), out);
	buf_release(&text);
	return rc;
}

static int
payload_acme(const struct value *acme, struct payload *p)
{
	const struct value *eku =
	    value_first(value_get(acme, "ExtendedKeyUsage"));
	size_t n = 0;

	p->directory_url = value_text(acme, "DirectoryURL");
	p->client_identifier = value_text(acme, "ClientIdentifier");
	p->key_size = (long)value_number(acme, "KeySize", 0);
	p->attest = value_bool(acme, "Attest", false);
	for (; eku != NULL && n < CERTREQ_NAMES - 1; eku = eku->next)
		if (eku->type == VALUE_TEXT)
			p->ekus[n++] = (const char *)eku->bytes;
	if (p->directory_url == NULL || p->client_identifier == NULL ||
	    (p->key_size != 256 && p->key_size != 384) ||
	    !value_bool(acme, "HardwareBound", false))
		return fail(ERR_MALFORMED, "the ACME payload is not usable");
	return payload_subject(acme, false, &p->subject);
}

/* Everything sits in a dictionary of its own; 1024 bits unless it says more. */
static int
payload_scep(const struct value *payload, struct payload *p)
{
	const struct value *scep = value_get(payload, "PayloadContent");
	int64_t usage = value_number(scep, "Key Usage", 0);
	const char *type = value_text(scep, "Key Type");

	p->is_scep = true;
	p->scep_url = value_text(scep, "URL");
	p->scep_name = value_text(scep, "Name");
	p->challenge = value_text(scep, "Challenge");
	p->key_size = (long)value_number(scep, "Keysize", 1024);
	p->ca_fingerprint = value_data(scep, "CAFingerprint");
	p->usage = (uint8_t)((usage & 4) != 0 ? 0x20 : 0);
	if ((usage & 1) != 0 || p->usage == 0)
		p->usage |= 0x80;
	if (p->scep_url == NULL || strchr(p->scep_url, '?') != NULL ||
	    (type != NULL && strcmp(type, "RSA") != 0) || p->key_size < 1024 ||
	    p->key_size > 4096)
		return fail(ERR_MALFORMED, "the SCEP payload is not usable");
	return payload_subject(scep, true, &p->subject);
}

static bool
payload_capability(const struct value *mdm, const char *name)
{
	const struct value *v =
	    value_first(value_get(mdm, "ServerCapabilities"));

	for (; v != NULL; v = v->next)
		if (v->bytes != NULL &&
		    strcmp((const char *)v->bytes, name) == 0)
			return true;
	return false;
}

static int
payload_mdm(const struct value *mdm, struct payload *p)
{
	p->server_url = value_text(mdm, "ServerURL");
	p->checkin_url = value_text(mdm, "CheckInURL");
	p->topic = value_text(mdm, "Topic");
	p->sign_message = value_bool(mdm, "SignMessage", false);
	p->access_rights = value_number(mdm, "AccessRights", 0);
	p->per_user_connections =
	    payload_capability(mdm, "com.apple.mdm.per-user-connections");
	if (p->checkin_url == NULL)
		p->checkin_url = p->server_url;
	if (p->server_url == NULL || p->topic == NULL)
		return fail(ERR_MALFORMED, "the MDM payload is not usable");
	return OK;
}

static int
payload_read(struct payload *p)
{
	const struct value *mdm =
	    payload_payload(p->plist, "PayloadType", "com.apple.mdm");
	const struct value *identity = payload_payload(p->plist, "PayloadUUID",
	    value_text(mdm, "IdentityCertificateUUID"));
	const char *type = value_text(identity, "PayloadType");
	int rc;

	p->identifier = value_text(p->plist, "PayloadIdentifier");
	if (mdm == NULL || p->identifier == NULL)
		return fail(ERR_MALFORMED,
		    "the profile has no MDM payload or no identifier");
	if (type != NULL && strcmp(type, "com.apple.security.acme") == 0)
		rc = payload_acme(identity, p);
	else if (type != NULL && strcmp(type, "com.apple.security.scep") == 0)
		rc = payload_scep(identity, p);
	else
		rc = fail(ERR_MALFORMED, "the MDM payload has no identity");
	return rc == OK ? payload_mdm(mdm, p) : rc;
}

int
payload_parse(struct blob bytes, struct payload *p)
{
	struct buf content;
	int rc = OK;

	buf_init(&content, (size_t)16 << 20);
	if (bytes.n > 0 && bytes.p[0] == DER_SEQUENCE)
		rc = signed_data_open(bytes, &content);
	else
		rc = buf_add_blob(&content, bytes);
	if (rc == OK)
		rc = plist_parse(buf_blob(&content), &p->plist);
	if (rc == OK)
		rc = payload_read(p);
	buf_release(&content);
	return rc;
}

int
payload_replaces(const struct payload *p, const struct payload *old)
{
	if (strcmp(p->identifier, old->identifier) != 0)
		return fail(ERR_MALFORMED, "it has another identifier");
	if (strcmp(p->topic, old->topic) != 0 ||
	    strcmp(p->server_url, old->server_url) != 0 ||
	    strcmp(p->checkin_url, old->checkin_url) != 0)
		return fail(ERR_MALFORMED, "it has another topic or URL");
	if ((p->access_rights & ~old->access_rights) != 0)
		return fail(ERR_MALFORMED, "it takes more rights");
	if (p->per_user_connections != old->per_user_connections)
		return fail(ERR_MALFORMED, "it changes what users may do");
	return OK;
}
