/*
 * acme-directory: what is asked without a signature. Reads the database, never
 * writes it; the signed forms of these resources belong to acme-account.
 */
#include <stdio.h>

#include "acme-http.h"
#include "acme/directory.h"
#include "acme/renewal_info.h"
#include "base/clock.h"
#include "base/log.h"

static int
get_directory(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct enrollment e;
	int r;

	r = acme_http_enrollment(app, req, REQUEST_WHILE_CERTIFIED, &e);
	if (r != OK)
		return r;
	if ((r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		return r;
	return directory_write(app->acme.conf->url, e.id, &resp->body);
}

static int
new_nonce(
    struct acme_http *app, const struct req *req, struct resp *resp, int status)
{
	struct enrollment e;
	int r;

	r = acme_http_enrollment(app, req, REQUEST_WHILE_CERTIFIED, &e);
	if (r != OK)
		return r;
	resp->status = status;
	return acme_http_nonce(app, e.id, resp);
}

static int
get_nonce(void *p, const struct req *req, struct resp *resp)
{
	return new_nonce(p, req, resp, 204);
}

static int
head_nonce(void *p, const struct req *req, struct resp *resp)
{
	return new_nonce(p, req, resp, 200);
}

/* A certificate of another enrollment is none here. */
static int
find(
    const struct acme_http *app, const struct req *req, struct certificate *out)
{
	struct enrollment e;
	char id[300];
	int r;

	*out = (struct certificate){ .id = "" };
	r = acme_http_enrollment(app, req, REQUEST_WHILE_CERTIFIED, &e);
	if (r != OK)
		return r;
	snprintf(id, sizeof id, "%s.%s", req_path_param(req, "issuer"),
	    req_path_param(req, "number"));
	r = renewal_info_find(app->acme.db, id, out);
	if (r == OK && strcmp(out->enrollment_id, e.id) != 0)
		r = fail(
		    ERR_NOT_FOUND, "the certificate is of another enrollment");
	return r;
}

static int
get_renewal_info(void *p, const struct req *req, struct resp *resp)
{
	struct acme_http *app = p;
	struct certificate c;
	char retry[16];
	int r;

	if ((r = find(app, req, &c)) != OK)
		goto done;
	snprintf(retry, sizeof retry, "%d", RENEWAL_INFO_RETRY);
	if ((r = resp_set(resp, "Retry-After", retry)) != OK ||
	    (r = resp_set(resp, "Content-Type", ACME_HTTP_JSON)) != OK)
		goto done;
	r = renewal_info_write(
	    renewal_info_window(&c, clock_now()), &resp->body);
done:
	certificates_release(&c);
	return r;
}

static int
open_program(const struct conf *conf, void **out)
{
	struct acme_http *app;
	int r;

	r = acme_http_open(conf, DB_READ_ONLY, &app);
	*out = app;
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

int
main(int argc, char **argv)
{
	static const struct web_program program = {
		.name = "acme-directory",
		.summary = "ACME directory, nonces and renewal information",
		.routes = routes,
		.open = open_program,
		.close = acme_http_close,
		.on_error = acme_http_on_error,
		.end = acme_http_end,
	};

	return worker_main(argc, argv, &program);
}
