#include "bin/cli.h"
#include "bin/help.h"

static void
all(FILE *to, const struct cli_noun *const *nouns)
{
	fputs("usage: attestmdm [--config FILE] [--json] COMMAND ...\n\n", to);
	for (; *nouns != NULL; nouns++)
		fprintf(to, "  %-12s %s\n", (*nouns)->name, (*nouns)->help);
	fprintf(to,
	    "\nattestmdm COMMAND --help says more; attestmdm(8) says all.\n"
	    "--config FILE  configuration (%s)\n"
	    "--json         one JSON object on standard output\n"
	    "--version      prints the version\n"
	    "Exit status: 0 done, 1 failed, 2 not understood, 3 not found,\n"
	    "4 refused by a rule.\n",
	    CONF_DEFAULT_PATH);
}

static void
verb(FILE *to, const struct cli_noun *noun, const struct cli_verb *v)
{
	const struct cli_option *o;
	char left[64];

	fprintf(to, "attestmdm %s%s%s", noun->name, v->name ? " " : "",
	    v->name ? v->name : "");
	if (v->arguments != NULL)
		fprintf(to, " %s", v->arguments);
	fprintf(to, "\n    %s\n", v->help);
	for (o = v->options; o != NULL && o->name != NULL; o++) {
		snprintf(left, sizeof left, "--%s %s", o->name,
		    o->value ? o->value : "");
		fprintf(to, "    %-26s %s%s\n", left, o->help,
		    o->required ? " (required)" : "");
	}
}

void
help_print(
    FILE *to, const struct cli_noun *const *nouns, const struct cli_noun *noun)
{
	const struct cli_verb *v;

	if (noun == NULL) {
		all(to, nouns);
		return;
	}
	fprintf(to, "%s.\n\n", noun->help);
	for (v = noun->verbs; v->run != NULL; v++)
		verb(to, noun, v);
}
