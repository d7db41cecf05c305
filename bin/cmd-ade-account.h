/* What attestmdm ade does about accounts at Apple Business. */
#ifndef BIN_CMD_ADE_ACCOUNT_H
#define BIN_CMD_ADE_ACCOUNT_H

#include "bin/cli.h"

/* The account that commands are about unless they name another. */
#define CMD_ADE_ACCOUNT "business"

int cmd_ade_token(struct cli *cli);
int cmd_ade_sync(struct cli *cli);
int cmd_ade_profile(struct cli *cli);
int cmd_ade_assign(struct cli *cli);
int cmd_ade_confirm(struct cli *cli);

#endif
