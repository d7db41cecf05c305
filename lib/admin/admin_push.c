#include "admin/admin_push.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

static int
check_topic(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force)
{
	int64_t others;
	int r = push_certificate_count_others(
	    actor->db, certificate->topic, &others);

	if (r != OK || force || others == 0)
		return r;
	return fail(ERR_UNCONFIRMED,
	    "%lld hosts are enrolled with another topic than %s, and no push "
	    "would reach them until they enroll again: renew the certificate "
	    "that they know, under the same Apple Account, and do not make a "
	    "new one",
	    (long long)others, certificate->topic);
}

int
admin_push_check(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force)
{
	int r = admin_actor_check(actor, ADMIN_CHANGE_SERVER);

	return r == OK ? check_topic(actor, certificate, force) : r;
}

static int
import(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force)
{
	struct push_certificate row = *certificate;
	char detail[400], end[CLOCK_TEXT];
	int r;

	snprintf(row.imported_by, sizeof row.imported_by, "%s", actor->name);
	clock_people(row.not_after, end);
	snprintf(detail, sizeof detail, "%s, valid until %s", row.topic, end);
	if ((r = check_topic(actor, certificate, force)) != OK ||
	    (r = push_certificate_store(actor->db, &row)) != OK)
		return r;
	return admin_actor_record(actor, "push-cert.import", detail);
}

int
admin_push_import(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(actor->db, import(actor, certificate, force));
	return r;
}
