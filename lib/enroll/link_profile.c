#include "enroll/link_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "store/enrollment_links.h"

static int
load_open(struct db *db, const char *token, struct enrollment_link *out)
{
	enum enrollment_link_state state;
	int r = enrollment_links_load(db, token, out);

	if (r == ERR_NOT_FOUND)
		return fail(r, "no enrollment link has this token");
	if (r != OK)
		return r;
	state = enrollment_links_state(out, clock_now());
	if (state == ENROLLMENT_LINK_OPEN)
		return OK;
	return fail(ERR_ENROLL_LINK, "the link %s is %s", out->id,
	    enrollment_links_state_name(state));
}

int
link_profile_check(struct db *db, const char *token)
{
	struct enrollment_link link;

	return load_open(db, token, &link);
}

/* In the transaction. */
static int
redeem(struct context *c, const char *token, struct enrollment_link *link,
    struct new_enrollment *new)
{
	struct decision_input in = { .source = ENROLLMENT_LINK };
	struct enrollment *e = &new->enrollment;
	struct decision d;
	char reason[256];
	int r;

	r = load_open(c->db, token, link);
	memcpy(c->serial, link->serial, sizeof c->serial);
	if (r != OK ||
	    (r = device_state_load(c->db, c->conf, link->serial, &in.state)) !=
		OK)
		return r;
	decision_make(&in, &d);
	if (d.method == DECISION_REFUSE)
		return fail(d.code, "%s (link %s)", d.reason, link->id);
	*e = (struct enrollment){ .source = ENROLLMENT_LINK,
		.purpose = ENROLLMENT_ENROLL,
		.method = ENROLLMENT_SCEP };
	memcpy(e->device.serial, link->serial, sizeof e->device.serial);
	if ((r = new_enrollment_create(
		 c, NULL, c->conf->enrollment_hours, new)) != OK ||
	    (r = enrollment_links_use(c->db, link->id, e->id)) != OK)
		return r;
	snprintf(reason, sizeof reason, "SCEP profile by link %s%s%s", link->id,
	    link->note[0] == '\0' ? "" : ": ", link->note);
	return context_log(c, OK, reason);
}

int
link_profile_redeem(struct context *c, const struct profile_files *files,
    const char *token, struct buf *out)
{
	struct new_enrollment new = { .challenge = "" };
	struct enrollment_link link = { .id = "" };
	int r;

	if ((r = context_begin(c)) == OK)
		r = context_end(c, redeem(c, token, &link, &new));
	if (r != OK)
		memcpy(c->enrollment_id, link.enrollment_id,
		    sizeof c->enrollment_id);
	/* A profile that cannot be written is logged after all. */
	else if ((r = profile_write(c->conf, files, &new, out)) != OK)
		c->logged = false;
	new_enrollment_wipe(&new);
	/* Who holds no link leaves no row: anybody could fill the table. */
	return r == OK || link.id[0] == '\0' ? r : context_refuse(c, r);
}
