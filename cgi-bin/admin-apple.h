/*
 * The page of what ties this server to Apple: the push certificate, and the
 * accounts at Apple Business.
 */
#ifndef ADMIN_APPLE_H
#define ADMIN_APPLE_H

#include "admin-page.h"

int admin_apple_show(void *app, const struct req *req, struct resp *resp);

/* Asks the worker for the device lists, as attestmdm ade sync does. */
int admin_apple_sync(void *app, const struct req *req, struct resp *resp);

#endif
