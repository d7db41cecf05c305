/* What a change of the requirements would mean, for people and for scripts. */
#ifndef BIN_CONSEQUENCES_H
#define BIN_CONSEQUENCES_H

#include "admin/admin_preview.h"
#include "bin/cli.h"

/*
 * A table of the groups and a sentence on the totals; for scripts members of the
 * object that is open. ERR_NOMEM, ERR_INTERNAL.
 */
int consequences_show(struct cli *cli, const struct admin_preview *p);

#endif
