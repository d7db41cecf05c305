#include "acme/evidence.h"

#include <string.h>

#include "acme/order.h"
#include "base/log.h"

int
evidence_check_identity(const struct attestation *a,
    const struct enrollment *enrollment, const struct order *o)
{
	if (a->serial[0] == '\0')
		return fail(
		    ERR_ATT_IDENTITY, "the attestation names no serial number");
	if (strcmp(a->serial, enrollment->device.serial) != 0)
		return fail(ERR_ATT_IDENTITY,
		    "attested %s, but the enrollment is for %s", a->serial,
		    enrollment->device.serial);
	if (!order_is_for(o, a->serial))
		return fail(ERR_ATT_IDENTITY,
		    "attested %s, but the order is for another", a->serial);
	return OK;
}

/*
 * The token comes from the database. Somebody could replace it with the one
 * that an old attestation was made for; Apple's own date still gives that away.
 */
int
evidence_check_age(const struct attestation *a, int64_t at)
{
	if (at - a->leaf_not_before > EVIDENCE_AGE_MAX)
		return fail(ERR_ATT_TIME,
		    "the attestation is %lld seconds old, more than %d",
		    (long long)(at - a->leaf_not_before), EVIDENCE_AGE_MAX);
	return OK;
}

int
evidence_verify(const struct attest_roots *roots, struct blob object,
    const struct enrollment *enrollment, const struct order *o, int64_t at,
    struct attestation *out)
{
	int r;

	r = attest_verify(roots, object, blob_str(o->token), at, out);
	if (r == OK)
		r = evidence_check_age(out, at);
	if (r == OK)
		r = evidence_check_identity(out, enrollment, o);
	if (r != OK)
		attest_release(out);
	return r;
}
