#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sim/sim_answer.h"
#include "sim/sim_mdm.h"
#include "sim/sim_plist.h"
#include "sim/sim_poll.h"
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

/* Reads one command and leaves the answer to it in p->body. */
static int
sim_poll_command(struct sim_poll *p)
{
	struct sim_value *v = NULL;
	const struct sim_value *command;
	const char *uuid, *type, *status = "NotNow";
	int rc = sim_plist_parse(buf_blob(&p->answer), &v);

	if (rc != OK)
		return rc;
	buf_reset(&p->body);
	uuid = sim_value_text(v, "CommandUUID");
	command = sim_value_get(v, "Command");
	type = sim_value_text(command, "RequestType");
	if (uuid == NULL || type == NULL) {
		rc = fail(ERR_MALFORMED, "the answer is no command");
	} else {
		if (p->not_now)
			sim_answer_status(
			    sim_poll_udid(p), uuid, status, &p->body);
		else
			status = sim_answer_write(
			    &p->session->device, uuid, command, &p->body);
		printf("%s %s %s\n", uuid, type, status);
		rc = buf_status(&p->body);
	}
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

static int
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
	buf_init(&p.body, (size_t)16 << 20);
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

int
sim_poll_run(int argc, char **argv)
{
	struct sim_session s;
	int rc;

	sim_session_init(&s);
	rc = sim_session_parse(&s, &argc, argv);
	if (rc == OK && s.state == NULL)
		rc = fail(ERR_USAGE, "--state is needed");
	if (rc == OK)
		rc = sim_device_load(s.state, &s.device);
	if (rc == OK && s.device.identity.n == 0)
		rc = fail(ERR_USAGE, "this device is not enrolled");
	if (rc == OK)
		rc = sim_poll_session(&s);
	sim_refusal_print(&s.refusal);
	sim_session_release(&s);
	return rc;
}
