#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_activity.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/view.h"
#include "store/activity_chain.h"

#define ROWS 100

/* Entries that are exported at a time. */
#define STEP 500

#define LINE_MAX_BYTES 65536
#define HEAD_TEXT      (2 * SECRET_SHA256 + 1)

static const struct view_column columns[] = {
	{ "id", "ID", VIEW_INT },
	{ "at", "WHEN", VIEW_TIME },
	{ "actor", "WHO", VIEW_TEXT },
	{ "remote", "FROM", VIEW_TEXT },
	{ "request", NULL, VIEW_TEXT },
	{ "action", "WHAT", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "before", "BEFORE", VIEW_TEXT },
	{ "after", "AFTER", VIEW_TEXT },
	{ "detail", "DETAIL", VIEW_TEXT },
	{ "hash", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static void
add_row(struct view *v, const struct activity *a)
{
	view_int(v, a->id);
	view_time(v, a->at);
	view_text(v, a->actor);
	view_text(v, a->remote);
	view_text(v, a->request);
	view_text(v, a->action);
	view_text(v, a->serial);
	view_text(v, a->before);
	view_text(v, a->after);
	view_text(v, a->detail);
	if (a->chained)
		view_hex(v, blob_of(a->hash, sizeof a->hash));
	else
		view_text(v, NULL);
}

static int
table(struct cli *cli, const struct activity_list *list, size_t limit)
{
	size_t i, n = list->n < limit ? list->n : limit;
	struct view *v = view_new(columns);
	int r;

	for (i = 0; i < n; i++)
		add_row(v, &list->rows[i]);
	r = view_table(cli, v, "activities", "No activity matches.");
	view_free(v);
	out_json_bool(&cli->out, "more", list->n > n);
	if (list->n > n)
		cli_say(cli, "There are more: --before %" PRId64,
		    list->rows[n - 1].id);
	return r;
}

/* An id; 0 when the option was not given. ERR_USAGE. */
static int
read_id(const struct cli *cli, const char *name, int64_t *out)
{
	const char *text = cli_option(cli, name);
	char *end;

	*out = 0;
	if (text == NULL)
		return OK;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || *out < 0 || errno != 0)
		return fail(ERR_USAGE, "--%s takes the id of an entry", name);
	return OK;
}

static int
list(struct cli *cli)
{
	struct activity_filter filter = {
		.actor = cli_option(cli, "actor"),
		.action = cli_option(cli, "action"),
		.serial = cli_option(cli, "serial"),
	};
	struct activity_list found;
	int r;

	if ((r = cli_number(cli, "limit", 1, ACTIVITIES_LIST_MAX - 1, ROWS,
		 &filter.limit)) != OK ||
	    (r = read_id(cli, "before", &filter.before_id)) != OK ||
	    (r = admin_activity_time(
		 cli_option(cli, "from"), false, &filter.from)) != OK ||
	    (r = admin_activity_time(
		 cli_option(cli, "to"), true, &filter.to)) != OK)
		return r;
	filter.limit++;
	if ((r = activities_list(cli->db, &filter, &found)) != OK)
		return r;
	r = table(cli, &found, (size_t)filter.limit - 1);
	activities_list_release(&found);
	return r;
}

static int
read_head(const struct cli *cli, uint8_t out[SECRET_SHA256])
{
	struct buf bytes;
	int r;

	buf_init(&bytes, SECRET_SHA256);
	r = enc_hex_decode(blob_str(cli_option(cli, "head")), &bytes);
	if (r == OK && bytes.n == SECRET_SHA256)
		memcpy(out, bytes.p, SECRET_SHA256);
	else
		r = fail(ERR_USAGE, "--head takes 64 hexadecimal digits");
	buf_release(&bytes);
	return r;
}

static void
say_verdict(struct cli *cli, const struct activity_verdict *v, const char *head)
{
	char first[CLOCK_TEXT], last[CLOCK_TEXT], removed[CLOCK_TEXT];

	clock_people(v->first_at, first);
	clock_people(v->last_at, last);
	clock_people(v->removed_at, removed);
	if (v->removed_id != 0)
		cli_say(cli,
		    "Entries up to %" PRId64
		    " were removed because of their age, the last time on %s.",
		    v->removed_id, removed);
	if (v->count == 0)
		cli_say(cli, "The chain has no entry.");
	else
		cli_say(cli,
		    "%" PRId64 " entries follow one another, from %" PRId64
		    " (%s) to %" PRId64 " (%s).",
		    v->count, v->first_id, first, v->last_id, last);
	if (v->head_id != 0)
		cli_say(cli, "The given hash is that of entry %" PRId64 ".",
		    v->head_id);
	cli_say(cli, "Head: %s", head);
}

static void
write_verdict(
    struct cli *cli, const struct activity_verdict *v, const char *head)
{
	out_json_bool(&cli->out, "intact", !v->broken);
	out_json_int(&cli->out, "entries", v->count);
	out_json_int(&cli->out, "first_id", v->first_id);
	out_json_int(&cli->out, "last_id", v->last_id);
	out_json_string(&cli->out, "head", head);
	out_json_int(&cli->out, "removed_id", v->removed_id);
	out_json_int(&cli->out, "broken_id", v->broken_id);
	out_json_int(&cli->out, "head_id", v->head_id);
	cli->answered = true;
}

static int
judge(const struct activity_verdict *v, bool wanted)
{
	if (v->broken && v->broken_id != 0)
		return fail(ERR_ACTIVITY_CHAIN,
		    "entry %" PRId64 " does not follow from entry %" PRId64
		    ": one of them was changed, or entries between them were "
		    "removed",
		    v->broken_id, v->last_id);
	if (v->broken)
		return fail(ERR_ACTIVITY_CHAIN,
		    "no entry after %" PRId64 " can be read", v->last_id);
	if (wanted && !v->head_found)
		return fail(ERR_ACTIVITY_CHAIN,
		    "no entry has the given hash: entries at the end were "
		    "removed or changed since, or it was removed because of "
		    "its age");
	return OK;
}

static int
verify(struct cli *cli)
{
	bool wanted = cli_flag(cli, "head");
	uint8_t head[SECRET_SHA256] = { 0 };
	struct activity_verdict v;
	struct buf hex;
	int r;

	if (wanted && (r = read_head(cli, head)) != OK)
		return r;
	if ((r = activity_chain_verify(cli->db, wanted ? head : NULL, &v)) !=
	    OK)
		return r;
	buf_init(&hex, HEAD_TEXT);
	if ((r = enc_hex(blob_of(v.head, sizeof v.head), &hex)) == OK) {
		say_verdict(cli, &v, buf_str(&hex));
		write_verdict(cli, &v, buf_str(&hex));
		r = judge(&v, wanted);
	}
	buf_release(&hex);
	return r;
}

/* The name in the server's URL. */
static void
host_of(const struct conf *conf, char *out, size_t size)
{
	const char *begin = strstr(conf->url, "://");

	begin = begin != NULL ? begin + 3 : conf->url;
	snprintf(out, size, "%.*s", (int)strcspn(begin, ":/"), begin);
}

static int
print_lines(const struct activity_list *all, const char *syslog_host)
{
	struct buf line;
	int r = OK;

	buf_init(&line, LINE_MAX_BYTES);
	for (size_t i = 0; i < all->n && r == OK; i++) {
		buf_reset(&line);
		r = syslog_host != NULL
		    ? admin_activity_syslog(&all->rows[i], syslog_host, &line)
		    : admin_activity_json(&all->rows[i], &line);
		if (r == OK && (puts(buf_str(&line)) == EOF || ferror(stdout)))
			r = fail(ERR_IO, "standard output: %s", strerror(errno));
	}
	buf_release(&line);
	return r;
}

/* What cannot be read is left out, which the exit status tells. */
static int
export_all(struct cli *cli, int64_t after, const char *syslog_host)
{
	struct activity_list some;
	int64_t damaged = 0;
	size_t n = 1;
	int r = OK;

	while (n > 0 && r == OK) {
		if ((r = activities_list_after(cli->db, after, STEP, &some)) !=
		    OK)
			return r;
		n = some.n;
		damaged += (int64_t)some.damaged;
		if (n > 0)
			after = some.rows[n - 1].id;
		r = print_lines(&some, syslog_host);
		activities_list_release(&some);
	}
	if (r == OK && damaged > 0)
		return fail(ERR_ACTIVITY_CHAIN,
		    "%" PRId64 " damaged entries are left out, the last entry "
		    "that can be read is %" PRId64,
		    damaged, after);
	return r;
}

static int
export(struct cli *cli)
{
	const char *format = cli_option(cli, "format");
	char host[256];
	int64_t after;
	int r;

	if (cli->json)
		return fail(ERR_USAGE, "export writes JSON lines anyway");
	if (format != NULL && strcmp(format, "json") != 0 &&
	    strcmp(format, "syslog") != 0)
		return fail(ERR_USAGE, "--format takes json or syslog");
	if ((r = read_id(cli, "after", &after)) != OK)
		return r;
	host_of(&cli->conf, host, sizeof host);
	return export_all(cli, after,
	    format != NULL && strcmp(format, "syslog") == 0 ? host : NULL);
}

static const struct cli_option list_options[] = {
	{ "actor", "NAME", "of this administrator, cli:USER or program:NAME",
	    0 },
	{ "action", "WHAT", "of this kind, such as host or host.block", 0 },
	{ "serial", "NUMBER", "about the device with this serial number", 0 },
	{ "from", "TIME", "not older: 2026-11-23 or 2026-11-23T21:30:00Z", 0 },
	{ "to", "TIME", "not newer; a day counts as a whole", 0 },
	{ "before", "ID", "with ids below this one", 0 },
	{ "limit", "N", "show at most N (100)", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option verify_options[] = {
	{ "head", "HASH", "an earlier head, which the chain must hold", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option export_options[] = {
	{ "format", "FORMAT", "json (the default) or syslog", 0 },
	{ "after", "ID", "only entries with ids above this one", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "lists who changed what, newest first",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = list },
	{ .name = "verify",
	    .help = "checks that no entry was changed or removed",
	    .options = verify_options,
	    .needs = CLI_READ,
	    .run = verify },
	{ .name = "export",
	    .help = "writes all entries, oldest first, one in each line",
	    .options = export_options,
	    .needs = CLI_READ,
	    .run = export },
	{ .run = NULL },
};

const struct cli_noun cmd_activity = {
	"activity",
	"Who changed what",
	verbs,
};
