#include "base/clock.h"
#include "bin/cmd.h"
#include "store/store.h"

static int
purge_run(struct cli *cli)
{
	int64_t deleted = 0;
	struct db *db = NULL;
	int r;

	/* what a power cut brings back, the next run deletes */
	if ((r = db_open(cli->conf.database, DB_RELAXED, &db)) == OK)
		r = store_purge(db, &cli->conf, clock_now(), &deleted);
	db_close(db);
	if (r != OK)
		return r;
	out_json_int(&cli->out, "deleted", deleted);
	cli_say(cli, "%lld rows deleted.", (long long)deleted);
	return OK;
}

static const struct cli_verb verbs[] = {
	{ .help = "deletes expired sessions and nonces, and old events",
	    .needs = CLI_CONF,
	    .run = purge_run },
	{ .run = NULL },
};

const struct cli_noun cmd_purge = {
	"purge",
	"Delete what has expired",
	verbs,
};
