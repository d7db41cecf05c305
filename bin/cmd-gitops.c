/* The settings as a repository has them. */
#include <stdio.h>
#include <string.h>

#include "admin/admin_gitops.h"
#include "admin/admin_gitops_file.h"
#include "base/log.h"
#include "base/utf8.h"
#include "bin/cmd.h"
#include "bin/consequences.h"
#include "bin/gitops-server.h"
#include "ca/file.h"

#define SHOWN_TEXT (2 * SETTINGS_VALUE_TEXT)

/* What the settings are read from: this host, or a server elsewhere. */
struct place {
	bool remote;
	struct gitops_server server;
	struct admin_gitops present;
	bool premium;
};

static int
open_place(struct cli *cli, enum cli_needs needs, struct place *p)
{
	int r;

	*p = (struct place){ .remote = cli_flag(cli, "url") };
	if (p->remote)
		return gitops_server_open(cli, &p->server);
	if (cli_flag(cli, "token-file") || cli_flag(cli, "cacert"))
		return fail(ERR_USAGE,
		    "--token-file and --cacert are for a server: --url is "
		    "missing");
	if ((r = cli_open(cli, needs)) != OK)
		return r;
	/* Root's own tool may do what the repository may. */
	cli->admin.role = ADMIN_ROLE_GITOPS;
	return OK;
}

static int
load_place(struct cli *cli, struct place *p)
{
	if (p->remote)
		return gitops_server_load(&p->server, &p->present, &p->premium);
	p->premium = cli->conf.premium;
	return admin_gitops_load(cli->db, &cli->conf, &p->present);
}

static void
close_place(struct place *p)
{
	if (p->remote)
		gitops_server_close(&p->server);
}

/* A mistake in the file begins with its name. */
static int
name_file(const char *path, int code)
{
	switch (code) {
	case ERR_MALFORMED:
	case ERR_TOO_LARGE:
	case ERR_FIELD:
	case ERR_LICENSE:
		return fail(code, "%s, %s", path, log_reason());
	default:
		return code;
	}
}

static int
read_file(const char *path, struct admin_gitops *wanted)
{
	struct buf text;
	int r;

	buf_init(&text, IN_YAML_MAX + 1);
	if ((r = file_read_input(path, &text)) == OK)
		r = admin_gitops_file_read(buf_blob(&text), wanted);
	buf_release(&text);
	return name_file(path, r);
}

/* A value as it would be in the file; a server may say anything. */
static void
show_value(const struct admin_gitops_value *v, char *out, size_t size)
{
	const char *quote = v->entry->type == SETTINGS_VERSION ? "\"" : "";
	char text[SHOWN_TEXT - 2];

	utf8_show_all(blob_str(v->text), text, sizeof text);
	snprintf(out, size, "%s%s%s", quote, text, quote);
}

/* Shows what differs, to people and to scripts; returns how much it is. */
static size_t
show_changes(struct cli *cli, const struct admin_gitops *wanted,
    const struct admin_gitops *present)
{
	char was[SHOWN_TEXT], will_be[SHOWN_TEXT];
	size_t n = 0;

	out_json_open_array(&cli->out, "changes");
	for (size_t i = 0; i < wanted->n; i++) {
		const struct admin_gitops_value *before = &present->all[i];

		if (!admin_gitops_differs(wanted, present, i))
			continue;
		n++;
		show_value(before, was, sizeof was);
		show_value(&wanted->all[i], will_be, sizeof will_be);
		cli_say(cli, "%s: %s -> %s", before->path, was, will_be);
		out_json_open_object(&cli->out, NULL);
		out_json_string(&cli->out, "path", before->path);
		out_json_string(&cli->out, "setting", before->entry->name);
		out_json_string(&cli->out, "before", before->text);
		out_json_string(&cli->out, "after", wanted->all[i].text);
		out_json_close_object(&cli->out);
	}
	out_json_close_array(&cli->out);
	return n;
}

/* Those that differ; returns how many, and whether a requirement is among them. */
static size_t
list_changes(const struct admin_gitops *wanted,
    const struct admin_gitops *present,
    struct admin_setting out[ADMIN_GITOPS_SETTINGS_MAX], bool *concerns)
{
	size_t n = 0;

	*concerns = false;
	for (size_t i = 0; i < wanted->n; i++) {
		const struct admin_gitops_value *v = &wanted->all[i];

		if (!admin_gitops_differs(wanted, present, i))
			continue;
		out[n++] = (struct admin_setting){ v->entry->name, v->text };
		*concerns = *concerns || admin_preview_concerns(v->entry->name);
	}
	return n;
}

/* What it means for the hosts, when a requirement changes. */
static int
show_preview(
    struct cli *cli, struct place *p, const struct admin_gitops *wanted)
{
	struct admin_setting changes[ADMIN_GITOPS_SETTINGS_MAX];
	struct admin_preview preview;
	bool known;
	size_t n = list_changes(wanted, &p->present, changes, &known);
	int r = OK;

	if (known)
		r = p->remote
		    ? gitops_server_preview(
			  &p->server, wanted, &p->present, &preview, &known)
		    : admin_preview(&cli->admin, changes, n, &preview);
	if (r != OK || !known)
		return r;
	out_json_open_object(&cli->out, "preview");
	r = consequences_show(cli, &preview);
	out_json_close_object(&cli->out);
	return r;
}

static int
apply_to(struct cli *cli, struct place *p, const struct admin_gitops *wanted)
{
	bool dry_run = cli_flag(cli, "dry-run");
	size_t n = show_changes(cli, wanted, &p->present);
	int r = show_preview(cli, p, wanted);

	/* Printed before the change, even if that fails or is killed. */
	fflush(stdout);
	if (r == OK && n > 0 && !dry_run)
		r = p->remote
		    ? gitops_server_apply(&p->server, wanted, &p->present)
		    : admin_gitops_apply(&cli->admin, wanted, &p->present);
	if (r != OK)
		return r;
	out_json_bool(&cli->out, "applied", n > 0 && !dry_run);
	if (n == 0)
		cli_say(
		    cli, "The settings are as %s has them.", cli->arguments[0]);
	else if (dry_run)
		cli_say(cli, "Nothing was changed, because of --dry-run.");
	else
		cli_say(cli, "%zu setting%s changed.", n,
		    n == 1 ? " was" : "s were");
	return OK;
}

static int
apply(struct cli *cli)
{
	const char *path = cli->arguments[0];
	struct admin_gitops wanted;
	struct place p;
	int r;

	if ((r = open_place(cli,
		 cli_flag(cli, "dry-run") ? CLI_READ : CLI_WRITE, &p)) == OK &&
	    (r = read_file(path, &wanted)) == OK &&
	    (r = load_place(cli, &p)) == OK &&
	    (r = name_file(path,
		 admin_gitops_check(&wanted, &p.present, p.premium))) == OK)
		r = apply_to(cli, &p, &wanted);
	close_place(&p);
	return r;
}

static int
write_file(struct cli *cli, struct blob text)
{
	const char *path = cli->count > 0 ? cli->arguments[0] : "-";
	int r;

	if (strcmp(path, "-") == 0) {
		out_json_blob(&cli->out, "document", text);
		if (!cli->json)
			fwrite(text.p, 1, text.n, stdout);
		return OK;
	}
	if ((r = file_replace(path, text, 0644)) != OK)
		return r;
	out_json_string(&cli->out, "file", path);
	cli_say(cli, "%s has the settings.", path);
	return OK;
}

static int
generate(struct cli *cli)
{
	struct place p;
	struct buf text;
	int r;

	buf_init(&text, IN_YAML_MAX);
	if ((r = open_place(cli, CLI_READ, &p)) == OK &&
	    (r = load_place(cli, &p)) == OK &&
	    (r = admin_gitops_file_write(&p.present, p.premium, &text)) == OK)
		r = write_file(cli, buf_blob(&text));
	close_place(&p);
	buf_release(&text);
	return r;
}

/* "generate" takes those after the first. */
static const struct cli_option options[] = {
	{ "dry-run", NULL, "only shows what would change", 0 },
	{ "url", "URL",
	    "of a server elsewhere, whose API is asked; else this host", 0 },
	{ "token-file", "FILE",
	    "the token for it; else " GITOPS_SERVER_TOKEN_ENVIRONMENT
	    " in the environment",
	    0 },
	{ "cacert", "FILE",
	    "who may have issued its certificate; else the system's", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "apply",
	    .arguments = "FILE",
	    .help = "makes the settings as a file in YAML has them (- is "
		    "standard input)",
	    .options = options,
	    .least = 1,
	    .most = 1,
	    .run = apply },
	{ .name = "generate",
	    .arguments = "[FILE]",
	    .help = "writes such a file with the present settings",
	    .options = options + 1,
	    .most = 1,
	    .run = generate },
	{ .run = NULL },
};

const struct cli_noun cmd_gitops = {
	"gitops",
	"Settings from a file in a repository",
	verbs,
};
