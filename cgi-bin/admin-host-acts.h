/*
 * What an administrator does to a host on its page. Each is a POST that leads back
 * there; what is hard to undo is asked again before.
 */
#ifndef ADMIN_HOST_ACTS_H
#define ADMIN_HOST_ACTS_H

#include "admin-page.h"
#include "store/hosts.h"

/* Which acts the host's page offers, and what the last one did (`done`). */
void admin_host_acts_fill(struct admin_page *page, const struct host *h);

/* Is this a command that the host's page queues, for any host? */
bool admin_host_acts_queues(const char *type);

/* POST /admin/hosts/:id/commands, with the field `type` */
int admin_host_acts_queue(void *app, const struct req *req, struct resp *resp);

/* POST /admin/hosts/:id/commands/:command/cancel */
int admin_host_acts_cancel(void *app, const struct req *req, struct resp *resp);

/* POST /admin/hosts/:id/block, unblock and renew */
int admin_host_acts_block(void *app, const struct req *req, struct resp *resp);
int admin_host_acts_unblock(
    void *app, const struct req *req, struct resp *resp);
int admin_host_acts_renew(void *app, const struct req *req, struct resp *resp);

/* POST /admin/hosts/:id/revoke, with the field `reason` */
int admin_host_acts_revoke(void *app, const struct req *req, struct resp *resp);

#endif
