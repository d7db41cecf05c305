/* The page of one host. */
#ifndef ADMIN_HOST_PAGE_H
#define ADMIN_HOST_PAGE_H

#include "admin-page.h"

/* GET /admin/hosts/:id */
int admin_host_page_show(void *app, const struct req *req, struct resp *resp);

/* The page for whatever path with :id; `code` is why an act was refused, or OK. */
int admin_host_page_send(struct admin_app *app, const struct req *req, int code,
    struct resp *resp);

#endif
