#include "policy/decision.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "policy/product.h"

#define WHY_TEXT 128

/* Fills in a refusal; true, so that a rule can say "this one applies". */
static bool __attribute__((format(printf, 3, 4)))
refuse(struct decision *out, int code, const char *fmt, ...)
{
	va_list ap;

	out->method = DECISION_REFUSE;
	out->code = code;
	va_start(ap, fmt);
	vsnprintf(out->reason, sizeof out->reason, fmt, ap);
	va_end(ap);
	return true;
}

/*
 * What a device says of itself makes it a Mac, but makes it nothing else where
 * something is known of it.
 */
bool
decision_must_attest(const struct device_state *s, const char *product)
{
	enum product_kind said = product_kind_of(product);
	bool known = s->known_kind != PRODUCT_KIND_UNKNOWN ||
	    s->host.ever_attested_at != 0 || s->known_silicon;

	if (!s->require_attestation)
		return false;
	return s->business_only || !s->macs_only || said == PRODUCT_KIND_MAC ||
	    (known ? s->known_kind : said) != PRODUCT_KIND_OTHER;
}

static bool
rule_assigned(const struct device_state *s, struct decision *out)
{
	return s->assignment != DEVICE_ASSIGNED &&
	    refuse(out, ERR_ENROLL_UNASSIGNED, "%s",
		s->assignment == DEVICE_REMOVED
		    ? "this serial number is no longer assigned in Apple "
		      "Business"
		    : "this serial number was never assigned in Apple "
		      "Business");
}

/* A link proves nothing of the device, and a renewal only what it was. */
static bool
rule_source(const struct device_state *s, enum enrollment_source source,
    struct decision *out)
{
	if (source == ENROLLMENT_ADE)
		return rule_assigned(s, out);
	return s->business_only &&
	    (source == ENROLLMENT_LINK || s->assignment != DEVICE_ASSIGNED) &&
	    refuse(out, ERR_ENROLL_BUSINESS,
		"only Apple Business enrollments are allowed, and %s",
		source == ENROLLMENT_LINK
		    ? "this is a link enrollment"
		    : "the serial number is not assigned");
}

static bool
rule_blocked(const struct host *host, struct decision *out)
{
	return host->state == HOST_BLOCKED &&
	    refuse(out, ERR_MDM_BLOCKED, "an administrator blocked this host");
}

/*
 * Nothing proves either of two UDIDs, but an attestation proves the serial
 * number. So a device that can attest may try, and takes an unattested host's
 * place once its attested certificate is used.
 */
static bool
rule_other_device(
    const struct decision_input *in, bool can_attest, struct decision *out)
{
	const struct host *host = &in->state.host;

	if (in->source != ENROLLMENT_ADE ||
	    (host->state != HOST_ENROLLED && host->state != HOST_PENDING) ||
	    host->device.udid[0] == '\0' || in->device.udid[0] == '\0' ||
	    strcasecmp(host->device.udid, in->device.udid) == 0 ||
	    (can_attest && !host->hardware_attested))
		return false;
	return refuse(out, ERR_ENROLL_OTHER_DEVICE,
	    "this serial number is enrolled with another UDID; "
	    "held for review");
}

/* Links are for persons that are known, renewals for devices that are. */
static bool
rule_sign_in(const struct device_state *s, enum enrollment_source source,
    bool signed_in, struct decision *out)
{
	return s->sign_in && source == ENROLLMENT_ADE && !signed_in &&
	    refuse(out, ERR_ENROLL_SIGN_IN,
		"end users must sign in, and nobody did");
}

/* A minimum that is no version holds nobody back. */
static bool
rule_update(const struct decision_input *in, const struct os_version *have,
    struct decision *out)
{
	char text[OS_VERSION_TEXT];
	struct os_version want;

	if (in->source != ENROLLMENT_ADE || !in->can_update ||
	    have->major == 0 ||
	    !product_os_parse(in->minimum_os_version, &want) ||
	    product_os_compare(have, &want) >= 0)
		return false;
	product_os_text(have, text);
	return refuse(out, ERR_ENROLL_OS_TOO_OLD,
	    "version %s is older than the minimum version %s", text,
	    in->minimum_os_version);
}

/*
 * Of those that must attest nobody gets a certificate that is not attested,
 * because of `why`, who had or could have better; and nobody at all when both
 * settings are on.
 */
static bool
rule_unattested(const struct device_state *s, enum enrollment_source source,
    const char *why, struct decision *out)
{
	const char *known = NULL;

	if (source == ENROLLMENT_COMMAND)
		known =
		    s->host.hardware_attested ? "the host is attested" : NULL;
	else if (s->host.ever_attested_at != 0)
		known = "the serial number attested before";
	else if (s->known_silicon && source == ENROLLMENT_ADE)
		known = "Apple Business says it is Apple silicon";
	if (known != NULL)
		return refuse(
		    out, ERR_ENROLL_DOWNGRADE, "%s, but %s", known, why);
	return s->business_only &&
	    refuse(out, ERR_ENROLL_METHOD,
		"only attested devices are allowed, and %s", why);
}

/* What its hardware is that can attest; NULL when it cannot. */
static const char *
ability(const struct decision_input *in, const struct product *product)
{
	if (product->can_attest)
		return product_describe(product);
	/* A host that says less of itself now has nothing to gain by it. */
	if (in->source == ENROLLMENT_COMMAND && in->state.known_silicon)
		return "Apple silicon, as Apple Business says";
	return NULL;
}

/* Why an attestation is out of the question; "" when it is not. */
static void
obstacle(const struct decision_input *in, const struct product *product,
    const struct os_version *have, char out[WHY_TEXT])
{
	char text[OS_VERSION_TEXT], want[OS_VERSION_TEXT];
	struct os_version floor;

	out[0] = '\0';
	product_os_floor(product->system, &floor);
	if (in->source == ENROLLMENT_LINK)
		snprintf(
		    out, WHY_TEXT, "link enrollment does not prove the device");
	else if (in->state.assignment != DEVICE_ASSIGNED)
		snprintf(out, WHY_TEXT, "its serial number is not assigned");
	else if (in->source == ENROLLMENT_COMMAND &&
	    in->state.host.ever_attested_at != 0)
		return;
	else if (ability(in, product) == NULL)
		snprintf(out, WHY_TEXT, "it is %s", product_describe(product));
	else if (product_os_compare(have, &floor) < 0) {
		product_os_text(have, text);
		product_os_text(&floor, want);
		snprintf(out, WHY_TEXT,
		    "it runs %s %s, and attestation needs %s",
		    product_system_name(product->system),
		    have->major == 0 ? "of unknown version" : text, want);
	}
}

/* Why it gets ACME, or SCEP although nothing refuses it. */
static void
explain(const struct decision_input *in, const struct product *product,
    const char *obstacle, struct decision *out)
{
	const char *what = ability(in, product);

	if (out->method == DECISION_ACME)
		snprintf(out->reason, sizeof out->reason, "it %s%s",
		    what == NULL ? "attested before" : "is ",
		    what == NULL ? "" : what);
	else if (!in->state.require_attestation)
		snprintf(out->reason, sizeof out->reason,
		    "hardware attestation is not required");
	else if (obstacle[0] == '\0')
		snprintf(out->reason, sizeof out->reason,
		    "hardware attestation is required of Macs only");
	else
		snprintf(out->reason, sizeof out->reason,
		    "hardware attestation is impossible: %s", obstacle);
}

void
decision_make(const struct decision_input *in, struct decision *out)
{
	const struct device_state *s = &in->state;
	bool must = decision_must_attest(s, in->device.product), able;
	struct product product;
	struct os_version have;
	char why[WHY_TEXT] = "";

	product_parse(in->device.product, &product);
	if (!product_os_parse(in->device.os_version, &have))
		product_os_from_build(
		    product.system, in->device.build_version, &have);
	if (must)
		obstacle(in, &product, &have, why);
	able = must && why[0] == '\0';
	if (rule_source(s, in->source, out) || rule_blocked(&s->host, out) ||
	    rule_other_device(in, able, out) || rule_update(in, &have, out) ||
	    rule_sign_in(s, in->source, in->signed_in, out) ||
	    (must && !able && rule_unattested(s, in->source, why, out)))
		return;
	*out = (struct decision){ .method =
				      able ? DECISION_ACME : DECISION_SCEP };
	explain(in, &product, why, out);
}

const char *
decision_method_name(enum decision_method m)
{
	switch (m) {
	case DECISION_ACME:
		return "acme";
	case DECISION_SCEP:
		return "scep";
	case DECISION_REFUSE:
		break;
	}
	return "refuse";
}

int
decision_check_use(
    const struct device_state *s, const struct enrollment *e, bool attested)
{
	struct decision d;

	return rule_source(s, e->source, &d) || rule_blocked(&s->host, &d) ||
		rule_sign_in(s, e->source, e->account[0] != '\0', &d) ||
		(!attested && decision_must_attest(s, e->device.product) &&
		    rule_unattested(s, e->source, "SCEP attests nothing", &d))
	    ? fail(d.code, "%s", d.reason)
	    : OK;
}

int
decision_check_issue(const struct device_state *s, const struct enrollment *e)
{
	bool attested = e->method == ENROLLMENT_ACME;
	struct decision d;

	return attested && rule_assigned(s, &d)
	    ? fail(d.code, "%s", d.reason)
	    : decision_check_use(s, e, attested);
}

int
decision_check_blocked(const struct host *host)
{
	struct decision d;

	return rule_blocked(host, &d) ? fail(d.code, "%s", d.reason) : OK;
}
