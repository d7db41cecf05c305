/* The page that moves hosts to attested certificates, and shows how far it is. */
#ifndef ADMIN_MOVE_PAGE_H
#define ADMIN_MOVE_PAGE_H

#include "admin-page.h"

/* GET /admin/move; POST /admin/move and /admin/move/stop lead back there. */
int admin_move_page_show(void *app, const struct req *req, struct resp *resp);
int admin_move_page_start(void *app, const struct req *req, struct resp *resp);
int admin_move_page_stop(void *app, const struct req *req, struct resp *resp);

#endif
