#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/sim_connect.h"
#include "sim/sim_file.h"
#include "sim/sim_session.h"

void
sim_session_init(struct sim_session *s)
{
	memset(s, 0, sizeof *s);
	s->product = "Mac15,3";
	sim_apple_init(&s->apple);
	sim_device_init(&s->device);
	sim_refusal_init(&s->refusal);
}

void
sim_session_release(struct sim_session *s)
{
	SSL_CTX_free(s->ctx);
	s->ctx = NULL;
	sim_apple_release(&s->apple);
	sim_device_release(&s->device);
	sim_refusal_release(&s->refusal);
}

void
sim_session_options(
    struct sim_session *s, struct sim_opt table[SIM_SESSION_OPTIONS])
{
	const struct sim_opt all[SIM_SESSION_OPTIONS] = {
		{ "server", &s->server, NULL, NULL, false },
		{ "link", &s->link, NULL, NULL, false },
		{ "apple", &s->apple_dir, NULL, NULL, false },
		{ "state", &s->state, NULL, NULL, false },
		{ "serial", &s->serial, NULL, NULL, false },
		{ "product", &s->product, NULL, NULL, false },
		{ "os-version", &s->os_version, NULL, NULL, false },
		{ "build", &s->build, NULL, NULL, false },
		{ "udid", &s->udid, NULL, NULL, false },
		{ "misbehave", &s->misbehave, NULL, NULL, false },
		{ "awaiting", NULL, &s->awaiting, NULL, false },
		{ "no-mdm", NULL, &s->no_mdm, NULL, false },
		{ "unix-socket", &s->config.unix_socket, NULL, NULL, false },
		{ "connect", &s->config.connect, NULL, NULL, false },
		{ "cacert", &s->config.cacert, NULL, NULL, false },
		{ "insecure", NULL, &s->config.insecure, NULL, false },
		{ "verbose", NULL, &s->config.verbose, NULL, false },
		{ "timeout", NULL, NULL, &s->config.timeout, false },
	};

	memcpy(table, all, sizeof all);
}

int
sim_session_ready(struct sim_session *s)
{
	int rc = OK;

	if (s->misbehave != NULL)
		rc = sim_knob_set(&s->knobs, s->misbehave);
	if (rc != OK)
		return rc;
	s->ctx = sim_connect_context(&s->config);
	return s->ctx == NULL ? ERR_CRYPTO : OK;
}

int
sim_session_parse(struct sim_session *s, int *argc, char **argv)
{
	struct sim_opt table[SIM_SESSION_OPTIONS];
	int rc;

	sim_session_options(s, table);
	rc = sim_opt_parse(argc, argv, table, SIM_SESSION_OPTIONS);
	return rc == OK ? sim_session_ready(s) : rc;
}

static bool
sim_session_has_device(const struct sim_session *s)
{
	char path[SIM_FILE_PATH];

	return s->state != NULL &&
	    sim_file_path(s->state, "device.plist", path) == OK &&
	    access(path, R_OK) == 0;
}

static int
sim_session_fill(struct sim_session *s)
{
	struct sim_device *d = &s->device;
	int rc;

	if (s->serial == NULL)
		return fail(ERR_USAGE, "--serial is needed");
	rc = sim_device_describe(
	    d, s->serial, s->product, s->os_version, s->build);
	if (rc == OK && s->udid != NULL)
		rc = sim_device_set(d->udid, sizeof d->udid, s->udid);
	if (rc != OK)
		return rc;
	return sim_device_make(d, &s->apple);
}

int
sim_session_prepare(struct sim_session *s)
{
	int rc = OK;

	if (s->apple_dir != NULL)
		rc = sim_apple_load(s->apple_dir, &s->apple);
	if (rc != OK)
		return rc;
	if (sim_session_has_device(s)) {
		rc = sim_device_load(s->state, &s->device);
		if (rc != OK || s->serial == NULL ||
		    strcmp(s->serial, s->device.serial) == 0)
			return rc;
		sim_device_release(&s->device);
	}
	if (s->apple_dir == NULL)
		return fail(ERR_USAGE, "--apple is needed for a new device");
	return sim_session_fill(s);
}
