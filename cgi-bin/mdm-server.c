/*
 * mdm-server: gives devices their commands and takes the results. Check-in
 * messages are served here too, for devices that know no other URL.
 */
#include "mdm-http.h"
#include "mdm/checkin.h"
#include "mdm/queue.h"

static int
put_server(void *app, const struct req *req, struct resp *resp)
{
	if (req_media_type_is(req, MDM_CHECKIN_TYPE))
		return mdm_http_serve(app, req, checkin_serve, resp);
	if (req_media_type_is(req, MDM_COMMAND_TYPE))
		return mdm_http_serve(app, req, queue_serve, resp);
	return mdm_http_wrong_type(app, req, "command");
}

static const struct route routes[] = {
	{ "PUT", "/mdm/server", put_server, QUEUE_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "mdm-server",
	.summary = "gives devices their commands and takes the results",
	.routes = routes,
	.open = mdm_http_open,
	.close = mdm_http_close,
	.on_error = mdm_http_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
