/* /api/v1/enrollments and /api/v1/links. */
#ifndef ADMIN_API_ENROLLMENTS_H
#define ADMIN_API_ENROLLMENTS_H

#include "admin-api-http.h"

/* Newest first. */
int admin_api_enrollments_list(
    void *app, const struct req *req, struct resp *resp);

/* With its events, oldest first. */
int admin_api_enrollments_show(
    void *app, const struct req *req, struct resp *resp);

/* Newest first; without their URLs, which are secret. */
int admin_api_enrollments_links(
    void *app, const struct req *req, struct resp *resp);

/* The answer has the URL of the link, which is shown only here. */
int admin_api_enrollments_new_link(
    void *app, const struct req *req, struct resp *resp);
int admin_api_enrollments_revoke_link(
    void *app, const struct req *req, struct resp *resp);

#endif
