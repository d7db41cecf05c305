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

/* A condition, and the refusal where it does not hold. */
struct rule {
	bool holds;
	int code;
	/* the reason, followed by what is to be blamed or "" */
	const char *reason;
	const char *what;
};

/* OK, or the first refusal. */
static int
check(const struct rule *rules, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!rules[i].holds)
			return fail(rules[i].code, "%s%s", rules[i].reason,
			    rules[i].what);
	return OK;
}

/* A link alone may be for a device that is not known yet. */
static int
check_enrollment(const struct enrollment *e, enum enrollment_method method,
    int64_t now, int over)
{
	const struct rule rules[] = {
		{ e->method == method, ERR_UNAUTHORIZED,
		    "the enrollment is not for ",
		    method == ENROLLMENT_ACME ? "ACME" : "SCEP" },
		{ e->state == ENROLLMENT_OPEN, over, "the enrollment is ",
		    enrollments_state_name(e->state) },
		{ e->expires_at > now, over, "the enrollment is expired", "" },
		{ e->device.serial[0] != '\0' || e->source == ENROLLMENT_LINK,
		    ERR_UNAUTHORIZED, "the enrollment names no device", "" },
	};

	return check(rules, sizeof rules / sizeof rules[0]);
}

static int
check_order(const struct issuance_acme *f)
{
	const struct enrollment *e = f->enrollment;
	const struct account *a = f->account;
	const struct order *o = f->order;
	const struct rule rules[] = {
		{ a->status == ACCOUNT_VALID, ERR_ACCOUNT_DEAD,
		    "the account is ", accounts_status_name(a->status) },
		{ strcmp(a->enrollment_id, e->id) == 0 &&
			strcmp(o->enrollment_id, e->id) == 0 &&
			strcmp(o->account_id, a->id) == 0,
		    ERR_UNAUTHORIZED,
		    "order, account and enrollment do not belong together",
		    "" },
		{ o->status == ORDER_READY, ERR_ORDER_NOT_READY,
		    "the order is ", orders_status_name(o->status) },
		{ o->authorization_status == AUTHORIZATION_VALID &&
			o->challenge_status == CHALLENGE_VALID,
		    ERR_ORDER_NOT_READY, "the authorization is ",
		    orders_authorization_name(o->authorization_status) },
		{ o->expires_at > f->now, ERR_ORDER_NOT_READY,
		    "the order is expired", "" },
		{ strcmp(o->identifier_type, "permanent-identifier") == 0,
		    ERR_UNAUTHORIZED, "the identifier is of type ",
		    o->identifier_type },
	};

	return check(rules, sizeof rules / sizeof rules[0]);
}

/* The same device and the same key all along, and nothing else named. */
static int
check_attested(const struct issuance_acme *f)
{
	const char *serial = f->enrollment->device.serial;
	const char *ordered = f->order->identifier_value;
	const struct attestation_row *row = f->attestation;
	const struct attestation *a = f->attested;
	const struct csr *csr = f->csr;
	const struct rule rules[] = {
		{ strcmp(row->order_id, f->order->id) == 0 &&
			strcmp(row->enrollment_id, f->enrollment->id) == 0,
		    ERR_UNAUTHORIZED,
		    "the attestation was made for another order", "" },
		{ strcmp(a->serial, serial) == 0, ERR_UNAUTHORIZED,
		    "another serial number was enrolled than attested: ",
		    a->serial },
		{ strcmp(ordered, serial) == 0, ERR_UNAUTHORIZED,
		    "the order is not for serial number ", serial },
		{ csr->spki.n > 0 && a->spki.n > 0 &&
			blob_eq(csr->spki, a->spki),
		    ERR_CSR_KEY,
		    "the request's key is not the one that was attested", "" },
		{ f->account_spki.n > 0 && !blob_eq(csr->spki, f->account_spki),
		    ERR_BAD_CSR, "the request's key is the account's own", "" },
		{ !csr->hardware_module, ERR_BAD_CSR,
		    "the request names a hardware module, none was ordered",
		    "" },
		{ csr->permanent_assigner == NULL, ERR_BAD_CSR,
		    "the request's permanent identifier has an assigner", "" },
		{ csr->permanent_identifier == NULL ||
			strcmp(csr->permanent_identifier, ordered) == 0,
		    ERR_BAD_CSR,
		    "the request names another permanent identifier", "" },
	};

	return check(rules, sizeof rules / sizeof rules[0]);
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
	return check_attested(f);
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
	return f->key_known
	    ? fail(ERR_SCEP_REQUEST, "the request's key was certified before")
	    : OK;
}
