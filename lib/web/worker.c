#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/wake.h"
#include "config.h"
#include "web/fastcgi.h"
#include "web/listener.h"
#include "web/worker.h"

#if defined(__SANITIZE_ADDRESS__)
#define WORKER_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WORKER_SANITIZED 1
#endif
#endif

#define WORKER_EXIT_USAGE 2
/* EX_CONFIG: what the handlers need did not open. */
#define WORKER_EXIT_OPEN 78

#define WORKER_MAX 64

/* A worker that lived shorter failed at once; its place waits, ever longer. */
#define WORKER_SHORT_MS      2000
#define WORKER_WAIT_FIRST_MS 100
#define WORKER_WAIT_LAST_MS  10000

/* After SIGTERM the request in hand may take this long. */
#define WORKER_STOP_MS 20000

/*
 * systemd restarts a program that failed at once when a request waits at its
 * socket. So that it does not spin, a program that fails ends only after this.
 */
#define WORKER_FAILED_MS 5000

#define WORKER_MEMORY ((rlim_t)512 << 20)

struct options {
	const char *config;
	const char *listen;
	bool check;
};

/* The place of one worker process. */
struct worker_slot {
	pid_t pid; /* 0 when empty */
	int64_t started;
	int64_t not_before; /* do not start it again earlier */
	int64_t wait;
};

struct worker_master {
	const struct web_program *program;
	const struct conf *conf;
	int socket;
	bool stopping;
	bool served; /* a worker of this life got past its start */
	int status;
	struct worker_slot slots[WORKER_MAX];
};

static void
limit_memory(void)
{
#ifndef WORKER_SANITIZED
	struct rlimit memory = { WORKER_MEMORY, WORKER_MEMORY };

	setrlimit(RLIMIT_AS, &memory);
#endif
}

/* The signals that only the master looks at, and when it wants to. */
static void
block_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
close_app(const struct web_program *program, void *app)
{
	struct context *c = app;

	if (program->unload != NULL)
		program->unload(app);
	db_close(c->db);
	free(app);
}

/* On failure *out is NULL. */
static int
open_app(const struct web_program *program, const struct conf *conf, void **out)
{
	struct context *c;
	int r;

	*out = NULL;
	if ((c = calloc(1, program->app_size)) == NULL)
		return fail(ERR_NOMEM, "no memory to start with");
	c->conf = conf;
	r = db_open(conf->database, program->database, &c->db);
	if (r == OK && program->load != NULL)
		r = program->load(c);
	if (r == OK)
		*out = c;
	else
		close_app(program, c);
	return r;
}

static int
run_child(const struct worker_master *m)
{
	char secret[SECRET_TOKEN_TEXT];
	void *app = NULL;
	int r;

	if (nginx_secret_load(m->conf->nginx_secret, secret) != OK ||
	    open_app(m->program, m->conf, &app) != OK)
		return WORKER_EXIT_OPEN;
	r = fastcgi_serve(m->socket, secret, m->program, app);
	secret_wipe(secret, sizeof secret);
	close_app(m->program, app);
	return r == OK ? 0 : 1;
}

static void
start_worker(struct worker_master *m, struct worker_slot *slot)
{
	pid_t master = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		/* An orphan would keep the socket and an old configuration. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != master)
			_exit(0);
		exit(run_child(m));
	}
	slot->started = clock_monotonic_ms();
	if (pid < 0) {
		log_line(LOG_ERROR, "cannot fork: %s", strerror(errno));
		slot->not_before = slot->started + WORKER_WAIT_LAST_MS;
		return;
	}
	slot->pid = pid;
}

/* Starts what is missing; the milliseconds until there is more to start. */
static int64_t
fill_slots(struct worker_master *m)
{
	int64_t now = clock_monotonic_ms();
	int64_t next = 60000;
	struct worker_slot *slot;
	int i;

	for (i = 0; i < m->conf->workers && i < WORKER_MAX; i++) {
		slot = &m->slots[i];
		if (slot->pid == 0 && slot->not_before <= now)
			start_worker(m, slot);
		if (slot->pid == 0 && slot->not_before - now < next)
			next = slot->not_before - now;
	}
	return next > 0 ? next : 0;
}

static void
back_off(struct worker_slot *slot, int64_t now)
{
	if (slot->wait == 0)
		slot->wait = WORKER_WAIT_FIRST_MS;
	else if (slot->wait < WORKER_WAIT_LAST_MS / 2)
		slot->wait *= 2;
	else
		slot->wait = WORKER_WAIT_LAST_MS;
	slot->not_before = now + slot->wait;
}

static void
child_ended(struct worker_master *m, struct worker_slot *slot, int status)
{
	int64_t now = clock_monotonic_ms();
	bool brief = now - slot->started < WORKER_SHORT_MS;

	slot->pid = 0;
	if (!brief)
		m->served = true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		slot->wait = 0;
		return;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		log_line(LOG_ERROR,
		    "a request took more than %d seconds: its worker is "
		    "replaced",
		    FASTCGI_SECONDS);
	else if (WIFSIGNALED(status))
		log_line(
		    LOG_ERROR, "a worker died of signal %d", WTERMSIG(status));
	if (!brief)
		slot->wait = 0;
	back_off(slot, now);
	/* It never worked: tell whoever started us instead of going on. */
	if (!m->served && WIFEXITED(status) &&
	    WEXITSTATUS(status) == WORKER_EXIT_OPEN) {
		m->stopping = true;
		m->status = 1;
	}
}

static void
reap(struct worker_master *m)
{
	int status, i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (i = 0; i < WORKER_MAX; i++)
			if (m->slots[i].pid == pid)
				child_ended(m, &m->slots[i], status);
}

static int
signal_all(const struct worker_master *m, int signal_number)
{
	int i, alive = 0;

	for (i = 0; i < WORKER_MAX; i++) {
		if (m->slots[i].pid == 0)
			continue;
		alive++;
		if (signal_number != 0)
			kill(m->slots[i].pid, signal_number);
	}
	return alive;
}

static int
wait_for_signal(const sigset_t *set, int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * 1000000 };

	return sigtimedwait(set, NULL, &t);
}

static void
stop_workers(struct worker_master *m, const sigset_t *set)
{
	int64_t end = clock_monotonic_ms() + WORKER_STOP_MS;
	int64_t left;

	signal_all(m, SIGTERM);
	while (signal_all(m, 0) > 0) {
		if ((left = end - clock_monotonic_ms()) <= 0) {
			log_line(LOG_WARN, "workers did not stop in time");
			signal_all(m, SIGKILL);
			left = 1000;
		}
		wait_for_signal(set, left);
		reap(m);
	}
}

/* SIGHUP: every worker leaves after its request and a fresh one follows. */
static int
supervise(struct worker_master *m)
{
	sigset_t set;
	int got;

	block_signals(&set);
	while (!m->stopping) {
		got = wait_for_signal(&set, fill_slots(m));
		if (got == SIGTERM || got == SIGINT)
			m->stopping = true;
		if (got == SIGHUP)
			signal_all(m, SIGTERM);
		reap(m);
	}
	stop_workers(m, &set);
	return m->status;
}

static void
print_help(const struct web_program *program)
{
	printf(
	    "Usage: %s [OPTION]...\n%s\n\n"
	    "  --config FILE   read FILE instead of " CONF_DEFAULT_PATH "\n"
	    "  --listen PATH   listen on a Unix socket made at PATH\n"
	    "  --check         open all that is needed, say whether it "
	    "works\n"
	    "  --version       print the version\n"
	    "  --help          print this\n\n"
	    "Without --listen the socket is standard input, or the one that "
	    "systemd passed.\n"
	    "Started with a request in the environment (plain CGI) it serves "
	    "that one.\n",
	    program->name, program->summary);
}

/* OK to go on; ERR_EXISTS when all is done; ERR_USAGE. */
static int
read_options(
    int argc, char **argv, const struct web_program *program, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "listen", required_argument, NULL, 'l' },
		{ "check", no_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->config = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 'c':
			o->check = true;
			break;
		case 'V':
			printf("%s %s\n", program->name, PACKAGE_VERSION);
			return ERR_EXISTS;
		case 'h':
			print_help(program);
			return ERR_EXISTS;
		default:
			return ERR_USAGE;
		}
	}
	return optind == argc ? OK : ERR_USAGE;
}

/* Opens what a worker would, and closes it again. */
static int
check_program(const struct web_program *program, const struct conf *conf)
{
	char secret[SECRET_TOKEN_TEXT];
	void *app = NULL;

	if (nginx_secret_load(conf->nginx_secret, secret) != OK ||
	    open_app(program, conf, &app) != OK)
		return 1;
	secret_wipe(secret, sizeof secret);
	close_app(program, app);
	printf("%s: ready\n", program->name);
	return 0;
}

static int
serve_cgi(const struct web_program *program, const struct conf *conf)
{
	void *app = NULL;
	int r;

	if (open_app(program, conf, &app) != OK)
		return 1;
	r = fastcgi_once(program, app);
	close_app(program, app);
	return r == OK ? 0 : 1;
}

static int
run_program(const struct web_program *program, const struct options *o,
    const struct conf *conf)
{
	struct worker_master m;

	limit_memory();
	if (o->check)
		return check_program(program, conf);
	if (o->listen == NULL && getenv("REQUEST_METHOD") != NULL &&
	    !listener_is(STDIN_FILENO))
		return serve_cgi(program, conf);
	memset(&m, 0, sizeof m);
	m.program = program;
	m.conf = conf;
	if (listener_get(o->listen, &m.socket) != OK)
		return WORKER_EXIT_USAGE;
	return supervise(&m);
}

static int
leave(int status)
{
	sigset_t set;

	if (status == 0 || !listener_is_systemd())
		return status;
	block_signals(&set);
	sigdelset(&set, SIGCHLD);
	wait_for_signal(&set, WORKER_FAILED_MS);
	return status;
}

int
worker_main(int argc, char **argv, const struct web_program *program)
{
	struct options o = { .config = CONF_DEFAULT_PATH };
	struct conf conf;
	int r, status;

	umask(0007);
	secret_hide_process();
	log_open(program->name, LOG_INFO);
	r = read_options(argc, argv, program, &o);
	if (r == ERR_EXISTS)
		return 0;
	if (r != OK) {
		fprintf(stderr, "Try '%s --help'.\n", program->name);
		return WORKER_EXIT_USAGE;
	}
	if (conf_load(o.config, &conf) != OK)
		return leave(1);
	log_open(program->name, (enum log_priority)conf.log_level);
	clock_use_offset_file(conf.clock_offset_file);
	wake_use(conf.worker_socket);
	status = run_program(program, &o, &conf);
	conf_release(&conf);
	return leave(status);
}
