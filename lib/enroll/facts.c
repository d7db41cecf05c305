#include "enroll/facts.h"

void
facts_input(const struct device_state *s, struct decision_input *in)
{
	*in = (struct decision_input){
		.require_attestation = s->require_attestation,
		.business_only = s->business_only,
		.minimum_os_version = "",
		.udid = "",
		.product = "",
		.os_version = "",
		.build_version = "",
		.assignment = s->assignment,
		.known_silicon = s->known_silicon,
		.host_enrolled = s->host.state == HOST_ENROLLED ||
		    s->host.state == HOST_PENDING,
		.host_blocked = s->host.state == HOST_BLOCKED,
		.host_udid = s->host.device.udid,
		.host_attested = s->host.hardware_attested,
		.ever_attested = s->host.ever_attested_at != 0,
	};
}
