#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bin/verdict.h"

#define VERDICT_TEXT 1024

static const struct {
	const char *word;
	const char *colour;
} marks[] = {
	[VERDICT_OK] = { "ok", "\033[32m" },
	[VERDICT_WARNING] = { "warning", "\033[33m" },
	[VERDICT_TEST] = { "TEST", "\033[1;31m" },
	[VERDICT_BAD] = { "BAD", "\033[1;31m" },
};

void
verdict_begin(struct verdict *v, struct cli *cli)
{
	memset(v, 0, sizeof *v);
	v->cli = cli;
	out_json_open_array(&cli->out, "checks");
}

static void
line(struct verdict *v, enum verdict_mark mark, const char *subject,
    const char *text)
{
	bool colour = cli_in_colour(v->cli);

	v->count[mark]++;
	out_json_open_object(&v->cli->out, NULL);
	out_json_string(&v->cli->out, "check", subject);
	out_json_string(&v->cli->out, "result", marks[mark].word);
	out_json_string(&v->cli->out, "text", text);
	out_json_close_object(&v->cli->out);
	if (v->cli->json)
		return;
	printf("%s%-8s%s %-14s ", colour ? marks[mark].colour : "",
	    marks[mark].word, colour ? "\033[0m" : "", subject);
	cli_print(text);
	putchar('\n');
}

void
verdict_add(struct verdict *v, enum verdict_mark mark, const char *subject,
    const char *fmt, ...)
{
	char text[VERDICT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	line(v, mark, subject, text);
}

void
verdict_of(
    struct verdict *v, int code, const char *subject, const char *fmt, ...)
{
	char text[VERDICT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (code == OK)
		line(v, VERDICT_OK, subject, text);
	else
		line(v, VERDICT_BAD, subject,
		    *log_reason() ? log_reason() : err_text(code));
	log_forget_reason();
}

int
verdict_end(struct verdict *v, bool allow_test)
{
	int bad = v->count[VERDICT_BAD];

	if (!allow_test)
		bad += v->count[VERDICT_TEST];
	out_json_close_array(&v->cli->out);
	out_json_bool(&v->cli->out, "good", bad == 0);
	if (bad == 0)
		return OK;
	return fail(ERR_CONFIG, "%d of these must be corrected", bad);
}
