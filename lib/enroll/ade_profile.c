#include "enroll/ade_profile.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "enroll/machineinfo.h"
#include "policy/decision.h"
#include "policy/product.h"
#include "store/datum.h"
#include "store/events.h"

/* What is known of the device when the decision is made. */
static int
load_input(struct context *c, const struct machineinfo *info, bool signed_in,
    struct decision_input *in)
{
	struct product product;
	const char *minimum;
	int r;

	in->source = ENROLLMENT_ADE;
	in->device = info->device;
	in->signed_in = signed_in;
	in->can_update = info->can_update || info->must_update;
	product_parse(info->device.product, &product);
	if (product.family == PRODUCT_UNKNOWN)
		log_line(LOG_WARN, "device %s is of an unknown product: \"%s\"",
		    c->serial, info->device.product);
	minimum = product_minimum_setting(product.system);
	if (minimum != NULL &&
	    (r = settings_get_text(
		 c->db, c->conf, minimum, in->minimum_os_version)) != OK)
		return r;
	return device_state_load(c->db, c->conf, c->serial, &in->state);
}

/*
 * Anybody with an Apple device can sign a request that names another device's
 * serial number. But a device that was erased has a new key too, so that this
 * is a remark and no reason to refuse.
 */
static const char *
signer_remark(const struct host *host, const struct machineinfo *info)
{
	if (!hosts_signer_differs(host, info->signer_sha256))
		return "";
	return host->has_signer
	    ? "; signed by another device key than the host enrolled with"
	    : "; the device key that the host enrolled with is not known";
}

/*
 * From now on mdm/mdm_request.c watches for the host's present certificate,
 * which an erased device no longer has. The profile is good for
 * enrollment_hours, and its certificate may wait as long again for its first
 * use.
 */
static int
note_signer(
    struct context *c, const struct host *host, const struct enrollment *e)
{
	if (!hosts_signer_differs(host, e->signer_sha256) ||
	    (host->state != HOST_ENROLLED && host->state != HOST_PENDING))
		return OK;
	log_line(LOG_NOTICE,
	    "a profile for host %s was requested with a device key that is not "
	    "known to be its own",
	    host->device.serial);
	return hosts_note_other_signer(c->db, host->id,
	    e->expires_at + INT64_C(3600) * c->conf->enrollment_hours);
}

/* In a transaction, so that the decision is made from one state. */
static int
decide(struct context *c, const struct machineinfo *info, bool signed_in,
    struct decision_input *in, struct decision *out)
{
	int r;

	if ((r = load_input(c, info, signed_in, in)) != OK)
		return r;
	decision_make(in, out);
	if (out->method == DECISION_REFUSE)
		return fail(out->code, "%s (%s)%s", out->reason,
		    info->device.product, signer_remark(&in->state.host, info));
	return OK;
}

static int
enroll(struct context *c, const struct machineinfo *info, const char *account,
    struct decision_input *in, struct new_enrollment *new)
{
	const struct host *host = &in->state.host;
	struct enrollment *e = &new->enrollment;
	char reason[EVENTS_REASON_TEXT];
	struct decision d;
	int r;

	if ((r = decide(c, info, account[0] != '\0', in, &d)) != OK)
		return r;
	*e = (struct enrollment){
		.source = ENROLLMENT_ADE,
		.purpose = ENROLLMENT_ENROLL,
		.method = d.method == DECISION_ACME ? ENROLLMENT_ACME
						    : ENROLLMENT_SCEP,
		.device = info->device,
	};
	COPY(e->account, account);
	memcpy(e->signer_sha256, info->signer_sha256, sizeof e->signer_sha256);
	if ((r = new_enrollment_create(
		 c, NULL, c->conf->enrollment_hours, new)) != OK ||
	    /* What a device signed once can be sent any number of times. */
	    (r = enrollments_make_room(
		 c->db, c->serial, e->id, ADE_PROFILE_OPEN_MAX)) != OK ||
	    (r = note_signer(c, host, e)) != OK)
		return r;
	snprintf(reason, sizeof reason, "%s profile for %s%s%s%s%s: %s%s",
	    e->method == ENROLLMENT_ACME ? "ACME" : "SCEP", e->device.product,
	    e->device.os_version[0] == '\0' ? "" : " ", e->device.os_version,
	    account[0] == '\0' ? "" : ", signed in as ", account, d.reason,
	    signer_remark(host, info));
	return context_log(c, OK, reason);
}

/* rule_update() read `minimum`: digits and dots, so nothing needs escaping. */
static void
write_update(const char *minimum, struct buf *out)
{
	buf_printf(out,
	    "{\"code\":\"com.apple.softwareupdate.required\","
	    "\"description\":\"This device needs a newer system first.\","
	    "\"message\":\"Update this device to version %s to enroll it.\","
	    "\"details\":{\"OSVersion\":\"%s\"}}\n",
	    minimum, minimum);
}

/* Verifies the information, and notes whose it is. */
static int
read_info(struct context *c, gnutls_x509_crt_t device_ca, struct blob cms,
    struct machineinfo *info)
{
	int r;

	if ((r = machineinfo_read(cms, device_ca, info)) != OK)
		return r;
	memcpy(c->serial, info->device.serial, sizeof c->serial);
	c->is_signed = true;
	return OK;
}

int
ade_profile_make(struct context *c, gnutls_x509_crt_t device_ca,
    const struct profile_files *files, struct blob cms, const char *account,
    struct buf *out)
{
	struct new_enrollment new = { .challenge = "" };
	struct decision_input in = { .minimum_os_version = "" };
	struct machineinfo info;
	int r;

	if ((r = read_info(c, device_ca, cms, &info)) != OK)
		return context_refuse(c, r);
	if ((r = context_begin(c)) == OK)
		r = context_end(c, enroll(c, &info, account, &in, &new));
	if (r != OK)
		c->enrollment_id[0] = '\0';
	/* A profile that cannot be written is logged after all. */
	else if ((r = profile_write(c->conf, files, &new, out)) != OK)
		c->logged = false;
	if (r == ERR_ENROLL_OS_TOO_OLD)
		write_update(in.minimum_os_version, out);
	new_enrollment_wipe(&new);
	return r == OK ? OK : context_refuse(c, r);
}

int
ade_profile_check(struct context *c, gnutls_x509_crt_t device_ca,
    struct blob cms, struct machineinfo *info, struct buf *out)
{
	struct decision_input in = { .minimum_os_version = "" };
	struct decision d;
	int r;

	if ((r = read_info(c, device_ca, cms, info)) == OK &&
	    (r = context_begin(c)) == OK)
		r = context_end(c, decide(c, info, true, &in, &d));
	if (r == ERR_ENROLL_OS_TOO_OLD)
		write_update(in.minimum_os_version, out);
	return r == OK ? OK : context_refuse(c, r);
}
