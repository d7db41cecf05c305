/*
 * mdm-server: gives devices their commands and takes the results. Check-in
 * messages are served here too, for devices that know no other URL.
 */
#include "base/err.h"
#include "mdm-http.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"

static int
put_server(void *app, const struct req *req, struct resp *resp)
{
	bool untyped = req->content_type[0] == '\0';

	if (req_media_type_is(req, MDM_CHECKIN_TYPE) ||
	    (untyped && message_is_checkin(req->body)))
		return mdm_http_serve(app, req, checkin_serve, resp);
	if (req_media_type_is(req, MDM_COMMAND_TYPE) || untyped)
		return mdm_http_serve(app, req, queue_serve, resp);
	return mdm_http_wrong_type(app, req, "command");
}

/*
 * The body was too large to be received: the device is known by TLS, and its
 * command ends after some such results (mdm/unreadable.h).
 */
static void
on_error(void *app, const struct req *req, int code, struct resp *resp)
{
	bool unread = code == ERR_TOO_LARGE && req->body.n == 0;

	/* for the empty answer; mdm_http_error() sets its own */
	resp->status = 200;
	if (!unread || !req_media_type_is(req, MDM_COMMAND_TYPE) ||
	    mdm_http_serve(app, req, queue_serve_too_large, resp) != OK)
		mdm_http_error(app, req, code, resp);
}

static const struct route routes[] = {
	{ "PUT", "/mdm/server", put_server, QUEUE_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "mdm-server",
	.summary = "gives devices their commands and takes the results",
	.routes = routes,
	.app_size = sizeof(struct mdm_request),
	.database = DB_DURABLE,
	.devices = true,
	.on_error = on_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
