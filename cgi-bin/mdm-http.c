#include "mdm-http.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

struct mdm_http {
	const struct conf *conf;
	struct db *db;
};

/* Apple: error code com.apple.unrecognized.device; the device unenrolls. */
static const char unrecognized[] =
    "{\"code\":\"com.apple.unrecognized.device\","
    "\"description\":\"This device is not managed here any more.\"}\n";

int
mdm_http_open(const struct conf *conf, void **app)
{
	struct mdm_http *h = calloc(1, sizeof(*h));
	int r;

	if (h == NULL)
		return ERR_NOMEM;
	h->conf = conf;
	if ((r = db_open(conf->database, DB_DURABLE, &h->db)) != OK) {
		free(h);
		return r;
	}
	*app = h;
	return OK;
}

void
mdm_http_close(void *app)
{
	struct mdm_http *h = app;

	if (h == NULL)
		return;
	db_close(h->db);
	free(h);
}

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

static void
fill_in(struct mdm_http *h, const struct req *req, struct mdm_request *c)
{
	*c = (struct mdm_request){ .conf = h->conf,
		.db = h->db,
		.proof = { .signature = req_header(req, "Mdm-Signature"),
		    .client_certificate = req_param(req, "MDM_CLIENT_CERT"),
		    .body = req->body },
		.remote_address = req->remote_address };
}

int
mdm_http_serve(void *app, const struct req *req, mdm_http_service *service,
    struct resp *resp)
{
	struct mdm_request c;
	int r;

	fill_in(app, req, &c);
	r = service(&c);
	if (r == OK && c.reply.n > 0)
		r = resp_body(resp, 200, "application/xml", buf_blob(&c.reply));
	mdm_request_release(&c);
	return r;
}

int
mdm_http_wrong_type(void *app, const struct req *req, const char *step)
{
	struct mdm_request c;
	int r;

	fill_in(app, req, &c);
	c.step = step;
	r = mdm_request_refuse(&c,
	    fail(ERR_MDM_MESSAGE, "the content type \"%s\" is not expected",
		req->content_type));
	mdm_request_release(&c);
	return r;
}
