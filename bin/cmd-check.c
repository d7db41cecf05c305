#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/inspect.h"

static void
check_conf(struct verdict *v, const struct conf *conf)
{
	verdict_add(v, VERDICT_OK, "url", "%s", conf->url);
	verdict_add(v, VERDICT_OK, "licence", "tier %s",
	    conf->premium ? "premium" : "free");
	if (conf->gitops_mode_enabled)
		verdict_add(v,
		    *conf->repository_url ? VERDICT_OK : VERDICT_WARNING,
		    "gitops", "on, repository %s",
		    *conf->repository_url ? conf->repository_url : "not named");
}

static void
all(struct cli *cli, struct verdict *v)
{
	int r = conf_load(cli->conf_path, &cli->conf);

	verdict_of(v, r, "configuration", "%s", cli->conf_path);
	if (r != OK)
		return;
	clock_use_offset_file(cli->conf.clock_offset_file);
	clock_refresh();
	check_conf(v, &cli->conf);
	inspect_rights(v, cli->conf_path, &cli->conf);
	inspect_state(v, &cli->conf);
	inspect_push(v, &cli->conf);
	inspect_hook(v, &cli->conf);
	inspect_sign_in(v, &cli->conf);
	inspect_trust(v, &cli->conf);
	inspect_nginx_secret(v, &cli->conf);
	inspect_backlog(v);
	inspect_clock(v, &cli->conf);
	inspect_disk(v, &cli->conf);
	inspect_log(v, &cli->conf);
	if (!cli_flag(cli, "stopped")) {
		inspect_programs(v, &cli->conf);
		inspect_worker(v, &cli->conf);
	}
	if (!cli_flag(cli, "no-nginx"))
		inspect_nginx(v, &cli->conf, cli_option(cli, "nginx"));
	if (!cli_flag(cli, "no-nginx") && !cli_flag(cli, "stopped"))
		inspect_url(v, &cli->conf, cli_option(cli, "connect"));
}

static int
check_run(struct cli *cli)
{
	struct verdict v;
	int r;

	cli->answered = true;
	verdict_begin(&v, cli);
	all(cli, &v);
	r = verdict_end(&v, cli_flag(cli, "test-bench"));
	conf_release(&cli->conf);
	return r;
}

static const struct cli_option options[] = {
	{ "nginx", "FILE", "nginx's main configuration file, if unusual", 0 },
	{ "no-nginx", NULL, "nginx runs elsewhere", 0 },
	{ "connect", "WHERE",
	    "ask HOST:PORT or unix:PATH in place of the URL's address", 0 },
	{ "stopped", NULL, "ask neither the programs nor the URL", 0 },
	{ "test-bench", NULL, "stand-ins for Apple and the clock are meant",
	    0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "opens and verifies everything that the programs use",
	    .options = options,
	    .needs = CLI_NOTHING,
	    .run = check_run },
	{ .run = NULL },
};

const struct cli_noun cmd_check = {
	"check",
	"Is everything right? Opens what the programs open",
	verbs,
};
