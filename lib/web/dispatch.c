#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/dispatch.h"

static int
find_route(const struct web_program *program, struct req *req,
    struct resp *resp, const struct route **route)
{
	char allow[ROUTE_ALLOW_MAX];
	int r = route_find(program->routes, req, route, allow);

	if (r == ERR_METHOD)
		resp_set(resp, "Allow", allow);
	return r;
}

/* Not 401 or 403, which would have devices unenroll or give up. */
static int
check_on(const struct web_program *program, void *app)
{
	const struct context *c = app;

	return program->devices && c != NULL && !c->conf->mdm_enabled
	    ? fail(ERR_MDM_OFF, "[mdm] enabled is false")
	    : OK;
}

static int
answer(const struct web_program *program, void *app, struct req *req,
    req_reader *reader, void *arg, struct resp *resp)
{
	const struct route *route = NULL;
	int r;

	if ((r = check_on(program, app)) != OK)
		return r;
	if (program->begin != NULL &&
	    (r = program->begin(app, req, resp)) != OK)
		return r;
	if ((r = find_route(program, req, resp, &route)) != OK)
		return r;
	if ((r = req_read_body(req, route->body_max, reader, arg)) != OK)
		return r;
	if ((r = route->handler(app, req, resp)) != OK)
		return r;
	if (buf_status(&resp->body) != OK)
		return fail(buf_status(&resp->body), "a response did not fit");
	log_line(LOG_DEBUG, "%s %s: %d", route->method, route->pattern,
	    resp->status);
	return OK;
}

static void
send_error(const struct web_program *program, void *app, const struct req *req,
    int code, struct resp *resp)
{
	buf_reset(&resp->body);
	resp_end_stream(resp);
	resp_set(resp, "Content-Type", NULL);
	resp_set(resp, "Content-Disposition", NULL);
	resp_set(resp, "Location", NULL);
	resp->status = err_http_status(code);
	if (program->on_error != NULL)
		program->on_error(app, req, code, resp);
	else
		resp_error_text(resp, code);
}

/* Nothing of the request before is left. */
static void
begin_context(struct context *c, const char *remote_address)
{
	*c = (struct context){
		.conf = c->conf, .db = c->db, .remote_address = remote_address
	};
}

/* What is sent already cannot become an error page any more. */
static int
send_parts(const struct resp *resp, dispatch_sender *sender, void *arg,
    struct buf *out)
{
	int r;

	do {
		buf_reset(out);
		if ((r = resp->more(resp->arg, out)) == OK &&
		    (r = buf_status(out)) == OK && out->n > 0)
			r = sender(arg, buf_blob(out));
	} while (r == OK && out->n > 0);
	return r;
}

static int
send_response(const struct resp *resp, bool head, dispatch_sender *sender,
    void *arg, struct buf *out)
{
	int r;

	buf_reset(out);
	if (resp_write(resp, head, out) != OK) {
		buf_reset(out);
		buf_add_str(out,
		    "Status: 500 Internal Server Error\r\n"
		    "Content-Length: 0\r\n\r\n");
		return sender(arg, buf_blob(out));
	}
	r = sender(arg, buf_blob(out));
	return r == OK && resp->more != NULL && !head
	    ? send_parts(resp, sender, arg, out)
	    : r;
}

int
dispatch(const struct web_program *program, void *app, char *const *envp,
    req_reader *reader, dispatch_sender *sender, void *arg, struct buf *out)
{
	struct req req;
	struct resp resp;
	int r;

	clock_refresh();
	log_forget_reason();
	resp_init(&resp);
	r = req_init(&req, envp);
	if (app != NULL)
		begin_context(app, req.remote_address);
	log_request(req.id, req.remote_address);
	if (r == OK)
		r = answer(program, app, &req, reader, arg, &resp);
	if (r != OK)
		send_error(program, app, &req, r, &resp);
	if (program->end != NULL)
		program->end(app, &req, &resp);
	req_drain(&req, reader, arg);
	r = send_response(
	    &resp, req_method_is(&req, "HEAD"), sender, arg, out);
	resp_release(&resp);
	req_release(&req);
	log_request(NULL, NULL);
	return r;
}
