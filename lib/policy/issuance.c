#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "policy/issuance.h"
#include "policy/device_state.h"
#include "store/accounts.h"
#include "store/attestations.h"
#include "store/enrollments.h"
#include "store/orders.h"
#include "wire/attest.h"
#include "wire/csr.h"

static int
check_enrollment(const struct issuance_acme *f)
{
	const struct enrollment *e = f->enrollment;

	if (e->method != ENROLLMENT_ACME)
		return fail(ERR_UNAUTHORIZED, "the enrollment is not for ACME");
	if (e->state != ENROLLMENT_OPEN)
		return fail(ERR_UNAUTHORIZED, "the enrollment is %s",
		    enrollments_state_name(e->state));
	if (e->expires_at <= f->now)
		return fail(ERR_UNAUTHORIZED, "the enrollment is expired");
	if (e->device.serial[0] == '\0' || !f->assigned)
		return fail(ERR_UNAUTHORIZED,
		    "serial number %s is not assigned to us any more",
		    e->device.serial);
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

	if (f->enrollment == NULL || f->account == NULL || f->order == NULL ||
	    f->csr == NULL)
		return fail(ERR_UNAUTHORIZED, "a fact is missing");
	if ((r = check_enrollment(f)) != OK || (r = check_order(f)) != OK)
		return r;
	if (f->attestation == NULL || f->attested == NULL)
		return fail(ERR_UNAUTHORIZED, "there is no attestation");
	if ((r = check_identity(f)) != OK || (r = check_key(f)) != OK)
		return r;
	return check_names(f);
}

static int
check_scep_enrollment(const struct issuance_scep *f)
{
	const struct enrollment *e = f->enrollment;

	if (e->method != ENROLLMENT_SCEP)
		return fail(ERR_UNAUTHORIZED, "the enrollment is not for SCEP");
	if (e->state != ENROLLMENT_OPEN)
		return fail(ERR_SCEP_CHALLENGE, "the enrollment is %s",
		    enrollments_state_name(e->state));
	if (e->expires_at <= f->now)
		return fail(ERR_SCEP_CHALLENGE, "the enrollment is expired");
	/* Only a link may be for a device that is not known yet. */
	if (e->device.serial[0] == '\0' && e->source != ENROLLMENT_LINK)
		return fail(ERR_UNAUTHORIZED, "the enrollment names no device");
	return OK;
}

/* The settings may have changed since the profile was handed out. */
static int
check_scep_device(const struct issuance_scep *f)
{
	int r;

	if (f->state->host.state == HOST_BLOCKED)
		return fail(ERR_MDM_BLOCKED, "host %s is blocked",
		    f->state->host.device.serial);
	if ((r = device_state_check_source(f->state, f->enrollment)) != OK)
		return r;
	return device_state_check_method(f->state, f->enrollment, false);
}

/* SEQUENCE { SEQUENCE { rsaEncryption, NULL } ... } of 256 bytes and more. */
static bool
is_rsa(struct blob spki)
{
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

	return spki.n > 4 + sizeof(algorithm) &&
	    memcmp(spki.p + 4, algorithm, sizeof(algorithm)) == 0;
}

static int
check_scep_key(const struct issuance_scep *f)
{
	if (!is_rsa(f->csr->spki))
		return fail(ERR_SCEP_REQUEST, "the request's key is not RSA");
	if (f->key_known)
		return fail(
		    ERR_SCEP_REQUEST, "the request's key was certified before");
	return OK;
}

int
issuance_check_scep(const struct issuance_scep *f)
{
	int r;

	if (f->enrollment == NULL || f->state == NULL || f->csr == NULL)
		return fail(ERR_UNAUTHORIZED, "a fact is missing");
	if ((r = check_scep_enrollment(f)) != OK ||
	    (r = check_scep_device(f)) != OK)
		return r;
	return check_scep_key(f);
}
