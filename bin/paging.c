#include "bin/paging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define ROWS 100

/* rows of one query */
#define PART 500

bool
paging_is_filtered(const struct cli *cli)
{
	static const char *const names[] = { "search", "serial", "attested",
		"not-attested", "state", "product", "os", "certificate-days",
		"account", "revoked", "after" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (cli_flag(cli, names[i]))
			return true;
	}
	return false;
}

static void
set_limit(struct paging *p)
{
	p->limit = p->left < PART ? p->left : PART;
}

static int
begin(const struct cli *cli, struct paging *out)
{
	const char *after = cli_option(cli, "after");
	int r;

	*out = (struct paging){ .limit = 0 };
	if (cli_flag(cli, "all") && cli_flag(cli, "limit"))
		return fail(ERR_USAGE, "--all or --limit, not both");
	if ((r = cli_number(
		 cli, "limit", 1, PAGING_ALL, ROWS, &out->left)) != OK)
		return r;
	if (cli_flag(cli, "all"))
		out->left = PAGING_ALL;
	set_limit(out);
	/* a longer one is cut, and refused like any other that is not ours */
	snprintf(out->after, sizeof out->after, "%s",
	    after == NULL ? "" : after);
	return OK;
}

void
paging_took(struct paging *p, size_t n, const char *next)
{
	p->left -= (int)n;
	set_limit(p);
	snprintf(p->after, sizeof p->after, "%s", next);
	p->done = p->left <= 0 || *next == '\0';
}

void
paging_took_number(struct paging *p, size_t n, int64_t next)
{
	char text[24] = "";

	if (next != 0)
		snprintf(text, sizeof text, "%" PRId64, next);
	paging_took(p, n, text);
}

int
paging_number(const struct paging *p, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(p->after, &end, 10);
	return errno == 0 && *end == '\0' && *out >= 0
	    ? OK
	    : fail(ERR_FIELD, "this is not a cursor of this list");
}

int
paging_show(struct cli *cli, const struct view_column *columns,
    paging_part *part, void *context, const char *name, const char *when_none)
{
	struct paging p;
	struct view *v;
	int r = begin(cli, &p);

	if (r != OK)
		return r;
	v = view_new(columns);
	while (r == OK && !p.done)
		r = part(cli, v, &p, context);
	if (r == OK)
		r = view_table(cli, v, name, when_none);
	view_free(v);
	if (r != OK)
		return r;
	out_json_string(&cli->out, "next", p.after);
	if (*p.after != '\0')
		cli_say(cli,
		    "There are more: --all shows them, --after %s the next "
		    "ones.",
		    p.after);
	return OK;
}
