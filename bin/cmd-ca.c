#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_server.h"
#include "base/clock.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "bin/authorities.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "store/certificates.h"
#include "wire/x509.h"

#define DAY 86400
/* Who renews again so soon has most likely repeated a command. */
#define REPEATED_DAYS 30
#define LOCK_MS       5000

static const struct view_column columns[] = {
	{ "authority", "CA", VIEW_TEXT },
	{ "generation", "GENERATION", VIEW_INT },
	{ "state", "STATE", VIEW_TEXT },
	{ "valid_from", NULL, VIEW_TIME },
	{ "valid_until", "VALID UNTIL", VIEW_TIME },
	{ "days_left", "DAYS LEFT", VIEW_INT },
	{ "certificates", "VALID CERTIFICATES", VIEW_INT },
	{ "certificate", "FILE", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static int
add(struct cli *cli, const struct authorities_one *one, struct view *v)
{
	int64_t now = clock_now(), until, valid = 0;
	gnutls_x509_crt_t crt = NULL;
	struct buf id;
	size_t n;
	int r;

	buf_init(&id, CERTIFICATES_KEY_ID_MAX);
	if ((r = x509_load(one->certificate, 1, &crt, &n)) == OK &&
	    (r = x509_key_id(crt, &id)) == OK &&
	    (r = certificates_count_valid(
		 cli->db, buf_blob(&id), now, &valid)) == OK) {
		until = gnutls_x509_crt_get_expiration_time(crt);
		view_text(v, one->id);
		view_int(v, one->generation);
		view_text(v,
		    until <= now      ? "expired"
			: one->former ? "former"
				      : "current");
		view_time(v, gnutls_x509_crt_get_activation_time(crt));
		view_time(v, until);
		view_int(v, until <= now ? 0 : (until - now) / DAY);
		view_int(v, valid);
		view_text(v, one->certificate);
	}
	x509_free(crt);
	buf_release(&id);
	return r;
}

static int
list(struct cli *cli)
{
	struct authorities_one one = { .id = NULL };
	struct view *v = view_new(columns);
	int r = OK;

	while (r == OK && authorities_next(&cli->conf, &one))
		r = add(cli, &one, v);
	if (r == OK)
		r = view_table(cli, v, "authorities", "There are none.");
	view_free(v);
	return r;
}

/* May it be renewed now? Root makes files that are another user's. */
static int
check(const struct cli *cli, const struct authorities_one *current,
    const struct owners *owners)
{
	gnutls_x509_crt_t crt = NULL;
	int64_t age;
	size_t n;
	int r;

	if (key_is_url(current->key))
		return fail(ERR_CONFIG,
		    "the key of %s is in a token: make another one there, and "
		    "name it and a new certificate file in the configuration",
		    current->certificate);
	if (!owners->single_user && geteuid() != 0)
		return fail(ERR_USAGE, "run attestmdm ca renew as root");
	if ((r = x509_load(current->certificate, 1, &crt, &n)) != OK)
		return r;
	age = clock_now() - gnutls_x509_crt_get_activation_time(crt);
	x509_free(crt);
	if (current->generation > 1 && age < REPEATED_DAYS * DAY &&
	    !cli_flag(cli, "force"))
		return fail(ERR_UNCONFIRMED,
		    "%s was made %lld days ago, by the last renewal: to renew "
		    "it again, repeat with --force",
		    current->certificate, (long long)(age / DAY));
	return OK;
}

/*
 * Until its certificate has its name the new generation does not exist; from
 * then on it is the current one. The timer publishes its list if we do not.
 */
static int
renew_locked(struct cli *cli, const struct authorities_one *next,
    const struct owners *owners)
{
	struct generation current;
	bool resumed;
	int r;

	generation_current(&cli->conf, next->ca, &current);
	if (current.number >= next->generation)
		return fail(ERR_BUSY, "another one renewed %s", next->name);
	if ((r = authorities_resume(next, owners, &resumed)) != OK ||
	    (!resumed &&
		(r = authorities_create(
		     next, owners, cli->conf.organization)) != OK))
		return r;
	if (authorities_publish(next, &cli->conf) != OK)
		cli_say(cli,
		    "Its revocation list is not published yet (%s);\nthe timer "
		    "does so within a minute.",
		    log_reason());
	return admin_server_note_ca(&cli->admin, next->certificate);
}

static void
report(struct cli *cli, const struct authorities_one *current,
    const struct authorities_one *next, bool single_user)
{
	bool dry = cli_flag(cli, "dry-run");

	out_json_string(&cli->out, "authority", next->id);
	out_json_int(&cli->out, "generation", next->generation);
	out_json_string(&cli->out, "certificate", next->certificate);
	out_json_string(&cli->out, "former", current->certificate);
	out_json_bool(&cli->out, "dry_run", dry);
	cli_say(cli,
	    "%s %s made, with its key %s.\n%s stays: its certificates are "
	    "accepted, and its list is published,\nuntil they expire. Devices "
	    "get a certificate of the new CA when they renew.",
	    next->certificate, dry ? "would be" : "is", next->key,
	    current->certificate);
	if (!dry)
		cli_say(cli,
		    "The programs issue by the former CA until they are "
		    "restarted%s\nNothing is refused meanwhile. Make a new "
		    "backup.",
		    single_user ? "."
				: ":\n  systemctl restart 'attestmdm@*.service'"
				  " attestmdm-worker.service");
}

static int
find_current(const struct cli *cli, struct authorities_one *out)
{
	struct authorities_one all[AUTHORITIES];
	size_t i;

	authorities_of(&cli->conf, all);
	for (i = 0; i < AUTHORITIES; i++) {
		if (strcmp(all[i].id, cli->arguments[0]) == 0) {
			*out = all[i];
			return OK;
		}
	}
	return fail(ERR_USAGE, "there is no CA %s: renew acme or scep",
	    cli->arguments[0]);
}

static int
renew(struct cli *cli)
{
	struct authorities_one current, next;
	struct owners owners;
	int fd, r;

	if ((r = find_current(cli, &current)) != OK ||
	    (r = owners_find(cli->conf.database, &owners)) != OK ||
	    (r = check(cli, &current, &owners)) != OK ||
	    (r = authorities_after(&cli->conf, &current, &next)) != OK)
		return r;
	if (!cli_flag(cli, "dry-run")) {
		if ((r = lockfile_open(current.key, LOCK_MS, &fd)) != OK)
			return r;
		r = renew_locked(cli, &next, &owners);
		close(fd);
	}
	if (r == OK)
		report(cli, &current, &next, owners.single_user);
	return r;
}

static const struct cli_option options[] = {
	{ "dry-run", NULL, "say what would be made", false },
	{ "force", NULL, "also within 30 days of the last renewal", false },
	{ NULL, NULL, NULL, false },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "shows both CAs, with those that were renewed",
	    .needs = CLI_READ,
	    .run = list },
	{ .name = "renew",
	    .arguments = "acme|scep",
	    .help = "makes a new key and certificate; the former stay valid",
	    .options = options,
	    .least = 1,
	    .most = 1,
	    .needs = CLI_WRITE,
	    .run = renew },
	{ .run = NULL },
};

const struct cli_noun cmd_ca = {
	"ca",
	"The two certification authorities",
	verbs,
};
