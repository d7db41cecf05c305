#include "acme/evidence.h"

#include <string.h>

#include "acme/order.h"
#include "base/log.h"

int
evidence_check(const struct attestation *a, const struct enrollment *enrollment,
    const struct order *o, int64_t at)
{
	int r = OK;

	/*
	 * The token comes from the database. Somebody could replace it with the
	 * one that an old attestation was made for; Apple's own date still
	 * gives that away.
	 */
	if (at - a->leaf_not_before > EVIDENCE_AGE_MAX)
		r = fail(ERR_ATT_TIME,
		    "the attestation is %lld seconds old, more than %d",
		    (long long)(at - a->leaf_not_before), EVIDENCE_AGE_MAX);
	else if (a->serial[0] == '\0')
		r = fail(
		    ERR_ATT_IDENTITY, "the attestation names no serial number");
	else if (strcmp(a->serial, enrollment->device.serial) != 0)
		r = fail(ERR_ATT_IDENTITY,
		    "attested %s, but the enrollment is for %s", a->serial,
		    enrollment->device.serial);
	else if (!order_is_for(o, a->serial))
		r = fail(ERR_ATT_IDENTITY,
		    "attested %s, but the order is for another", a->serial);
	return r;
}

bool
evidence_is_unchecked(int code)
{
	return code == ERR_NOMEM || code == ERR_DB || code == ERR_BUSY ||
	    code == ERR_CONFIG;
}

int
evidence_verify(const struct attest_roots *roots, struct blob object,
    const struct enrollment *enrollment, const struct order *o, int64_t at,
    struct attestation *out)
{
	int r = attest_verify(roots, object, blob_str(o->token), at, out);

	if (r == OK)
		r = evidence_check(out, enrollment, o, at);
	if (r != OK)
		attest_release(out);
	return r;
}
