/* The verbs of "attestmdm command" that change something: send and cancel. */
#ifndef BIN_CMD_COMMAND_SEND_H
#define BIN_CMD_COMMAND_SEND_H

#include "bin/cli.h"

extern const struct cli_option cmd_command_send_options[];

int cmd_command_send(struct cli *cli);

/* HOST UUID */
int cmd_command_cancel(struct cli *cli);

#endif
