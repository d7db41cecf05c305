/* The page with tokens for the REST API, for those who may make and revoke them. */
#ifndef ADMIN_TOKENS_H
#define ADMIN_TOKENS_H

#include "admin-page.h"

int admin_tokens_list(void *app, const struct req *req, struct resp *resp);

/* Shows the token, on this answer only. */
int admin_tokens_create(void *app, const struct req *req, struct resp *resp);

/* Asks first. */
int admin_tokens_revoke(void *app, const struct req *req, struct resp *resp);

#endif
