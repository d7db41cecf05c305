#include "mdm-http.h"

#include "base/err.h"
#include "base/log.h"

/* Apple: error code com.apple.unrecognized.device; the device unenrolls. */
static const char unrecognized[] =
    "{\"code\":\"com.apple.unrecognized.device\","
    "\"description\":\"This device is not managed here any more.\"}\n";

void
mdm_http_error(void *app, const struct req *req, int code, struct resp *resp)
{
	(void)app;
	(void)req;
	if (code == ERR_MDM_BLOCKED)
		resp_body(
		    resp, 403, "application/json", blob_str(unrecognized));
	else if (err_http_status(code) == 401 || err_http_status(code) == 403)
		resp_text(resp, 400, err_text(code));
	else
		resp_error_text(resp, code);
}

static struct mdm_request *
begin(void *app, const struct req *http)
{
	struct mdm_request *req = app;

	*req = (struct mdm_request){ .context = req->context,
		.proof = { .signature = req_header(http, "Mdm-Signature"),
		    .client_certificate = req_param(http, "MDM_CLIENT_CERT"),
		    .body = http->body } };
	return req;
}

int
mdm_http_serve(void *app, const struct req *http, mdm_http_service *service,
    struct resp *resp)
{
	struct mdm_request *req = begin(app, http);
	int r = service(req);

	if (r == OK && req->reply.n > 0)
		r = resp_body(
		    resp, 200, "application/xml", buf_blob(&req->reply));
	mdm_request_release(req);
	return r;
}

int
mdm_http_wrong_type(void *app, const struct req *http, const char *step)
{
	struct mdm_request *req = begin(app, http);
	int r;

	req->context.step = step;
	r = mdm_request_refuse(req,
	    fail(ERR_MDM_MESSAGE, "the content type \"%s\" is not expected",
		http->content_type));
	mdm_request_release(req);
	return r;
}
