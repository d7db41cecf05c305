#include "enroll/ade_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "enroll/machineinfo.h"
#include "policy/product.h"
#include "store/alarms.h"
#include "store/events.h"
#include "wire/x509.h"

/* Who asks, and what is known of it when the decision is made. */
struct request {
	struct machineinfo info;
	struct decision_input in;
};

int
ade_profile_open(const struct conf *conf, struct ade_profile *out)
{
	size_t n;
	int r;

	*out = (struct ade_profile){ .conf = conf };
	if ((r = x509_load(conf->device_ca, 1, &out->device_ca, &n)) != OK ||
	    (r = profile_files_load(conf, &out->files)) != OK)
		return r;
	return db_open(conf->database, DB_RELAXED, &out->db);
}

void
ade_profile_close(struct ade_profile *h)
{
	db_close(h->db);
	x509_free(h->device_ca);
	profile_files_release(&h->files);
}

void
ade_profile_answer_init(struct ade_profile_answer *a)
{
	*a = (struct ade_profile_answer){ .minimum_os_version = "" };
	buf_init(&a->profile, PROFILE_BYTES_MAX);
}

void
ade_profile_answer_release(struct ade_profile_answer *a)
{
	buf_wipe(&a->profile);
}

/* The minimum version of the system that the device's product runs. */
static int
load_minimum(struct ade_profile *h, const struct request *rq,
    struct ade_profile_answer *answer)
{
	struct product product;
	const char *name;

	product_parse(rq->info.device.product, &product);
	if ((name = product_minimum_setting(product.system)) == NULL)
		return OK;
	return settings_get_text(
	    h->db, h->conf, name, answer->minimum_os_version);
}

static int
load_standing(struct ade_profile *h, struct request *rq,
    struct ade_profile_answer *answer)
{
	int r;

	if ((r = load_minimum(h, rq, answer)) != OK)
		return r;
	return device_state_load(
	    h->db, h->conf, rq->info.device.serial, &rq->in.state);
}

static void
decide(struct request *rq, const struct ade_profile_answer *answer,
    struct decision *out)
{
	struct product product;

	rq->in.source = ENROLLMENT_ADE;
	rq->in.device = rq->info.device;
	rq->in.can_update = rq->info.can_update;
	snprintf(rq->in.minimum_os_version, sizeof rq->in.minimum_os_version,
	    "%s", answer->minimum_os_version);
	decision_make(&rq->in, out);
	product_parse(rq->info.device.product, &product);
	if (product.family == PRODUCT_UNKNOWN)
		log_line(LOG_WARN, "device %s is of an unknown product: \"%s\"",
		    rq->info.device.serial, rq->info.device.product);
}

/*
 * Anybody with an Apple device can sign a request that names another device's
 * serial number. But a device that was erased has a new key too, so that this
 * is a remark and no reason to refuse.
 */
static const char *
signer_remark(const struct request *rq)
{
	const struct host *host = &rq->in.state.host;

	if (!hosts_signer_differs(host, rq->info.signer_sha256))
		return "";
	return host->has_signer
	    ? "; signed by another device key than the host enrolled with"
	    : "; the device key that the host enrolled with is not known";
}

/* OK, or the code of the refusal, logged. */
static int
refusal_of(const struct decision *d, const struct request *rq)
{
	if (d->method != DECISION_REFUSE)
		return OK;
	return fail(d->code, "%s (%s)%s", d->reason, rq->info.device.product,
	    signer_remark(rq));
}

static void
fill_in(const struct machineinfo *info, enum decision_method method,
    const char *remote_address, struct enrollment *e)
{
	*e = (struct enrollment){
		.source = ENROLLMENT_ADE,
		.purpose = ENROLLMENT_ENROLL,
		.method =
		    method == DECISION_ACME ? ENROLLMENT_ACME : ENROLLMENT_SCEP,
	};
	snprintf(e->device.serial, sizeof(e->device.serial), "%s",
	    info->device.serial);
	snprintf(
	    e->device.udid, sizeof(e->device.udid), "%s", info->device.udid);
	snprintf(e->device.product, sizeof(e->device.product), "%s",
	    info->device.product);
	snprintf(e->device.os_version, sizeof(e->device.os_version), "%s",
	    info->device.os_version);
	snprintf(e->device.build_version, sizeof(e->device.build_version), "%s",
	    info->device.build_version);
	memcpy(e->signer_sha256, info->signer_sha256, sizeof(e->signer_sha256));
	snprintf(
	    e->remote_address, sizeof(e->remote_address), "%s", remote_address);
}

static int
note(struct ade_profile *h, const struct enrollment *e,
    const struct decision *d, const char *remark)
{
	char reason[600];

	snprintf(reason, sizeof(reason), "%s profile for %s%s%s: %s%s",
	    e->method == ENROLLMENT_ACME ? "ACME" : "SCEP", e->device.product,
	    e->device.os_version[0] == '\0' ? "" : " ", e->device.os_version,
	    d->reason, remark);
	return events_add(h->db,
	    &(struct event){ .enrollment_id = e->id,
		.serial = e->device.serial,
		.step = "profile",
		.outcome = EVENT_OK,
		.code = OK,
		.reason = reason,
		.remote_address = e->remote_address });
}

/*
 * From now on mdm/contact.c watches for the host's present certificate, which
 * an erased device no longer has. The profile is good for enrollment_hours, and
 * its certificate may wait as long again for its first use.
 */
static int
note_signer(
    struct ade_profile *h, const struct request *rq, const struct enrollment *e)
{
	const struct host *host = &rq->in.state.host;

	if (!hosts_signer_differs(host, e->signer_sha256) ||
	    (host->state != HOST_ENROLLED && host->state != HOST_PENDING))
		return OK;
	log_line(LOG_NOTICE,
	    "a profile for host %s was requested with a device key that is not "
	    "known to be its own",
	    host->device.serial);
	return hosts_note_other_signer(h->db, host->id,
	    e->expires_at + INT64_C(3600) * h->conf->enrollment_hours);
}

static int
store(struct ade_profile *h, const struct request *rq, const struct decision *d,
    const char *remote_address, struct new_enrollment *g)
{
	struct enrollment *e = &g->enrollment;
	int r;

	fill_in(&rq->info, d->method, remote_address, e);
	if ((r = new_enrollment_create(
		 h->conf, h->db, NULL, h->conf->enrollment_hours, g)) != OK ||
	    /* What a device signed once can be sent any number of times. */
	    (r = enrollments_make_room(
		 h->db, e->device.serial, e->id, ADE_PROFILE_OPEN_MAX)) != OK ||
	    (r = note_signer(h, rq, e)) != OK)
		return r;
	return note(h, e, d, signer_remark(rq));
}

/* The whole decision in one transaction, so that it is made from one state. */
static int
enroll(struct ade_profile *h, struct request *rq, const char *remote_address,
    struct ade_profile_answer *answer, struct new_enrollment *g)
{
	struct decision d;
	int r;

	if ((r = db_begin(h->db)) != OK)
		return r;
	if ((r = load_standing(h, rq, answer)) != OK)
		goto done;
	decide(rq, answer, &d);
	if ((r = refusal_of(&d, rq)) != OK ||
	    (r = store(h, rq, &d, remote_address, g)) != OK)
		goto done;
	r = db_commit(h->db);
done:
	db_rollback(h->db);
	return r;
}

/* A serial number is known only when Apple's signature was good. */
static int
refuse(struct ade_profile *h, const char *serial, int code,
    const char *remote_address)
{
	char reason[ALARM_TEXT];

	snprintf(reason, sizeof(reason), "%s", log_reason());
	events_note(h->db,
	    &(struct event){ .serial = serial,
		.is_signed = serial[0] != '\0',
		.step = "profile",
		.outcome = events_outcome(code),
		.code = code,
		.reason = reason,
		.remote_address = remote_address });
	/*
	 * both codes are about assigned serial numbers, so alarms are bounded
	 */
	if (code == ERR_ENROLL_DOWNGRADE)
		alarms_note(
		    h->db, ALARM_DOWNGRADE_REFUSED, serial, serial, reason);
	if (code == ERR_ENROLL_OTHER_DEVICE)
		alarms_note(
		    h->db, ALARM_HELD_FOR_REVIEW, serial, serial, reason);
	return code;
}

int
ade_profile_make(struct ade_profile *h, struct blob cms,
    const char *remote_address, struct ade_profile_answer *answer)
{
	struct request rq = { .info = { .device.serial = "" } };
	struct new_enrollment g = { .challenge = "" };
	int r;

	r = machineinfo_read(cms, h->device_ca, &rq.info);
	if (r == OK)
		r = enroll(h, &rq, remote_address, answer, &g);
	if (r == OK)
		r = profile_write(h->conf, &h->files, &g, &answer->profile);
	new_enrollment_wipe(&g);
	if (r != OK)
		return refuse(h, rq.info.device.serial, r, remote_address);
	return OK;
}

int
ade_profile_refuse(struct ade_profile *h, int code, const char *remote_address)
{
	return refuse(h, "", code, remote_address);
}
