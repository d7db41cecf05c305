/* The settings page. */
#ifndef ADMIN_OPTIONS_H
#define ADMIN_OPTIONS_H

#include "admin-page.h"

/* GET /admin/settings */
int admin_options_show(void *app, const struct req *req, struct resp *resp);

/* POST /admin/settings/NAME, with its value; none switches it off */
int admin_options_set(void *app, const struct req *req, struct resp *resp);

/* POST /admin/settings/minimum-os */
int admin_options_set_minimum_os(
    void *app, const struct req *req, struct resp *resp);

#endif
