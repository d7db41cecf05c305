#include "bin/paging.h"

#include "base/log.h"

#define ROWS 100

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
		"not-attested", "offset" };
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
