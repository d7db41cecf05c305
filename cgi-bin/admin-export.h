/* The list of hosts as a file. */
#ifndef ADMIN_EXPORT_H
#define ADMIN_EXPORT_H

#include "admin-page.h"

/*
 * GET /admin/hosts.csv, with the parameters of /admin/hosts: all hosts that these
 * find. They are read and sent a page at a time, each page by statements of its own,
 * so that memory stays bounded and no reader holds up the database for long. One at
 * a time on the whole server: ERR_EXPORT_BUSY, and `resp` gets Retry-After.
 */
int admin_export_hosts(void *app, const struct req *req, struct resp *resp);

#endif
