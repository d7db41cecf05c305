/* The settings of a server as its API has them (/api/v1/config). */
#ifndef ADMIN_GITOPS_JSON_H
#define ADMIN_GITOPS_JSON_H

#include "admin/admin_gitops.h"
#include "base/buf.h"
#include "wire/in_json.h"

/*
 * The values that hold now, and the tier, from the answer to GET. ERR_MALFORMED
 * when it has other types.
 */
int admin_gitops_json_load(
    const struct json *config, struct admin_gitops *out, bool *premium);

/* Appends the body of a PATCH that sets what differs. */
int admin_gitops_json_patch(const struct admin_gitops *wanted,
    const struct admin_gitops *present, struct buf *out);

#endif
