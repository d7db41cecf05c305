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

static const struct sim_value *
sim_profile_payload(const struct sim_value *plist, const char *type)
{
	const struct sim_value *v =
	    sim_value_first(sim_value_get(plist, "PayloadContent"));

	for (; v != NULL; v = v->next) {
		const char *t = sim_value_text(v, "PayloadType");

		if (t != NULL && strcmp(t, type) == 0)
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

static int
sim_profile_subject(const struct sim_value *acme, struct buf *out)
{
	const struct sim_value *rdn =
	    sim_value_first(sim_value_get(acme, "Subject"));
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	for (; rdn != NULL; rdn = rdn->next)
		sim_profile_rdn(rdn, &text);
	rc = sim_cert_name_text(buf_str(&text), out);
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
	return sim_profile_subject(acme, &p->subject);
}

static int
sim_profile_mdm(
    const struct sim_value *mdm, const char *identity, struct sim_profile *p)
{
	const char *uuid = sim_value_text(mdm, "IdentityCertificateUUID");

	p->server_url = sim_value_text(mdm, "ServerURL");
	p->checkin_url = sim_value_text(mdm, "CheckInURL");
	p->topic = sim_value_text(mdm, "Topic");
	p->sign_message = sim_value_bool(mdm, "SignMessage", false);
	if (p->checkin_url == NULL)
		p->checkin_url = p->server_url;
	if (p->server_url == NULL || p->topic == NULL || uuid == NULL ||
	    identity == NULL || strcmp(uuid, identity) != 0)
		return fail(ERR_MALFORMED, "the MDM payload is not usable");
	return OK;
}

static int
sim_profile_read(struct sim_profile *p)
{
	const struct sim_value *acme =
	    sim_profile_payload(p->plist, "com.apple.security.acme");
	const struct sim_value *mdm =
	    sim_profile_payload(p->plist, "com.apple.mdm");
	int rc;

	if (acme == NULL || mdm == NULL)
		return fail(ERR_MALFORMED, "the profile has no %s payload",
		    acme == NULL ? "com.apple.security.acme" : "com.apple.mdm");
	rc = sim_profile_acme(acme, p);
	if (rc != OK)
		return rc;
	return sim_profile_mdm(mdm, sim_value_text(acme, "PayloadUUID"), p);
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
