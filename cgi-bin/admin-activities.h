/* The activity log on the pages. */
#ifndef ADMIN_ACTIVITIES_H
#define ADMIN_ACTIVITIES_H

#include "admin-page.h"

/*
 * GET /admin/activity?actor=&action=&serial=&from=DATE&to=DATE&before=ID, each of
 * which may be missing
 */
int admin_activities_list(void *app, const struct req *req, struct resp *resp);

/* The newest entries of a device: the list `activities`, and `activity_url`. */
int admin_activities_fill_host(struct admin_page *page, const char *serial);

#endif
