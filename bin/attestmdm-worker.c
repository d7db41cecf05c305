/*
 * attestmdm-worker: runs the jobs (bin/job.h) in one process without threads.
 * Its loop waits for transfers to other servers, a datagram to its socket, by
 * which the other programs wake it, or a signal to stop.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/wake.h"
#include "bin/job.h"
#include "bin/notify.h"
#include "config.h"

#define EXIT_USAGE 2

/* After a wake the socket rests for this long, so that nobody makes it spin. */
#define WAKE_PAUSE_MS 20

static const struct job_kind *const kinds[] = {
	&job_push,
	&job_renewal,
	&job_move,
	&job_count,
	&job_sync,
	&job_assign,
	&job_purge,
	&job_alarms,
	NULL,
};

/* What the loop waits for in addition to transfers: one descriptor for both. */
struct sources {
	int wake;
	int signals;
	int all;
};

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool
add_source(const struct sources *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(s->all, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int
open_sources(const struct conf *conf, struct sources *s)
{
	int r;

	s->signals = open_signals();
	s->all = epoll_create1(EPOLL_CLOEXEC);
	if ((r = wake_listen(conf->worker_socket, &s->wake)) != OK)
		return r;
	if (s->signals < 0 || s->all < 0 || !add_source(s, s->signals) ||
	    !add_source(s, s->wake))
		return fail(
		    ERR_IO, "cannot wait for events: %s", strerror(errno));
	return OK;
}

/* Handles what has come; false: the worker is to stop. */
static bool
handle_sources(const struct sources *s, struct worker *w, bool *woken)
{
	struct epoll_event events[2];
	int n = epoll_wait(s->all, events, 2, 0);

	*woken = false;
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == s->signals)
			return false;
		wake_drain(s->wake);
		clock_refresh();
		job_wake_all(w);
		*woken = true;
	}
	return true;
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * A wait ends early for a transfer, a wake or a signal. It is never longer than
 * the watchdog lets it, and a fresh one follows whatever ended it.
 */
static int
work(struct worker *w, const struct sources *s)
{
	int watchdog = notify_watchdog_ms(), wait, r;
	bool woken = false;

	for (;;) {
		clock_refresh();
		if (watchdog > 0)
			notify_send("WATCHDOG=1");
		if ((r = job_run_all(w, &wait)) != OK)
			return r;
		if (watchdog > 0)
			wait = least(wait, watchdog);
		if (woken &&
		    (r = net_wait(
			 w->net, s->signals, least(wait, WAKE_PAUSE_MS))) != OK)
			return r;
		if (!woken && (r = net_wait(w->net, s->all, wait)) != OK)
			return r;
		if (!handle_sources(s, w, &woken))
			return OK;
	}
}

static int
run(const struct conf *conf)
{
	struct worker w = { .conf = conf };
	struct net net = { .multi = NULL };
	struct sources s;
	int r;

	w.net = &net;
	if ((r = net_prepare()) != OK || (r = net_open(&net)) != OK ||
	    (r = db_open(conf->database, DB_DURABLE, &w.db)) != OK ||
	    (r = open_sources(conf, &s)) != OK ||
	    (r = job_open_all(&w, kinds)) != OK)
		goto done;
	log_line(LOG_NOTICE, "ready");
	notify_send("READY=1");
	r = work(&w, &s);
	notify_send("STOPPING=1");
	net_close(&net);
	job_stop_all(&w);
	log_line(LOG_NOTICE, "stopped");
done:
	db_close(w.db);
	net_close(&net);
	return r;
}

static void
print_help(void)
{
	printf("Usage: attestmdm-worker [OPTION]...\n"
	       "Runs scheduled jobs, and talks to Apple.\n\n"
	       "  --config FILE   read FILE instead of " CONF_DEFAULT_PATH "\n"
	       "  --version       print the version\n"
	       "  --help          print this\n");
}

/* The path of the configuration; NULL when all is done, with *status. */
static const char *
read_options(int argc, char **argv, int *status)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = CONF_DEFAULT_PATH;
	int c;

	*status = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'f') {
			config = optarg;
		} else if (c == 'V') {
			printf("attestmdm-worker %s\n", PACKAGE_VERSION);
			return NULL;
		} else if (c == 'h') {
			print_help();
			return NULL;
		} else {
			*status = EXIT_USAGE;
		}
	}
	if (*status == 0 && optind == argc)
		return config;
	fprintf(stderr, "Try 'attestmdm-worker --help'.\n");
	*status = EXIT_USAGE;
	return NULL;
}

int
main(int argc, char **argv)
{
	const char *config;
	struct conf conf;
	int status, r;

	umask(0007);
	secret_hide_process();
	log_open("attestmdm-worker", LOG_INFO);
	if ((config = read_options(argc, argv, &status)) == NULL)
		return status;
	if (conf_load(config, &conf) != OK)
		return 1;
	log_open("attestmdm-worker", (enum log_priority)conf.log_level);
	clock_use_offset_file(conf.clock_offset_file);
	r = run(&conf);
	conf_release(&conf);
	return r == OK ? 0 : 1;
}
