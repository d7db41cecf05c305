#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "ca/authority.h"
#include "ca/crl.h"

static const struct view_column columns[] = {
	{ "file", "File", VIEW_TEXT },
	{ "number", "Number", VIEW_INT },
	{ "this_update", "Published", VIEW_TIME },
	{ "next_update", "Good until", VIEW_TIME },
	{ "revoked", "Revoked", VIEW_INT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
cmd_crl_show(struct cli *cli, const struct authority *ca)
{
	struct crl_facts facts;
	char path[4096];
	struct view *v;
	int r;

	snprintf(path, sizeof(path), "%s/public/%s", cli->conf.state, CRL_FILE);
	if ((r = crl_read(path, ca, &facts)) != OK)
		return r;
	v = view_new(columns);
	view_text(v, path);
	view_int(v, facts.number);
	view_time(v, facts.this_update);
	view_time(v, facts.next_update);
	view_int(v, (int64_t)facts.entries);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
cmd_crl_run(struct cli *cli)
{
	const struct conf *c = &cli->conf;
	struct authority *ca = NULL;
	struct db *db = NULL;
	int r;

	if (!cli_flag(cli, "publish")) {
		if ((r = authority_load_certificate(c->ca_certificate, &ca)) ==
		    OK)
			r = cmd_crl_show(cli, ca);
		authority_free(ca);
		return r;
	}
	if ((r = authority_load(c->ca_key, c->ca_certificate, &ca)) == OK &&
	    (r = db_open(c->database, DB_DURABLE, &db)) == OK &&
	    (r = crl_publish(db, ca, c->state, clock_now())) == OK)
		r = cmd_crl_show(cli, ca);
	db_close(db);
	authority_free(ca);
	return r;
}

static const struct cli_option options[] = {
	{ "publish", NULL, "sign a new list first (needs the CA's key)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "shows the published revocation list",
	    .options = options,
	    .needs = CLI_CONF,
	    .run = cmd_crl_run },
	{ .run = NULL },
};

const struct cli_noun cmd_crl = {
	"crl",
	"The certificate revocation list",
	verbs,
};
