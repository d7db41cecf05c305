/*
 * The process of a program behind nginx: options, configuration, workers on
 * the listening socket, one request after the other, clean stop.
 *
 *	PROGRAM [--config FILE] [--listen PATH] [--check | --version | --help]
 *
 * The socket is standard input, or descriptor 3 of systemd (LISTEN_FDS), or
 * made at PATH. With REQUEST_METHOD in the environment and no socket on
 * standard input the program serves that one request as plain CGI.
 */
#ifndef WEB_WORKER_H
#define WEB_WORKER_H

#include "base/conf.h"
#include "store/context.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/route.h"

struct web_program {
	const char *name;
	const char *summary; /* one line for --help */
	const struct route *routes;

	/*
	 * What the handlers get: zeroed memory of this size whose first member
	 * is a struct context. Its conf and db are always there; for each
	 * request the rest of it starts empty but for the remote address.
	 */
	size_t app_size;
	enum db_mode database;

	/* for devices: answers ERR_MDM_OFF while [mdm] enabled is false */
	bool devices;

	/*
	 * Keys, templates and whatever else the program needs, NULL when it
	 * needs nothing. Called in every worker after the fork, and by --check,
	 * which reports its outcome. `unload` also runs after a failed `load`.
	 */
	int (*load)(void *app);
	void (*unload)(void *app);

	/*
	 * Makes the response for a code that a handler, the router (with Allow
	 * set already) or the body reader returned. The response is a fresh
	 * one, except for the headers that `begin` or the handler set. NULL
	 * means resp_error_text.
	 */
	void (*on_error)(
	    void *app, const struct req *req, int code, struct resp *resp);

	/*
	 * Around every request, both may be NULL. `begin` runs before the
	 * route is looked up and the body read; a code from it becomes the
	 * answer. A request that cannot be read at all skips it. `end` runs
	 * last, also after errors, and may add headers.
	 */
	int (*begin)(void *app, const struct req *req, struct resp *resp);
	void (*end)(void *app, const struct req *req, struct resp *resp);
};

/* The main() of a program; returns its exit status. */
int worker_main(int argc, char **argv, const struct web_program *program);

#endif
