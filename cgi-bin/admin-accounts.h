/* The pages of administrators: who there is, with which role and sessions. */
#ifndef ADMIN_ACCOUNTS_H
#define ADMIN_ACCOUNTS_H

#include "admin-page.h"

int admin_accounts_list(void *app, const struct req *req, struct resp *resp);
int admin_accounts_create(void *app, const struct req *req, struct resp *resp);

/* One of them, whom the query names; and what is done about whom a form names. */
int admin_accounts_show(void *app, const struct req *req, struct resp *resp);
int admin_accounts_set_role(
    void *app, const struct req *req, struct resp *resp);
int admin_accounts_set_password(
    void *app, const struct req *req, struct resp *resp);
int admin_accounts_disable(void *app, const struct req *req, struct resp *resp);
int admin_accounts_enable(void *app, const struct req *req, struct resp *resp);

/* One session, or without its id all of them. */
int admin_accounts_sign_out(
    void *app, const struct req *req, struct resp *resp);

#endif
