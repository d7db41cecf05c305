#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/client/acme_client.h"
#include "sim/forge/der.h"
#include "sim/client/enroll.h"
#include "sim/forge/disk.h"
#include "sim/client/mdm_client.h"
#include "sim/client/poll.h"
#include "sim/client/scep_client.h"

#define ENROLL_URL 1024

/* The signed MachineInfo, by a device CA that is Apple's or is not. */
static int
enroll_machineinfo(struct player *s, struct buf *out)
{
	struct apple_device *d = &s->device;
	struct machine m = apple_device_machine(d);
	struct apple foreign;
	struct buf crt;
	int rc = OK;

	apple_init(&foreign);
	buf_init(&crt, DER_MAX);
	if (fault_on(&s->faults, FAULT_UNASSIGNED_SERIAL))
		m.serial = "ZZNOBODY0000";
	if (fault_on(&s->faults, FAULT_MACHINEINFO_FOREIGN_CA)) {
		rc = apple_make(&foreign);
		if (rc == OK)
			rc = apple_device_certificate(
			    &foreign, d->software_key, &crt);
		if (rc == OK)
			rc = machine_sign(&m, &foreign, d->software_key,
			    buf_blob(&crt), &s->faults, out);
	} else {
		rc = machine_sign(&m, &s->apple, d->software_key,
		    buf_blob(&d->software_certificate), &s->faults, out);
	}
	apple_release(&foreign);
	buf_release(&crt);
	return rc;
}

/* POST as Setup Assistant does, or GET as its web view does. */
static int
enroll_ask(struct player *s, struct http *http, struct blob message)
{
	char url[ENROLL_URL];
	struct http_request q = { .method = "POST", .url = url };
	struct buf header;
	int rc;

	buf_init(&header, DER_MAX);
	snprintf(url, sizeof url, "%s/enroll", s->server);
	if (fault_on(&s->faults, FAULT_DEVICEINFO_HEADER)) {
		buf_add_str(&header, "x-apple-aspen-deviceinfo: ");
		enc_base64(message, &header);
		q.method = "GET";
		q.headers[0] = buf_str(&header);
	} else {
		q.headers[0] = "Content-Type: application/pkcs7-signature";
		q.body = message;
		q.has_body = true;
	}
	rc = http_send(http, &q);
	buf_release(&header);
	return rc;
}

/* POST as the button of the link's page does; the device says nothing. */
static int
enroll_follow(struct player *s, struct http *http)
{
	const struct http_request q = {
		.method = "POST",
		.url = s->link,
		.headers = { "Content-Type: "
			     "application/x-www-form-urlencoded" },
		.as_is = true,
		.has_body = true,
	};

	return http_send(http, &q);
}

static int
enroll_identify(struct player *s, struct http *http)
{
	struct buf message;
	int rc;

	buf_init(&message, DER_MAX);
	rc = enroll_machineinfo(s, &message);
	if (rc == OK)
		rc = enroll_ask(s, http, buf_blob(&message));
	buf_release(&message);
	return rc;
}

static int
enroll_profile(struct player *s)
{
	struct apple_device *d = &s->device;
	struct http http;
	int rc;

	http_init(&http, &s->config);
	d->is_manual = s->link != NULL;
	rc = d->is_manual ? enroll_follow(s, &http) : enroll_identify(s, &http);
	if (rc == OK && http.status != 200)
		rc = refusal_set(&s->refusal, "profile", &http);
	if (rc == OK) {
		payload_release(&d->profile);
		buf_reset(&d->profile_bytes);
		buf_add_blob(&d->profile_bytes, buf_blob(&http.body));
		rc = payload_parse(buf_blob(&d->profile_bytes), &d->profile);
	}
	http_release(&http);
	return rc;
}

int
enroll_certificate(struct player *s)
{
	struct http http;
	struct acme_client acme = {
		.http = &http,
		.apple = &s->apple,
		.device = &s->device,
		.faults = &s->faults,
		.refusal = &s->refusal,
	};
	struct scep_client scep = {
		.http = &http,
		.device = &s->device,
		.faults = &s->faults,
		.refusal = &s->refusal,
	};
	int rc;

	http_init(&http, &s->config);
	rc = s->device.profile.is_scep ? scep_client_run(&scep)
				       : acme_client_run(&acme);
	http_release(&http);
	return rc;
}

int
enroll_messages(struct player *s, const char *const *types, size_t count,
    struct buf *answer)
{
	struct http http;
	struct mdm_client mdm = {
		.http = &http,
		.device = &s->device,
		.faults = &s->faults,
		.refusal = &s->refusal,
		.awaiting = s->awaiting,
	};
	int rc;

	http_init(&http, &s->config);
	rc = mdm_client_present(&mdm);
	for (size_t i = 0; i < count && rc == OK; i++)
		rc = mdm_client_check_in(&mdm, types[i],
		    blob_str("simulated bootstrap token"), answer);
	http_release(&http);
	return rc;
}

int
enroll_device(struct player *s)
{
	static const char *const types[] = { "Authenticate", "TokenUpdate" };
	int rc = enroll_profile(s);

	if (rc == OK)
		rc = enroll_certificate(s);
	if (rc == OK && !s->no_mdm)
		rc = enroll_messages(s, types, 2, NULL);
	return rc;
}

/*
 * What a refused try made is forgotten, as a device forgets it; but a device
 * that is new in its folder stays the same device for the next try.
 */
static int
enroll_keep(struct player *s, int rc)
{
	struct apple_device *d = &s->device;
	char path[DISK_PATH];
	int saved;

	if (s->state == NULL || d->software_key == NULL ||
	    (rc != OK && rc != ERR_UNAUTHORIZED))
		return rc;
	if (rc != OK) {
		saved = disk_path(s->state, "device.plist", path);
		if (saved != OK || access(path, F_OK) == 0)
			return rc;
		EVP_PKEY_free(d->hardware_key);
		d->hardware_key = NULL;
		buf_reset(&d->identity);
		buf_reset(&d->profile_bytes);
	}
	saved = apple_device_save(s->state, d);
	return rc == OK ? saved : rc;
}

static int
enroll_session(struct player *s)
{
	int rc = player_prepare(s);

	if (rc == OK && s->server == NULL && s->link == NULL)
		rc = fail(ERR_USAGE, "--server or --link is needed");
	if (rc == OK && s->apple_dir == NULL)
		rc = fail(ERR_USAGE, "--apple is needed");
	if (rc != OK)
		return rc;
	/* A new enrollment makes a new key in the enclave. */
	EVP_PKEY_free(s->device.hardware_key);
	s->device.hardware_key = NULL;
	rc = enroll_keep(s, enroll_device(s));
	/* The server asks an enrolled device for a few things at once. */
	if (rc == OK && !s->no_mdm && !s->awaiting)
		rc = poll_session(s);
	return rc;
}

int
enroll_run(int argc, char **argv)
{
	struct player s;
	int rc;

	player_init(&s);
	rc = player_parse(&s, &argc, argv);
	if (rc == OK && argc != 0)
		rc = fail(ERR_USAGE, "not understood: %s", argv[0]);
	if (rc == OK)
		rc = enroll_session(&s);
	if (rc == OK)
		printf(
		    "enrolled %s, UDID %s\n", s.device.serial, s.device.udid);
	refusal_print(&s.refusal);
	player_release(&s);
	return rc;
}

static const char *
enroll_type(const char *command)
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
enroll_check_in(int argc, char **argv)
{
	const char *type = enroll_type(argv[-1]);
	struct player s;
	struct buf answer;
	int rc;

	player_init(&s);
	buf_init(&answer, DER_MAX);
	rc = player_parse(&s, &argc, argv);
	if (rc == OK && s.state == NULL)
		rc = fail(ERR_USAGE, "--state is needed");
	if (rc == OK)
		rc = apple_device_load(s.state, &s.device);
	if (rc == OK && s.device.identity.n == 0)
		rc = fail(ERR_USAGE, "this device is not enrolled");
	if (rc == OK)
		rc = enroll_messages(&s, &type, 1, &answer);
	if (rc == OK && answer.n > 0)
		printf("%s\n", buf_str(&answer));
	refusal_print(&s.refusal);
	buf_release(&answer);
	player_release(&s);
	return rc;
}
