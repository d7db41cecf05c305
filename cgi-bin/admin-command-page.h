/* The page of one command, with the device's answer. */
#ifndef ADMIN_COMMAND_PAGE_H
#define ADMIN_COMMAND_PAGE_H

#include "admin-page.h"
#include "store/commands.h"

/*
 * GET /admin/hosts/:id/commands/:command. The answer is for those who may send
 * commands, and that of a command which the host's page queues: others may hold
 * secrets, such as a bypass code.
 */
int admin_command_page_show(
    void *app, const struct req *req, struct resp *resp);

/* The words for a state. */
const char *admin_command_page_state(enum command_state state);

#endif
