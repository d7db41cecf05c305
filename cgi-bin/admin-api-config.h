/* /api/v1/config: the settings, as one document. */
#ifndef ADMIN_API_CONFIG_H
#define ADMIN_API_CONFIG_H

#include "admin-api-http.h"

/*
 * The document, with an ETag of its bytes. It also shows, read-only, what the
 * configuration file says.
 */
int admin_api_config_show(void *app, const struct req *req, struct resp *resp);

/*
 * Changes the settings that the body, a part of the document, gives: all of them or
 * none. With If-Match only if the document still has that ETag. With ?dry_run=true
 * nothing changes: the answer says what would, and, if that concerns who has to attest
 * or may enroll, what enrolled hosts would get (admin/admin_preview.h), or, with
 * &group=…, which hosts are in that group. A refusal names the member.
 */
int admin_api_config_change(
    void *app, const struct req *req, struct resp *resp);

#endif
