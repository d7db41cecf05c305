#include <string.h>

#include "base/log.h"
#include "sim/client/payload.h"
#include "sim/forge/cert.h"
#include "sim/forge/der.h"
#include "sim/forge/keypair.h"
#include "sim/forge/cms_message.h"

void
payload_init(struct payload *p)
{
	memset(p, 0, sizeof *p);
	buf_init(&p->subject, SCRATCH_MAX);
}

void
payload_release(struct payload *p)
{
	plist_free(p->plist);
	buf_release(&p->subject);
	payload_init(p);
}

/* The payload whose member `name` is that text. */
static plist_t
find(plist_t plist, const char *name, const char *text)
{
	plist_t list = xml_get(plist, "PayloadContent"), v;

	for (uint32_t i = 0; (v = xml_item(list, i)) != NULL; i++) {
		const char *t = xml_get_text(v, name);

		if (t != NULL && text != NULL && strcmp(t, text) == 0)
			return v;
	}
	return NULL;
}

/*
 * [[[type, value]], …] as a Name. The ACME client writes every value as
 * UTF8String.
 */
static int
read_subject(plist_t payload, bool is_scep, struct buf *out)
{
	plist_t subject = xml_get(payload, "Subject"), rdn, pair;
	SCRATCH_BUF(text);

	for (uint32_t i = 0; (rdn = xml_item(subject, i)) != NULL; i++)
		for (uint32_t j = 0; (pair = xml_item(rdn, j)) != NULL; j++) {
			const char *type =
			    xml_get_text(xml_item(pair, 0), NULL);
			const char *value =
			    xml_get_text(xml_item(pair, 1), NULL);

			if (type != NULL && value != NULL)
				buf_printf(&text, "/%s=%s", type, value);
		}
	return is_scep ? cert_name_printable(buf_str(&text), out)
		       : cert_name_text(buf_str(&text), out);
}

static int
read_acme(plist_t acme, struct payload *p)
{
	plist_t ekus = xml_get(acme, "ExtendedKeyUsage");

	p->directory_url = xml_get_text(acme, "DirectoryURL");
	p->client_identifier = xml_get_text(acme, "ClientIdentifier");
	p->key_size = (long)xml_get_int(acme, "KeySize", 0);
	p->attest = xml_get_bool(acme, "Attest");
	for (uint32_t i = 0; i < CERT_REQUEST_EKUS - 1; i++)
		p->ekus[i] = xml_get_text(xml_item(ekus, i), NULL);
	if (p->directory_url == NULL || p->client_identifier == NULL ||
	    (p->key_size != 256 && p->key_size != 384) ||
	    !xml_get_bool(acme, "HardwareBound"))
		return fail(ERR_MALFORMED, "the ACME payload is not usable");
	return read_subject(acme, false, &p->subject);
}

/* Everything sits in a dictionary of its own; 1024 bits unless it says more. */
static int
read_scep(plist_t payload, struct payload *p)
{
	plist_t scep = xml_get(payload, "PayloadContent");
	int64_t usage = xml_get_int(scep, "Key Usage", 0);
	const char *type = xml_get_text(scep, "Key Type");

	p->is_scep = true;
	p->scep_url = xml_get_text(scep, "URL");
	p->scep_name = xml_get_text(scep, "Name");
	p->challenge = xml_get_text(scep, "Challenge");
	p->key_size = (long)xml_get_int(scep, "Keysize", 1024);
	p->ca_fingerprint = xml_get_data(scep, "CAFingerprint");
	p->usage = (uint8_t)((usage & 4) != 0 ? 0x20 : 0);
	if ((usage & 1) != 0 || p->usage == 0)
		p->usage |= 0x80;
	if (p->scep_url == NULL || strchr(p->scep_url, '?') != NULL ||
	    (type != NULL && strcmp(type, "RSA") != 0) || p->key_size < 1024 ||
	    p->key_size > 4096)
		return fail(ERR_MALFORMED, "the SCEP payload is not usable");
	return read_subject(scep, true, &p->subject);
}

static int
read_mdm(plist_t mdm, struct payload *p)
{
	plist_t capabilities = xml_get(mdm, "ServerCapabilities"), v;

	p->server_url = xml_get_text(mdm, "ServerURL");
	p->checkin_url = xml_get_text(mdm, "CheckInURL");
	p->topic = xml_get_text(mdm, "Topic");
	p->sign_message = xml_get_bool(mdm, "SignMessage");
	p->access_rights = xml_get_int(mdm, "AccessRights", 0);
	for (uint32_t i = 0; (v = xml_item(capabilities, i)) != NULL; i++) {
		const char *name = xml_get_text(v, NULL);

		if (name != NULL &&
		    strcmp(name, "com.apple.mdm.per-user-connections") == 0)
			p->per_user_connections = true;
	}
	if (p->checkin_url == NULL)
		p->checkin_url = p->server_url;
	if (p->server_url == NULL || p->topic == NULL)
		return fail(ERR_MALFORMED, "the MDM payload is not usable");
	return OK;
}

int
payload_parse(struct blob bytes, struct payload *p)
{
	SCRATCH_BUF(content);
	plist_t mdm, identity;
	const char *type;
	int r;

	if (bytes.n > 0 && bytes.p[0] == DER_SEQUENCE)
		r = cms_message_verify(bytes, &content);
	else
		r = buf_add_blob(&content, bytes);
	if (r != OK || (r = xml_parse(buf_blob(&content), &p->plist)) != OK)
		return r;
	mdm = find(p->plist, "PayloadType", "com.apple.mdm");
	identity = find(p->plist, "PayloadUUID",
	    xml_get_text(mdm, "IdentityCertificateUUID"));
	type = xml_get_text(identity, "PayloadType");
	p->identifier = xml_get_text(p->plist, "PayloadIdentifier");
	if (mdm == NULL || p->identifier == NULL)
		return fail(ERR_MALFORMED,
		    "the profile has no MDM payload or no identifier");
	if (type != NULL && strcmp(type, "com.apple.security.acme") == 0)
		r = read_acme(identity, p);
	else if (type != NULL && strcmp(type, "com.apple.security.scep") == 0)
		r = read_scep(identity, p);
	else
		r = fail(ERR_MALFORMED, "the MDM payload has no identity");
	return r == OK ? read_mdm(mdm, p) : r;
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
