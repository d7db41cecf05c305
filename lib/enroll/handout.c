#include "enroll/handout.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll/decision.h"
#include "enroll/machineinfo.h"
#include "enroll/product.h"
#include "store/ade_devices.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/scep_challenges.h"
#include "store/trails.h"
#include "wire/x509.h"

/* What is known when the decision is made. */
struct facts {
	struct machineinfo info;
	struct host host;
	enum decision_assignment assignment;
	bool known_silicon;
	bool require_attestation;
	bool business_only;
};

/* What a profile is made of; holds a secret. */
struct grant {
	struct enrollment enrollment;
	char challenge[SCEP_CHALLENGES_TEXT];
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
	buf_wipe(&a->profile);
}

static int
load_assignment(struct db *db, struct facts *f)
{
	struct ade_device device;
	int r = ade_devices_load(db, f->info.serial, &device);

	f->assignment = DECISION_NEVER_ASSIGNED;
	if (r == OK) {
		f->assignment = device.removed_at == 0 ? DECISION_ASSIGNED
						       : DECISION_REMOVED;
		f->known_silicon = product_names_silicon(device.model) ||
		    product_names_silicon(device.description);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
load_facts(struct handout *h, struct facts *f, struct handout_answer *answer)
{
	int r;

	if ((r = settings_get_bool(h->db, h->conf, SETTINGS_REQUIRE_ATTESTATION,
		 &f->require_attestation)) != OK ||
	    (r = settings_get_bool(h->db, h->conf, SETTINGS_BUSINESS_ONLY,
		 &f->business_only)) != OK ||
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
		.business_only = f->business_only,
		.minimum_os_version = answer->minimum_os_version,
		.source = DECISION_ADE,
		.udid = f->info.udid,
		.product = f->info.product,
		.os_version = f->info.os_version,
		.build_version = f->info.build_version,
		.can_update = f->info.can_update,
		.assignment = f->assignment,
		.known_silicon = f->known_silicon,
		.host_enrolled = f->host.state == HOST_ENROLLED,
		.host_blocked = f->host.state == HOST_BLOCKED,
		.host_udid = f->host.udid,
		.host_attested = f->host.hardware_attested,
		.ever_attested = f->host.ever_attested_at != 0,
	};

	decision_make(&in, out);
	if (out->alert)
		log_line(LOG_WARN, "please look at device %s: %s",
		    f->info.serial, out->reason);
}

/* OK, or the code of the refusal, logged. */
static int
obey(const struct decision *d, const struct machineinfo *info)
{
	if (d->method != DECISION_REFUSE)
		return OK;
	return fail(d->code, "%s (%s)", d->reason, info->product);
}

static int
store(struct handout *h, const struct facts *f, const struct decision *d,
    const char *remote_address, struct grant *g)
{
	struct enrollment *e = &g->enrollment;
	char reason[500];
	int r;

	*e = (struct enrollment){
		.source = ENROLLMENT_ADE,
		.purpose = ENROLLMENT_ENROLL,
		.method = d->method == DECISION_ACME ? ENROLLMENT_ACME
						     : ENROLLMENT_SCEP,
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
	snprintf(reason, sizeof(reason), "%s profile for %s %s: %s",
	    e->method == ENROLLMENT_ACME ? "ACME" : "SCEP", f->info.product,
	    f->info.os_version, d->reason);
	if ((r = enrollments_create(h->db, e, h->conf->enrollment_hours)) !=
		OK ||
	    (e->method == ENROLLMENT_SCEP &&
		(r = scep_challenges_create(h->db, e->id, g->challenge)) !=
		    OK) ||
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
    struct handout_answer *answer, struct grant *g)
{
	struct decision d;
	int r;

	if ((r = db_begin(h->db)) != OK)
		return r;
	if ((r = load_facts(h, f, answer)) != OK)
		goto done;
	decide(f, answer, &d);
	if ((r = obey(&d, &f->info)) != OK ||
	    (r = store(h, f, &d, remote_address, g)) != OK)
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

static int
write_profile(const struct handout *h, const struct grant *g, struct buf *out)
{
	struct profile_identity identity = { .method = g->enrollment.method,
		.enrollment_id = g->enrollment.id,
		.serial = g->enrollment.serial,
		.challenge = g->challenge };

	return profile_write(h->conf, &h->files, &identity, out);
}

int
handout_make(struct handout *h, struct blob cms, const char *remote_address,
    struct handout_answer *answer)
{
	struct facts f = { .assignment = DECISION_NEVER_ASSIGNED };
	struct grant g = { .challenge = "" };
	int r;

	r = machineinfo_read(cms, h->device_ca, &f.info);
	if (r == OK)
		r = enroll(h, &f, remote_address, answer, &g);
	if (r == OK)
		r = write_profile(h, &g, &answer->profile);
	secret_wipe(g.challenge, sizeof(g.challenge));
	if (r != OK)
		return refuse(h, f.info.serial, r, remote_address);
	return OK;
}

int
handout_refuse(struct handout *h, int code, const char *remote_address)
{
	return refuse(h, "", code, remote_address);
}
