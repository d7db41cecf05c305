/* lib/policy/issuance.c: from one set of facts that says yes, every way to no.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "policy/decision.h"
#include "policy/issuance.h"
#include "store/accounts.h"
#include "store/attestations.h"
#include "store/enrollments.h"
#include "store/orders.h"
#include "wire/attest.h"
#include "wire/csr.h"

#define NOW 1800000000

/* Everything that issuance_check_acme looks at, changed by one test at a time.
 */
struct world {
	struct issuance_acme facts;
	struct enrollment enrollment;
	struct device_state state;
	struct account account;
	struct order order;
	struct attestation_row attestation;
	struct attestation attested;
	struct csr csr;
};

static char same[] = "C02ABC123XYZ";
static char another[] = "C02ABC123XYY";
static char assigner[] = "1.3.6.1.4.1.99999.1";

static void
world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	snprintf(w->enrollment.id, sizeof w->enrollment.id, "enrollment");
	snprintf(w->enrollment.device.serial,
	    sizeof w->enrollment.device.serial, "%s", same);
	w->enrollment.expires_at = NOW + 1;
	w->state.assignment = DEVICE_ASSIGNED;
	snprintf(w->account.id, sizeof w->account.id, "account");
	snprintf(w->account.enrollment_id, sizeof w->account.enrollment_id,
	    "enrollment");
	snprintf(w->order.id, sizeof w->order.id, "order");
	snprintf(w->order.account_id, sizeof w->order.account_id, "account");
	snprintf(w->order.enrollment_id, sizeof w->order.enrollment_id,
	    "enrollment");
	snprintf(w->order.identifier_type, sizeof w->order.identifier_type,
	    "permanent-identifier");
	snprintf(w->order.identifier_value, sizeof w->order.identifier_value,
	    "%s", same);
	w->order.status = ORDER_READY;
	w->order.authorization_status = AUTHORIZATION_VALID;
	w->order.challenge_status = CHALLENGE_VALID;
	w->order.expires_at = NOW + 1;
	snprintf(
	    w->attestation.order_id, sizeof w->attestation.order_id, "order");
	snprintf(w->attestation.enrollment_id,
	    sizeof w->attestation.enrollment_id, "enrollment");
	snprintf(w->attested.serial, sizeof w->attested.serial, "%s", same);
	w->attested.spki = blob_str("attested key");
	w->csr.spki = blob_str("attested key");
	w->facts = (struct issuance_acme){
		.now = NOW,
		.enrollment = &w->enrollment,
		.state = &w->state,
		.account = &w->account,
		.account_spki = blob_str("account key"),
		.order = &w->order,
		.attestation = &w->attestation,
		.attested = &w->attested,
		.csr = &w->csr,
	};
}

static void
the_right_facts_say_yes(void **state)
{
	struct world w;

	world_init(&w);
	assert_int_equal(issuance_check_acme(&w.facts), OK);
	w.csr.permanent_identifier = same;
	assert_int_equal(issuance_check_acme(&w.facts), OK);
}

/* Changes one thing in a fresh world and expects this refusal. */
#define REFUSED(code, change)                                                  \
	do {                                                                   \
		struct world w;                                                \
		world_init(&w);                                                \
		change;                                                        \
		assert_int_equal(issuance_check_acme(&w.facts), code);         \
	} while (0)

static void
a_forgotten_fact_says_no(void **state)
{
	struct issuance_acme nothing;

	memset(&nothing, 0, sizeof nothing);
	assert_int_equal(issuance_check_acme(&nothing), ERR_UNAUTHORIZED);
	REFUSED(ERR_UNAUTHORIZED, w.facts.enrollment = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.account = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.order = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.attestation = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.attested = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.csr = NULL);
	REFUSED(ERR_UNAUTHORIZED, w.facts.state = NULL);
	REFUSED(ERR_ENROLL_UNASSIGNED, memset(&w.state, 0, sizeof w.state));
	REFUSED(ERR_BAD_CSR, w.facts.account_spki = blob_str(""));
	REFUSED(ERR_CSR_KEY, w.csr.spki = w.attested.spki = blob_str(""));
}

/* fleet-86 */
static void
an_enrollment_that_is_over_says_no(void **state)
{
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.state = ENROLLMENT_ISSUED);
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.state = ENROLLMENT_ENROLLED);
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.state = ENROLLMENT_REVOKED);
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.expires_at = NOW);
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.method = ENROLLMENT_SCEP);
	REFUSED(ERR_UNAUTHORIZED, w.enrollment.device.serial[0] = '\0');
}

static void
a_device_that_is_not_ours_says_no(void **state)
{
	REFUSED(ERR_ENROLL_UNASSIGNED, w.state.assignment = DEVICE_REMOVED);
	REFUSED(ERR_ENROLL_UNASSIGNED, {
		w.state.assignment = DEVICE_NEVER_ASSIGNED;
		w.enrollment.source = ENROLLMENT_COMMAND;
	});
	REFUSED(ERR_ENROLL_BUSINESS, {
		w.state.business_only = true;
		w.enrollment.source = ENROLLMENT_LINK;
	});
	REFUSED(ERR_MDM_BLOCKED, w.state.host.state = HOST_BLOCKED);
}

/* acme-229 */
static void
an_order_in_another_state_says_no(void **state)
{
	REFUSED(ERR_ORDER_NOT_READY, w.order.status = ORDER_PENDING);
	REFUSED(ERR_ORDER_NOT_READY, w.order.status = ORDER_VALID);
	REFUSED(ERR_ORDER_NOT_READY, w.order.status = ORDER_INVALID);
	REFUSED(ERR_ORDER_NOT_READY,
	    w.order.authorization_status = AUTHORIZATION_DEACTIVATED);
	REFUSED(
	    ERR_ORDER_NOT_READY, w.order.challenge_status = CHALLENGE_PENDING);
	REFUSED(ERR_ORDER_NOT_READY, w.order.expires_at = NOW);
	REFUSED(ERR_UNAUTHORIZED, w.order.identifier_type[0] = 'x');
	REFUSED(ERR_ACCOUNT_DEAD, w.account.status = ACCOUNT_DEACTIVATED);
	REFUSED(ERR_ACCOUNT_DEAD, w.account.status = ACCOUNT_REVOKED);
}

static void
rows_of_others_say_no(void **state)
{
	REFUSED(ERR_UNAUTHORIZED, w.account.enrollment_id[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.order.enrollment_id[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.order.account_id[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.attestation.order_id[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.attestation.enrollment_id[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.attested.serial[0] = 'x');
	REFUSED(ERR_UNAUTHORIZED, w.order.identifier_value[0] = 'x');
}

/* acme-231, acme-232, acme-237 */
static void
another_key_says_no(void **state)
{
	REFUSED(ERR_CSR_KEY, w.csr.spki = blob_str("attested keY"));
	REFUSED(ERR_CSR_KEY, w.csr.spki = blob_str("attested ke"));
	REFUSED(ERR_CSR_KEY, w.csr.spki = blob_str("account key"));
	REFUSED(ERR_BAD_CSR, w.facts.account_spki = blob_str("attested key"));
}

/* acme-244, acme-245 */
static void
another_name_says_no(void **state)
{
	REFUSED(ERR_BAD_CSR, w.csr.permanent_identifier = another);
	REFUSED(ERR_BAD_CSR, w.csr.hardware_module = true);
	REFUSED(ERR_BAD_CSR, {
		w.csr.permanent_identifier = same;
		w.csr.permanent_assigner = assigner;
	});
}

/* The head of an RSA key, and enough of it. */
static const uint8_t rsa[] = { 0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09,
	0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
	0x03 };

struct scep_world {
	struct issuance_scep facts;
	struct enrollment enrollment;
	struct device_state state;
	struct csr csr;
};

static void
scep_world_init(struct scep_world *w)
{
	memset(w, 0, sizeof *w);
	snprintf(w->enrollment.device.serial,
	    sizeof w->enrollment.device.serial, "%s", same);
	w->enrollment.method = ENROLLMENT_SCEP;
	w->state.assignment = DEVICE_ASSIGNED;
	w->enrollment.expires_at = NOW + 1;
	w->csr.spki = blob_of(rsa, sizeof rsa);
	w->facts = (struct issuance_scep){
		.now = NOW,
		.enrollment = &w->enrollment,
		.state = &w->state,
		.csr = &w->csr,
	};
}

#define SCEP(code, change)                                                     \
	do {                                                                   \
		struct scep_world w;                                           \
		scep_world_init(&w);                                           \
		change;                                                        \
		assert_int_equal(issuance_check_scep(&w.facts), code);         \
	} while (0)

static void
the_right_facts_of_scep_say_yes(void **state)
{
	SCEP(OK, (void)w);
	SCEP(OK, w.state.require_attestation = true);
	SCEP(OK, w.state.business_only = true);
	SCEP(OK, {
		w.enrollment.source = ENROLLMENT_LINK;
		w.enrollment.device.serial[0] = '\0';
		w.state.assignment = DEVICE_REMOVED;
	});
	SCEP(OK, {
		w.enrollment.source = ENROLLMENT_COMMAND;
		w.state.assignment = DEVICE_REMOVED;
	});
}

static void
fleet_137_both_settings_leave_no_scep(void **state)
{
	SCEP(ERR_ENROLL_METHOD, {
		w.state.require_attestation = true;
		w.state.business_only = true;
	});
}

static void
a_blocked_host_gets_no_scep(void **state)
{
	SCEP(ERR_MDM_BLOCKED, w.state.host.state = HOST_BLOCKED);
}

static void
what_attested_before_gets_no_scep(void **state)
{
	SCEP(ERR_ENROLL_DOWNGRADE, {
		w.state.require_attestation = true;
		w.state.host.ever_attested_at = 1;
	});
	SCEP(OK, w.state.host.ever_attested_at = 1);
	SCEP(OK, {
		w.state.require_attestation = true;
		w.state.host.hardware_attested = true;
	});
}

static void
known_silicon_gets_no_scep_by_what_it_says(void **state)
{
	SCEP(ERR_ENROLL_DOWNGRADE, {
		w.state.require_attestation = true;
		w.state.known_silicon = true;
	});
	SCEP(OK, w.state.known_silicon = true);
	SCEP(OK, {
		w.state.require_attestation = true;
		w.state.known_silicon = true;
		w.enrollment.source = ENROLLMENT_LINK;
	});
	SCEP(OK, {
		w.state.require_attestation = true;
		w.state.known_silicon = true;
		w.enrollment.source = ENROLLMENT_COMMAND;
	});
}

static void
an_attested_host_is_not_renewed_by_scep(void **state)
{
	SCEP(ERR_ENROLL_DOWNGRADE, {
		w.state.require_attestation = true;
		w.state.host.hardware_attested = true;
		w.enrollment.source = ENROLLMENT_COMMAND;
	});
	SCEP(OK, {
		w.state.require_attestation = true;
		w.state.host.ever_attested_at = 1;
		w.enrollment.source = ENROLLMENT_COMMAND;
	});
}

static void
business_only_knows_no_links(void **state)
{
	SCEP(ERR_ENROLL_BUSINESS, {
		w.state.business_only = true;
		w.enrollment.source = ENROLLMENT_LINK;
	});
}

static void
business_only_needs_an_assigned_serial(void **state)
{
	SCEP(ERR_ENROLL_BUSINESS, {
		w.state.business_only = true;
		w.state.assignment = DEVICE_REMOVED;
		w.enrollment.source = ENROLLMENT_COMMAND;
	});
}

static void
an_unassigned_serial_gets_no_scep(void **state)
{
	SCEP(ERR_ENROLL_UNASSIGNED, w.state.assignment = DEVICE_REMOVED);
}

static void
a_scep_enrollment_that_is_over_says_no(void **state)
{
	SCEP(ERR_SCEP_CHALLENGE, w.enrollment.state = ENROLLMENT_ISSUED);
	SCEP(ERR_SCEP_CHALLENGE, w.enrollment.state = ENROLLMENT_REVOKED);
	SCEP(ERR_SCEP_CHALLENGE, w.enrollment.expires_at = NOW);
}

static void
an_enrollment_for_acme_gets_no_scep(void **state)
{
	SCEP(ERR_UNAUTHORIZED, w.enrollment.method = ENROLLMENT_ACME);
}

static void
an_enrollment_without_device_gets_no_scep(void **state)
{
	SCEP(ERR_UNAUTHORIZED, w.enrollment.device.serial[0] = '\0');
}

static void
a_key_that_is_not_rsa_says_no(void **state)
{
	SCEP(ERR_SCEP_REQUEST, w.csr.spki = blob_str("another kind of key"));
	SCEP(ERR_SCEP_REQUEST, w.csr.spki.n = 19);
	SCEP(ERR_SCEP_REQUEST, w.csr.spki = blob_str(""));
}

static void
a_known_key_says_no(void **state)
{
	SCEP(ERR_SCEP_REQUEST, w.facts.key_known = true);
}

static void
a_forgotten_fact_of_scep_says_no(void **state)
{
	struct issuance_scep nothing;

	memset(&nothing, 0, sizeof nothing);
	assert_int_equal(issuance_check_scep(&nothing), ERR_UNAUTHORIZED);
	SCEP(ERR_UNAUTHORIZED, w.facts.enrollment = NULL);
	SCEP(ERR_UNAUTHORIZED, w.facts.state = NULL);
	SCEP(ERR_UNAUTHORIZED, w.facts.csr = NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_facts_say_yes),
		cmocka_unit_test(a_forgotten_fact_says_no),
		cmocka_unit_test(an_enrollment_that_is_over_says_no),
		cmocka_unit_test(a_device_that_is_not_ours_says_no),
		cmocka_unit_test(an_order_in_another_state_says_no),
		cmocka_unit_test(rows_of_others_say_no),
		cmocka_unit_test(another_key_says_no),
		cmocka_unit_test(another_name_says_no),
		cmocka_unit_test(the_right_facts_of_scep_say_yes),
		cmocka_unit_test(fleet_137_both_settings_leave_no_scep),
		cmocka_unit_test(a_blocked_host_gets_no_scep),
		cmocka_unit_test(what_attested_before_gets_no_scep),
		cmocka_unit_test(known_silicon_gets_no_scep_by_what_it_says),
		cmocka_unit_test(an_attested_host_is_not_renewed_by_scep),
		cmocka_unit_test(business_only_knows_no_links),
		cmocka_unit_test(business_only_needs_an_assigned_serial),
		cmocka_unit_test(an_unassigned_serial_gets_no_scep),
		cmocka_unit_test(a_scep_enrollment_that_is_over_says_no),
		cmocka_unit_test(an_enrollment_for_acme_gets_no_scep),
		cmocka_unit_test(an_enrollment_without_device_gets_no_scep),
		cmocka_unit_test(a_key_that_is_not_rsa_says_no),
		cmocka_unit_test(a_known_key_says_no),
		cmocka_unit_test(a_forgotten_fact_of_scep_says_no),
	};

	return unit_run("policy", tests);
}
