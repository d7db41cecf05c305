#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "ca/crl.h"
#include "store/certificates.h"
#include "store/jobs.h"

/* With --if-due a list is renewed at this age even if nothing was revoked. */
#define HOUR 3600

/*
 * A revocation carries the time of its request, which may have waited for the
 * database while a list was made: look back this far before the last list.
 */
#define REQUEST_SECONDS 60

static const struct view_column columns[] = {
	{ "file", "FILE", VIEW_TEXT },
	{ "number", "NUMBER", VIEW_INT },
	{ "this_update", "PUBLISHED", VIEW_TIME },
	{ "next_update", "GOOD UNTIL", VIEW_TIME },
	{ "revoked", "REVOKED", VIEW_INT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
crl_facts(const struct cli *cli, const struct authorities_one *one,
    struct authority **ca, struct crl_facts *out)
{
	char path[AUTHORITIES_PATH];
	int r;

	authorities_crl_path(one, &cli->conf, path);
	if ((r = authority_load_certificate(one->certificate, ca)) == OK)
		r = crl_read(path, *ca, out);
	return r;
}

static int
add(struct cli *cli, const struct authorities_one *one, struct view *v)
{
	struct crl_facts facts;
	struct authority *ca = NULL;
	char path[AUTHORITIES_PATH];
	int r;

	authorities_crl_path(one, &cli->conf, path);
	if ((r = crl_facts(cli, one, &ca, &facts)) == OK) {
		view_text(v, path);
		view_int(v, facts.number);
		view_time(v, facts.this_update);
		view_time(v, facts.next_update);
		view_int(v, (int64_t)facts.entries);
	}
	authority_free(ca);
	return r;
}

/* Was something revoked since the published list, or is it an hour old? */
static int
is_due(const struct cli *cli, const struct authorities_one *one, bool *out)
{
	struct authority *ca = NULL;
	struct crl_facts facts;
	struct db *db = NULL;
	int64_t published;
	int r = OK;

	*out = true;
	if (crl_facts(cli, one, &ca, &facts) != OK)
		goto done;
	published = facts.this_update + CRL_BACKDATE;
	if (published > clock_now() || published <= clock_now() - HOUR)
		goto done;
	if ((r = db_open(cli->conf.database, DB_READ_ONLY, &db)) == OK)
		r = certificates_revoked_since(
		    db, authority_key_id(ca), published - REQUEST_SECONDS, out);
	db_close(db);
done:
	authority_free(ca);
	return r;
}

static int
publish_list(struct cli *cli, const struct authorities_one *one, bool *done)
{
	int r = OK;

	*done = true;
	if (cli_flag(cli, "if-due"))
		r = is_due(cli, one, done);
	return r == OK && *done ? authorities_publish(one, &cli->conf) : r;
}

static bool
is_wanted(const struct cli *cli, const struct authorities_one *one)
{
	const char *name = cli_option(cli, "authority");

	return name == NULL || strcmp(name, one->id) == 0;
}

/* *told counts the lists that are to be shown. */
static int
each(struct cli *cli, struct view *v, int *told)
{
	bool publish = cli_flag(cli, "publish") || cli_flag(cli, "if-due");
	struct authorities_one one = { .id = NULL };
	bool done = true;
	int r = OK;

	while (r == OK && authorities_next(&cli->conf, &one)) {
		if (one.over || !is_wanted(cli, &one))
			continue;
		if (publish)
			r = publish_list(cli, &one, &done);
		if (r == OK && done) {
			r = add(cli, &one, v);
			*told += 1;
		}
	}
	return r;
}

/* Somebody has to notice when attestmdm-worker does not run: this timer. */
static int
watch_worker(const struct cli *cli)
{
	struct db *db = NULL;
	int r;

	if ((r = db_open(cli->conf.database, DB_RELAXED, &db)) == OK)
		r = jobs_watch(db);
	db_close(db);
	return r;
}

static int
crl_run(struct cli *cli)
{
	struct authorities_one all[AUTHORITIES];
	struct view *v;
	int told = 0, watched, r;

	authorities_of(&cli->conf, all);
	if (!is_wanted(cli, &all[0]) && !is_wanted(cli, &all[1]))
		return fail(ERR_USAGE, "--authority takes acme or scep");
	v = view_new(columns);
	r = each(cli, v, &told);
	/* A timer that found nothing to do leaves no line in the journal. */
	if (r == OK && (told > 0 || cli->json))
		r = view_table(cli, v, "lists", "There are no lists.");
	view_free(v);
	if (cli_flag(cli, "if-due")) {
		watched = watch_worker(cli);
		r = r != OK ? r : watched;
	}
	return r;
}

static const struct cli_option options[] = {
	{ "publish", NULL, "sign new lists first (needs the CAs' keys)", 0 },
	{ "if-due", NULL,
	    "the same, when one is an hour old or misses a "
	    "revocation",
	    0 },
	{ "authority", "NAME", "of this one alone: acme or scep", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .help = "shows the published revocation lists",
	    .options = options,
	    .needs = CLI_CONF,
	    .run = crl_run },
	{ .run = NULL },
};

const struct cli_noun cmd_crl = {
	"crl",
	"The certificate revocation lists",
	verbs,
};
