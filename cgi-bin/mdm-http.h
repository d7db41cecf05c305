/* What mdm-checkin and mdm-server have in common: HTTP on one side, lib/mdm on
 * the other. */
#ifndef CGI_BIN_MDM_HTTP_H
#define CGI_BIN_MDM_HTTP_H

#include "mdm/mdm_request.h"
#include "web/worker.h"

#define MDM_CHECKIN_TYPE "application/x-apple-aspen-mdm-checkin"
#define MDM_COMMAND_TYPE "application/x-apple-aspen-mdm"

typedef int mdm_http_service(struct mdm_request *req);

/*
 * 403 and JSON for a device that is not managed any more because of what an
 * administrator did; else plain text with the status of the code, but never 401
 * or 403: devices may remove their enrollment on these.
 */
void mdm_http_error(
    void *app, const struct req *http, int code, struct resp *resp);

/* Runs one service on `app`, a struct mdm_request, and sends its reply. */
int mdm_http_serve(void *app, const struct req *http, mdm_http_service *service,
    struct resp *resp);

/* Refuses a request of another content type, with its event log. */
int mdm_http_wrong_type(void *app, const struct req *http, const char *step);

#endif
