#include "bin/paging.h"

#include <stdio.h>

#include "base/log.h"

#define ROWS 100

/* rows of one query */
#define PART 500

int
paging_read(const struct cli *cli, struct paging *out)
{
	int r;

	if (cli_flag(cli, "all") && cli_flag(cli, "limit"))
		return fail(ERR_USAGE, "--all or --limit, not both");
	if ((r = cli_number(cli, "offset", 0, 1000000000, 0, &out->offset)) !=
		OK ||
	    (r = cli_number(cli, "limit", 1, PAGING_ALL, ROWS, &out->limit)) !=
		OK)
		return r;
	if (cli_flag(cli, "all"))
		out->limit = PAGING_ALL;
	return OK;
}

bool
paging_is_filtered(const struct cli *cli)
{
	static const char *const names[] = { "search", "serial", "attested",
		"not-attested", "offset", "state", "product", "os",
		"certificate-days", "after" };
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (cli_flag(cli, names[i]))
			return true;
	}
	return false;
}

void
paging_window(const struct paging *p, size_t n, size_t *first, size_t *end)
{
	size_t offset = (size_t)p->offset, last = offset + (size_t)p->limit;

	*first = offset < n ? offset : n;
	*end = last < n ? last : n;
}

static void
hint(const struct cli *cli, const struct paging *p, size_t shown)
{
	cli_say(cli,
	    "There are more: --all shows them, --offset %zu the next ones.",
	    (size_t)p->offset + shown);
}

void
paging_end(struct cli *cli, const struct paging *p, size_t shown, int64_t total)
{
	bool more = p->offset + (int64_t)shown < total && shown > 0;

	out_json_int(&cli->out, "total", total);
	out_json_bool(&cli->out, "more", more);
	if (!more)
		return;
	cli_say(cli, "%zu of %lld.", shown, (long long)total);
	hint(cli, p, shown);
}

void
paging_end_uncounted(
    struct cli *cli, const struct paging *p, size_t shown, bool more)
{
	out_json_bool(&cli->out, "more", more);
	if (more)
		hint(cli, p, shown);
}

static void
set_limit(struct paging_cursor *p)
{
	p->limit = p->left < PART ? p->left : PART;
}

int
paging_begin(const struct cli *cli, struct paging_cursor *out)
{
	const char *after = cli_option(cli, "after");
	int r;

	*out = (struct paging_cursor){ .limit = 0 };
	if (cli_flag(cli, "all") && cli_flag(cli, "limit"))
		return fail(ERR_USAGE, "--all or --limit, not both");
	if ((r = cli_number(
		 cli, "limit", 1, PAGING_ALL, ROWS, &out->left)) != OK)
		return r;
	if (cli_flag(cli, "all"))
		out->left = PAGING_ALL;
	set_limit(out);
	/* one that is cut is refused as any other that was changed */
	snprintf(out->after, sizeof out->after, "%s",
	    after == NULL ? "" : after);
	return OK;
}

void
paging_took(struct paging_cursor *p, size_t n, const char *next)
{
	p->left -= (int)n;
	set_limit(p);
	snprintf(p->after, sizeof p->after, "%s", next);
	p->done = p->left == 0 || *next == '\0';
}

void
paging_finish(struct cli *cli, const struct paging_cursor *p)
{
	out_json_string(&cli->out, "next", p->after);
	if (*p->after != '\0')
		cli_say(cli,
		    "There are more: --all shows them, --after %s the next "
		    "ones.",
		    p->after);
}
