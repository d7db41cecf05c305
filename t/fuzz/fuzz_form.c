/* Forms, cookies and whole requests out of any bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "web/form.h"
#include "web/req.h"
#include "web/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARAMS_MAX 16

static const struct route routes[] = {
	{ "GET", "/a/:b/c/:d", NULL, 0 },
	{ "POST", "/a/:b", NULL, 0 },
	{ NULL, NULL, NULL, 0 },
};

static long
read_nothing(void *arg, void *p, size_t n)
{
	return 0;
}

/* The input, cut at line ends, is the list of parameters. */
static void
try_request(char *text)
{
	char *envp[PARAMS_MAX + 1] = { NULL };
	char allow[ROUTE_ALLOW_MAX], cookie[16];
	const struct route *route;
	struct req req;
	size_t n = 0;
	char *line;

	for (line = strtok(text, "\n"); line != NULL && n < PARAMS_MAX;
	     line = strtok(NULL, "\n"))
		envp[n++] = line;
	if (req_init(&req, envp) == OK) {
		route_find(routes, &req, &route, allow);
		req_read_body(&req, 64, read_nothing, NULL);
		form_cookie(
		    req_header(&req, "Cookie"), "a", cookie, sizeof cookie);
	}
	req_drain(&req, read_nothing, NULL);
	req_release(&req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct form *form;
	char *text = malloc(size + 1);

	log_open("fuzz", LOG_ERROR);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (form_parse(blob_of(data, size), &form) == OK)
		form_text(form, "a");
	form_free(form);
	try_request(text);
	free(text);
	return 0;
}
