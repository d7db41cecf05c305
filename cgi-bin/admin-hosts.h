/* The pages about hosts. Handlers for the route table. */
#ifndef ADMIN_HOSTS_H
#define ADMIN_HOSTS_H

#include "admin-page.h"

/* GET /admin/hosts?q=TEXT&attested=yes|no&page=N */
int admin_hosts_list(void *app, const struct req *req, struct resp *resp);

/* GET /admin/hosts/:id */
int admin_hosts_show(void *app, const struct req *req, struct resp *resp);

#endif
