#include "enroll-http.h"

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "enroll/ade_profile.h"
#include "web/tmplset.h"
#include "wire/x509.h"

#define INFO_HEADER  "x-apple-aspen-deviceinfo"
#define PROFILE_TYPE "application/x-apple-aspen-config"

/* Pages hold no script, and nothing of other sites. */
#define PAGE_POLICY                                                            \
	"default-src 'none'; style-src 'self'; img-src 'self'; "               \
	"form-action 'self'; "                                                 \
	"frame-ancestors 'none'; base-uri 'none'"

int
enroll_http_load(struct enroll_http *e, const struct conf *conf)
{
	size_t n;
	int r;

	if ((r = x509_load(conf->device_ca, 1, &e->device_ca, &n)) != OK ||
	    (r = profile_files_load(conf, &e->files)) != OK ||
	    (r = tmplset_load(conf->templates, &e->tmpl)) != OK)
		return r;
	return stylesheet_load(conf, &e->style);
}

void
enroll_http_release(struct enroll_http *e)
{
	tmpl_free(e->tmpl);
	stylesheet_release(&e->style);
	profile_files_release(&e->files);
	x509_free(e->device_ca);
}

int
enroll_http_profile(struct resp *resp, struct blob profile)
{
	int r;

	if ((r = resp_set(resp, "Content-Disposition",
		 "attachment; filename=\"enrollment.mobileconfig\"")) != OK)
		return r;
	return resp_body(resp, 200, PROFILE_TYPE, profile);
}

int
enroll_http_update(struct resp *resp, struct blob json)
{
	return resp_body(resp, 403, "application/json", json);
}

bool
enroll_http_has_info(const struct req *req)
{
	return req_header(req, INFO_HEADER) != NULL;
}

int
enroll_http_info(const struct req *req, struct buf *out)
{
	const char *header = req_header(req, INFO_HEADER);

	if (header == NULL)
		return fail(ERR_ENROLL_MACHINEINFO,
		    "the request carries no device information");
	return enc_base64_decode(blob_str(header), out) == OK
	    ? OK
	    : fail(ERR_ENROLL_MACHINEINFO,
		  "the device information is not strict base64");
}

int
enroll_http_answer(const struct enroll_http *e, struct context *c,
    struct blob cms, const char *account, struct resp *resp)
{
	struct buf out;
	int r;

	buf_init(&out, PROFILE_BYTES_MAX);
	r = ade_profile_make(c, e->device_ca, &e->files, cms, account, &out);
	if (r == OK)
		r = enroll_http_profile(resp, buf_blob(&out));
	else if (r == ERR_ENROLL_OS_TOO_OLD)
		r = enroll_http_update(resp, buf_blob(&out));
	buf_wipe(&out);
	return r;
}

int
enroll_http_page(const struct enroll_http *e, const struct conf *conf,
    const char *name, struct tmpl_row *row, int code, struct resp *resp)
{
	struct buf html;
	int r;

	tmplrow_set(row, "organization", conf->organization);
	tmplrow_set(row, "style_version", e->style.version);
	tmplrow_set(row, "problem", code == OK ? "" : err_text(code));
	buf_init(&html, RESP_BODY_MAX);
	if ((r = resp_set(resp, "Content-Security-Policy", PAGE_POLICY)) ==
		OK &&
	    (r = tmpl_render(e->tmpl, name, row, &html)) == OK)
		r = resp_body(resp, code == OK ? 200 : err_http_status(code),
		    "text/html; charset=utf-8", buf_blob(&html));
	buf_release(&html);
	tmplrow_free(row);
	return r;
}
