#include "base/log.h"
#include "bin/cmd.h"

static int
cmd_migrate_run(struct cli *cli)
{
	int before, after = db_schema_number();
	int r;

	if ((r = db_file_schema_number(cli->conf.database, &before)) != OK ||
	    (r = db_migrate(cli->conf.database)) != OK)
		return r;
	out_json_int(&cli->out, "schema_before", before);
	out_json_int(&cli->out, "schema", after);
	if (before == after)
		cli_say(
		    cli, "The database has schema %d: nothing to do.", after);
	else
		cli_say(cli,
		    "The database went from schema %d to %d; a copy of it as "
		    "it was is %s.schema-%d.",
		    before, after, cli->conf.database, before);
	return OK;
}

static const struct cli_verb verbs[] = {
	{ .help = "brings the database to this version's schema, after a copy",
	    .needs = CLI_CONF,
	    .run = cmd_migrate_run },
	{ .run = NULL },
};

const struct cli_noun cmd_migrate = {
	"migrate",
	"Bring the database to this version",
	verbs,
};
