#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/player.h"
#include "sim/forge/disk.h"

void
player_init(struct player *p)
{
	memset(p, 0, sizeof *p);
	p->product = "Mac15,3";
	apple_init(&p->apple);
	apple_device_init(&p->device);
	http_init(&p->http, &p->config);
	buf_init(&p->refused_body, SCRATCH_MAX);
}

void
player_release(struct player *p)
{
	apple_release(&p->apple);
	apple_device_release(&p->device);
	http_release(&p->http);
	buf_release(&p->refused_body);
}

void
player_disconnect(struct player *p)
{
	http_release(&p->http);
	http_init(&p->http, &p->config);
}

int
player_refused(struct player *p, const char *step)
{
	p->refused_step = step;
	p->refused_status = p->http.status;
	buf_reset(&p->refused_body);
	buf_add_blob(&p->refused_body, buf_blob(&p->http.body));
	return ERR_UNAUTHORIZED;
}

void
player_print_refusal(const struct player *p)
{
	if (p->refused_step != NULL)
		printf("refused at %s: HTTP %d\n%s\n", p->refused_step,
		    p->refused_status, buf_str(&p->refused_body));
}

int
player_load(struct player *p)
{
	int r;

	if (p->state == NULL)
		return fail(ERR_USAGE, "--state is needed");
	if ((r = apple_device_load(p->state, &p->device)) != OK)
		return r;
	return p->device.identity.n > 0
	    ? OK
	    : fail(ERR_USAGE, "this device is not enrolled");
}

/* The signed MachineInfo, by a device CA that is Apple's or is not. */
static int
write_machineinfo(struct player *p, struct buf *out)
{
	struct apple_device *d = &p->device;
	struct apple_machine m = apple_device_machine(d);
	struct apple *apple = &p->apple;
	struct blob certificate = buf_blob(&d->software_certificate);
	SCRATCH_APPLE(foreign);
	SCRATCH_BUF(other);
	int r = OK;

	if (fault_on(&p->faults, FAULT_UNASSIGNED_SERIAL))
		m.serial = "ZZNOBODY0000";
	if (fault_on(&p->faults, FAULT_MACHINEINFO_FOREIGN_CA)) {
		apple = &foreign;
		if ((r = apple_make(apple)) != OK ||
		    (r = apple_device_certificate(
			 apple, d->software_key, &other)) != OK)
			return r;
		certificate = buf_blob(&other);
	}
	return apple_machineinfo(
	    &m, apple, d->software_key, certificate, &p->faults, out);
}

/*
 * POST as the button of the link's page does, when the device says nothing; or
 * as Setup Assistant does, or GET as its web view does.
 */
static int
ask_for_profile(struct player *p)
{
	char url[1024];
	struct http_request q = {
		.method = "POST",
		.url = url,
		.headers = { "Content-Type: application/pkcs7-signature" },
		.has_body = true,
	};
	SCRATCH_BUF(message);
	SCRATCH_BUF(header);
	int r;

	if (p->link != NULL) {
		q.url = p->link;
		q.as_is = true;
		q.headers[0] =
		    "Content-Type: application/x-www-form-urlencoded";
		return http_send(&p->http, &q);
	}
	snprintf(url, sizeof url, "%s/enroll", p->server);
	if ((r = write_machineinfo(p, &message)) != OK)
		return r;
	q.body = buf_blob(&message);
	if (p->sign_in != NULL)
		return web_view_run(p, q.body);
	if (fault_on(&p->faults, FAULT_DEVICEINFO_HEADER)) {
		buf_add_str(&header, "x-apple-aspen-deviceinfo: ");
		enc_base64(q.body, &header);
		q.method = "GET";
		q.headers[0] = buf_str(&header);
		q.has_body = false;
	}
	return http_send(&p->http, &q);
}

int
player_get_certificate(struct player *p)
{
	player_disconnect(p);
	return p->device.profile.is_scep ? scep_client_run(p)
					 : acme_client_run(p);
}

int
player_enroll(struct player *p)
{
	struct apple_device *d = &p->device;
	int r;

	player_disconnect(p);
	d->is_manual = p->link != NULL;
	if ((r = ask_for_profile(p)) != OK)
		return r;
	if (p->http.status != 200)
		return player_refused(
		    p, p->sign_in != NULL ? "sign-in" : "profile");
	payload_release(&d->profile);
	buf_reset(&d->profile_bytes);
	buf_add_blob(&d->profile_bytes, buf_blob(&p->http.body));
	if ((r = payload_parse(buf_blob(&d->profile_bytes), &d->profile)) !=
		OK ||
	    (r = player_get_certificate(p)) != OK || p->no_mdm)
		return r;
	return mdm_client_enroll(p);
}

static int
make_or_load(struct player *p)
{
	struct apple_device *d = &p->device;
	int r;

	if (p->server == NULL && p->link == NULL)
		return fail(ERR_USAGE, "--server or --link is needed");
	if (p->apple_dir == NULL)
		return fail(ERR_USAGE, "--apple is needed");
	if ((r = apple_load(p->apple_dir, &p->apple)) != OK)
		return r;
	if (p->state != NULL && disk_has(p->state, "device.plist")) {
		r = apple_device_load(p->state, d);
		if (r != OK || p->serial == NULL ||
		    strcmp(p->serial, d->serial) == 0)
			return r;
		apple_device_release(d);
	}
	if (p->serial == NULL)
		return fail(ERR_USAGE, "--serial is needed");
	r = apple_device_describe(
	    d, p->serial, p->product, p->os_version, p->build);
	if (r == OK && p->udid != NULL)
		r = apple_device_set(d->udid, sizeof d->udid, p->udid);
	return r == OK ? apple_device_make(d, &p->apple) : r;
}

int
player_enroll_new(struct player *p)
{
	struct apple_device *d = &p->device;
	int r = make_or_load(p);

	if (r != OK)
		return r;
	/* A new enrollment makes a new key in the enclave. */
	EVP_PKEY_free(d->hardware_key);
	d->hardware_key = NULL;
	r = player_enroll(p);
	if (r == OK && p->state != NULL)
		r = apple_device_save(p->state, d);
	/*
	 * What a refused try made is forgotten, as a device forgets it; but one
	 * that is new in its folder stays the same device for the next try.
	 */
	if (r == ERR_UNAUTHORIZED && p->state != NULL &&
	    !disk_has(p->state, "device.plist")) {
		apple_device_forget(d);
		apple_device_save(p->state, d);
	}
	/* The server asks an enrolled device for a few things at once. */
	if (r == OK && !p->no_mdm && !p->awaiting)
		r = mdm_client_poll(p);
	return r;
}
