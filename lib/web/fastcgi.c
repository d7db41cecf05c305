#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/log.h"
#include "web/dispatch.h"
#include "web/fastcgi.h"

/* The whole response with its headers. */
#define FASTCGI_OUT_MAX (RESP_BODY_MAX + (1u << 20))

/* This many failures of accept in a row are no accident. */
#define FASTCGI_FAILURES 100

static volatile sig_atomic_t stopping;

static void
on_term(int signal_number)
{
	stopping = 1;
}

static long
read_body(void *arg, void *p, size_t n)
{
	FCGX_Request *r = arg;
	int want = n < INT_MAX ? (int)n : INT_MAX;

	return FCGX_GetStr(p, want, r->in);
}

/*
 * nginx closes the connection when the device has gone. After a rush many such
 * requests wait at the socket, and serving them would delay the devices that
 * are still there.
 */
static bool
is_abandoned(const FCGX_Request *r)
{
	struct pollfd p = { .fd = r->ipcFd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* Each part of a long answer has the time that a whole one has. */
static int
send_part(void *arg, struct blob part)
{
	FCGX_Request *r = arg;

	alarm(FASTCGI_SECONDS);
	if (part.n > INT_MAX ||
	    FCGX_PutStr((const char *)part.p, (int)part.n, r->out) < 0)
		return ERR_IO;
	return OK;
}

/*
 * nginx takes a connection that just ends for the end of the answer. A record of a
 * version that there is not has it break off the client's connection.
 */
static void
break_off(FCGX_Request *r)
{
	static const char no_record[8];

	FCGX_FFlush(r->out);
	(void)send(r->ipcFd, no_record, sizeof no_record, MSG_NOSIGNAL);
	shutdown(r->ipcFd, SHUT_RDWR);
	FCGX_Finish_r(r);
}

static void
answer(FCGX_Request *r, const char secret[SECRET_TOKEN_TEXT],
    const struct web_program *program, void *app, struct buf *out)
{
	static const char refused[] = "Status: 500 Internal Server Error\r\n"
				      "Content-Length: 0\r\n\r\n";

	if (is_abandoned(r)) {
		log_line(
		    LOG_DEBUG, "a request is dropped: its client has gone");
		FCGX_Finish_r(r);
		return;
	}
	if (nginx_secret_check(secret, r->envp) != OK)
		(void)send_part(r, blob_of(refused, sizeof refused - 1));
	else if (dispatch(program, app, r->envp, read_body, send_part, r,
		     out) != OK) {
		break_off(r);
		return;
	}
	FCGX_Finish_r(r);
}

/*
 * libfcgi looks at its stop flag and then blocks in accept: a signal between
 * the two is lost until the next request. So SIGTERM stays blocked except in
 * ppoll(), and the socket does not block.
 */
static bool
wait_for_request(int socket, const sigset_t *open)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };

	return !stopping && ppoll(&p, 1, NULL, open) > 0;
}

static void
signals(sigset_t *open)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_term;
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGALRM, SIG_DFL);
	/* Before FCGX_Init, which keeps a handler that it finds. */
	sigfillset(open);
	sigdelset(open, SIGTERM);
	stopping = 0;
}

int
fastcgi_serve(int socket, const char secret[SECRET_TOKEN_TEXT],
    const struct web_program *program, void *app)
{
	FCGX_Request r;
	struct buf out;
	sigset_t open;
	int served = 0, failures = 0, code = OK;

	signals(&open);
	if (FCGX_Init() != 0 ||
	    FCGX_InitRequest(&r, socket, FCGI_FAIL_ACCEPT_ON_INTR) != 0)
		return fail(ERR_IO, "libfcgi does not start");
	buf_init(&out, FASTCGI_OUT_MAX);
	while (!stopping && served < FASTCGI_REQUESTS) {
		if (!wait_for_request(socket, &open))
			continue;
		/* SIGALRM ends this process, and the master replaces it. */
		alarm(FASTCGI_SECONDS);
		if (FCGX_Accept_r(&r) == 0) {
			answer(&r, secret, program, app, &out);
			served++;
			failures = 0;
		} else if (errno != EAGAIN && ++failures > FASTCGI_FAILURES) {
			code =
			    fail(ERR_IO, "cannot accept: %s", strerror(errno));
			break;
		}
		alarm(0);
	}
	buf_wipe(&out);
	FCGX_Free(&r, 1);
	return code;
}

static long
read_stdin(void *arg, void *p, size_t n)
{
	ssize_t got;

	do {
		got = read(STDIN_FILENO, p, n);
	} while (got < 0 && errno == EINTR);
	return got;
}

static int
write_stdout(void *arg, struct blob part)
{
	if (fwrite(part.p, 1, part.n, stdout) != part.n || fflush(stdout) != 0)
		return fail(ERR_IO, "cannot write the response");
	return OK;
}

int
fastcgi_once(const struct web_program *program, void *app)
{
	struct buf out;
	int r;

	buf_init(&out, FASTCGI_OUT_MAX);
	r = dispatch(
	    program, app, environ, read_stdin, write_stdout, NULL, &out);
	buf_wipe(&out);
	return r;
}
