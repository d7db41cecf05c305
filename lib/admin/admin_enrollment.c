#include "admin/admin_enrollment.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/events.h"

int
admin_enrollment_status(
    struct db *db, const struct enrollment *e, const char **out)
{
	bool refused;
	int r;

	*out = enrollments_state_name(e->state);
	if (e->state != ENROLLMENT_OPEN)
		return OK;
	if ((r = events_ended_badly(db, e->id, &refused)) != OK)
		return r;
	if (refused)
		*out = "refused";
	else if (e->expires_at <= clock_now())
		*out = "expired";
	return OK;
}

const char *
admin_enrollment_id(enum admin_role role, const struct enrollment *e)
{
	return e->state != ENROLLMENT_OPEN ||
		admin_actor_may(role, ADMIN_CHANGE_HOSTS)
	    ? e->id
	    : "";
}
