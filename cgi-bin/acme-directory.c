/*
 * acme-directory: what is asked without a signature. Reads the database, never
 * writes it; the signed forms of these resources belong to acme-account.
 */
#include <stdio.h>

#include "acme-http.h"
#include "acme/renewal_info.h"
#include "base/clock.h"
#include "base/log.h"

static int
get_directory(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	int r;

	resp_set(resp, "Link", NULL);
	if ((r = acme_http_find(app, req)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return objects_directory(&app->request, &resp->body);
}

static int
head_nonce(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	int r = acme_http_find(app, req);

	if (r != OK)
		return r;
	return acme_http_nonce(app, app->request.enrollment.id, resp);
}

static int
get_nonce(void *app, const struct req *req, struct resp *resp)
{
	resp->status = 204;
	return head_nonce(app, req, resp);
}

static int
get_renewal_info(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct certificate c = { .id = "" };
	char id[300], retry[16];
	int r;

	if ((r = acme_http_find(app, req)) != OK)
		return r;
	snprintf(id, sizeof id, "%s.%s", req_path_param(req, "issuer"),
	    req_path_param(req, "number"));
	snprintf(retry, sizeof retry, "%d", RENEWAL_INFO_RETRY);
	r = renewal_info_find(app->request.context.db, id, &c);
	/* A certificate of another enrollment is none here. */
	if (r == OK && strcmp(c.enrollment_id, app->request.enrollment.id) != 0)
		r = fail(
		    ERR_NOT_FOUND, "the certificate is of another enrollment");
	if (r == OK && (r = resp_set(resp, "Retry-After", retry)) == OK &&
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) == OK)
		r = renewal_info_write(
		    renewal_info_window(&c, clock_now()), &resp->body);
	certificates_release(&c);
	return r;
}

static const struct route routes[] = {
	{ "GET", "/acme/:enrollment/directory", get_directory,
	    ACME_HTTP_IGNORED_BODY },
	{ "HEAD", "/acme/:enrollment/new-nonce", head_nonce,
	    ACME_HTTP_IGNORED_BODY },
	{ "GET", "/acme/:enrollment/new-nonce", get_nonce,
	    ACME_HTTP_IGNORED_BODY },
	{ "GET", "/acme/:enrollment/renewal-info/:issuer.:number",
	    get_renewal_info, ACME_HTTP_IGNORED_BODY },
	{ NULL, NULL, NULL, 0 },
};

static const struct web_program program = {
	.name = "acme-directory",
	.summary = "ACME directory, nonces and renewal information",
	.routes = routes,
	.app_size = sizeof(struct acme_http),
	.database = DB_READ_ONLY,
	.devices = true,
	.load = acme_http_load,
	.unload = acme_http_unload,
	.begin = acme_http_begin,
	.on_error = acme_http_problem,
	.end = acme_http_end,
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, &program);
}
