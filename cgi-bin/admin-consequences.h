/* What a change of the requirements would mean, before it is made. */
#ifndef ADMIN_CONSEQUENCES_H
#define ADMIN_CONSEQUENCES_H

#include "admin-page.h"

#include "admin/admin_preview.h"

/* The field of the second form: for how many hosts it was confirmed. */
#define ADMIN_CONSEQUENCES_CONFIRMED "confirmed"

/*
 * Must an administrator see what `set` means first? Not when it changes nothing,
 * when no host is enrolled, or when the form confirms that at least as many
 * hosts as now are not renewed any more. The codes of admin_setting_check().
 */
int admin_consequences_needed(const struct admin_actor *actor,
    const struct admin_setting *set, const struct form *form,
    struct admin_preview *out, bool *needed);

/* The page that says so, with the form that confirms it. */
int admin_consequences_send(struct admin_app *app, const struct req *req,
    const struct admin_setting *set, const struct form *form,
    const struct admin_preview *preview, struct resp *resp);

/* GET: the hosts of a group. */
int admin_consequences_list(
    void *app, const struct req *req, struct resp *resp);

#endif
