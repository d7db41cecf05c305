/* The page of alarms. */
#ifndef ADMIN_ALARMS_H
#define ADMIN_ALARMS_H

#include "admin-page.h"

/* GET /admin/alarms?all=1: the open ones, or the closed ones too. */
int admin_alarms_list(void *app, const struct req *req, struct resp *resp);

#endif
