/* /api/v1/hosts and what is below one host. */
#ifndef ADMIN_API_HOSTS_H
#define ADMIN_API_HOSTS_H

#include "admin-api-http.h"

/* A page of hosts, filtered and sorted by the query. */
int admin_api_hosts_list(void *app, const struct req *req, struct resp *resp);

/* By id, serial number or UDID, with certificate, renewal and evidence. */
int admin_api_hosts_show(void *app, const struct req *req, struct resp *resp);

/* The answer is the host in its new state. */
int admin_api_hosts_block(void *app, const struct req *req, struct resp *resp);
int admin_api_hosts_unblock(
    void *app, const struct req *req, struct resp *resp);

int admin_api_hosts_delete(void *app, const struct req *req, struct resp *resp);

#endif
