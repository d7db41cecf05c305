/* The pages about attempts to enroll. Handlers for the route table. */
#ifndef ADMIN_ENROLLMENTS_H
#define ADMIN_ENROLLMENTS_H

#include "admin-page.h"

/* GET /admin/enrollments?q=TEXT&after=CURSOR: enrollment profiles, newest first. */
int admin_enrollments_list(void *app, const struct req *req, struct resp *resp);

/* GET /admin/refusals?q=TEXT&before=ID: everything that was refused. */
int admin_enrollments_refusals(
    void *app, const struct req *req, struct resp *resp);

/* GET /admin/enrollments/:id: one attempt, step by step. */
int admin_enrollments_show(void *app, const struct req *req, struct resp *resp);

/* GET /admin/serial?serial=TEXT: all that a serial number ever did. */
int admin_enrollments_serial(
    void *app, const struct req *req, struct resp *resp);

#endif
