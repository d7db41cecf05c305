#include "policy/decision.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "policy/product.h"

/* Fills in the outcome; true, so that a rule can say "this one applies". */
static bool __attribute__((format(printf, 4, 5))) decide(struct decision *out,
    enum decision_method method, int code, const char *fmt, ...)
{
	va_list ap;

	out->method = method;
	out->code = code;
	va_start(ap, fmt);
	vsnprintf(out->reason, sizeof(out->reason), fmt, ap);
	va_end(ap);
	return true;
}

/* Renewal of what is not assigned any more is another rule's matter. */
static bool
rule_assignment(const struct decision_input *in, struct decision *out)
{
	if (in->source != DECISION_ADE || in->assignment == DEVICE_ASSIGNED)
		return false;
	return decide(out, DECISION_REFUSE, ERR_ENROLL_UNASSIGNED,
	    in->assignment == DEVICE_REMOVED
		? "Apple Business took this serial number away again"
		: "Apple Business never assigned this serial number "
		  "to this server");
}

static bool
rule_business(const struct decision_input *in, struct decision *out)
{
	if (!in->business_only || in->source == DECISION_ADE)
		return false;
	if (in->source == DECISION_LINK)
		return decide(out, DECISION_REFUSE, ERR_ENROLL_BUSINESS,
		    "only Apple Business enrollments are allowed, and this is "
		    "one by hand");
	if (in->assignment == DEVICE_ASSIGNED)
		return false;
	return decide(out, DECISION_REFUSE, ERR_ENROLL_BUSINESS,
	    "only Apple Business enrollments are allowed, and the serial "
	    "number is not assigned");
}

static bool
rule_blocked(const struct decision_input *in, struct decision *out)
{
	if (!in->host_blocked)
		return false;
	return decide(out, DECISION_REFUSE, ERR_MDM_BLOCKED,
	    "an administrator blocked this host");
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
	if (in->source != DECISION_ADE || !in->host_enrolled ||
	    in->host_udid[0] == '\0' || in->udid[0] == '\0' ||
	    strcasecmp(in->host_udid, in->udid) == 0 ||
	    (can_attest && !in->host_attested))
		return false;
	out->alert = true;
	return decide(out, DECISION_REFUSE, ERR_ENROLL_OTHER_DEVICE,
	    "this serial number is enrolled with another UDID; "
	    "held for review");
}

static void
version_of(const struct decision_input *in, const struct product *product,
    struct os_version *out)
{
	if (!product_os_parse(in->os_version, out))
		product_os_from_build(product->system, in->build_version, out);
}

/* A minimum that is no version holds nobody back. */
static bool
needs_update(
    const char *minimum, bool can_update, const struct os_version *have)
{
	struct os_version want;

	if (!can_update || have->major == 0 ||
	    !product_os_parse(minimum, &want))
		return false;
	return product_os_compare(have, &want) < 0;
}

static bool
rule_update(const struct decision_input *in, const struct os_version *have,
    struct decision *out)
{
	char text[OS_VERSION_TEXT];

	if (in->source != DECISION_ADE ||
	    !needs_update(in->minimum_os_version, in->can_update, have))
		return false;
	product_os_text(have, text);
	return decide(out, DECISION_REFUSE, ERR_ENROLL_OS_TOO_OLD,
	    "version %s is older than the minimum version %s", text,
	    in->minimum_os_version);
}

/* What its hardware is that can attest; NULL when it cannot. */
static const char *
ability(const struct decision_input *in, const struct product *product)
{
	if (product_has_attestation(product))
		return product_describe(product);
	/* A host that says less of itself now has nothing to gain by it. */
	if (in->source == DECISION_RENEWAL && in->known_silicon)
		return "Apple silicon, as Apple Business says";
	return NULL;
}

/* What the device lacks for an attestation; "" when it lacks nothing. */
static void
lack(const struct decision_input *in, const struct product *product,
    const struct os_version *have, char out[128])
{
	char text[OS_VERSION_TEXT], want[OS_VERSION_TEXT];
	struct os_version floor;

	out[0] = '\0';
	if (in->source == DECISION_RENEWAL && in->ever_attested)
		return;
	if (ability(in, product) == NULL) {
		snprintf(out, 128, "it is %s", product_describe(product));
		return;
	}
	product_os_floor(product->system, &floor);
	if (product_os_compare(have, &floor) >= 0)
		return;
	product_os_text(have, text);
	product_os_text(&floor, want);
	snprintf(out, 128, "it runs %s %s, and attestation needs %s",
	    product_system_name(product->system),
	    have->major == 0 ? "of unknown version" : text, want);
}

/* Getting SCEP now would be less than it had, or than it is. */
static bool
rule_downgrade(
    const struct decision_input *in, const char *why, struct decision *out)
{
	const char *known = NULL;

	if (in->source == DECISION_RENEWAL)
		known = in->host_attested ? "the host is attested" : NULL;
	else if (in->ever_attested)
		known = "it attested before";
	else if (in->known_silicon && in->source == DECISION_ADE)
		known = "Apple Business says it is Apple silicon";
	if (known == NULL)
		return false;
	out->alert = true;
	return decide(out, DECISION_REFUSE, ERR_ENROLL_DOWNGRADE,
	    "%s, and now %s", known, why);
}

/* With hardware attestation required: what attests. */
static void
decide_attested(const struct decision_input *in, const struct product *product,
    struct decision *out)
{
	const char *what = ability(in, product);

	decide(out, DECISION_ACME, OK, "it %s%s",
	    what == NULL ? "attested before" : "is ", what == NULL ? "" : what);
}

/* With hardware attestation required: what does not attest. */
static void
decide_unattested(
    const struct decision_input *in, const char *why, struct decision *out)
{
	if (rule_downgrade(in, why, out))
		return;
	if (in->business_only)
		decide(out, DECISION_REFUSE, ERR_ENROLL_METHOD,
		    "only attested devices are allowed, and %s", why);
	else
		decide(out, DECISION_SCEP, OK,
		    "hardware attestation is impossible: %s", why);
}

/* Why an attestation is out of the question; "" when it is not. */
static void
obstacle(const struct decision_input *in, const struct product *product,
    const struct os_version *have, char out[128])
{
	if (in->source == DECISION_LINK)
		snprintf(
		    out, 128, "enrollment by hand does not prove the device");
	else if (in->assignment != DEVICE_ASSIGNED)
		snprintf(out, 128, "its serial number is not assigned");
	else
		lack(in, product, have, out);
}

void
decision_make(const struct decision_input *in, struct decision *out)
{
	struct product product;
	struct os_version have;
	char why[128];

	*out =
	    (struct decision){ DECISION_REFUSE, ERR_ENROLL_METHOD, false, "" };
	product_parse(in->product, &product);
	version_of(in, &product, &have);
	obstacle(in, &product, &have, why);
	if (rule_assignment(in, out) || rule_business(in, out) ||
	    rule_blocked(in, out) ||
	    rule_other_device(
		in, in->require_attestation && why[0] == '\0', out) ||
	    rule_update(in, &have, out))
		return;
	if (!in->require_attestation) {
		decide(out, DECISION_SCEP, OK,
		    "hardware attestation is not required");
		return;
	}
	out->alert =
	    product.family == PRODUCT_UNKNOWN && in->source == DECISION_ADE;
	if (why[0] == '\0')
		decide_attested(in, &product, out);
	else
		decide_unattested(in, why, out);
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
