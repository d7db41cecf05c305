/*
 * What the two programs share that give devices their enrollment profile:
 * profile-download and enroll-sso.
 */
#ifndef ENROLL_HTTP_H
#define ENROLL_HTTP_H

#include <gnutls/x509.h>

#include "base/buf.h"
#include "enroll/profile.h"
#include "store/context.h"
#include "stylesheet.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/tmpl.h"

/* What both open when they start. */
struct enroll_http {
	/* Apple's, which vouches for who signs device information */
	gnutls_x509_crt_t device_ca;
	struct profile_files files;
	struct tmpl *tmpl;
	struct stylesheet style;
};

/* Release it in any case. ERR_IO, ERR_CONFIG and so on, logged. */
int enroll_http_load(struct enroll_http *e, const struct conf *conf);
void enroll_http_release(struct enroll_http *e);

/* Did a web view send its device's information? It does so once. */
bool enroll_http_has_info(const struct req *req);

/* Appends that. ERR_ENROLL_MACHINEINFO. */
int enroll_http_info(const struct req *req, struct buf *out);

/*
 * Answers the device whose signed information is `cms`, and in whose web view
 * `account` signed in ("": nobody), with its profile, or with 403 and the
 * update that it has to install first. Otherwise the code of
 * ade_profile_make(), which has recorded the refusal.
 */
int enroll_http_answer(const struct enroll_http *e, struct context *c,
    struct blob cms, const char *account, struct resp *resp);

/* Answers with a profile. */
int enroll_http_profile(struct resp *resp, struct blob profile);

/* Answers with what ERR_ENROLL_OS_TOO_OLD left in place of it. */
int enroll_http_update(struct resp *resp, struct blob json);

/*
 * Answers with a page for the person at the device: the template `name` with
 * `row`, which this frees, and the organization, the style sheet's version and,
 * unless `code` is OK, its text as `problem`. The status is that of `code`.
 */
int enroll_http_page(const struct enroll_http *e, const struct conf *conf,
    const char *name, struct tmpl_row *row, int code, struct resp *resp);

#endif
