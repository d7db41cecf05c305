#include "enroll/link_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "store/enrollment_links.h"
#include "store/events.h"

/* What comes of a link; holds a secret. */
struct taking {
	struct enrollment_link link;
	struct new_enrollment new;
	const char *remote_address;
};

static int
load_open(struct db *db, const char *token, struct enrollment_link *out)
{
	enum enrollment_link_state state;
	int r = enrollment_links_load(db, token, out);

	if (r == ERR_NOT_FOUND)
		return fail(r, "no link for enrollment by hand has this token");
	if (r != OK)
		return r;
	state = enrollment_links_state(out, clock_now());
	if (state == ENROLLMENT_LINK_OPEN)
		return OK;
	return fail(ERR_ENROLL_LINK, "the link %s is %s", out->id,
	    enrollment_links_state_name(state));
}

int
link_profile_look(struct ade_profile *h, const char *token)
{
	struct enrollment_link link;

	return load_open(h->db, token, &link);
}

static int
decide(struct ade_profile *h, const struct enrollment_link *link)
{
	struct decision_input in = { .source = ENROLLMENT_LINK };
	struct decision d;
	int r;

	if ((r = device_state_load(h->db, h->conf, link->serial, &in.state)) !=
	    OK)
		return r;
	decision_make(&in, &d);
	if (d.method == DECISION_REFUSE)
		return fail(d.code, "%s (link %s)", d.reason, link->id);
	return OK;
}

static int
note(struct ade_profile *h, const struct taking *t, const char *reason)
{
	return events_add(h->db,
	    &(struct event){ .enrollment_id = t->new.enrollment.id,
		.serial = t->link.serial,
		.step = "profile",
		.outcome = EVENT_OK,
		.reason = reason,
		.remote_address = t->remote_address });
}

static int
store(struct ade_profile *h, struct taking *t)
{
	struct enrollment *e = &t->new.enrollment;
	char reason[256];
	int r;

	*e = (struct enrollment){ .source = ENROLLMENT_LINK,
		.purpose = ENROLLMENT_ENROLL,
		.method = ENROLLMENT_SCEP };
	snprintf(
	    e->device.serial, sizeof(e->device.serial), "%s", t->link.serial);
	snprintf(e->remote_address, sizeof(e->remote_address), "%s",
	    t->remote_address);
	snprintf(reason, sizeof(reason), "SCEP profile by link %s%s%s",
	    t->link.id, t->link.note[0] == '\0' ? "" : ": ", t->link.note);
	if ((r = new_enrollment_create(h->conf, h->db, NULL,
		 h->conf->enrollment_hours, &t->new)) != OK ||
	    (r = enrollment_links_use(h->db, t->link.id, e->id)) != OK)
		return r;
	return note(h, t, reason);
}

static int
take(struct ade_profile *h, const char *token, struct taking *t)
{
	int r;

	if ((r = db_begin(h->db)) != OK)
		return r;
	if ((r = load_open(h->db, token, &t->link)) == OK &&
	    (r = decide(h, &t->link)) == OK && (r = store(h, t)) == OK)
		r = db_commit(h->db);
	db_rollback(h->db);
	return r;
}

/* Who holds no link leaves no row: anybody could fill the table. */
static void
note_refusal(struct ade_profile *h, const struct taking *t, int code)
{
	if (t->link.id[0] == '\0')
		return;
	events_note(h->db,
	    &(struct event){ .enrollment_id = t->link.enrollment_id,
		.serial = t->link.serial,
		.step = "profile",
		.outcome = events_outcome(code),
		.code = code,
		.reason = log_reason(),
		.remote_address = t->remote_address });
}

int
link_profile_redeem(struct ade_profile *h, const char *token,
    const char *remote_address, struct buf *out)
{
	struct taking t = { .remote_address = remote_address };
	int r = take(h, token, &t);

	if (r == OK)
		r = profile_write(h->conf, &h->files, &t.new, out);
	if (r != OK)
		note_refusal(h, &t, r);
	new_enrollment_wipe(&t.new);
	return r;
}
