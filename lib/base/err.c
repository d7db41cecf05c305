#include "base/err.h"

#include <string.h>

struct row {
	const char *name;
	int http;
	const char *acme;
	int prio;
	const char *text;
	const char *advice;
};

static const struct row rows[] = {
#define ERR(name, http, acme, prio, text, advice)                              \
	{ #name, http, acme, prio, text, advice },
#include "base/err.def"
#undef ERR
};

static const struct row ok = { "OK", 200, "", 7, "OK", "" };

static const struct row *
row(int code)
{
	if (code == OK)
		return &ok;
	if (code > 0 || code < -ERR_INDEX_COUNT)
		return &rows[ERR_INDEX_INTERNAL];
	return &rows[-1 - code];
}

const char *
err_name(int code)
{
	return row(code)->name;
}

const char *
err_text(int code)
{
	return row(code)->text;
}

const char *
err_advice(int code)
{
	return row(code)->advice;
}

int
err_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, name) == 0)
			return -1 - (int)i;
	}
	return OK;
}

int
err_http_status(int code)
{
	return row(code)->http;
}

const char *
err_acme_type(int code)
{
	return row(code)->acme;
}

int
err_priority(int code)
{
	return row(code)->prio;
}
