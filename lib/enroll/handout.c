#include "enroll/handout.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll/decision.h"
#include "enroll/machineinfo.h"
#include "store/ade_devices.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/trails.h"
#include "wire/x509.h"

/* What is known when the decision is made. */
struct facts {
	struct machineinfo info;
	struct host host;
	enum decision_assignment assignment;
	bool require_attestation;
};

int
handout_open(const struct conf *conf, struct handout *out)
{
	size_t n;
	int r;

	*out = (struct handout){ .conf = conf };
	if ((r = x509_load(conf->device_ca, 1, &out->device_ca, &n)) != OK ||
	    (r = profile_files_load(conf, &out->files)) != OK)
		return r;
	return db_open(conf->database, DB_RELAXED, &out->db);
}

void
handout_close(struct handout *h)
{
	db_close(h->db);
	x509_free(h->device_ca);
	profile_files_release(&h->files);
}

void
handout_answer_init(struct handout_answer *a)
{
	*a = (struct handout_answer){ .minimum_os_version = "" };
	buf_init(&a->profile, PROFILE_BYTES_MAX);
}

void
handout_answer_release(struct handout_answer *a)
{
	buf_release(&a->profile);
}

static int
load_assignment(struct db *db, struct facts *f)
{
	struct ade_device device;
	int r = ade_devices_load(db, f->info.serial, &device);

	f->assignment = DECISION_NEVER_ASSIGNED;
	if (r == OK)
		f->assignment = device.removed_at == 0 ? DECISION_ASSIGNED
						       : DECISION_REMOVED;
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
load_facts(struct handout *h, struct facts *f, struct handout_answer *answer)
{
	int r;

	if ((r = settings_get_bool(h->db, h->conf, SETTINGS_REQUIRE_ATTESTATION,
		 &f->require_attestation)) != OK ||
	    (r = settings_get_text(h->db, h->conf, SETTINGS_MINIMUM_OS_VERSION,
		 answer->minimum_os_version)) != OK ||
	    (r = load_assignment(h->db, f)) != OK)
		return r;
	r = hosts_load_by_serial(h->db, f->info.serial, &f->host);
	if (r != ERR_NOT_FOUND)
		return r;
	f->host = (struct host){ .state = HOST_UNENROLLED };
	return OK;
}

static void
decide(const struct facts *f, const struct handout_answer *answer,
    struct decision *out)
{
	struct decision_input in = {
		.require_attestation = f->require_attestation,
		.minimum_os_version = answer->minimum_os_version,
		.source = DECISION_ADE,
		.udid = f->info.udid,
		.product = f->info.product,
		.os_version = f->info.os_version,
		.build_version = f->info.build_version,
		.can_update = f->info.can_update,
		.assignment = f->assignment,
		.host_enrolled = f->host.state == HOST_ENROLLED,
		.host_blocked = f->host.state == HOST_BLOCKED,
		.host_udid = f->host.udid,
		.ever_attested = f->host.ever_attested_at != 0,
	};

	decision_make(&in, out);
	if (out->alert)
		log_line(LOG_WARN, "please look at device %s: %s",
		    f->info.serial, out->reason);
}

/* OK for ACME; the code of the refusal otherwise, logged. */
static int
obey(const struct decision *d, const struct machineinfo *info)
{
	if (d->method == DECISION_ACME)
		return OK;
	if (d->method == DECISION_SCEP)
		return fail(ERR_ENROLL_METHOD,
		    "would get SCEP, which this server does not offer yet: "
		    "%s (%s)",
		    d->reason, info->product);
	return fail(d->code, "%s (%s)", d->reason, info->product);
}

static int
store(struct handout *h, const struct facts *f, const struct decision *d,
    const char *remote_address, struct enrollment *e)
{
	char reason[500];
	int r;

	*e = (struct enrollment){
		.source = ENROLLMENT_ADE,
		.purpose = ENROLLMENT_ENROLL,
		.method = ENROLLMENT_ACME,
	};
	snprintf(e->serial, sizeof(e->serial), "%s", f->info.serial);
	snprintf(e->udid, sizeof(e->udid), "%s", f->info.udid);
	snprintf(e->product, sizeof(e->product), "%s", f->info.product);
	snprintf(
	    e->os_version, sizeof(e->os_version), "%s", f->info.os_version);
	snprintf(e->build_version, sizeof(e->build_version), "%s",
	    f->info.build_version);
	snprintf(
	    e->remote_address, sizeof(e->remote_address), "%s", remote_address);
	snprintf(reason, sizeof(reason), "ACME profile for %s %s: %s",
	    f->info.product, f->info.os_version, d->reason);
	if ((r = enrollments_create(h->db, e, h->conf->enrollment_hours)) !=
		OK ||
	    /* What a device signed once can be sent any number of times. */
	    (r = enrollments_make_room(
		 h->db, e->serial, e->id, HANDOUT_OPEN_MAX)) != OK)
		return r;
	return trails_add(h->db,
	    &(struct trail){ .enrollment_id = e->id,
		.serial = e->serial,
		.step = "profile",
		.outcome = TRAIL_OK,
		.code = OK,
		.reason = reason,
		.remote_address = remote_address });
}

/* The whole decision in one transaction, so that it is made from one state. */
static int
enroll(struct handout *h, struct facts *f, const char *remote_address,
    struct handout_answer *answer, struct enrollment *e)
{
	struct decision d;
	int r;

	if ((r = db_begin(h->db)) != OK)
		return r;
	if ((r = load_facts(h, f, answer)) != OK)
		goto done;
	decide(f, answer, &d);
	if ((r = obey(&d, &f->info)) != OK ||
	    (r = store(h, f, &d, remote_address, e)) != OK)
		goto done;
	r = db_commit(h->db);
done:
	db_rollback(h->db);
	return r;
}

static int
refuse(
    struct handout *h, const char *serial, int code, const char *remote_address)
{
	trails_note(h->db,
	    &(struct trail){ .serial = serial,
		.step = "profile",
		.outcome =
		    err_http_status(code) >= 500 ? TRAIL_FAILED : TRAIL_REFUSED,
		.code = code,
		.reason = log_reason(),
		.remote_address = remote_address });
	return code;
}

int
handout_make(struct handout *h, struct blob cms, const char *remote_address,
    struct handout_answer *answer)
{
	struct facts f = { .assignment = DECISION_NEVER_ASSIGNED };
	struct enrollment e;
	int r;

	r = machineinfo_read(cms, h->device_ca, &f.info);
	if (r == OK)
		r = enroll(h, &f, remote_address, answer, &e);
	if (r == OK)
		r = profile_write(h->conf, &h->files,
		    &(struct profile_identity){ .method = e.method,
			.enrollment_id = e.id,
			.serial = e.serial },
		    &answer->profile);
	if (r != OK)
		return refuse(h, f.info.serial, r, remote_address);
	return OK;
}

int
handout_refuse(struct handout *h, int code, const char *remote_address)
{
	return refuse(h, "", code, remote_address);
}
