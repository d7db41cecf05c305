/* The page that signing in leads to. */
#ifndef ADMIN_OVERVIEW_H
#define ADMIN_OVERVIEW_H

#include "admin-page.h"

/* GET /admin/ */
int admin_overview_show(void *app, const struct req *req, struct resp *resp);

#endif
