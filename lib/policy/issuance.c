#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "policy/issuance.h"
#include "policy/decision.h"
#include "store/accounts.h"
#include "store/attestations.h"
#include "store/enrollments.h"
#include "store/orders.h"
#include "wire/attest.h"
#include "wire/csr.h"

/* A link alone may be for a device that is not known yet. */
static int
check_enrollment(const struct enrollment *e, enum enrollment_method method,
    int64_t now, int over)
{
	if (e->method != method)
		return fail(ERR_UNAUTHORIZED, "the enrollment is not for %s",
		    method == ENROLLMENT_ACME ? "ACME" : "SCEP");
	if (e->state != ENROLLMENT_OPEN)
		return fail(over, "the enrollment is %s",
		    enrollments_state_name(e->state));
	if (e->expires_at <= now)
		return fail(over, "the enrollment is expired");
	if (e->device.serial[0] == '\0' && e->source != ENROLLMENT_LINK)
		return fail(ERR_UNAUTHORIZED, "the enrollment names no device");
	return OK;
}

static int
check_order(const struct issuance_acme *f)
{
	const struct order *o = f->order;

	if (f->account->status != ACCOUNT_VALID)
		return fail(ERR_ACCOUNT_DEAD, "the account is %s",
		    accounts_status_name(f->account->status));
	if (strcmp(f->account->enrollment_id, f->enrollment->id) != 0 ||
	    strcmp(o->enrollment_id, f->enrollment->id) != 0 ||
	    strcmp(o->account_id, f->account->id) != 0)
		return fail(ERR_UNAUTHORIZED,
		    "order, account and enrollment do not belong together");
	if (o->status != ORDER_READY)
		return fail(ERR_ORDER_NOT_READY, "the order is %s",
		    orders_status_name(o->status));
	if (o->authorization_status != AUTHORIZATION_VALID ||
	    o->challenge_status != CHALLENGE_VALID)
		return fail(ERR_ORDER_NOT_READY, "the authorization is %s",
		    orders_authorization_name(o->authorization_status));
	if (o->expires_at <= f->now)
		return fail(ERR_ORDER_NOT_READY, "the order is expired");
	if (strcmp(o->identifier_type, "permanent-identifier") != 0)
		return fail(ERR_UNAUTHORIZED, "the identifier is of type %s",
		    o->identifier_type);
	return OK;
}

/* The same device all along: profile, order, attestation. */
static int
check_identity(const struct issuance_acme *f)
{
	const struct attestation_row *a = f->attestation;

	if (strcmp(a->order_id, f->order->id) != 0 ||
	    strcmp(a->enrollment_id, f->enrollment->id) != 0)
		return fail(ERR_UNAUTHORIZED,
		    "the attestation was made for another order");
	if (strcmp(f->attested->serial, f->enrollment->device.serial) != 0)
		return fail(ERR_UNAUTHORIZED,
		    "serial number %s was attested, %s was enrolled",
		    f->attested->serial, f->enrollment->device.serial);
	if (strcmp(f->order->identifier_value, f->enrollment->device.serial) !=
	    0)
		return fail(ERR_UNAUTHORIZED,
		    "the order is not for serial number %s",
		    f->enrollment->device.serial);
	return OK;
}

static int
check_key(const struct issuance_acme *f)
{
	const struct csr *csr = f->csr;

	if (csr->spki.n == 0 || f->attested->spki.n == 0 ||
	    !blob_eq(csr->spki, f->attested->spki))
		return fail(ERR_CSR_KEY,
		    "the request's key is not the one that was attested");
	if (f->account_spki.n == 0 || blob_eq(csr->spki, f->account_spki))
		return fail(
		    ERR_BAD_CSR, "the request's key is the account's own");
	return OK;
}

static int
check_names(const struct issuance_acme *f)
{
	const struct csr *csr = f->csr;

	if (csr->hardware_module)
		return fail(ERR_BAD_CSR,
		    "the request names a hardware module, none was ordered");
	if (csr->permanent_assigner != NULL)
		return fail(ERR_BAD_CSR,
		    "the request's permanent identifier has an assigner");
	if (csr->permanent_identifier != NULL &&
	    strcmp(csr->permanent_identifier, f->order->identifier_value) != 0)
		return fail(ERR_BAD_CSR,
		    "the request names another permanent identifier");
	return OK;
}

int
issuance_check_acme(const struct issuance_acme *f)
{
	int r;

	if (f->enrollment == NULL || f->state == NULL || f->account == NULL ||
	    f->order == NULL || f->csr == NULL)
		return fail(ERR_UNAUTHORIZED, "a fact is missing");
	if ((r = check_enrollment(f->enrollment, ENROLLMENT_ACME, f->now,
		 ERR_UNAUTHORIZED)) != OK ||
	    (r = decision_check_issue(f->state, f->enrollment)) != OK ||
	    (r = check_order(f)) != OK)
		return r;
	if (f->attestation == NULL || f->attested == NULL)
		return fail(ERR_UNAUTHORIZED, "there is no attestation");
	if ((r = check_identity(f)) != OK || (r = check_key(f)) != OK)
		return r;
	return check_names(f);
}

/* SEQUENCE { SEQUENCE { rsaEncryption, NULL } ... } of 256 bytes and more. */
static bool
is_rsa(struct blob spki)
{
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

	return spki.n > 4 + sizeof algorithm &&
	    memcmp(spki.p + 4, algorithm, sizeof algorithm) == 0;
}

int
issuance_check_scep(const struct issuance_scep *f)
{
	int r;

	if (f->enrollment == NULL || f->state == NULL || f->csr == NULL)
		return fail(ERR_UNAUTHORIZED, "a fact is missing");
	if ((r = check_enrollment(f->enrollment, ENROLLMENT_SCEP, f->now,
		 ERR_SCEP_CHALLENGE)) != OK ||
	    (r = decision_check_issue(f->state, f->enrollment)) != OK)
		return r;
	if (!is_rsa(f->csr->spki))
		return fail(ERR_SCEP_REQUEST, "the request's key is not RSA");
	if (f->key_known)
		return fail(
		    ERR_SCEP_REQUEST, "the request's key was certified before");
	return OK;
}
