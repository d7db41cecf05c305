/* One-time links for link enrollment: made, listed and revoked. */
#ifndef ADMIN_LINKS_H
#define ADMIN_LINKS_H

#include "admin-page.h"

/* GET /admin/links?after=CURSOR */
int admin_links_show(void *app, const struct req *req, struct resp *resp);

/* POST /admin/links: the answer shows the link, this once. */
int admin_links_create(void *app, const struct req *req, struct resp *resp);

/* POST /admin/links/ID/revoke */
int admin_links_revoke(void *app, const struct req *req, struct resp *resp);

#endif
