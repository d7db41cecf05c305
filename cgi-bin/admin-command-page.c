#include "admin-command-page.h"

#include "admin-host-acts.h"
#include "admin-hosts.h"
#include "base/log.h"
#include "base/utf8.h"

/* Bytes of an answer that are shown: a page stays below 50 kB. */
#define ANSWER_MAX 16384

const char *
admin_command_page_state(enum command_state state)
{
	switch (state) {
	case COMMAND_NOT_NOW:
		return "not now";
	case COMMAND_FORMAT_ERROR:
		return "format error";
	default:
		return commands_state_name(state);
	}
}

static void
fill_answer(struct tmpl_row *row, struct blob answer)
{
	size_t n = answer.n < ANSWER_MAX ? answer.n : ANSWER_MAX;
	struct buf b;

	/* not in the middle of a character */
	while (n < answer.n && n > 0 && (answer.p[n] & 0xc0) == 0x80)
		n--;
	if (!utf8_valid(blob_of(answer.p, n))) {
		tmplrow_flag(row, "no_text", true);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	buf_add(&b, answer.p, n);
	tmplrow_set_buf(row, "answer", &b);
	tmplrow_flag(row, "cut", n < answer.n);
}

static void
fill(struct admin_page *page, const struct host *h, const struct command *c)
{
	bool may = admin_actor_may(page->session.role, ADMIN_CHANGE_HOSTS);

	tmplrow_set(page->row, "host", h->id);
	tmplrow_set(page->row, "name", admin_hosts_name(h));
	tmplrow_set(page->row, "type", c->request_type);
	tmplrow_set(page->row, "uuid", c->uuid);
	tmplrow_set(page->row, "command_state", commands_state_name(c->state));
	tmplrow_set(
	    page->row, "command_text", admin_command_page_state(c->state));
	tmplrow_set(page->row, "by", c->created_by);
	tmplrow_set(page->row, "note", c->note);
	tmplrow_set(page->row, "errors", c->error_chain);
	admin_page_time(page->row, "created_at", c->created_at);
	admin_page_time(page->row, "sent_at", c->sent_at);
	admin_page_time(page->row, "completed_at", c->completed_at);
	tmplrow_flag(page->row, "answered", c->result.n > 0);
	if (c->result.n > 0 && may && admin_host_acts_queues(c->request_type))
		fill_answer(tmplrow_add(page->row, "shown"), c->result);
}

int
admin_command_page_show(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct admin_page page;
	struct command c;
	struct host h;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = hosts_load(
		 app->context.db, req_path_param(req, "id"), &h)) == OK &&
	    (r = commands_load(app->context.db, h.id,
		 req_path_param(req, "command"), &c)) == OK) {
		fill(&page, &h, &c);
		tmplrow_flag(page.row, "in_hosts", true);
		r = admin_page_send(&page, "command", c.request_type, resp);
		commands_release(&c);
	}
	admin_page_release(&page);
	return r;
}
