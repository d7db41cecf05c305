#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/sim_acme.h"
#include "sim/sim_der.h"
#include "sim/sim_enroll.h"
#include "sim/sim_file.h"
#include "sim/sim_mdm.h"
#include "sim/sim_poll.h"
#include "sim/sim_scep.h"

#define SIM_ENROLL_URL 1024

/* The signed MachineInfo, by a device CA that is Apple's or is not. */
static int
sim_enroll_machineinfo(struct sim_session *s, struct buf *out)
{
	struct sim_device *d = &s->device;
	struct sim_machine m = sim_device_machine(d);
	struct sim_apple foreign;
	struct buf crt;
	int rc = OK;

	sim_apple_init(&foreign);
	buf_init(&crt, SIM_DER_MAX);
	if (sim_knob_on(&s->knobs, SIM_KNOB_UNASSIGNED_SERIAL))
		m.serial = "ZZNOBODY0000";
	if (sim_knob_on(&s->knobs, SIM_KNOB_MACHINEINFO_FOREIGN_CA)) {
		rc = sim_apple_make(&foreign);
		if (rc == OK)
			rc = sim_apple_device_certificate(
			    &foreign, d->software_key, &crt);
		if (rc == OK)
			rc = sim_machine_sign(&m, &foreign, d->software_key,
			    buf_blob(&crt), &s->knobs, out);
	} else {
		rc = sim_machine_sign(&m, &s->apple, d->software_key,
		    buf_blob(&d->software_certificate), &s->knobs, out);
	}
	sim_apple_release(&foreign);
	buf_release(&crt);
	return rc;
}

/* POST as Setup Assistant does, or GET as its web view does. */
static int
sim_enroll_ask(struct sim_session *s, struct sim_http *http,
    struct blob message, struct sim_http_reply *reply)
{
	bool by_header = sim_knob_on(&s->knobs, SIM_KNOB_DEVICEINFO_HEADER);
	char url[SIM_ENROLL_URL];
	struct sim_http_request q = {
		.method = by_header ? "GET" : "POST",
		.url = url,
	};
	struct buf headers;
	int rc;

	buf_init(&headers, SIM_DER_MAX);
	snprintf(url, sizeof url, "%s/enroll", s->server);
	if (by_header) {
		buf_add_str(&headers, "x-apple-aspen-deviceinfo: ");
		enc_base64(message, &headers);
		buf_add_str(&headers, "\r\n");
	} else {
		buf_add_str(
		    &headers, "Content-Type: application/pkcs7-signature\r\n");
		q.body = message;
		q.has_body = true;
	}
	q.headers = buf_str(&headers);
	rc = sim_http_send(http, &q, reply);
	if (rc == OK && reply->status != 200)
		rc = sim_refusal_set(&s->refusal, "profile", reply);
	buf_release(&headers);
	return rc;
}

/* POST as the button of the link's page does; the device says nothing. */
static int
sim_enroll_follow(
    struct sim_session *s, struct sim_http *http, struct sim_http_reply *reply)
{
	const struct sim_http_request q = {
		.method = "POST",
		.url = s->link,
		.headers =
		    "Content-Type: application/x-www-form-urlencoded\r\n",
		.as_is = true,
		.has_body = true,
	};
	int rc = sim_http_send(http, &q, reply);

	if (rc == OK && reply->status != 200)
		rc = sim_refusal_set(&s->refusal, "profile", reply);
	return rc;
}

static int
sim_enroll_identify(
    struct sim_session *s, struct sim_http *http, struct sim_http_reply *reply)
{
	struct buf message;
	int rc;

	buf_init(&message, SIM_DER_MAX);
	rc = sim_enroll_machineinfo(s, &message);
	if (rc == OK)
		rc = sim_enroll_ask(s, http, buf_blob(&message), reply);
	buf_release(&message);
	return rc;
}

static int
sim_enroll_profile(struct sim_session *s)
{
	struct sim_device *d = &s->device;
	struct sim_http http;
	struct sim_http_reply reply;
	int rc;

	sim_http_init(&http, &s->config, s->ctx);
	sim_http_reply_init(&reply);
	d->is_manual = s->link != NULL;
	rc = d->is_manual ? sim_enroll_follow(s, &http, &reply)
			  : sim_enroll_identify(s, &http, &reply);
	if (rc == OK) {
		sim_profile_release(&d->profile);
		buf_reset(&d->profile_bytes);
		buf_add_blob(&d->profile_bytes, buf_blob(&reply.body));
		rc =
		    sim_profile_parse(buf_blob(&d->profile_bytes), &d->profile);
	}
	sim_http_release(&http);
	sim_http_reply_release(&reply);
	return rc;
}

int
sim_enroll_certificate(struct sim_session *s)
{
	struct sim_http http;
	struct sim_acme acme = {
		.http = &http,
		.apple = &s->apple,
		.device = &s->device,
		.knobs = &s->knobs,
		.refusal = &s->refusal,
	};
	struct sim_scep scep = {
		.http = &http,
		.device = &s->device,
		.knobs = &s->knobs,
		.refusal = &s->refusal,
	};
	int rc;

	sim_http_init(&http, &s->config, s->ctx);
	rc = s->device.profile.is_scep ? sim_scep_run(&scep)
				       : sim_acme_run(&acme);
	sim_http_release(&http);
	return rc;
}

int
sim_enroll_messages(struct sim_session *s, const char *const *types,
    size_t count, struct buf *answer)
{
	struct sim_http http;
	struct sim_mdm mdm = {
		.http = &http,
		.device = &s->device,
		.knobs = &s->knobs,
		.refusal = &s->refusal,
		.awaiting = s->awaiting,
	};
	int rc;

	sim_http_init(&http, &s->config, s->ctx);
	rc = sim_mdm_present(&mdm);
	for (size_t i = 0; i < count && rc == OK; i++)
		rc = sim_mdm_check_in(&mdm, types[i],
		    blob_str("simulated bootstrap token"), answer);
	sim_http_release(&http);
	sim_mdm_leave(&mdm);
	return rc;
}

int
sim_enroll_device(struct sim_session *s)
{
	static const char *const types[] = { "Authenticate", "TokenUpdate" };
	int rc = sim_enroll_profile(s);

	if (rc == OK)
		rc = sim_enroll_certificate(s);
	if (rc == OK && !s->no_mdm)
		rc = sim_enroll_messages(s, types, 2, NULL);
	return rc;
}

/*
 * What a refused try made is forgotten, as a device forgets it; but a device
 * that is new in its folder stays the same device for the next try.
 */
static int
sim_enroll_keep(struct sim_session *s, int rc)
{
	struct sim_device *d = &s->device;
	char path[SIM_FILE_PATH];
	int saved;

	if (s->state == NULL || d->software_key == NULL ||
	    (rc != OK && rc != ERR_UNAUTHORIZED))
		return rc;
	if (rc != OK) {
		saved = sim_file_path(s->state, "device.plist", path);
		if (saved != OK || access(path, F_OK) == 0)
			return rc;
		EVP_PKEY_free(d->hardware_key);
		d->hardware_key = NULL;
		buf_reset(&d->identity);
		buf_reset(&d->profile_bytes);
	}
	saved = sim_device_save(s->state, d);
	return rc == OK ? saved : rc;
}

static int
sim_enroll_session(struct sim_session *s)
{
	int rc = sim_session_prepare(s);

	if (rc == OK && s->server == NULL && s->link == NULL)
		rc = fail(ERR_USAGE, "--server or --link is needed");
	if (rc == OK && s->apple_dir == NULL)
		rc = fail(ERR_USAGE, "--apple is needed");
	if (rc != OK)
		return rc;
	/* A new enrollment makes a new key in the enclave. */
	EVP_PKEY_free(s->device.hardware_key);
	s->device.hardware_key = NULL;
	rc = sim_enroll_keep(s, sim_enroll_device(s));
	/* The server asks an enrolled device for a few things at once. */
	if (rc == OK && !s->no_mdm && !s->awaiting)
		rc = sim_poll_session(s);
	return rc;
}

int
sim_enroll_run(int argc, char **argv)
{
	struct sim_session s;
	int rc;

	sim_session_init(&s);
	rc = sim_session_parse(&s, &argc, argv);
	if (rc == OK && argc != 0)
		rc = fail(ERR_USAGE, "not understood: %s", argv[0]);
	if (rc == OK)
		rc = sim_enroll_session(&s);
	if (rc == OK)
		printf(
		    "enrolled %s, UDID %s\n", s.device.serial, s.device.udid);
	sim_refusal_print(&s.refusal);
	sim_session_release(&s);
	return rc;
}

static const char *
sim_enroll_type(const char *command)
{
	static const char *const table[][2] = {
		{ "authenticate", "Authenticate" },
		{ "token-update", "TokenUpdate" },
		{ "checkout", "CheckOut" },
		{ "set-bootstrap-token", "SetBootstrapToken" },
		{ "get-bootstrap-token", "GetBootstrapToken" },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(command, table[i][0]) == 0)
			return table[i][1];
	return command;
}

int
sim_enroll_check_in(int argc, char **argv)
{
	const char *type = sim_enroll_type(argv[-1]);
	struct sim_session s;
	struct buf answer;
	int rc;

	sim_session_init(&s);
	buf_init(&answer, SIM_DER_MAX);
	rc = sim_session_parse(&s, &argc, argv);
	if (rc == OK && s.state == NULL)
		rc = fail(ERR_USAGE, "--state is needed");
	if (rc == OK)
		rc = sim_device_load(s.state, &s.device);
	if (rc == OK && s.device.identity.n == 0)
		rc = fail(ERR_USAGE, "this device is not enrolled");
	if (rc == OK)
		rc = sim_enroll_messages(&s, &type, 1, &answer);
	if (rc == OK && answer.n > 0)
		printf("%s\n", buf_str(&answer));
	sim_refusal_print(&s.refusal);
	buf_release(&answer);
	sim_session_release(&s);
	return rc;
}
