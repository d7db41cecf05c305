/* /api/v1/hosts/HOST/commands: the queue of one host. */
#ifndef ADMIN_API_COMMANDS_H
#define ADMIN_API_COMMANDS_H

#include "admin-api-http.h"

/* The largest body: it may hold a command as base64 of its property list. */
#define ADMIN_API_COMMANDS_BODY 262144

/*
 * The commands of a host, newest first, and one of them; without their property lists
 * and results, which may hold secrets of the device.
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
