#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sim/client/answer.h"
#include "sim/client/mdm_client.h"
#include "sim/forge/plist.h"
#include "sim/client/poll.h"
#include "sim/client/renew.h"
#include "sim/client/player.h"

/* A server that never runs out of commands is at fault. */
#define POLL_COMMANDS 1000

struct poll {
	struct player *session;
	struct mdm_client *mdm;
	bool not_now; /* answer every command of this round so */
	int commands; /* so far */
	struct buf body;
	struct buf answer;
};

static const char *
poll_udid(const struct poll *p)
{
	if (fault_on(&p->session->faults, FAULT_COMMAND_OTHER_UDID))
		return "FFFFFFFF-0000-4000-8000-00000000BEEF";
	return p->session->device.udid;
}

/*
 * A profile that fails leaves the device as it was. With a new identity the
 * device comes over a new connection.
 */
static int
poll_install(struct poll *p, const char *uuid, const struct value *command,
    const char **status)
{
	struct player *s = p->session;
	bool installed = renew_install(s, command) == OK;

	*status = answer_installed(poll_udid(p), uuid, installed, &p->body);
	if (!installed)
		return OK;
	http_release(p->mdm->http);
	http_init(p->mdm->http, &s->config);
	return mdm_client_present(p->mdm);
}

static int
poll_answer(struct poll *p, const char *uuid, const char *type,
    const struct value *command)
{
	const char *status = "NotNow";
	int rc = OK;

	if (p->not_now)
		answer_status(poll_udid(p), uuid, status, &p->body);
	else if (strcmp(type, "InstallProfile") == 0)
		rc = poll_install(p, uuid, command, &status);
	else
		status = answer_write(&p->session->device, &p->session->faults,
		    uuid, command, &p->body);
	printf("%s %s %s\n", uuid, type, status);
	return rc == OK ? buf_status(&p->body) : rc;
}

/* Reads one command and leaves the answer to it in p->body. */
static int
poll_command(struct poll *p)
{
	struct value *v = NULL;
	const struct value *command;
	const char *uuid, *type;
	int rc = plist_parse(buf_blob(&p->answer), &v);

	if (rc != OK)
		return rc;
	buf_reset(&p->body);
	uuid = value_text(v, "CommandUUID");
	command = value_get(v, "Command");
	type = value_text(command, "RequestType");
	if (uuid == NULL || type == NULL)
		rc = fail(ERR_MALFORMED, "the answer is no command");
	else
		rc = poll_answer(p, uuid, type, command);
	value_free(v);
	return rc;
}

/* From Idle to the empty answer. */
static int
poll_round(struct poll *p)
{
	int rc;

	buf_reset(&p->body);
	answer_status(poll_udid(p), NULL, "Idle", &p->body);
	for (;;) {
		buf_reset(&p->answer);
		rc = mdm_client_connect(p->mdm, buf_blob(&p->body), &p->answer);
		if (rc != OK || p->answer.n == 0)
			return rc;
		if (p->commands++ >= POLL_COMMANDS)
			return fail(ERR_MALFORMED, "commands without end");
		if ((rc = poll_command(p)) != OK)
			return rc;
	}
}

int
poll_session(struct player *s)
{
	struct http http;
	struct mdm_client mdm = {
		.http = &http,
		.device = &s->device,
		.faults = &s->faults,
		.refusal = &s->refusal,
	};
	struct poll p = { .session = s, .mdm = &mdm };
	int rc;

	http_init(&http, &s->config);
	buf_init(&p.body, (size_t)32 << 20);
	buf_init(&p.answer, (size_t)16 << 20);
	p.not_now = fault_on(&s->faults, FAULT_NOT_NOW);
	rc = mdm_client_present(&mdm);
	if (rc == OK)
		rc = poll_round(&p);
	if (rc == OK && p.not_now) {
		p.not_now = false;
		rc = poll_round(&p);
	}
	http_release(&http);
	buf_release(&p.body);
	buf_release(&p.answer);
	return rc;
}

/* The device in its folder, with what an update of it changed meanwhile. */
static int
poll_load(struct player *s)
{
	struct apple_device *d = &s->device;
	int rc;

	if (s->state == NULL)
		return fail(ERR_USAGE, "--state is needed");
	if (s->apple_dir != NULL &&
	    (rc = apple_load(s->apple_dir, &s->apple)) != OK)
		return rc;
	if ((rc = apple_device_load(s->state, d)) != OK)
		return rc;
	if (d->identity.n == 0)
		return fail(ERR_USAGE, "this device is not enrolled");
	if (s->os_version != NULL)
		rc = apple_device_set(
		    d->os_version, sizeof d->os_version, s->os_version);
	if (rc == OK && s->build != NULL)
		rc = apple_device_set(d->build, sizeof d->build, s->build);
	return rc;
}

int
poll_run(int argc, char **argv)
{
	struct player s;
	int rc;

	player_init(&s);
	rc = player_parse(&s, &argc, argv);
	if (rc == OK)
		rc = poll_load(&s);
	if (rc == OK)
		rc = poll_session(&s);
	refusal_print(&s.refusal);
	player_release(&s);
	return rc;
}
