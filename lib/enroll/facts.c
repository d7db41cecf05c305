#include "enroll/facts.h"

static const enum decision_assignment assignments[] = {
	[STANDING_NEVER_ASSIGNED] = DECISION_NEVER_ASSIGNED,
	[STANDING_ASSIGNED] = DECISION_ASSIGNED,
	[STANDING_REMOVED] = DECISION_REMOVED,
};

void
facts_input(const struct standing *s, struct decision_input *in)
{
	*in = (struct decision_input){
		.require_attestation = s->require_attestation,
		.business_only = s->business_only,
		.minimum_os_version = "",
		.udid = "",
		.product = "",
		.os_version = "",
		.build_version = "",
		.assignment = assignments[s->assignment],
		.known_silicon = s->known_silicon,
		.host_enrolled = s->host.state == HOST_ENROLLED ||
		    s->host.state == HOST_PENDING,
		.host_blocked = s->host.state == HOST_BLOCKED,
		.host_udid = s->host.device.udid,
		.host_attested = s->host.hardware_attested,
		.ever_attested = s->host.ever_attested_at != 0,
	};
}
