#include <string.h>

#include "base/log.h"
#include "sim/sim_cert.h"
#include "sim/sim_cms.h"
#include "sim/sim_der.h"
#include "sim/sim_plist.h"
#include "sim/sim_profile.h"

void
sim_profile_init(struct sim_profile *p)
{
	memset(p, 0, sizeof *p);
	buf_init(&p->subject, SIM_DER_MAX);
}

void
sim_profile_release(struct sim_profile *p)
{
	sim_value_free(p->plist);
	buf_release(&p->subject);
	sim_profile_init(p);
}

/* The payload whose member `name` is that text. */
static const struct sim_value *
sim_profile_payload(
    const struct sim_value *plist, const char *name, const char *text)
{
	const struct sim_value *v =
	    sim_value_first(sim_value_get(plist, "PayloadContent"));

	for (; v != NULL; v = v->next) {
		const char *t = sim_value_text(v, name);

		if (t != NULL && text != NULL && strcmp(t, text) == 0)
			return v;
	}
	return NULL;
}

/* One RDN, [[type, value], …], as /type=value of sim_cert_name_text. */
static void
sim_profile_rdn(const struct sim_value *rdn, struct buf *text)
{
	const struct sim_value *pair = sim_value_first(rdn);

	for (; pair != NULL; pair = pair->next) {
		const struct sim_value *type = sim_value_first(pair);
		const struct sim_value *value =
		    type == NULL ? NULL : type->next;

		if (value == NULL || type->bytes == NULL ||
		    value->bytes == NULL)
			continue;
		buf_printf(text, "/%s=%s", (const char *)type->bytes,
		    (const char *)value->bytes);
	}
}

/* The ACME client writes every value as UTF8String. */
static int
sim_profile_subject(
    const struct sim_value *payload, bool is_scep, struct buf *out)
{
	const struct sim_value *rdn =
	    sim_value_first(sim_value_get(payload, "Subject"));
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	for (; rdn != NULL; rdn = rdn->next)
		sim_profile_rdn(rdn, &text);
	rc = is_scep ? sim_cert_name_printable(buf_str(&text), out)
		     : sim_cert_name_text(buf_str(&text), out);
	buf_release(&text);
	return rc;
}

static int
sim_profile_acme(const struct sim_value *acme, struct sim_profile *p)
{
	const struct sim_value *eku =
	    sim_value_first(sim_value_get(acme, "ExtendedKeyUsage"));
	size_t n = 0;

	p->directory_url = sim_value_text(acme, "DirectoryURL");
	p->client_identifier = sim_value_text(acme, "ClientIdentifier");
	p->key_size = (long)sim_value_number(acme, "KeySize", 0);
	p->attest = sim_value_bool(acme, "Attest", false);
	for (; eku != NULL && n < SIM_CSR_NAMES - 1; eku = eku->next)
		if (eku->type == SIM_VALUE_TEXT)
			p->ekus[n++] = (const char *)eku->bytes;
	if (p->directory_url == NULL || p->client_identifier == NULL ||
	    (p->key_size != 256 && p->key_size != 384) ||
	    !sim_value_bool(acme, "HardwareBound", false))
		return fail(ERR_MALFORMED, "the ACME payload is not usable");
	return sim_profile_subject(acme, false, &p->subject);
}

/* Everything sits in a dictionary of its own; 1024 bits unless it says more. */
static int
sim_profile_scep(const struct sim_value *payload, struct sim_profile *p)
{
	const struct sim_value *scep = sim_value_get(payload, "PayloadContent");
	int64_t usage = sim_value_number(scep, "Key Usage", 0);
	const char *type = sim_value_text(scep, "Key Type");

	p->is_scep = true;
	p->scep_url = sim_value_text(scep, "URL");
	p->scep_name = sim_value_text(scep, "Name");
	p->challenge = sim_value_text(scep, "Challenge");
	p->key_size = (long)sim_value_number(scep, "Keysize", 1024);
	p->ca_fingerprint = sim_value_data(scep, "CAFingerprint");
	p->usage = (uint8_t)((usage & 4) != 0 ? 0x20 : 0);
	if ((usage & 1) != 0 || p->usage == 0)
		p->usage |= 0x80;
	if (p->scep_url == NULL || strchr(p->scep_url, '?') != NULL ||
	    (type != NULL && strcmp(type, "RSA") != 0) || p->key_size < 1024 ||
	    p->key_size > 4096)
		return fail(ERR_MALFORMED, "the SCEP payload is not usable");
	return sim_profile_subject(scep, true, &p->subject);
}

static bool
sim_profile_capability(const struct sim_value *mdm, const char *name)
{
	const struct sim_value *v =
	    sim_value_first(sim_value_get(mdm, "ServerCapabilities"));

	for (; v != NULL; v = v->next)
		if (v->bytes != NULL &&
		    strcmp((const char *)v->bytes, name) == 0)
			return true;
	return false;
}

static int
sim_profile_mdm(const struct sim_value *mdm, struct sim_profile *p)
{
	p->server_url = sim_value_text(mdm, "ServerURL");
	p->checkin_url = sim_value_text(mdm, "CheckInURL");
	p->topic = sim_value_text(mdm, "Topic");
	p->sign_message = sim_value_bool(mdm, "SignMessage", false);
	p->access_rights = sim_value_number(mdm, "AccessRights", 0);
	p->per_user_connections =
	    sim_profile_capability(mdm, "com.apple.mdm.per-user-connections");
	if (p->checkin_url == NULL)
		p->checkin_url = p->server_url;
	if (p->server_url == NULL || p->topic == NULL)
		return fail(ERR_MALFORMED, "the MDM payload is not usable");
	return OK;
}

static int
sim_profile_read(struct sim_profile *p)
{
	const struct sim_value *mdm =
	    sim_profile_payload(p->plist, "PayloadType", "com.apple.mdm");
	const struct sim_value *identity = sim_profile_payload(p->plist,
	    "PayloadUUID", sim_value_text(mdm, "IdentityCertificateUUID"));
	const char *type = sim_value_text(identity, "PayloadType");
	int rc;

	p->identifier = sim_value_text(p->plist, "PayloadIdentifier");
	if (mdm == NULL || p->identifier == NULL)
		return fail(ERR_MALFORMED,
		    "the profile has no MDM payload or no identifier");
	if (type != NULL && strcmp(type, "com.apple.security.acme") == 0)
		rc = sim_profile_acme(identity, p);
	else if (type != NULL && strcmp(type, "com.apple.security.scep") == 0)
		rc = sim_profile_scep(identity, p);
	else
		rc = fail(ERR_MALFORMED, "the MDM payload has no identity");
	return rc == OK ? sim_profile_mdm(mdm, p) : rc;
}

int
sim_profile_parse(struct blob bytes, struct sim_profile *p)
{
	struct buf content;
	int rc = OK;

	buf_init(&content, (size_t)16 << 20);
	if (bytes.n > 0 && bytes.p[0] == SIM_DER_SEQUENCE)
		rc = sim_cms_open(bytes, &content);
	else
		rc = buf_add_blob(&content, bytes);
	if (rc == OK)
		rc = sim_plist_parse(buf_blob(&content), &p->plist);
	if (rc == OK)
		rc = sim_profile_read(p);
	buf_release(&content);
	return rc;
}

int
sim_profile_replaces(const struct sim_profile *p, const struct sim_profile *old)
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
