#include <stdio.h>

#include "base/log.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "ca/crl.h"

static const struct view_column columns[] = {
	{ "file", "FILE", VIEW_TEXT },
	{ "number", "NUMBER", VIEW_INT },
	{ "this_update", "PUBLISHED", VIEW_TIME },
	{ "next_update", "GOOD UNTIL", VIEW_TIME },
	{ "revoked", "REVOKED", VIEW_INT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
cmd_crl_add(struct cli *cli, const struct authorities_one *one, struct view *v)
{
	struct crl_facts facts;
	struct authority *ca;
	char path[4096];
	int r;

	snprintf(
	    path, sizeof(path), "%s/public/%s", cli->conf.state, one->crl_file);
	if ((r = authority_load_certificate(one->certificate, &ca)) != OK)
		return r;
	if ((r = crl_read(path, ca, &facts)) == OK) {
		view_text(v, path);
		view_int(v, facts.number);
		view_time(v, facts.this_update);
		view_time(v, facts.next_update);
		view_int(v, (int64_t)facts.entries);
	}
	authority_free(ca);
	return r;
}

static int
cmd_crl_publish(const struct conf *c, const struct authorities_one *all)
{
	struct db *db = NULL;
	size_t i;
	int r;

	r = db_open(c->database, DB_DURABLE, &db);
	for (i = 0; r == OK && i < AUTHORITIES; i++)
		r = authorities_publish(&all[i], db, c->state);
	db_close(db);
	return r;
}

static int
cmd_crl_run(struct cli *cli)
{
	struct authorities_one all[AUTHORITIES];
	struct view *v;
	size_t i;
	int r = OK;

	authorities_of(&cli->conf, all);
	if (cli_flag(cli, "publish") &&
	    (r = cmd_crl_publish(&cli->conf, all)) != OK)
		return r;
	v = view_new(columns);
	for (i = 0; r == OK && i < AUTHORITIES; i++)
		r = cmd_crl_add(cli, &all[i], v);
	if (r == OK)
		r = view_table(cli, v, "lists", "There are no lists.");
	view_free(v);
	return r;
}

static const struct cli_option options[] = {
	{ "publish", NULL, "sign new lists first (needs the CAs' keys)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "shows the published revocation lists",
	    .options = options,
	    .needs = CLI_CONF,
	    .run = cmd_crl_run },
	{ .run = NULL },
};

const struct cli_noun cmd_crl = {
	"crl",
	"The certificate revocation lists",
	verbs,
};
