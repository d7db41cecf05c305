/* What the API only shows: activities, alarms, devices, status, its own description. */
#ifndef ADMIN_API_RECORDS_H
#define ADMIN_API_RECORDS_H

#include "admin-api-http.h"

/* The activity log, newest first. */
int admin_api_records_activities(
    void *app, const struct req *req, struct resp *resp);

/* The open ones, or with ?all=true the closed ones too; newest first. */
int admin_api_records_alarms(
    void *app, const struct req *req, struct resp *resp);

/* Devices that are or were assigned in Apple Business. */
int admin_api_records_devices(
    void *app, const struct req *req, struct resp *resp);

/* Version, number of hosts, open alarms, jobs. */
int admin_api_records_status(
    void *app, const struct req *req, struct resp *resp);

/* The OpenAPI description of this API; needs no token. */
int admin_api_records_openapi(
    void *app, const struct req *req, struct resp *resp);

#endif
