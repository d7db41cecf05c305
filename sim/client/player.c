#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/forge/disk.h"
#include "sim/client/player.h"

void
player_init(struct player *s)
{
	memset(s, 0, sizeof *s);
	s->product = "Mac15,3";
	apple_init(&s->apple);
	apple_device_init(&s->device);
	refusal_init(&s->refusal);
}

void
player_release(struct player *s)
{
	apple_release(&s->apple);
	apple_device_release(&s->device);
	refusal_release(&s->refusal);
}

void
player_options(struct player *s, struct args table[PLAYER_OPTIONS])
{
	const struct args all[PLAYER_OPTIONS] = {
		{ "server", &s->server, NULL, NULL, false },
		{ "link", &s->link, NULL, NULL, false },
		{ "apple", &s->apple_dir, NULL, NULL, false },
		{ "state", &s->state, NULL, NULL, false },
		{ "serial", &s->serial, NULL, NULL, false },
		{ "product", &s->product, NULL, NULL, false },
		{ "os-version", &s->os_version, NULL, NULL, false },
		{ "build", &s->build, NULL, NULL, false },
		{ "udid", &s->udid, NULL, NULL, false },
		{ "fault", &s->fault, NULL, NULL, false },
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
player_ready(struct player *s)
{
	return s->fault == NULL ? OK : fault_set(&s->faults, s->fault);
}

int
player_parse(struct player *s, int *argc, char **argv)
{
	struct args table[PLAYER_OPTIONS];
	int rc;

	player_options(s, table);
	rc = args_parse(argc, argv, table, PLAYER_OPTIONS);
	return rc == OK ? player_ready(s) : rc;
}

static bool
player_has_device(const struct player *s)
{
	char path[DISK_PATH];

	return s->state != NULL &&
	    disk_path(s->state, "device.plist", path) == OK &&
	    access(path, R_OK) == 0;
}

static int
player_fill(struct player *s)
{
	struct apple_device *d = &s->device;
	int rc;

	if (s->serial == NULL)
		return fail(ERR_USAGE, "--serial is needed");
	rc = apple_device_describe(
	    d, s->serial, s->product, s->os_version, s->build);
	if (rc == OK && s->udid != NULL)
		rc = apple_device_set(d->udid, sizeof d->udid, s->udid);
	if (rc != OK)
		return rc;
	return apple_device_make(d, &s->apple);
}

int
player_prepare(struct player *s)
{
	int rc = OK;

	if (s->apple_dir != NULL)
		rc = apple_load(s->apple_dir, &s->apple);
	if (rc != OK)
		return rc;
	if (player_has_device(s)) {
		rc = apple_device_load(s->state, &s->device);
		if (rc != OK || s->serial == NULL ||
		    strcmp(s->serial, s->device.serial) == 0)
			return rc;
		apple_device_release(&s->device);
	}
	if (s->apple_dir == NULL)
		return fail(ERR_USAGE, "--apple is needed for a new device");
	return player_fill(s);
}
