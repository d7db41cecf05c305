#include "admin/admin_certificate.h"

#include <string.h>

#include "base/enc.h"
#include "base/log.h"

static const struct {
	const char *name;
	int reason;
} reasons[] = {
	{ "unspecified", 0 },
	{ "keyCompromise", 1 },
	{ "affiliationChanged", 3 },
	{ "superseded", 4 },
	{ "cessationOfOperation", 5 },
	{ "privilegeWithdrawn", 9 },
};

#define REASONS (sizeof reasons / sizeof reasons[0])

const char *
admin_certificate_reason_name(int reason)
{
	for (size_t i = 0; i < REASONS; i++)
		if (reasons[i].reason == reason)
			return reasons[i].name;
	return "other";
}

int
admin_certificate_reason(const char *text, int *out)
{
	*out = 0;
	if (text == NULL)
		return OK;
	for (size_t i = 0; i < REASONS; i++) {
		*out = reasons[i].reason;
		if (strcmp(text, reasons[i].name) == 0 ||
		    (strlen(text) == 1 && text[0] == '0' + *out))
			return OK;
	}
	return fail(ERR_REVOCATION_REASON,
	    "the reason is one of unspecified, keyCompromise, "
	    "affiliationChanged, superseded, cessationOfOperation and "
	    "privilegeWithdrawn");
}

int
admin_certificate_find(struct db *db, const char *name, struct certificate *out)
{
	struct buf bytes;
	int r;

	if ((r = certificates_load_by_id(db, name, out)) != ERR_NOT_FOUND)
		return r;
	buf_init(&bytes, SECRET_SHA256);
	if (enc_hex_decode(blob_str(name), &bytes) == OK && bytes.n > 0)
		r = bytes.n == SECRET_SHA256
		    ? certificates_load(db, bytes.p, out)
		    : certificates_load_by_number(db, buf_blob(&bytes), out);
	buf_release(&bytes);
	if (r == ERR_NOT_FOUND)
		return fail(r,
		    "no certificate has this id, SHA-256 or serial number: %s",
		    name);
	return r;
}

static int
revoke(const struct admin_actor *actor, const struct certificate *c, int reason)
{
	int r;

	r = certificates_revoke(actor->db, c->sha256, reason);
	if (r == ERR_ALREADY_REVOKED)
		return fail(r, "certificate %s is revoked already", c->id);
	if (r != OK)
		return r;
	return admin_actor_note(actor,
	    &(struct activity_note){ .action = "cert.revoke",
		.serial = c->serial,
		.before = certificates_state_name(c->state),
		.after = admin_certificate_reason_name(reason),
		.detail = c->id });
}

int
admin_certificate_revoke(const struct admin_actor *actor,
    const struct certificate *all, int n, int reason)
{
	int i, r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) != OK)
		return r;
	for (i = 0; i < n && r == OK; i++)
		r = revoke(actor, &all[i], reason);
	return db_end(actor->db, r);
}
