/* /api/v1/config: the settings, as one document. */
#ifndef ADMIN_API_CONFIG_H
#define ADMIN_API_CONFIG_H

#include "admin-api-http.h"

/*
 * The document, with an ETag of its bytes. What the configuration file says
 * stands in it to be read only.
 */
int admin_api_config_show(void *app, const struct req *req, struct resp *resp);

/*
 * Takes a part of the document, all of it or none. With If-Match only when the
 * settings are still those of that ETag. With ?dry_run=true it changes nothing
 * and tells what it would, and, when that concerns who has to attest or may enroll,
 * what each enrolled host would get (admin/admin_preview.h); with &group=… which
 * hosts those are. Refusals name the member.
 */
int admin_api_config_change(
    void *app, const struct req *req, struct resp *resp);

#endif
