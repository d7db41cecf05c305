/* /api/v1/hosts/HOST/commands: the queue of one host. */
#ifndef ADMIN_API_COMMANDS_H
#define ADMIN_API_COMMANDS_H

#include "admin-api-http.h"

/* A command as base64 of its property list. */
#define ADMIN_API_COMMANDS_BODY 262144

/*
 * Newest first, without their property lists and results, which may hold
 * secrets of the device.
 */
int admin_api_commands_list(
    void *app, const struct req *req, struct resp *resp);
int admin_api_commands_show(
    void *app, const struct req *req, struct resp *resp);

int admin_api_commands_queue(
    void *app, const struct req *req, struct resp *resp);
int admin_api_commands_cancel(
    void *app, const struct req *req, struct resp *resp);

#endif
