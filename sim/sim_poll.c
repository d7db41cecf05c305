#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sim/sim_answer.h"
#include "sim/sim_mdm.h"
#include "sim/sim_plist.h"
#include "sim/sim_poll.h"
#include "sim/sim_renew.h"
#include "sim/sim_session.h"

/* A server that never runs out of commands is at fault. */
#define SIM_POLL_COMMANDS 1000

struct sim_poll {
	struct sim_session *session;
	struct sim_mdm *mdm;
	bool not_now; /* answer every command of this round so */
	int commands; /* so far */
	struct buf body;
	struct buf answer;
};

static const char *
sim_poll_udid(const struct sim_poll *p)
{
	if (sim_knob_on(&p->session->knobs, SIM_KNOB_COMMAND_OTHER_UDID))
		return "FFFFFFFF-0000-4000-8000-00000000BEEF";
	return p->session->device.udid;
}

/*
 * A profile that fails leaves the device as it was. With a new identity the
 * device comes over a new connection.
 */
static int
sim_poll_install(struct sim_poll *p, const char *uuid,
    const struct sim_value *command, const char **status)
{
	struct sim_session *s = p->session;
	bool installed = sim_renew_install(s, command) == OK;

	*status =
	    sim_answer_installed(sim_poll_udid(p), uuid, installed, &p->body);
	if (!installed)
		return OK;
	sim_http_release(p->mdm->http);
	sim_mdm_leave(p->mdm);
	sim_http_init(p->mdm->http, &s->config, s->ctx);
	return sim_mdm_present(p->mdm);
}

static int
sim_poll_answer(struct sim_poll *p, const char *uuid, const char *type,
    const struct sim_value *command)
{
	const char *status = "NotNow";
	int rc = OK;

	if (p->not_now)
		sim_answer_status(sim_poll_udid(p), uuid, status, &p->body);
	else if (strcmp(type, "InstallProfile") == 0)
		rc = sim_poll_install(p, uuid, command, &status);
	else
		status = sim_answer_write(&p->session->device,
		    &p->session->knobs, uuid, command, &p->body);
	printf("%s %s %s\n", uuid, type, status);
	return rc == OK ? buf_status(&p->body) : rc;
}

/* Reads one command and leaves the answer to it in p->body. */
static int
sim_poll_command(struct sim_poll *p)
{
	struct sim_value *v = NULL;
	const struct sim_value *command;
	const char *uuid, *type;
	int rc = sim_plist_parse(buf_blob(&p->answer), &v);

	if (rc != OK)
		return rc;
	buf_reset(&p->body);
	uuid = sim_value_text(v, "CommandUUID");
	command = sim_value_get(v, "Command");
	type = sim_value_text(command, "RequestType");
	if (uuid == NULL || type == NULL)
		rc = fail(ERR_MALFORMED, "the answer is no command");
	else
		rc = sim_poll_answer(p, uuid, type, command);
	sim_value_free(v);
	return rc;
}

/* From Idle to the empty answer. */
static int
sim_poll_round(struct sim_poll *p)
{
	int rc;

	buf_reset(&p->body);
	sim_answer_status(sim_poll_udid(p), NULL, "Idle", &p->body);
	for (;;) {
		buf_reset(&p->answer);
		rc = sim_mdm_connect(p->mdm, buf_blob(&p->body), &p->answer);
		if (rc != OK || p->answer.n == 0)
			return rc;
		if (p->commands++ >= SIM_POLL_COMMANDS)
			return fail(ERR_MALFORMED, "commands without end");
		if ((rc = sim_poll_command(p)) != OK)
			return rc;
	}
}

int
sim_poll_session(struct sim_session *s)
{
	struct sim_http http;
	struct sim_mdm mdm = {
		.http = &http,
		.device = &s->device,
		.knobs = &s->knobs,
		.refusal = &s->refusal,
	};
	struct sim_poll p = { .session = s, .mdm = &mdm };
	int rc;

	sim_http_init(&http, &s->config, s->ctx);
	buf_init(&p.body, (size_t)32 << 20);
	buf_init(&p.answer, (size_t)16 << 20);
	p.not_now = sim_knob_on(&s->knobs, SIM_KNOB_NOT_NOW);
	rc = sim_mdm_present(&mdm);
	if (rc == OK)
		rc = sim_poll_round(&p);
	if (rc == OK && p.not_now) {
		p.not_now = false;
		rc = sim_poll_round(&p);
	}
	sim_http_release(&http);
	sim_mdm_leave(&mdm);
	buf_release(&p.body);
	buf_release(&p.answer);
	return rc;
}

/* The device in its folder, with what an update of it changed meanwhile. */
static int
sim_poll_load(struct sim_session *s)
{
	struct sim_device *d = &s->device;
	int rc;

	if (s->state == NULL)
		return fail(ERR_USAGE, "--state is needed");
	if (s->apple_dir != NULL &&
	    (rc = sim_apple_load(s->apple_dir, &s->apple)) != OK)
		return rc;
	if ((rc = sim_device_load(s->state, d)) != OK)
		return rc;
	if (d->identity.n == 0)
		return fail(ERR_USAGE, "this device is not enrolled");
	if (s->os_version != NULL)
		rc = sim_device_set(
		    d->os_version, sizeof d->os_version, s->os_version);
	if (rc == OK && s->build != NULL)
		rc = sim_device_set(d->build, sizeof d->build, s->build);
	return rc;
}

int
sim_poll_run(int argc, char **argv)
{
	struct sim_session s;
	int rc;

	sim_session_init(&s);
	rc = sim_session_parse(&s, &argc, argv);
	if (rc == OK)
		rc = sim_poll_load(&s);
	if (rc == OK)
		rc = sim_poll_session(&s);
	sim_refusal_print(&s.refusal);
	sim_session_release(&s);
	return rc;
}
