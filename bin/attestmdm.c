/* attestmdm: everything an administrator can do, for people and for scripts. */
#include "bin/cli.h"
#include "bin/cmd.h"

static const struct cli_noun *const nouns[] = {
	&cmd_init,
	&cmd_check,
	&cmd_migrate,
	&cmd_backup,
	&cmd_restore,
	&cmd_ade,
	&cmd_setting,
	&cmd_gitops,
	&cmd_host,
	&cmd_enrollment,
	&cmd_command,
	&cmd_renew,
	&cmd_status,
	&cmd_activity,
	&cmd_alarms,
	&cmd_ca,
	&cmd_cert,
	&cmd_crl,
	&cmd_admin,
	&cmd_session,
	&cmd_token,
	&cmd_purge,
	&cmd_push_cert,
	NULL,
};

int
main(int argc, char **argv)
{
	return cli_main(nouns, argc, (const char *const *)argv);
}
