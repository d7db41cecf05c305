/* mdm-checkin: takes the check-in messages of devices. */
#include "mdm-http.h"
#include "mdm/checkin.h"

static int
put_checkin(void *app, const struct req *req, struct resp *resp)
{
	if (req->content_type[0] != '\0' &&
	    !req_media_type_is(req, MDM_CHECKIN_TYPE))
		return mdm_http_wrong_type(app, req, "check-in");
	return mdm_http_serve(app, req, checkin_serve, resp);
}

static const struct route routes[] = {
	{ "PUT", "/mdm/checkin", put_checkin, CHECKIN_BODY_MAX },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "mdm-checkin",
	.summary = "takes the check-in messages of devices",
	.routes = routes,
	.app_size = sizeof(struct mdm_request),
	.database = DB_DURABLE,
	.devices = true,
	.on_error = mdm_http_error,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
