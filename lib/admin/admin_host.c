#include "admin/admin_host.h"

#include <string.h>

#include "base/log.h"
#include "store/enrollments.h"

/*
 * A device can claim any serial number and UDID, also that of another host: an act
 * on that host must not reach this one.
 */
static int
find_by_device(struct db *db, const char *name, struct host *out)
{
	struct host other;
	int r, by_udid;

	r = hosts_load_by_serial(db, name, out);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	by_udid = hosts_load_by_udid(db, name, r == OK ? &other : out);
	if (r != OK || by_udid == ERR_NOT_FOUND)
		return r == OK ? OK : by_udid;
	if (by_udid != OK || strcmp(out->id, other.id) == 0)
		return by_udid;
	return fail(ERR_CONFLICT,
	    "%s is the serial number of host %s and the UDID of host %s: give "
	    "the id",
	    name, out->id, other.id);
}

int
admin_host_find(struct db *db, const char *name, struct host *out)
{
	int r = hosts_load(db, name, out);

	if (r == ERR_NOT_FOUND)
		r = find_by_device(db, name, out);
	if (r == ERR_NOT_FOUND)
		return fail(
		    r, "no host has this serial number, UDID or id: %s", name);
	return r;
}

int
admin_host_load(const struct conf *conf, struct db *db, const struct host *host,
    struct admin_host_details *out)
{
	struct certificate *c = &out->certificate;
	int r;

	*out = (struct admin_host_details){ 0 };
	r = pushes_load(db, host->id, &out->push);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (!host->has_certificate)
		return OK;
	if ((r = certificates_load(db, host->certificate_sha256, c)) != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	out->has_certificate = true;
	if (host->state == HOST_ENROLLED) {
		r = renewals_load(db, host->id, &out->renewal);
		if (r != OK && r != ERR_NOT_FOUND)
			return r;
		out->renewal_due_at = renewals_due_at(c->not_after, c->lifetime,
		    conf->days_before * INT64_C(86400));
	}
	if (!c->hardware_attested || c->order_id[0] == '\0')
		return OK;
	r = attestations_load_by_order(db, c->order_id, &out->evidence);
	out->has_evidence = r == OK;
	return r == ERR_NOT_FOUND ? OK : r;
}

void
admin_host_release(struct admin_host_details *details)
{
	if (details->has_certificate)
		certificates_release(&details->certificate);
	if (details->has_evidence)
		attestations_release(&details->evidence);
}

static int
record(const struct admin_actor *actor, const char *action,
    const struct host *before, const char *after)
{
	return admin_actor_note(actor,
	    &(struct activity_note){ .action = action,
		.serial = before->device.serial,
		.before = hosts_state_name(before->state),
		.after = after });
}

/* Open profiles go with it, so that no certificate comes after the decision. */
static int
block(const struct admin_actor *actor, const char *name)
{
	struct host h;
	int r, revoked;

	if ((r = admin_host_find(actor->db, name, &h)) != OK ||
	    (r = hosts_block(actor->db, h.id)) != OK ||
	    (r = enrollments_revoke_open(
		 actor->db, h.device.serial, NULL, &revoked)) != OK)
		return r;
	r = record(actor, "host.block", &h, hosts_state_name(HOST_BLOCKED));
	if (r != OK || !h.hardware_attested)
		return r;
	return activities_add_withdrawn(
	    actor->db, actor->name, h.device.serial, "it was blocked");
}

static int
unblock(const struct admin_actor *actor, const char *name)
{
	struct host h;
	int r;

	if ((r = admin_host_find(actor->db, name, &h)) != OK)
		return r;
	if ((r = hosts_unblock(actor->db, h.id)) == ERR_CONFLICT)
		return fail(r, "%s is not blocked", h.device.serial);
	if (r != OK)
		return r;
	return record(
	    actor, "host.unblock", &h, hosts_state_name(HOST_UNENROLLED));
}

static int
delete_one(const struct admin_actor *actor, const char *name)
{
	struct host h;
	int r;

	if ((r = admin_host_find(actor->db, name, &h)) != OK)
		return r;
	if ((r = hosts_delete(actor->db, h.id)) == ERR_CONFLICT)
		return fail(r, "%s is %s; only an unenrolled host is deleted",
		    h.device.serial, hosts_state_name(h.state));
	if (r != OK)
		return r;
	return admin_actor_record(actor, "host.delete", h.device.serial);
}

int
admin_host_block(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_HOSTS, names, n, block);
}

int
admin_host_unblock(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_HOSTS, names, n, unblock);
}

int
admin_host_delete(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_HOSTS, names, n, delete_one);
}
