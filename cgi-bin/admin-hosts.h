/* The list of hosts. */
#ifndef ADMIN_HOSTS_H
#define ADMIN_HOSTS_H

#include "admin-page.h"
#include "store/hosts.h"

/* GET /admin/hosts */
int admin_hosts_list(void *app, const struct req *req, struct resp *resp);

/* The values of a host for a row or a page of its own. */
void admin_hosts_fill(struct tmpl_row *row, const struct host *h);

/* What people call it. */
const char *admin_hosts_name(const struct host *h);

#endif
