#include "enroll-http.h"

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"

#define INFO_HEADER  "x-apple-aspen-deviceinfo"
#define PROFILE_TYPE "application/x-apple-aspen-config"

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
