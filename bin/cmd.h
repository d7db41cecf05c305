/* The subcommands: one cmd-NOUN.c each. */
#ifndef BIN_CMD_H
#define BIN_CMD_H

#include "bin/cli.h"

extern const struct cli_noun cmd_activity;
extern const struct cli_noun cmd_ade;
extern const struct cli_noun cmd_admin;
extern const struct cli_noun cmd_alarms;
extern const struct cli_noun cmd_backup;
extern const struct cli_noun cmd_ca;
extern const struct cli_noun cmd_cert;
extern const struct cli_noun cmd_check;
extern const struct cli_noun cmd_command;
extern const struct cli_noun cmd_crl;
extern const struct cli_noun cmd_enrollment;
extern const struct cli_noun cmd_gitops;
extern const struct cli_noun cmd_host;
extern const struct cli_noun cmd_init;
extern const struct cli_noun cmd_migrate;
extern const struct cli_noun cmd_purge;
extern const struct cli_noun cmd_push_cert;
extern const struct cli_noun cmd_renew;
extern const struct cli_noun cmd_restore;
extern const struct cli_noun cmd_session;
extern const struct cli_noun cmd_setting;
extern const struct cli_noun cmd_status;
extern const struct cli_noun cmd_token;

/* Shows events as a table. In cmd-enrollment.c. */
struct event_list;
int cmd_enrollment_events(struct cli *cli, const struct event_list *list);

/* The verbs of "enrollment" about one-time links. In cmd-link.c. */
int cmd_link_new(struct cli *cli);
int cmd_link_list(struct cli *cli);
int cmd_link_revoke(struct cli *cli);

/* Makes a new password and its hash. In cmd-admin.c. */
#define CMD_PASSWORD_TEXT 25
int cmd_admin_password(char password[CMD_PASSWORD_TEXT], struct buf *hash);

#endif
