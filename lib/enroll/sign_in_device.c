#include "enroll/sign_in_device.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll/ade_profile.h"

/* Its information was verified before it was kept. */
static void
note_serial(struct context *c, const struct sign_in *s)
{
	memcpy(c->serial, s->serial, sizeof c->serial);
	c->is_signed = true;
}

int
sign_in_device_keep(struct context *c, gnutls_x509_crt_t device_ca,
    struct blob cms, struct sign_in *s, char cookie[SIGN_INS_VALUE_TEXT],
    struct buf *update)
{
	struct machineinfo info;
	int r;

	if ((r = ade_profile_check(c, device_ca, cms, &info, update)) != OK)
		return r;
	*s = (struct sign_in){ .machineinfo = cms };
	memcpy(s->serial, info.device.serial, sizeof s->serial);
	memcpy(s->signer_sha256, info.signer_sha256, sizeof s->signer_sha256);
	if ((r = context_begin(c)) == OK)
		r = context_end(c, sign_ins_create(c->db, s, cookie));
	return r;
}

int
sign_in_device_find(struct context *c, const char *cookie, struct sign_in *s)
{
	int r = sign_ins_load(c->db, cookie, s);

	if (r == OK)
		note_serial(c, s);
	return r == ERR_NOT_FOUND
	    ? fail(ERR_SIGN_IN_EXPIRED,
		  "the device's information is not kept any more")
	    : r;
}

static int
begin_try(struct context *c, const struct sign_in *s,
    const struct sign_in_try *try, char cookie[SIGN_INS_VALUE_TEXT])
{
	int r = sign_ins_try(c->db, s->id, try, cookie);

	if (r == ERR_CONFLICT)
		return fail(ERR_SIGN_IN_EXPIRED,
		    "the page was opened too long ago or too often");
	return r == OK ? context_log(c, OK,
			     "asked to sign in at the identity provider")
		       : r;
}

int
sign_in_device_try(struct context *c, const struct sign_in *s,
    const struct sign_in_try *try, char cookie[SIGN_INS_VALUE_TEXT])
{
	int r;

	if ((r = context_begin(c)) == OK)
		r = context_end(c, begin_try(c, s, try, cookie));
	return r;
}

int
sign_in_device_take(struct context *c, const char *cookie, const char *state,
    struct sign_in *s)
{
	int r;

	if ((r = context_begin(c)) == OK)
		r = context_end(c, sign_ins_take(c->db, cookie, state, s));
	if (r == OK)
		note_serial(c, s);
	return r == ERR_NOT_FOUND
	    ? fail(ERR_SIGN_IN_EXPIRED,
		  "an answer of the provider that is late, came before, or is "
		  "for another page or browser")
	    : r;
}

int
sign_in_device_end(struct context *c, const struct sign_in *s)
{
	int r;

	if ((r = db_begin_relaxed(c->db)) == OK)
		r = db_end(c->db, sign_ins_end(c->db, s->id));
	return r;
}
