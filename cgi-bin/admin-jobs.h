/* The page of the worker's jobs. */
#ifndef ADMIN_JOBS_H
#define ADMIN_JOBS_H

#include "admin-page.h"

/* GET /admin/jobs: each with its last run, the next one and the last error. */
int admin_jobs_list(void *app, const struct req *req, struct resp *resp);

#endif
