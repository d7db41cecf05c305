/* What the two programs share that give devices their enrollment profile. */
#ifndef ENROLL_HTTP_H
#define ENROLL_HTTP_H

#include "base/buf.h"
#include "web/req.h"
#include "web/resp.h"

/* Pages for people at a device. */
#define ENROLL_HTTP_POLICY                                                     \
	"default-src 'none'; style-src 'self'; img-src 'self'; "               \
	"form-action 'self'; "                                                 \
	"frame-ancestors 'none'; base-uri 'none'"

/* Answers with a profile. */
int enroll_http_profile(struct resp *resp, struct blob profile);

/* Answers with what ERR_ENROLL_OS_TOO_OLD left in place of it. */
int enroll_http_update(struct resp *resp, struct blob json);

/* Did a web view send its device's information? It does so once. */
bool enroll_http_has_info(const struct req *req);

/* Appends that. ERR_ENROLL_MACHINEINFO. */
int enroll_http_info(const struct req *req, struct buf *out);

#endif
